/*
 * What is still under way, by its text: "event/ID", "linode/ID" (until it is neither coming up nor
 * going down), "image/private/ID" and "image/private/ID@REGION".
 *   https://techdocs.akamai.com/linode-api/reference/get-event
 */
#include <stdio.h>
#include <string.h>

#include "plugins/linode/linode.h"

static int poll_event(const struct li *li, const char *id, uint32_t *state,
	const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {
		.kind = LI_READ, .method = "GET", .path = {"account", "events", id}};
	cJSON *answer = NULL;
	const char *status;
	int rc;

	if ((rc = li_check_id(li, id, err)) < 0 || (rc = li_ask(li, &ask, &answer, call, err)) < 0)
		return rc;
	status = dro_json_text(answer, "status");
	if (strcmp(status, "failed") == 0)
		*state = DRO_OPERATION_FAILED;
	else if (strcmp(status, "finished") == 0 || strcmp(status, "notification") == 0)
		*state = DRO_OPERATION_DONE;
	cJSON_Delete(answer);
	return 0;
}

static int poll_instance(const struct li *li, const char *id, uint32_t *state,
	const struct dro_call *call, struct dro_error *err)
{
	cJSON *answer = NULL;
	uint32_t now;
	int rc;

	if ((rc = li_get_instance(li, id, &answer, call, err)) < 0)
		return rc;
	now = li_instance_state(dro_json_text(answer, "status"));
	if (now == DRO_INSTANCE_RUNNING || now == DRO_INSTANCE_STOPPED)
		*state = DRO_OPERATION_DONE;
	cJSON_Delete(answer);
	return 0;
}

static int poll_image(const struct li *li, const char *text, uint32_t *state,
	const struct dro_call *call, struct dro_error *err)
{
	const char *at = strchr(text, '@');
	size_t length = at ? (size_t)(at - text) : strlen(text);
	char id[64];
	cJSON *answer = NULL;
	uint32_t now;
	int rc;

	if (length >= sizeof(id))
		return li->host->fail(err, DRO_EINVAL, NULL, "no such image: %.80s", text);
	memcpy(id, text, length);
	id[length] = '\0';
	if ((rc = li_get_image(li, id, &answer, call, err)) < 0)
		return rc;
	now = li_image_state(answer, at ? at + 1 : "");
	if (now == DRO_IMAGE_AVAILABLE)
		*state = DRO_OPERATION_DONE;
	else if (now == DRO_IMAGE_GONE || now == DRO_IMAGE_FAILED)
		*state = DRO_OPERATION_FAILED;
	cJSON_Delete(answer);
	return 0;
}

int li_poll(void *account, const char *operation, uint32_t *state, const struct dro_call *call,
	struct dro_error *err)
{
	static const struct {
		const char *kind;
		int (*poll)(const struct li *li, const char *id, uint32_t *state,
			const struct dro_call *call, struct dro_error *err);
	} kinds[] = {{"event/", poll_event}, {"linode/", poll_instance}, {"image/", poll_image}};
	const struct li *li = account;
	size_t i;

	*state = DRO_OPERATION_PENDING;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].kind);

		if (strncmp(operation, kinds[i].kind, length) == 0)
			return kinds[i].poll(li, operation + length, state, call, err);
	}
	return li->host->fail(
		err, DRO_EINVAL, NULL, "linode has no operation \"%.80s\"", operation);
}
