#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

struct object {
	int fd;
	int64_t size;
	int64_t made_ms;
	char etag[S3_ETAG];
	cJSON *headers;
};

/* 1: found and opened, 0: no such key, <0. */
static int open_object(const struct s3_call *c, struct object *object, struct dro_error *err)
{
	sqlite3_stmt *query = NULL;
	int rc;

	*object = (struct object){.fd = -1};
	pthread_mutex_lock(&c->s3->lock);
	rc = s3_query(c->s3, &query, err,
		"SELECT size, made_ms, etag, headers, blob FROM object WHERE bucket = ? AND key = "
		"?",
		"tt", c->bucket, c->key);
	if (rc == 0 && (rc = s3_row(c->s3, query, err)) > 0) {
		object->size = sqlite3_column_int64(query, 0);
		object->made_ms = sqlite3_column_int64(query, 1);
		snprintf(object->etag, S3_ETAG, "%s", s3_text(query, 2));
		object->headers = cJSON_Parse(s3_text(query, 3));
		object->fd = s3_blob_open(c->s3, s3_text(query, 4));
		if (object->fd < 0)
			rc = dro_fail_errno(err, "the object's file");
	}
	sqlite3_finalize(query);
	pthread_mutex_unlock(&c->s3->lock);
	return rc;
}

/* ---- conditions ---------------------------------------------------------------------------- */

static bool read_date(const char *text, int64_t *seconds)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!end || *end)
		return false;
	*seconds = timegm(&tm);
	return true;
}

/* 0: go on, else the status to answer with. */
static int judge_conditions(const struct s3_call *c, const struct object *object)
{
	const char *match = lab_header(c->request, "if-match");
	const char *none = lab_header(c->request, "if-none-match");
	const char *since = lab_header(c->request, "if-modified-since");
	const char *unless = lab_header(c->request, "if-unmodified-since");
	int64_t seconds, made = object->made_ms / 1000;

	if (match && !s3_etag_matches(match, object->etag))
		return 412;
	if (!match && unless && read_date(unless, &seconds) && made > seconds)
		return 412;
	if (none && s3_etag_matches(none, object->etag))
		return 304;
	if (!none && since && read_date(since, &seconds) && made <= seconds)
		return 304;
	return 0;
}

/* ---- ranges -------------------------------------------------------------------------------- */

static bool read_whole(const char **text, int64_t *out)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*out = strtoll(*text, &end, 10);
	*text = end;
	return true;
}

/* 0: no range (also one that S3 ignores), 1: a range, <0: none of it is there. */
static int read_range(const char *header, int64_t size, int64_t *first, int64_t *last)
{
	const char *at;

	if (!header || strncasecmp(header, "bytes=", 6) != 0)
		return 0;
	at = header + 6;
	if (*at == '-') {
		at++;
		if (!read_whole(&at, last) || *at)
			return 0;
		if (*last == 0 || size == 0)
			return DRO_EINVAL;
		*first = *last < size ? size - *last : 0;
		*last = size - 1;
		return 1;
	}
	if (!read_whole(&at, first) || *at++ != '-')
		return 0;
	*last = size - 1;
	if (*at && (!read_whole(&at, last) || *at || *last < *first))
		return 0; /* several ranges, or none: the whole is sent */
	if (*first >= size)
		return DRO_EINVAL;
	if (*last >= size)
		*last = size - 1;
	return 1;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void put_headers(const struct s3_call *c, const struct object *object)
{
	const char *mode = lab_header(c->request, "x-amz-checksum-mode");
	const cJSON *item;
	char made[S3_TIME];
	size_t i;

	s3_time_http(made, object->made_ms);
	lab_reply_header(c->reply, "ETag", "\"%s\"", object->etag);
	lab_reply_header(c->reply, "Last-Modified", "%s", made);
	lab_reply_header(c->reply, "Accept-Ranges", "bytes");
	lab_reply_header(c->reply, "Content-Type", "binary/octet-stream");
	cJSON_ArrayForEach(item, object->headers)
	{
		if (strncmp(item->string, "x-amz-checksum-", 15) == 0 &&
			!(mode && strcasecmp(mode, "ENABLED") == 0))
			continue;
		lab_reply_header(c->reply, item->string, "%s", cJSON_GetStringValue(item));
	}
	for (i = 0; i < c->request->query_count; i++) {
		const struct dro_pair *pair = &c->request->query[i];

		if (strncmp(pair->name, "response-", 9) == 0 && pair->value)
			lab_reply_header(c->reply, pair->name + 9, "%s", pair->value);
	}
}

static void send_object(struct s3_call *c, struct object *object)
{
	int64_t first = 0, last = object->size - 1;
	int range = read_range(lab_header(c->request, "range"), object->size, &first, &last);

	if (range < 0) {
		s3_refuse(c, "InvalidRange", NULL);
		lab_reply_header(
			c->reply, "Content-Range", "bytes */%lld", (long long)object->size);
		return;
	}
	put_headers(c, object);
	if (range) {
		c->reply->status = 206;
		lab_reply_header(c->reply, "Content-Range", "bytes %lld-%lld/%lld",
			(long long)first, (long long)last, (long long)object->size);
	} else {
		first = 0;
		last = object->size - 1;
	}
	c->reply->file_fd = object->fd;
	c->reply->file_offset = (uint64_t)first;
	c->reply->file_length = (uint64_t)(last - first + 1);
	object->fd = -1;
}

void s3_object_get(struct s3_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct object object;
	int rc = open_object(c, &object, &err), status;

	if (rc < 0) {
		s3_refuse_internal(c, &err);
	} else if (rc == 0) {
		s3_refuse_with(c, "NoSuchKey", NULL, "Key", c->key);
	} else if ((status = judge_conditions(c, &object)) == 412) {
		s3_refuse(c, "PreconditionFailed", NULL);
	} else if (status == 304) {
		put_headers(c, &object);
		c->reply->status = 304;
	} else {
		send_object(c, &object);
	}
	if (object.fd >= 0)
		close(object.fd);
	cJSON_Delete(object.headers);
}

bool s3_object_show(struct s3_call *c, int status)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct object object;
	int rc = open_object(c, &object, &err);

	if (rc < 0)
		s3_refuse_internal(c, &err);
	if (rc > 0) {
		put_headers(c, &object);
		c->reply->status = status;
		c->reply->file_fd = object.fd;
		c->reply->file_offset = 0;
		c->reply->file_length = (uint64_t)object.size;
	}
	cJSON_Delete(object.headers);
	return rc != 0;
}
