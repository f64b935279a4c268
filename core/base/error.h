/* Errors: a negative enum dro_code and the caller's struct dro_error. */
#ifndef DRORCH_BASE_ERROR_H
#define DRORCH_BASE_ERROR_H

#include <stdarg.h>

#include "drorch/provider.h"

#define DRO_ERROR_INIT                                                                             \
	{                                                                                          \
		.size = sizeof(struct dro_error)                                                   \
	}

void dro_error_clear(struct dro_error *err);

/* Fills `err` (may be NULL) and returns `code`. The message is capped at its array. */
int dro_fail(struct dro_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int dro_vfail(struct dro_error *err, int code, const char *provider_code, const char *format,
	va_list args);
/* The same, with what errno said: "format: strerror". Code is DRO_EIO, or DRO_ENOTFOUND for ENOENT.
 */
int dro_fail_errno(struct dro_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message, where a boundary is crossed. Returns err's code. */
int dro_error_context(struct dro_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "EAGAIN" and the like; never NULL. */
const char *dro_code_name(int code);

#endif
