#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/uri.h"

#define KEYS_MAX 1000

struct list {
	struct s3_call *c;
	const char *prefix;
	const char *delimiter; /* NULL: none */
	int64_t max_keys;
	bool url; /* names are percent-encoded */
	int64_t hide_after_ms;
	/* The walk. */
	char *from;  /* the next key to look at, or to look behind */
	bool behind; /* `from` itself is through */
	int64_t count;
	bool truncated;
	char *last; /* the last key or prefix that was given */
	struct dro_buf contents;
	struct dro_buf prefixes;
};

static void put_name(
	const struct list *list, struct dro_buf *out, const char *element, const char *name)
{
	struct dro_buf text = DRO_BUF_INIT(4 * S3_KEY_MAX);
	const char *slash;

	if (!list->url) {
		lab_xml_element(out, element, name);
		return;
	}
	for (; (slash = strchr(name, '/')); name = slash + 1) { /* which S3 leaves as it is */
		char *part = strndup(name, (size_t)(slash - name));

		dro_uri_encode(&text, part ? part : "");
		dro_buf_puts(&text, "/");
		free(part);
	}
	dro_uri_encode(&text, name);
	lab_xml_element(out, element, dro_buf_str(&text));
	dro_buf_free(&text);
}

static int set_text(char **out, const char *text, size_t length, struct dro_error *err)
{
	char *copy = strndup(text, length);

	if (!copy)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	free(*out);
	*out = copy;
	return 0;
}

/* From `text` to the first key that does not begin with it: its last byte, one up. */
static void step_over(char *text)
{
	size_t length = strlen(text);

	while (length && (unsigned char)text[length - 1] == 0xff)
		text[--length] = '\0';
	if (length)
		text[length - 1] = (char)((unsigned char)text[length - 1] + 1);
}

static void put_object(struct list *list, sqlite3_stmt *query)
{
	char made[S3_TIME];

	s3_time_xml(made, sqlite3_column_int64(query, 3));
	dro_buf_puts(&list->contents, "<Contents>");
	put_name(list, &list->contents, "Key", s3_text(query, 0));
	lab_xml_element(&list->contents, "LastModified", made);
	dro_buf_printf(&list->contents,
		"<ETag>&quot;%s&quot;</ETag><Size>%lld</Size><StorageClass>STANDARD</StorageClass>"
		"</Contents>",
		s3_text(query, 2), (long long)sqlite3_column_int64(query, 1));
}

/* One row: a key, or the first of a common prefix. 1: given, 0: the list is full. */
static int take_row(struct list *list, sqlite3_stmt *query, struct dro_error *err)
{
	const char *key = s3_text(query, 0);
	size_t skip = strlen(list->prefix), length;
	const char *end = list->delimiter ? strstr(key + skip, list->delimiter) : NULL;
	int rc;

	if (list->count == list->max_keys) {
		list->truncated = true;
		return 0;
	}
	length = end ? (size_t)(end - key) + strlen(list->delimiter) : strlen(key);
	if ((rc = set_text(&list->last, key, length, err)) < 0 ||
		(rc = set_text(&list->from, key, length, err)) < 0)
		return rc;
	list->count++;
	list->behind = !end;
	if (end) {
		dro_buf_puts(&list->prefixes, "<CommonPrefixes>");
		put_name(list, &list->prefixes, "Prefix", list->last);
		dro_buf_puts(&list->prefixes, "</CommonPrefixes>");
		step_over(list->from);
	} else {
		put_object(list, query);
	}
	return 1;
}

/* Rows from list->from on, until the list is full, or a common prefix is to be stepped over. */
static int walk_once(struct list *list, bool *again, struct dro_error *err)
{
	struct s3 *s3 = list->c->s3;
	size_t skip = strlen(list->prefix);
	sqlite3_stmt *query = NULL;
	int rc, taken = 1;

	*again = false;
	rc = s3_query(s3, &query, err,
		list->behind ? "SELECT key, size, etag, made_ms FROM object WHERE bucket = ? AND "
			       "key > ? AND made_ms <= ? ORDER BY key"
			     : "SELECT key, size, etag, made_ms FROM object WHERE bucket = ? AND "
			       "key >= ? AND made_ms <= ? ORDER BY key",
		"tti", list->c->bucket, list->from, list->hide_after_ms);
	while (rc == 0 && (rc = s3_row(s3, query, err)) > 0) {
		rc = 0;
		if (strncmp(s3_text(query, 0), list->prefix, skip) != 0)
			break;
		taken = take_row(list, query, err);
		if (taken <= 0 || !list->behind) {
			*again = taken > 0;
			break;
		}
	}
	sqlite3_finalize(query);
	return taken < 0 ? taken : rc;
}

static int walk(struct list *list, struct dro_error *err)
{
	bool again = list->max_keys > 0;
	int rc = 0;

	if (strcmp(list->from, list->prefix) < 0) {
		list->behind = false;
		rc = set_text(&list->from, list->prefix, strlen(list->prefix), err);
	}
	pthread_mutex_lock(&list->c->s3->lock);
	while (again && rc == 0)
		rc = walk_once(list, &again, err);
	pthread_mutex_unlock(&list->c->s3->lock);
	return rc;
}

