/*
 * Names and values. Route 53 writes bytes as octal escapes, in names and in TXT values; a zone
 * file, and so the rest of drorch, as decimal ones.
 *   https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rdata.h"
#include "plugins/route53/route53.h"

#define TEXT_MAX 65536

/* The byte of "\052", or -1. */
static int escape_at(const char *text)
{
	if (text[0] != '\\' || text[1] < '0' || text[1] > '3' || text[2] < '0' || text[2] > '7' ||
		text[3] < '0' || text[3] > '7')
		return -1;
	return (text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0';
}

void r53_name_read(struct dro_buf *out, const char *name)
{
	while (*name) {
		int byte = escape_at(name);
		char c, run[64];
		size_t length = 0;

		if (byte > ' ' && byte <= '~' && byte != '.' && byte != '\\') {
			c = (char)tolower(byte);
			dro_buf_append(out, &c, 1);
			name += 4;
		} else if (byte >= 0) {
			dro_buf_append(out, name, 4);
			name += 4;
		} else {
			/* All but the final dot, up to the next escape. */
			do {
				c = (char)tolower((unsigned char)*name++);
				if (c != '.' || *name || !(out->length + length))
					run[length++] = c;
			} while (*name && length < sizeof(run) && escape_at(name) < 0);
			dro_buf_append(out, run, length);
		}
	}
}

void r53_name_write(struct dro_buf *out, const char *name)
{
	size_t length = strlen(name);
	const char *at;

	for (at = name; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c <= ' ' || c > '~')
			dro_buf_printf(out, "\\%03o", c);
		else
			dro_buf_append(out, at, 1);
	}
	if (!length || name[length - 1] != '.')
		dro_buf_puts(out, ".");
}

static bool is_text(const char *type)
{
	return strcmp(type, "TXT") == 0 || strcmp(type, "SPF") == 0;
}

void r53_value_read(struct dro_buf *out, const char *type, const char *value)
{
	struct dro_buf raw = DRO_BUF_INIT(TEXT_MAX);

	dro_buf_reset(out);
	if (is_text(type) && dro_rdata_unquote(&raw, value, 8) == 0)
		dro_rdata_quote(out, dro_buf_str(&raw), raw.length, 10);
	else if (is_text(type) || dro_rdata_clean(out, type, value, NULL) < 0) {
		dro_buf_reset(out);
		dro_buf_puts(out, value);
	}
	dro_buf_free(&raw);
}

void r53_value_write(struct dro_buf *out, const char *type, const char *value)
{
	struct dro_buf raw = DRO_BUF_INIT(TEXT_MAX);

	dro_buf_reset(out);
	if (is_text(type) && dro_rdata_unquote(&raw, value, 10) == 0)
		dro_rdata_quote(out, dro_buf_str(&raw), raw.length, 8);
	else
		dro_buf_puts(out, value);
	dro_buf_free(&raw);
}
