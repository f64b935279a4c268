#include "base/uri.h"

#include <string.h>

void dro_uri_encode(struct dro_buf *out, const char *raw)
{
	static const char unreserved[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	while (*raw) {
		size_t plain = strspn(raw, unreserved);

		dro_buf_append(out, raw, plain);
		raw += plain;
		if (*raw)
			dro_buf_printf(out, "%%%02X", (unsigned char)*raw++);
	}
}

void dro_uri_path(struct dro_buf *out, const char *const *segments, size_t count)
{
	size_t i;

	if (count == 0)
		dro_buf_append(out, "/", 1);
	for (i = 0; i < count; i++) {
		dro_buf_append(out, "/", 1);
		dro_uri_encode(out, segments[i]);
	}
}

void dro_uri_query(struct dro_buf *out, const struct dro_pair *query, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (i)
			dro_buf_append(out, "&", 1);
		dro_uri_encode(out, query[i].name);
		if (query[i].value) {
			dro_buf_append(out, "=", 1);
			dro_uri_encode(out, query[i].value);
		}
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int dro_uri_decode(struct dro_buf *out, const char *encoded, bool plus_is_space)
{
	for (; *encoded; encoded++) {
		char byte = *encoded;

		if (byte == '%') {
			int high = hex_digit(encoded[1]);
			int low = high < 0 ? -1 : hex_digit(encoded[2]);

			if (low < 0 || high + low == 0)
				return DRO_EINVAL;
			byte = (char)(high << 4 | low);
			encoded += 2;
		} else if (byte == '+' && plus_is_space) {
			byte = ' ';
		}
		dro_buf_append(out, &byte, 1);
	}
	return 0;
}
