/* One ssh child that speaks lines: started, written to, read from, by deadlines. Not thread-safe.
 */
#ifndef DRORCH_SESSION_CHANNEL_H
#define DRORCH_SESSION_CHANNEL_H

#include <sys/types.h>

#include "session/session.h"

#define DRO_CHANNEL_LINE_MAX (1u << 20)

struct dro_channel {
	pid_t pid; /* 0: none */
	int fd, errors;
	int key;	   /* ssh's key, where it is no file; -1 */
	struct dro_buf in; /* read and not taken yet */
};

#define DRO_CHANNEL_INIT                                                                           \
	{                                                                                          \
		.fd = -1, .errors = -1, .key = -1, .in = DRO_BUF_INIT(DRO_CHANNEL_LINE_MAX)        \
	}

int dro_channel_open(struct dro_channel *channel, const struct dro_session_host *host,
	struct dro_redactor *redactor, uint64_t deadline_ms, struct dro_error *err);
void dro_channel_close(struct dro_channel *channel);
/* Is it open, and has its other end not gone? */
bool dro_channel_alive(struct dro_channel *channel);
/* Writes the line and its end. DRO_EIO: the other end is gone. */
int dro_channel_write(struct dro_channel *channel, const struct dro_buf *line, uint64_t deadline_ms,
	struct dro_error *err);
/* The next line, without its end, appended. DRO_EIO: there is no other end any more. */
int dro_channel_read(struct dro_channel *channel, struct dro_buf *line, uint64_t deadline_ms,
	struct dro_error *err);
/* What the child said on its standard error, as one line for people: `out` gets its end. */
void dro_channel_said(struct dro_channel *channel, char *out, size_t size);

#endif
