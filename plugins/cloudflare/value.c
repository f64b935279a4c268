#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/cloudflare/cloudflare.h"

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

/* How a type's value is written, and where its parts stand in a record of the API. */
static const struct type {
	const char *name;
	enum form form;
	bool proxied;
	const char *numbers[4]; /* end with NULL */
} types[] = {
	{"A", FORM_IPV4, true, {NULL}},
	{"AAAA", FORM_IPV6, true, {NULL}},
	{"CNAME", FORM_HOST, true, {NULL}},
	{"NS", FORM_HOST, false, {NULL}},
	{"PTR", FORM_HOST, false, {NULL}},
	{"MX", FORM_NUMBERS, false, {"priority", NULL}},
	{"SRV", FORM_NUMBERS, false, {"priority", "weight", "port", NULL}},
	{"TXT", FORM_TEXT, false, {NULL}},
	{"CAA", FORM_CAA, false, {NULL}},
};

static const struct type *find_type(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

bool cf_type_known(const char *type)
{
	return find_type(type);
}

bool cf_type_proxied(const char *type)
{
	const struct type *found = find_type(type);

	return found && found->proxied;
}

static int not_one(const char *type, const char *value, struct dro_error *err)
{
	return dro_fail(
		err, DRO_EINVAL, "\"%.128s\" is not the value of a record of type %s", value, type);
}

static int clean_address(struct dro_buf *out, const char *value, int family)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char binary[16];

	if (inet_pton(family, value, binary) != 1 || !inet_ntop(family, binary, text, sizeof(text)))
		return DRO_EINVAL;
	dro_buf_puts(out, text);
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

static int clean_numbers(struct dro_buf *out, const struct type *type, const char *value)
{
	unsigned number;
	size_t i;

	value += strspn(value, " \t");
	for (i = 0; type->numbers[i]; i++) {
		if (take_number(&value, 65535, &number) < 0)
			return DRO_EINVAL;
		dro_buf_printf(out, "%u ", number);
	}
	return clean_host(out, value);
}

/* The bytes behind "one" "two": what a reader of the record sees joined. */
static int unquote(struct dro_buf *raw, const char *value)
{
	for (value += strspn(value, " \t"); *value; value += strspn(value, " \t")) {
		if (*value++ != '"')
			return DRO_EINVAL;
		for (; *value != '"'; value++) {
			char c = *value;

			if (c == '\\' && isdigit((unsigned char)value[1]) &&
				isdigit((unsigned char)value[2]) &&
				isdigit((unsigned char)value[3])) {
				c = (char)((value[1] - '0') * 100 + (value[2] - '0') * 10 +
					   value[3] - '0');
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

static void quote(struct dro_buf *out, const char *raw, size_t length)
{
	size_t i;

	dro_buf_puts(out, "\"");
	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)raw[i];

		if (i > 0 && i % STRING_MAX == 0)
			dro_buf_puts(out, "\" \"");
		if (c == '"' || c == '\\')
			dro_buf_printf(out, "\\%c", c);
		else if (c < ' ' || c == 127)
			dro_buf_printf(out, "\\%03u", c);
		else
			dro_buf_append(out, &raw[i], 1);
	}
	dro_buf_puts(out, "\"");
}

/* Quoted strings, or the bare text that people put into a form. */
static int clean_text(struct dro_buf *out, const char *value)
{
	struct dro_buf raw = DRO_BUF_INIT(TEXT_MAX);
	int rc = 0;

	if (value[strspn(value, " \t")] == '"')
		rc = unquote(&raw, value);
	else
		dro_buf_puts(&raw, value);
	if (rc == 0 && raw.failed)
		rc = DRO_EINVAL;
	if (rc == 0)
		quote(out, dro_buf_str(&raw), raw.length);
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
		return clean_numbers(out, type, value);
	case FORM_TEXT:
		return clean_text(out, value);
	case FORM_CAA:
		return clean_caa(out, value);
	}
	return DRO_EINVAL;
}

int cf_value_clean(struct dro_buf *out, const char *type, const char *value, struct dro_error *err)
{
	const struct type *found = find_type(type);

	dro_buf_reset(out);
	if (!found)
		return dro_fail(
			err, DRO_EUNSUPPORTED, "this plugin cannot write records of type %s", type);
	if (clean(out, found, value) < 0)
		return not_one(type, value, err);
	return dro_buf_check(out, err);
}

/* The parts of an MX, SRV or CAA record as one line. */
static int join(
	struct dro_buf *line, const struct type *type, const cJSON *record, struct dro_error *err)
{
	const cJSON *data;
	int64_t number;
	size_t i;
	int rc;

	if ((rc = dro_json_object(record, "data", &data, err)) < 0)
		return rc;
	if (type->form == FORM_CAA) {
		if ((rc = dro_json_int_need(data, "flags", &number, err)) < 0)
			return rc;
		dro_buf_printf(line, "%lld %s ", (long long)number, dro_json_text(data, "tag"));
		return clean_text(line, dro_json_text(data, "value"));
	}
	for (i = 0; type->numbers[i]; i++) {
		bool outside = !cJSON_GetObjectItemCaseSensitive(data, type->numbers[i]);

		if ((rc = dro_json_int_need(
			     outside ? record : data, type->numbers[i], &number, err)) < 0)
			return rc;
		dro_buf_printf(line, "%lld ", (long long)number);
	}
	dro_buf_puts(
		line, i > 1 ? dro_json_text(data, "target") : dro_json_text(record, "content"));
	return 0;
}

int cf_value_read(struct dro_buf *out, const char *type, const cJSON *record, struct dro_error *err)
{
	const struct type *found = find_type(type);
	const char *content = dro_json_text(record, "content");
	struct dro_buf line = DRO_BUF_INIT(TEXT_MAX);
	int rc = 0;

	dro_buf_reset(out);
	if (found && (found->numbers[0] || found->form == FORM_CAA)) {
		if ((rc = join(&line, found, record, err)) < 0)
			goto out;
		content = dro_buf_str(&line);
	}
	/* What is there is shown, also where it is not what would be accepted from us. */
	if (!found || clean(out, found, content) < 0) {
		dro_buf_reset(out);
		dro_buf_puts(out, content);
	}
	rc = dro_buf_check(out, err);
out:
	dro_buf_free(&line);
	return rc;
}

/* The last part of a clean value goes to `key` of `to`, the numbers before it to their names. */
static bool split(
	cJSON *to, cJSON *last, const char *key, const struct type *type, const char *value)
{
	size_t i;

	for (i = 0; type->numbers[i]; i++) {
		char *end;

		if (!cJSON_AddNumberToObject(
			    to, type->numbers[i], (double)strtoul(value, &end, 10)))
			return false;
		value = end + 1;
	}
	return cJSON_AddStringToObject(last, key, value);
}

static bool write_caa(cJSON *data, const char *value)
{
	struct dro_buf raw = DRO_BUF_INIT(TEXT_MAX);
	char tag[16], *end;
	unsigned long flags = strtoul(value, &end, 10);
	bool done;

	end++;
	snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(end, " "), end);
	done = unquote(&raw, end + strlen(tag)) == 0 &&
	       cJSON_AddNumberToObject(data, "flags", (double)flags) &&
	       cJSON_AddStringToObject(data, "tag", tag) &&
	       cJSON_AddStringToObject(data, "value", dro_buf_str(&raw));
	dro_buf_free(&raw);
	return done;
}

int cf_value_write(cJSON *record, const char *type, const char *value, struct dro_error *err)
{
	const struct type *found = find_type(type);
	bool in_data =
		found && (found->form == FORM_CAA || found->numbers[0]) && strcmp(type, "MX") != 0;
	cJSON *data = in_data ? cJSON_AddObjectToObject(record, "data") : NULL;
	bool done;

	if (found && found->form == FORM_CAA)
		done = data && write_caa(data, value);
	else if (in_data)
		done = data && split(data, data, "target", found, value);
	else
		done = found && split(record, record, "content", found, value);
	return done ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
}
