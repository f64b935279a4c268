/*
 * Another plan for an instance that is off. Linode moves it to a host with room and leaves it as it
 * was: off. The disks are not touched, so that the way back is always open.
 *   https://techdocs.akamai.com/linode-api/reference/post-resize-linode-instance
 */
#include <string.h>

#include "plugins/linode/linode.h"

enum standing {
	LI_OTHER,   /* it is off, with another plan */
	LI_RIGHT,   /* it is off, with the plan that is wanted */
	LI_MOVING,  /* it is being resized */
	LI_AWAY,    /* it is on its way to another host, which may be that */
	LI_NOT_OFF, /* it runs, or comes or goes */
};

static int look(const struct li *li, const char *id, const char *type, enum standing *standing,
	const struct dro_call *call, struct dro_error *err)
{
	cJSON *item = NULL;
	const char *status;
	int rc;

	if ((rc = li_get_instance(li, id, &item, call, err)) < 0)
		return rc;
	status = dro_json_text(item, "status");
	if (strcmp(status, "resizing") == 0)
		*standing = LI_MOVING;
	else if (strcmp(status, "migrating") == 0)
		*standing = LI_AWAY;
	else if (li_instance_state(status) != DRO_INSTANCE_STOPPED)
		*standing = LI_NOT_OFF;
	else
		*standing = strcmp(dro_json_text(item, "type"), type) == 0 ? LI_RIGHT : LI_OTHER;
	if (*standing == LI_NOT_OFF)
		rc = li->host->fail(err, DRO_ECONFLICT, NULL,
			"Linode %s is %.40s: only one that is off is resized", id, status);
	cJSON_Delete(item);
	return rc;
}

static cJSON *body_of(const char *type)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "type", type);
	cJSON_AddStringToObject(body, "migration_type", "cold");
	cJSON_AddBoolToObject(body, "allow_auto_disk_resize", false);
	return body;
}

int li_resize_instance(void *account, const char *region, const char *id, const char *type,
	const struct dro_call *call, struct dro_error *err)
{
	struct li_ask ask = {
		.kind = LI_ONCE, .method = "POST", .path = {"linode", "instances", id, "resize"}};
	const struct li *li = account;
	struct dro_error why = DRO_ERROR_INIT, ignored = DRO_ERROR_INIT;
	enum standing standing = LI_OTHER;
	int rc;

	(void)region; /* a number is one in the whole account */
	if (!*type)
		return li->host->fail(err, DRO_EINVAL, NULL, "no type to resize to");
	if ((rc = look(li, id, type, &standing, call, err)) < 0)
		return rc;
	if (standing == LI_AWAY)
		return li->host->fail(err, DRO_EAGAIN, NULL, "Linode %s is being migrated", id);
	if (standing != LI_OTHER)
		return 0;
	if ((rc = li_send(li, &ask, body_of(type), NULL, call, &why)) == 0)
		return 0;
	/* An answer that was lost, or the refusal of what an earlier call had begun. */
	if ((rc == DRO_ETIMEDOUT || why.http_status == 400) &&
		look(li, id, type, &standing, call, &ignored) == 0 && standing != LI_OTHER)
		return 0;
	li->host->fail(err, rc, *why.provider_code ? why.provider_code : NULL, "Linode %s: %s", id,
		why.message);
	if (err) {
		err->http_status = why.http_status;
		err->retry_after_ms = why.retry_after_ms;
	}
	return rc;
}
