/*
 * How instances are: what Linode says of them, and the load of their processors.
 *   https://techdocs.akamai.com/linode-api/reference/get-linode-stats
 */
#include <string.h>

#include "plugins/linode/linode.h"

#define RECENT_MS (15.0 * 60 * 1000) /* a sample is a mean of five minutes */

/* An instance that is off is not well, whoever switched it off. */
static uint32_t health_of(const char *status)
{
	static const struct dro_word states[] = {
		{"running", DRO_HEALTHY},
		{"offline", DRO_UNHEALTHY},
		{"stopped", DRO_UNHEALTHY}, /* maintenance */
		{"billing_suspension", DRO_UNHEALTHY},
		{NULL, DRO_HEALTH_UNKNOWN},
	};

	return (uint32_t)dro_word_code(states, status);
}

/* [time, percent]; false: no sample. */
static bool read_sample(const cJSON *sample, double *at_ms, double *percent)
{
	const cJSON *at = cJSON_GetArrayItem(sample, 0), *value = cJSON_GetArrayItem(sample, 1);

	if (!cJSON_IsNumber(at) || !cJSON_IsNumber(value))
		return false;
	*at_ms = at->valuedouble;
	*percent = value->valuedouble;
	return *at_ms > 0 && *at_ms < 1e15 && *percent >= 0;
}

/* The mean of the last samples. A processor that is busy all the time counts 100. */
static void read_load(const cJSON *list, int64_t vcpus, struct dro_instance_health *health)
{
	double newest = 0, sum = 0, at, percent, permille;
	const cJSON *sample;
	size_t count = 0;

	cJSON_ArrayForEach(sample, list) if (read_sample(sample, &at, &percent) && at > newest)
		newest = at;
	cJSON_ArrayForEach(sample, list)
	{
		if (!read_sample(sample, &at, &percent) || at <= newest - RECENT_MS)
			continue;
		sum += percent;
		count++;
	}
	if (count == 0)
		return;
	permille = sum / (double)count * 10 / (double)vcpus;
	health->measured_ms = (int64_t)newest;
	health->cpu_permille = permille < 1000 ? (uint32_t)(permille + 0.5) : 1000;
}

/* An instance that is new or off has no samples: Linode says so with a 400. */
static int measure(const struct li *li, const char *id, const cJSON *item,
	struct dro_instance_health *health, const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {
		.kind = LI_READ, .method = "GET", .path = {"linode", "instances", id, "stats"}};
	const cJSON *specs = cJSON_GetObjectItemCaseSensitive(item, "specs"), *data;
	struct dro_error why = DRO_ERROR_INIT;
	cJSON *answer = NULL;
	int64_t vcpus = 0;
	int rc;

	if (dro_json_int(specs, "vcpus", 0, &vcpus, NULL) < 0 || vcpus < 1)
		return li_nonsense(li, LI_READ, "an instance without processors", err);
	if ((rc = li_ask(li, &ask, &answer, call, &why)) < 0) {
		if (why.http_status == 400 && strstr(why.message, "unavailable"))
			return 0;
		return li_pass_on(li, &why, err);
	}
	/* Described without an envelope, and sent in one. */
	data = cJSON_GetObjectItemCaseSensitive(answer, "data");
	read_load(cJSON_GetObjectItemCaseSensitive(data ? data : answer, "cpu"), vcpus, health);
	cJSON_Delete(answer);
	return 0;
}

static int emit_one(const struct li *li, const char *id, dro_emit_instance_health emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_instance_health health = {.size = sizeof(health), .id = id};
	struct dro_error why = DRO_ERROR_INIT;
	cJSON *item = NULL;
	int rc;

	if ((rc = li_get_instance(li, id, &item, call, &why)) < 0)
		return rc == DRO_ENOTFOUND ? 0 : li_pass_on(li, &why, err);
	health.text = dro_json_text(item, "status");
	health.state = health_of(health.text);
	if (health.state == DRO_HEALTHY)
		rc = measure(li, id, item, &health, call, err);
	if (rc == 0)
		rc = emit(arg, &health);
	cJSON_Delete(item);
	return rc;
}

int li_instance_health(void *account, const char *region, const char *const *ids, size_t id_count,
	dro_emit_instance_health emit, void *arg, const struct dro_call *call,
	struct dro_error *err)
{
	const struct li *li = account;
	size_t i;
	int rc = 0;

	(void)region;
	for (i = 0; i < id_count && rc == 0; i++)
		rc = emit_one(li, ids[i], emit, arg, call, err);
	return rc;
}
