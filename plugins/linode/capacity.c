/*
 * Could the instances be made? Linode has no dry run: region, plan and image are looked at.
 *   https://techdocs.akamai.com/linode-api/reference/get-region-availability
 */
#include <string.h>

#include "plugins/linode/linode.h"

static bool has_word(const cJSON *object, const char *key, const char *word)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key), *one;

	cJSON_ArrayForEach(one,
		list) if (cJSON_IsString(one) && strcmp(one->valuestring, word) == 0) return true;
	return false;
}

static int check_region(const struct li *li, const char *region, bool metadata,
	const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {.kind = LI_READ, .method = "GET", .path = {"regions", region}};
	cJSON *answer = NULL;
	int rc;

	if ((rc = li_ask(li, &ask, &answer, call, err)) < 0)
		return rc;
	if (strcmp(dro_json_text(answer, "status"), "outage") == 0)
		rc = li->host->fail(
			err, DRO_EQUOTA, "outage", "Linode reports an outage of %s", region);
	else if (metadata && !has_word(answer, "capabilities", "Metadata"))
		rc = li->host->fail(err, DRO_EUNSUPPORTED, NULL, "%s takes no user data", region);
	cJSON_Delete(answer);
	return rc;
}

/* A plan that is not in the answer is not known to be short. */
static int check_plan(const struct li *li, const char *region, const char *type,
	const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {
		.kind = LI_READ, .method = "GET", .path = {"regions", region, "availability"}};
	cJSON *answer = NULL;
	const cJSON *row;
	bool available;
	int rc;

	if ((rc = li_ask(li, &ask, &answer, call, err)) < 0)
		return rc;
	if (!cJSON_IsArray(answer))
		rc = li_nonsense(li, LI_READ, "no list of plans", err);
	cJSON_ArrayForEach(row, answer)
	{
		if (rc < 0 || strcmp(dro_json_text(row, "plan"), type) != 0)
			continue;
		if (dro_json_bool(row, "available", true, &available, NULL) < 0)
			rc = li_nonsense(li, LI_READ, "no availability of a plan", err);
		else if (!available)
			rc = li->host->fail(err, DRO_EQUOTA, NULL,
				"%s has no %s to give at the moment", region, type);
	}
	cJSON_Delete(answer);
	return rc;
}

static int check_image(const struct li *li, const char *image, const char *region, bool metadata,
	const struct dro_call *call, struct dro_error *err)
{
	cJSON *answer = NULL;
	int rc;

	if ((rc = li_get_image(li, image, &answer, call, err)) < 0)
		return rc;
	if (li_image_state(answer, "") != DRO_IMAGE_AVAILABLE)
		rc = li->host->fail(
			err, DRO_ECONFLICT, NULL, "image %s is not available in %s", image, region);
	else if (metadata && !has_word(answer, "capabilities", "cloud-init"))
		rc = li->host->fail(err, DRO_EUNSUPPORTED, NULL,
			"image %s takes no user data: it is not marked cloud-init", image);
	cJSON_Delete(answer);
	return rc;
}

int li_check_capacity(void *account, const struct dro_instance_spec *spec,
	const struct dro_call *call, struct dro_error *err)
{
	const struct li *li = account;
	const char *region = li_region(li, spec->region);
	bool metadata = spec->user_data_length > 0;
	int rc;

	if (!*region || !*spec->type || !*spec->image)
		return li->host->fail(
			err, DRO_EINVAL, NULL, "an instance needs a region, a type and an image");
	if ((rc = check_region(li, region, metadata, call, err)) < 0 ||
		(rc = check_plan(li, region, spec->type, call, err)) < 0)
		return rc;
	return check_image(li, spec->image, region, metadata, call, err);
}
