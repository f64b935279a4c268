/*
 * Starting, stopping and deleting. Linode asks for one instance at a time; one that refuses does
 * not hold up the others, and the first refusal is what the call gives.
 *   https://techdocs.akamai.com/linode-api/reference/post-boot-linode-instance
 *   .../post-shutdown-linode-instance, post-reboot-linode-instance, delete-linode-instance
 */
#include <string.h>

#include "plugins/linode/linode.h"

/* Is the instance as `power` wants it, or on its way there? */
static bool is_so(const struct li *li, const char *id, int power, const struct dro_call *call)
{
	struct dro_error ignored = DRO_ERROR_INIT;
	cJSON *item = NULL;
	const char *status;
	bool so = false;

	if (power == DRO_POWER_REBOOT || li_get_instance(li, id, &item, call, &ignored) < 0)
		return false;
	status = dro_json_text(item, "status");
	if (power == DRO_POWER_START)
		so = strcmp(status, "running") == 0 || strcmp(status, "booting") == 0;
	else
		so = strcmp(status, "offline") == 0 || strcmp(status, "shutting_down") == 0 ||
		     strcmp(status, "stopped") == 0;
	cJSON_Delete(item);
	return so;
}

static int power_one(const struct li *li, const char *id, int power, const char *action,
	const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {
		.kind = LI_ONCE, .method = "POST", .path = {"linode", "instances", id, action}};
	struct dro_error why = DRO_ERROR_INIT;
	int rc;

	if ((rc = li_check_id(li, id, err)) < 0)
		return rc;
	if ((rc = li_ask(li, &ask, NULL, call, &why)) == 0)
		return 0;
	/* Linode refuses to boot what runs, and says so in words alone. */
	if ((rc == DRO_ETIMEDOUT || why.http_status == 400) && is_so(li, id, power, call))
		return 0;
	li->host->fail(err, rc, *why.provider_code ? why.provider_code : NULL, "Linode %s: %s", id,
		why.message);
	if (err) {
		err->http_status = why.http_status;
		err->retry_after_ms = why.retry_after_ms;
	}
	return rc;
}

int li_power_instances(void *account, const char *region, const char *const *ids, size_t id_count,
	int power, const struct dro_call *call, struct dro_error *err)
{
	static const char *const actions[] = {
		[DRO_POWER_START] = "boot",
		[DRO_POWER_STOP] = "shutdown",
		[DRO_POWER_FORCE_STOP] = "shutdown", /* there is no other: Linode cuts the power
							where the guest does not go by itself */
		[DRO_POWER_REBOOT] = "reboot",
	};
	const struct li *li = account;
	struct dro_error other = DRO_ERROR_INIT;
	size_t i;
	int rc = 0;

	(void)region; /* a number is one in the whole account */
	if (power < DRO_POWER_START || power > DRO_POWER_REBOOT)
		return li->host->fail(err, DRO_EINVAL, NULL, "no such power state: %d", power);
	for (i = 0; i < id_count; i++) {
		int one =
			power_one(li, ids[i], power, actions[power], call, rc == 0 ? err : &other);

		if (rc == 0)
			rc = one;
	}
	return rc;
}

int li_terminate_instances(void *account, const char *region, const char *const *ids,
	size_t id_count, const struct dro_call *call, struct dro_error *err)
{
	const struct li *li = account;
	struct dro_error other = DRO_ERROR_INIT;
	size_t i;
	int rc = 0;

	(void)region;
	for (i = 0; i < id_count; i++) {
		const struct li_ask ask = {.kind = LI_REPEATABLE,
			.method = "DELETE",
			.path = {"linode", "instances", ids[i]}};
		struct dro_error *to = rc == 0 ? err : &other;
		int one = li_check_id(li, ids[i], to);

		if (one == 0)
			one = li_ask(li, &ask, NULL, call, to);
		if (one != DRO_ENOTFOUND && rc == 0)
			rc = one;
	}
	return rc;
}
