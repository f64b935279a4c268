/*
 * Capped, growing strings. A buffer that would pass its cap fails and stays failed: build it with
 * any number of appends and look at dro_buf_check once. Not for sharing between threads.
 */
#ifndef DRORCH_BASE_BUF_H
#define DRORCH_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct dro_buf {
	char *data; /* NUL-terminated once anything was appended; NULL before. Use dro_buf_str */
	size_t length;
	size_t capacity;
	size_t max;
	int failed; /* 0, DRO_ENOMEM, or DRO_EINVAL where the cap was passed */
};

#define DRO_BUF_INIT(max_bytes)                                                                    \
	{                                                                                          \
		.max = (max_bytes)                                                                 \
	}

void dro_buf_append(struct dro_buf *buf, const void *data, size_t length);
void dro_buf_puts(struct dro_buf *buf, const char *text);
void dro_buf_printf(struct dro_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void dro_buf_vprintf(struct dro_buf *buf, const char *format, va_list args);
/* 0, or the failure with the cap named in `err`. */
int dro_buf_check(const struct dro_buf *buf, struct dro_error *err);
/* The text so far; "" for an empty buffer. Valid until the next append. */
const char *dro_buf_str(const struct dro_buf *buf);
/* Hands the text over (free() it) and empties the buffer; NULL where it had failed. */
char *dro_buf_take(struct dro_buf *buf);
void dro_buf_reset(struct dro_buf *buf); /* empties, keeps the memory */
void dro_buf_free(struct dro_buf *buf);	 /* NULL-safe; usable again afterwards */

#endif
