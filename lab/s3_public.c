/*
 * Settings of a bucket, and what its policy lets everybody do. Of policies no more is understood
 * than that: statements that allow "*" an action on the bucket or what is in it.
 */
#include "s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define POLICY_MAX 20480

char *s3_setting_get(struct s3 *s3, const char *bucket, const char *kind)
{
	sqlite3_stmt *query = NULL;
	char *value = NULL;

	pthread_mutex_lock(&s3->lock);
	if (s3_query(s3, &query, NULL, "SELECT value FROM setting WHERE bucket = ? AND kind = ?",
		    "tt", bucket, kind) == 0 &&
		s3_row(s3, query, NULL) > 0)
		value = strdup(s3_text(query, 0));
	sqlite3_finalize(query);
	pthread_mutex_unlock(&s3->lock);
	return value;
}

void s3_setting_put(struct s3_call *c, const char *kind, const char *value)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	pthread_mutex_lock(&c->s3->lock);
	rc = value ? s3_run(c->s3, &err, "INSERT OR REPLACE INTO setting VALUES(?, ?, ?)", "ttt",
			     c->bucket, kind, value)
		   : s3_run(c->s3, &err, "DELETE FROM setting WHERE bucket = ? AND kind = ?", "tt",
			     c->bucket, kind);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0)
		s3_refuse_internal(c, &err);
	else if (!value)
		c->reply->status = 204;
}

/* ---- policies -------------------------------------------------------------------------------- */

static bool text_fits(const cJSON *item, const char *wanted)
{
	const char *text = cJSON_GetStringValue(item);
	size_t length = text ? strlen(text) : 0;

	if (!length)
		return false;
	return text[length - 1] == '*' ? strncmp(text, wanted, length - 1) == 0
				       : strcmp(text, wanted) == 0;
}

/* One, or a list. */
static bool fits(const cJSON *value, const char *wanted)
{
	const cJSON *item;

	if (!cJSON_IsArray(value))
		return text_fits(value, wanted);
	cJSON_ArrayForEach(item, value)
	{
		if (text_fits(item, wanted))
			return true;
	}
	return false;
}

static bool is_everybody(const cJSON *principal)
{
	const cJSON *aws = cJSON_GetObjectItemCaseSensitive(principal, "AWS");
	const char *text = cJSON_GetStringValue(aws ? aws : principal);

	return text && strcmp(text, "*") == 0;
}

static bool allows(const cJSON *statement, const char *action, const char *resource)
{
	return strcmp(dro_json_text(statement, "Effect"), "Allow") == 0 &&
	       is_everybody(cJSON_GetObjectItemCaseSensitive(statement, "Principal")) &&
	       fits(cJSON_GetObjectItemCaseSensitive(statement, "Action"), action) &&
	       fits(cJSON_GetObjectItemCaseSensitive(statement, "Resource"), resource);
}

bool s3_public_may(const struct s3_call *c, const char *action, const char *key)
{
	char *text = s3_setting_get(c->s3, c->bucket, "policy");
	struct dro_buf resource = DRO_BUF_INIT(2048);
	const cJSON *statements, *statement;
	cJSON *policy = NULL;
	bool may = false;

	dro_buf_printf(&resource, "arn:aws:s3:::%s%s%s", c->bucket, *key ? "/" : "", key);
	if (text && !resource.failed)
		dro_json_parse(&policy, text, strlen(text), POLICY_MAX, NULL);
	statements = cJSON_GetObjectItemCaseSensitive(policy, "Statement");
	may = cJSON_IsObject(statements) && allows(statements, action, dro_buf_str(&resource));
	if (cJSON_IsArray(statements))
		cJSON_ArrayForEach(statement, statements) may =
			may || allows(statement, action, dro_buf_str(&resource));
	cJSON_Delete(policy);
	dro_buf_free(&resource);
	free(text);
	return may;
}

void s3_policy_get(struct s3_call *c)
{
	char *text = s3_setting_get(c->s3, c->bucket, "policy");

	if (!text) {
		s3_refuse_with(c, "NoSuchBucketPolicy", NULL, "BucketName", c->bucket);
		return;
	}
	lab_reply_header(c->reply, "Content-Type", "application/json");
	dro_buf_puts(&c->reply->body, text);
	free(text);
}

void s3_policy_put(struct s3_call *c)
{
	struct dro_buf text = DRO_BUF_INIT(POLICY_MAX);
	cJSON *policy = NULL;

	if (s3_text_read(c, &text) < 0)
		goto out;
	if (text.failed ||
		dro_json_parse(&policy, dro_buf_str(&text), text.length, POLICY_MAX, NULL) < 0 ||
		!cJSON_GetObjectItemCaseSensitive(policy, "Statement")) {
		s3_refuse(c, "MalformedPolicy", NULL);
		goto out;
	}
	s3_setting_put(c, "policy", dro_buf_str(&text));
	if (c->reply->status == 200)
		c->reply->status = 204;
out:
	cJSON_Delete(policy);
	dro_buf_free(&text);
}

void s3_policy_delete(struct s3_call *c)
{
	s3_setting_put(c, "policy", NULL);
}
