/* Messages for people, on standard error. Thread-safe; one line a call, control characters escaped.
 */
#ifndef DRORCH_BASE_LOG_H
#define DRORCH_BASE_LOG_H

#include <stdarg.h>

#include "base/buf.h"

struct dro_log {
	int level; /* enum dro_log_level: what is above is dropped */
	int fd;
	/* Takes secrets out of a line before it is written; may be NULL. */
	void (*redact)(void *arg, struct dro_buf *line);
	void *redact_arg;
};

/* NULL-safe: no log, no message. */
void dro_log(const struct dro_log *log, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void dro_vlog(const struct dro_log *log, int level, const char *format, va_list args);

#endif
