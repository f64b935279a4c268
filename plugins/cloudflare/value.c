#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rdata.h"
#include "plugins/cloudflare/cloudflare.h"

#define TEXT_MAX 65536

/* Where the parts of a type's value stand in a record of the API. */
static const struct type {
	const char *name;
	bool proxied;
	const char *numbers[4]; /* end with NULL */
} types[] = {
	{"A", true, {NULL}},
	{"AAAA", true, {NULL}},
	{"CNAME", true, {NULL}},
	{"MX", false, {"priority", NULL}},
	{"SRV", false, {"priority", "weight", "port", NULL}},
	{"CAA", false, {NULL}},
};

static const struct type *find_type(const char *name)
{
	static const struct type plain = {"", false, {NULL}};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return &plain;
}

bool cf_type_proxied(const char *type)
{
	return find_type(type)->proxied;
}

static bool is_caa(const struct type *type)
{
	return strcmp(type->name, "CAA") == 0;
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
	if (is_caa(type)) {
		if ((rc = dro_json_int_need(data, "flags", &number, err)) < 0)
			return rc;
		dro_buf_printf(line, "%lld %s %s", (long long)number, dro_json_text(data, "tag"),
			dro_json_text(data, "value"));
		return 0;
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
	if (found->numbers[0] || is_caa(found)) {
		if ((rc = join(&line, found, record, err)) < 0)
			goto out;
		content = dro_buf_str(&line);
	}
	/* What is there is shown, also where it is not what would be accepted from us. */
	if (dro_rdata_clean(out, type, content, NULL) < 0) {
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
	done = dro_rdata_unquote(&raw, end + strlen(tag), 10) == 0 &&
	       cJSON_AddNumberToObject(data, "flags", (double)flags) &&
	       cJSON_AddStringToObject(data, "tag", tag) &&
	       cJSON_AddStringToObject(data, "value", dro_buf_str(&raw));
	dro_buf_free(&raw);
	return done;
}

int cf_value_write(cJSON *record, const char *type, const char *value, struct dro_error *err)
{
	const struct type *found = find_type(type);
	bool in_data = (is_caa(found) || found->numbers[0]) && strcmp(type, "MX") != 0;
	cJSON *data = in_data ? cJSON_AddObjectToObject(record, "data") : NULL;
	bool done;

	if (is_caa(found))
		done = data && write_caa(data, value);
	else if (in_data)
		done = data && split(data, data, "target", found, value);
	else
		done = split(record, record, "content", found, value);
	return done ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
}
