#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `extra` more bytes and the final NUL. */
static bool reserve(struct dro_buf *buf, size_t extra)
{
	size_t need, capacity;
	char *grown;

	if (buf->failed)
		return false;
	if (extra > buf->max || buf->length > buf->max - extra) {
		buf->failed = DRO_EINVAL;
		return false;
	}
	need = buf->length + extra + 1;
	if (need <= buf->capacity)
		return true;
	capacity = buf->capacity ? buf->capacity * 2 : 64;
	if (capacity < need)
		capacity = need;
	grown = realloc(buf->data, capacity);
	if (!grown) {
		buf->failed = DRO_ENOMEM;
		return false;
	}
	buf->data = grown;
	buf->capacity = capacity;
	return true;
}

void dro_buf_append(struct dro_buf *buf, const void *data, size_t length)
{
	if (!reserve(buf, length))
		return;
	if (length)
		memcpy(buf->data + buf->length, data, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void dro_buf_puts(struct dro_buf *buf, const char *text)
{
	dro_buf_append(buf, text, strlen(text));
}

void dro_buf_vprintf(struct dro_buf *buf, const char *format, va_list args)
{
	va_list again;
	int need;

	va_copy(again, args);
	need = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (need < 0) {
		buf->failed = DRO_EINVAL;
		return;
	}
	if (!reserve(buf, (size_t)need))
		return;
	vsnprintf(buf->data + buf->length, (size_t)need + 1, format, args);
	buf->length += (size_t)need;
}

void dro_buf_printf(struct dro_buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	dro_buf_vprintf(buf, format, args);
	va_end(args);
}

int dro_buf_check(const struct dro_buf *buf, struct dro_error *err)
{
	if (!buf->failed)
		return 0;
	if (buf->failed == DRO_ENOMEM)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	return dro_fail(err, buf->failed, "more than %zu bytes", buf->max);
}

const char *dro_buf_str(const struct dro_buf *buf)
{
	return buf->data ? buf->data : "";
}

char *dro_buf_take(struct dro_buf *buf)
{
	char *text;

	dro_buf_append(buf, "", 0);
	if (buf->failed) {
		dro_buf_free(buf);
		return NULL;
	}
	text = buf->data;
	*buf = (struct dro_buf)DRO_BUF_INIT(buf->max);
	return text;
}

void dro_buf_reset(struct dro_buf *buf)
{
	buf->length = 0;
	buf->failed = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void dro_buf_free(struct dro_buf *buf)
{
	if (!buf)
		return;
	free(buf->data);
	*buf = (struct dro_buf)DRO_BUF_INIT(buf->max);
}