/* <0: refused. `from`: what the list begins behind; `given`: an earlier list ended there. */
static int list_begin(struct list *list, struct s3_call *c, const char *from, bool given)
{
	const char *max = lab_query(c->request, "max-keys");
	const char *encoding = lab_query(c->request, "encoding-type");
	const char *delimiter = lab_query(c->request, "delimiter");
	char *end;
	size_t length;

	*list = (struct list){.c = c, .max_keys = KEYS_MAX, .behind = true};
	list->contents = list->prefixes = (struct dro_buf)DRO_BUF_INIT(S3_LIST_MAX);
	list->prefix = lab_query(c->request, "prefix") ? lab_query(c->request, "prefix") : "";
	list->delimiter = delimiter && *delimiter ? delimiter : NULL;
	list->hide_after_ms = dro_wall_ms() - c->call->lag_ms;
	if (encoding && strcmp(encoding, "url") != 0)
		return s3_refuse(
			c, "InvalidArgument", "Invalid Encoding Method specified in Request");
	list->url = encoding != NULL;
	if (max) {
		list->max_keys = strtoll(max, &end, 10);
		if (!*max || *end || list->max_keys < 0)
			return s3_refuse(c, "InvalidArgument",
				"Provided max-keys not an integer or within integer range");
		if (list->max_keys > KEYS_MAX)
			list->max_keys = KEYS_MAX;
	}
	length = strlen(from);
	list->from = strndup(from, length);
	list->behind = length > 0;
	/* Behind a common prefix that was given means behind all of its keys. */
	if (given && list->from && list->delimiter && length >= strlen(list->delimiter) &&
		strncmp(from, list->prefix, strlen(list->prefix)) == 0 &&
		length > strlen(list->prefix) &&
		strcmp(from + length - strlen(list->delimiter), list->delimiter) == 0) {
		step_over(list->from);
		list->behind = false;
	}
	return list->from ? 0 : s3_refuse(c, "InternalError", "out of memory");
}

static void put_common(const struct list *list)
{
	struct dro_buf *body = &list->c->reply->body;

	lab_xml_element(body, "Name", list->c->bucket);
	put_name(list, body, "Prefix", list->prefix);
	if (list->delimiter)
		put_name(list, body, "Delimiter", list->delimiter);
	if (list->url)
		lab_xml_element(body, "EncodingType", "url");
	dro_buf_printf(body, "<MaxKeys>%lld</MaxKeys><IsTruncated>%s</IsTruncated>",
		(long long)list->max_keys, list->truncated ? "true" : "false");
}

static void list_end(struct list *list, const char *root, int rc, struct dro_error *err)
{
	struct s3_call *c = list->c;

	dro_buf_append(&c->reply->body, dro_buf_str(&list->contents), list->contents.length);
	dro_buf_append(&c->reply->body, dro_buf_str(&list->prefixes), list->prefixes.length);
	s3_end_xml(c, root);
	if (rc < 0)
		s3_refuse_internal(c, err);
}

static void list_free(struct list *list)
{
	dro_buf_free(&list->contents);
	dro_buf_free(&list->prefixes);
	free(list->from);
	free(list->last);
}

/* A token is the last name in hex: opaque enough, and it survives a restart. */
static int read_token(const struct s3_call *c, char **out)
{
	const char *token = lab_query(c->request, "continuation-token");
	size_t i, length = token ? strlen(token) : 0;
	unsigned byte;

	*out = calloc(1, length / 2 + 1);
	if (!*out)
		return s3_refuse(c, "InternalError", "out of memory");
	for (i = 0; i + 1 < length; i += 2) {
		if (sscanf(token + i, "%2x", &byte) != 1)
			break;
		(*out)[i / 2] = (char)byte;
	}
	if (i != length || (token && length == 0))
		return s3_refuse(
			c, "InvalidArgument", "The continuation token provided is incorrect");
	return 0;
}

void s3_list_v2(struct s3_call *c)
{
	const char *after = lab_query(c->request, "start-after");
	const char *token = lab_query(c->request, "continuation-token");
	struct dro_error err = DRO_ERROR_INIT;
	struct list list = {0};
	char *from = NULL, *next;
	int rc;

	if (read_token(c, &from) < 0 || list_begin(&list, c,
						token	? from
						: after ? after
							: "",
						token) < 0)
		goto out;
	rc = walk(&list, &err);
	s3_begin_xml(c, "ListBucketResult");
	put_common(&list);
	dro_buf_printf(&c->reply->body, "<KeyCount>%lld</KeyCount>", (long long)list.count);
	if (after)
		put_name(&list, &c->reply->body, "StartAfter", after);
	if (token)
		lab_xml_element(&c->reply->body, "ContinuationToken", token);
	next = list.truncated ? malloc(2 * strlen(list.last) + 1) : NULL;
	if (next) {
		dro_hex(next, list.last, strlen(list.last));
		lab_xml_element(&c->reply->body, "NextContinuationToken", next);
	}
	free(next);
	list_end(&list, "ListBucketResult", rc, &err);
out:
	list_free(&list);
	free(from);
}

void s3_list_v1(struct s3_call *c)
{
	const char *marker = lab_query(c->request, "marker");
	struct dro_error err = DRO_ERROR_INIT;
	struct list list = {0};
	int rc;

	if (list_begin(&list, c, marker ? marker : "", true) < 0)
		goto out;
	rc = walk(&list, &err);
	s3_begin_xml(c, "ListBucketResult");
	put_common(&list);
	put_name(&list, &c->reply->body, "Marker", marker ? marker : "");
	if (list.truncated && list.delimiter)
		put_name(&list, &c->reply->body, "NextMarker", list.last);
	list_end(&list, "ListBucketResult", rc, &err);
out:
	list_free(&list);
}
