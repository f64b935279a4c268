#include "base/rdata.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define TEXT_MAX 65536
#define STRING_MAX 255 /* bytes of one character string of a TXT record */

enum form {
	FORM_IPV4,
	FORM_IPV6,
	FORM_HOST,    /* CNAME, NS, PTR */
	FORM_NUMBERS, /* numbers, then a host: MX and SRV */
	FORM_TEXT,
	FORM_CAA,
};

static const struct type {
	const char *name;
	enum form form;
	unsigned numbers;
} types[] = {
	{"A", FORM_IPV4, 0},
	{"AAAA", FORM_IPV6, 0},
	{"CNAME", FORM_HOST, 0},
	{"NS", FORM_HOST, 0},
	{"PTR", FORM_HOST, 0},
	{"MX", FORM_NUMBERS, 1},
	{"SRV", FORM_NUMBERS, 3},
	{"TXT", FORM_TEXT, 0},
	{"CAA", FORM_CAA, 0},
};

static const struct type *find_type(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

bool dro_rdata_known(const char *type)
{
	return find_type(type);
}

static int clean_address(struct dro_buf *out, const char *value, int family)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char binary[16];

	if (inet_pton(family, value, binary) != 1)
		return DRO_EINVAL;
	/* Of IPv4 it takes the one spelling only; writing that anew costs more than all the rest.
	 */
	if (family == AF_INET)
		dro_buf_puts(out, value);
	else if (inet_ntop(family, binary, text, sizeof(text)))
		dro_buf_puts(out, text);
	else
		return DRO_EINVAL;
	return 0;
}

/* Lower case, without the final dot that a zone file may have. */
static int clean_host(struct dro_buf *out, const char *value)
{
	size_t length = strlen(value), i;

	if (length > 1 && value[length - 1] == '.')
		length--;
	if (length == 0 || length > 253)
		return DRO_EINVAL;
	for (i = 0; i < length; i++) {
		char c = (char)tolower((unsigned char)value[i]);

		if (c <= ' ' || c > '~' || c == '"')
			return DRO_EINVAL;
		dro_buf_append(out, &c, 1);
	}
	return 0;
}

/* A number of 16 bits at *at, which is moved past it and the blanks that follow. */
static int take_number(const char **at, unsigned max, unsigned *out)
{
	const char *from = *at;
	unsigned value = 0;

	while (*from >= '0' && *from <= '9' && value <= max)
		value = value * 10 + (unsigned)(*from++ - '0');
	if (from == *at || value > max || (*from != ' ' && *from != '\t'))
		return DRO_EINVAL;
	*at = from + strspn(from, " \t");
	*out = value;
	return 0;
}

static int clean_numbers(struct dro_buf *out, unsigned numbers, const char *value)
{
	unsigned number, i;

	value += strspn(value, " \t");
	for (i = 0; i < numbers; i++) {
		if (take_number(&value, 65535, &number) < 0)
			return DRO_EINVAL;
		dro_buf_printf(out, "%u ", number);
	}
	return clean_host(out, value);
}

int dro_rdata_unquote(struct dro_buf *raw, const char *value, unsigned base)
{
	for (value += strspn(value, " \t"); *value; value += strspn(value, " \t")) {
		if (*value++ != '"')
			return DRO_EINVAL;
		for (;; value++) {
			size_t plain = strcspn(value, "\"\\");
			char c;

			dro_buf_append(raw, value, plain);
			value += plain;
			c = *value;
			if (c == '"')
				break;
			if (c == '\\' && isdigit((unsigned char)value[1]) &&
				isdigit((unsigned char)value[2]) &&
				isdigit((unsigned char)value[3])) {
				c = (char)(((unsigned)(value[1] - '0') * base +
						   (unsigned)(value[2] - '0')) *
						   base +
					   (unsigned)(value[3] - '0'));
				value += 3;
			} else if (c == '\\' && value[1]) {
				c = *++value;
			}
			if (!c)
				return DRO_EINVAL;
			dro_buf_append(raw, &c, 1);
		}
		value++;
	}
	return raw->failed;
}

