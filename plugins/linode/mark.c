/*
 * Marks on instances that are there. Linode takes the tags as a whole list, and knows no version of
 * it: it is read, the marks are put among what is there, and it is read again afterwards, since
 * somebody else may have written it meanwhile. The label stays.
 *   https://techdocs.akamai.com/linode-api/reference/put-linode-instance
 */
#include <string.h>

#include "plugins/linode/linode.h"

#define TRIES 3

/* Is `tag` one of "NAME=…"? */
static bool is_named(const char *tag, const char *name)
{
	size_t length = strlen(name);

	return strncmp(tag, name, length) == 0 && (tag[length] == '=' || tag[length] == '\0');
}

/* One whose value is another's now, or that is to go. */
static bool goes(const struct dro_instance_marks *marks, const char *tag)
{
	size_t i;

	for (i = 0; i < marks->tag_count; i++)
		if (is_named(tag, marks->tags[i].name))
			return true;
	for (i = 0; i < marks->drop_count; i++)
		if (is_named(tag, marks->drop[i]))
			return true;
	return false;
}

/* *out: the whole list as it is to be, in the order that it has. */
static int merge(const struct li *li, const struct dro_instance_marks *marks, const cJSON *item,
	cJSON **out, struct dro_error *err)
{
	cJSON *tags = cJSON_CreateArray();
	const cJSON *one;
	int rc;

	if (!tags)
		return li_no_memory(li, err);
	cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(item, "tags"))
	{
		if (cJSON_IsString(one) && !goes(marks, one->valuestring) &&
			!cJSON_AddItemToArray(tags, cJSON_CreateString(one->valuestring))) {
			cJSON_Delete(tags);
			return li_no_memory(li, err);
		}
	}
	rc = li_tags_write(li, tags, marks->tags, marks->tag_count, LI_TAG_MAX, err);
	if (rc < 0)
		cJSON_Delete(tags);
	else
		*out = tags;
	return rc;
}

/* Of two lists without doubles, in any order. */
static bool same_tags(const cJSON *item, const cJSON *wanted)
{
	const cJSON *have = cJSON_GetObjectItemCaseSensitive(item, "tags"), *one;

	if (cJSON_GetArraySize(have) != cJSON_GetArraySize(wanted))
		return false;
	cJSON_ArrayForEach(one, wanted)
	{
		if (!li_has_tag(item, one->valuestring))
			return false;
	}
	return true;
}

static int put_tags(const struct li *li, const char *id, cJSON *tags, const struct dro_call *call,
	struct dro_error *err)
{
	/* A repeat on its own would carry a list that is older than what somebody wrote since. */
	struct li_ask ask = {.kind = LI_ONCE, .method = "PUT", .path = {"linode", "instances", id}};
	cJSON *body = cJSON_CreateObject();

	if (!body) {
		cJSON_Delete(tags);
		return li_no_memory(li, err);
	}
	cJSON_AddItemToObject(body, "tags", tags);
	return li_send(li, &ask, body, NULL, call, err);
}

/* *out: what is to be written; NULL where it is as wanted. */
static int look(const struct li *li, const struct dro_instance_marks *marks, const char *id,
	cJSON **out, const struct dro_call *call, struct dro_error *err)
{
	cJSON *item = NULL;
	int rc;

	*out = NULL;
	if ((rc = li_get_instance(li, id, &item, call, err)) == 0 &&
		(rc = merge(li, marks, item, out, err)) == 0 && same_tags(item, *out)) {
		cJSON_Delete(*out);
		*out = NULL;
	}
	cJSON_Delete(item);
	return rc;
}

static int mark_one(const struct li *li, const struct dro_instance_marks *marks, const char *id,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_error why = DRO_ERROR_INIT;
	cJSON *tags;
	int i, rc;

	for (i = 0; (rc = look(li, marks, id, &tags, call, err)) == 0 && tags; i++) {
		if (i == TRIES) {
			cJSON_Delete(tags);
			return li->host->fail(err, DRO_ECONFLICT, NULL,
				"Linode %s: its tags are not what was written: somebody else "
				"changes them",
				id);
		}
		/* What became of a write whose answer was lost is seen by the next look. */
		rc = put_tags(li, id, tags, call, &why);
		if (rc < 0 && rc != DRO_ETIMEDOUT)
			return li_pass_on(li, &why, err);
	}
	return rc;
}

int li_mark_instances(void *account, const struct dro_instance_marks *marks,
	const struct dro_call *call, struct dro_error *err)
{
	size_t i;
	int rc = 0;

	/* A number is one in the whole account, whatever the region. */
	for (i = 0; i < marks->id_count && rc == 0; i++)
		rc = mark_one(account, marks, marks->ids[i], call, err);
	return rc;
}