static bool stands_for_itself(unsigned char c, unsigned base)
{
	return c != '"' && c != '\\' && c >= ' ' && c != 127 && (base != 8 || c <= 127);
}

void dro_rdata_quote(struct dro_buf *out, const char *raw, size_t length, unsigned base)
{
	size_t i, plain;

	dro_buf_puts(out, "\"");
	for (i = 0; i < length; i += plain) {
		unsigned char c = (unsigned char)raw[i];

		if (i > 0 && i % STRING_MAX == 0)
			dro_buf_puts(out, "\" \"");
		for (plain = 0; i + plain < length && (plain == 0 || (i + plain) % STRING_MAX != 0);
			plain++)
			if (!stands_for_itself((unsigned char)raw[i + plain], base))
				break;
		if (plain) {
			dro_buf_append(out, &raw[i], plain);
			continue;
		}
		dro_buf_printf(out,
			c == '"' || c == '\\' ? "\\%c"
			: base == 8	      ? "\\%03o"
					      : "\\%03u",
			c);
		plain = 1;
	}
	dro_buf_puts(out, "\"");
}

/* Quoted strings, or the bare text that people put into a form. */
static int clean_text(struct dro_buf *out, const char *value)
{
	struct dro_buf raw = DRO_BUF_INIT(TEXT_MAX);
	int rc = 0;

	if (value[strspn(value, " \t")] == '"')
		rc = dro_rdata_unquote(&raw, value, 10);
	else
		dro_buf_puts(&raw, value);
	if (rc == 0 && raw.failed)
		rc = DRO_EINVAL;
	if (rc == 0)
		dro_rdata_quote(out, dro_buf_str(&raw), raw.length, 10);
	dro_buf_free(&raw);
	return rc;
}

/* 0 issue "ca.example": flags, tag, quoted value. */
static int clean_caa(struct dro_buf *out, const char *value)
{
	unsigned flags;
	size_t tag, i;

	value += strspn(value, " \t");
	if (take_number(&value, 255, &flags) < 0)
		return DRO_EINVAL;
	tag = strcspn(value, " \t");
	if (tag == 0 || tag > 15 || !value[tag])
		return DRO_EINVAL;
	dro_buf_printf(out, "%u ", flags);
	for (i = 0; i < tag; i++) {
		char c = (char)tolower((unsigned char)value[i]);

		if (!isalnum((unsigned char)c))
			return DRO_EINVAL;
		dro_buf_append(out, &c, 1);
	}
	dro_buf_puts(out, " ");
	return clean_text(out, value + tag + strspn(value + tag, " \t"));
}

static int clean(struct dro_buf *out, const struct type *type, const char *value)
{
	switch (type->form) {
	case FORM_IPV4:
		return clean_address(out, value, AF_INET);
	case FORM_IPV6:
		return clean_address(out, value, AF_INET6);
	case FORM_HOST:
		return clean_host(out, value);
	case FORM_NUMBERS:
		return clean_numbers(out, type->numbers, value);
	case FORM_TEXT:
		return clean_text(out, value);
	case FORM_CAA:
		return clean_caa(out, value);
	}
	return DRO_EINVAL;
}

int dro_rdata_clean(struct dro_buf *out, const char *type, const char *value, struct dro_error *err)
{
	const struct type *found = find_type(type);

	dro_buf_reset(out);
	if (!found)
		return dro_fail(
			err, DRO_EUNSUPPORTED, "records of type %s cannot be written here", type);
	if (clean(out, found, value) < 0)
		return dro_fail(err, DRO_EINVAL,
			"\"%.128s\" is not the value of a record of type %s", value, type);
	return dro_buf_check(out, err);
}

bool dro_name_in_zone(const char *name, const char *zone)
{
	size_t length = strlen(name), tail = strlen(zone);

	return length >= tail && strcasecmp(name + length - tail, zone) == 0 &&
	       (length == tail || name[length - tail - 1] == '.');
}
