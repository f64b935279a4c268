/*
 * The operations on health checks.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHealthCheck.html
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/route53_health.h"
#include "lab/route53_tags.h"

#define PAGE_MAX 100

/* Where the vendor's checkers ask from, as it publishes them; two look at an endpoint from each
 * region. */
static const struct checker {
	const char *region;
	const char *address;
	const char *range;
} checkers[] = {
	{"us-east-1", "54.243.31.197", "54.243.31.192/26"},
	{"us-east-1", "107.23.255.6", "107.23.255.0/26"},
	{"us-west-1", "54.183.255.134", "54.183.255.128/26"},
	{"us-west-1", "54.241.32.70", "54.241.32.64/26"},
	{"us-west-2", "54.244.52.198", "54.244.52.192/26"},
	{"us-west-2", "54.245.168.6", "54.245.168.0/26"},
	{"eu-west-1", "54.228.16.6", "54.228.16.0/26"},
	{"eu-west-1", "176.34.159.198", "176.34.159.192/26"},
	{"ap-southeast-1", "54.251.31.134", "54.251.31.128/26"},
	{"ap-southeast-1", "54.255.254.198", "54.255.254.192/26"},
	{"ap-southeast-2", "54.252.79.134", "54.252.79.128/26"},
	{"ap-southeast-2", "54.252.254.198", "54.252.254.192/26"},
	{"ap-northeast-1", "54.248.220.6", "54.248.220.0/26"},
	{"ap-northeast-1", "54.250.253.198", "54.250.253.192/26"},
	{"sa-east-1", "54.232.40.70", "54.232.40.64/26"},
	{"sa-east-1", "177.71.207.134", "177.71.207.128/26"},
};
#define CHECKERS (sizeof(checkers) / sizeof(checkers[0]))

static const cJSON *config_of(const struct route53_health_check *check)
{
	return cJSON_GetObjectItemCaseSensitive(check->doc, "Config");
}

static void put_check(struct route53_call *c, const struct route53_health_check *check)
{
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(check->doc, "Version");
	struct dro_buf *out = &c->reply->body;

	dro_buf_puts(out, "<HealthCheck>");
	lab_xml_element(out, "Id", dro_json_text(check->doc, "Id"));
	lab_xml_element(out, "CallerReference", dro_json_text(check->doc, "CallerReference"));
	route53_health_config_write(out, config_of(check));
	dro_buf_printf(out, "<HealthCheckVersion>%d</HealthCheckVersion></HealthCheck>",
		version->valueint);
}

static void answer(
	struct route53_call *c, const char *response, const struct route53_health_check *check)
{
	lab_reply_id(c->reply, dro_json_text(check->doc, "Id"));
	route53_begin(c, response);
	put_check(c, check);
	route53_end(c, response);
}

/* The check of the call's path. NULL: answered. */
static struct route53_health_check *need(struct route53_call *c)
{
	struct route53_health_check *check = route53_health_find(c->r53->health, c->id);

	if (!check)
		route53_error(c, 404, "NoSuchHealthCheck",
			"The specified health check does not exist: %.64s", c->id);
	return check;
}

/* ---- create ---------------------------------------------------------------------------------- */

static struct route53_health_check *find_reference(
	struct route53_health *health, const char *reference)
{
	struct route53_health_check *check;

	for (check = health->first; check; check = check->next)
		if (strcmp(dro_json_text(check->doc, "CallerReference"), reference) == 0)
			return check;
	return NULL;
}

static bool was_used(const struct route53_health *health, const char *reference)
{
	const cJSON *gone;

	cJSON_ArrayForEach(
		gone, health->gone) if (strcmp(gone->valuestring, reference) == 0) return true;
	return false;
}

static size_t count_checks(const struct route53_health *health)
{
	const struct route53_health_check *check;
	size_t count = 0;

	for (check = health->first; check; check = check->next)
		count++;
	return count;
}

/* Takes the config over. NULL: answered. */
static struct route53_health_check *add(
	struct route53_call *c, const char *reference, cJSON *config)
{
	struct dro_error err = DRO_ERROR_INIT;
	cJSON *doc = cJSON_CreateObject();
	char id[40];

	lab_uuid(id);
	cJSON_AddStringToObject(doc, "Id", id);
	cJSON_AddStringToObject(doc, "CallerReference", reference);
	cJSON_AddNumberToObject(doc, "Version", 1);
	cJSON_AddItemToObject(doc, "Asked", cJSON_Duplicate(config, true));
	cJSON_AddItemToObject(doc, "Config", config);
	if (route53_health_add(c->r53->health, doc, &err) == 0)
		return route53_health_find(c->r53->health, id);
	route53_error(c, 500, "InternalFailure", "%s", err.message);
	return NULL;
}

/* The check for that reference and config, made where there is none. NULL: answered. */
static struct route53_health_check *make(
	struct route53_call *c, const char *reference, cJSON *config)
{
	struct route53_health *health = c->r53->health;
	struct route53_health_check *check = find_reference(health, reference);
	bool same = check && cJSON_Compare(cJSON_GetObjectItemCaseSensitive(check->doc, "Asked"),
				     config, true);

	if (!check && !was_used(health, reference) && (int64_t)count_checks(health) < health->quota)
		return add(c, reference, config);
	cJSON_Delete(config);
	if (same)
		return check;
	if (check || was_used(health, reference))
		route53_error(c, 409, "HealthCheckAlreadyExists",
			"The caller reference %s has been used by a health check %s", reference,
			check ? "with other settings" : "that was deleted");
	else
		route53_error(c, 400, "TooManyHealthChecks",
			"This account may have %lld health checks", (long long)health->quota);
	return NULL;
}

static void create(struct route53_call *c, const struct dro_xml_node *root)
{
	const char *reference = dro_xml_text(root, "CallerReference");
	const struct route53_health_check *check;
	struct dro_buf why = DRO_BUF_INIT(2048);
	cJSON *config = NULL;

	if (!*reference || strlen(reference) > 64)
		dro_buf_puts(&why, "CallerReference is 1 to 64 characters");
	else
		config = route53_health_config(
			c->r53->health, dro_xml_child(root, "HealthCheckConfig"), &why);
	if (!config)
		route53_error(c, 400, "InvalidInput", "%s", dro_buf_str(&why));
	dro_buf_free(&why);
	check = config ? make(c, reference, config) : NULL;
	if (!check)
		return;
	snprintf(c->reply->token, sizeof(c->reply->token), "%s", reference);
	lab_reply_header(c->reply, "Location",
		"https://route53.amazonaws.com/2013-04-01/healthcheck/%s",
		dro_json_text(check->doc, "Id"));
	answer(c, "CreateHealthCheckResponse", check);
	c->reply->status = 201;
}

void route53_health_create(struct route53_call *c)
{
	struct dro_xml *xml;

	if (!route53_body(c, "CreateHealthCheckRequest", &xml))
		return;
	pthread_mutex_lock(&c->r53->health->lock);
	create(c, dro_xml_root(xml));
	pthread_mutex_unlock(&c->r53->health->lock);
	dro_xml_free(xml);
}

/* ---- update and delete ----------------------------------------------------------------------- */

static void update(
	struct route53_call *c, struct route53_health_check *check, const struct dro_xml_node *root)
{
	cJSON *version = cJSON_GetObjectItemCaseSensitive(check->doc, "Version");
	const char *given = dro_xml_text(root, "HealthCheckVersion");
	struct dro_buf why = DRO_BUF_INIT(2048);
	struct dro_error err = DRO_ERROR_INIT;
	cJSON *config = NULL, *old;

	if (*given && strtol(given, NULL, 10) != version->valueint) {
		route53_error(c, 409, "HealthCheckVersionMismatch",
			"The health check is of version %d, not %.20s", version->valueint, given);
		return;
	}
	config = route53_health_updated(c->r53->health, config_of(check), root, &why);
	if (!config)
		route53_error(c, 400, "InvalidInput", "%s", dro_buf_str(&why));
	dro_buf_free(&why);
	if (!config)
		return;
	old = cJSON_DetachItemFromObjectCaseSensitive(check->doc, "Config");
	cJSON_AddItemToObject(check->doc, "Config", config);
	cJSON_SetNumberValue(version, version->valueint + 1);
	if (route53_health_save(c->r53->health, &err) < 0) {
		cJSON_ReplaceItemInObjectCaseSensitive(check->doc, "Config", old);
		cJSON_SetNumberValue(version, version->valueint - 1);
		route53_error(c, 500, "InternalFailure", "%s", err.message);
		return;
	}
	cJSON_Delete(old);
	check->due_ms = 0;
	if (route53_probe_wake(c->r53->health, &err) < 0)
		route53_error(c, 500, "InternalFailure", "%s", err.message);
	else
		answer(c, "UpdateHealthCheckResponse", check);
}

void route53_health_update(struct route53_call *c)
{
	struct route53_health_check *check;
	struct dro_xml *xml;

	if (!route53_body(c, "UpdateHealthCheckRequest", &xml))
		return;
	pthread_mutex_lock(&c->r53->health->lock);
	if ((check = need(c)))
		update(c, check, dro_xml_root(xml));
	pthread_mutex_unlock(&c->r53->health->lock);
	dro_xml_free(xml);
}

/* Sets that name it do not keep it, as the vendor documents: HealthCheckInUse is not in use. */
void route53_health_delete(struct route53_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct route53_health_check *check;
	int rc = 0;

	pthread_mutex_lock(&c->r53->health->lock);
	check = need(c);
	if (check)
		rc = route53_health_remove(c->r53->health, check, &err);
	pthread_mutex_unlock(&c->r53->health->lock);
	if (!check)
		return;
	if (rc < 0 || (rc = route53_tags_forget(c->r53, "healthcheck", c->id, &err)) < 0) {
		route53_error(c, 500, "InternalFailure", "%s", err.message);
		return;
	}
	lab_reply_id(c->reply, c->id);
	route53_begin(c, "DeleteHealthCheckResponse");
	route53_end(c, "DeleteHealthCheckResponse");
}

/* ---- looking --------------------------------------------------------------------------------- */

void route53_health_get(struct route53_call *c)
{
	const struct route53_health_check *check;

	pthread_mutex_lock(&c->r53->health->lock);
	if ((check = need(c))) {
		route53_begin(c, "GetHealthCheckResponse");
		put_check(c, check);
		route53_end(c, "GetHealthCheckResponse");
	}
	pthread_mutex_unlock(&c->r53->health->lock);
}

static void list(struct route53_call *c, const char *marker, int64_t max)
{
	const struct route53_health_check *check = c->r53->health->first;
	struct dro_buf *body = &c->reply->body;
	int64_t left = max;

	while (marker && check && strcmp(dro_json_text(check->doc, "Id"), marker) != 0)
		check = check->next;
	if (marker && !check) {
		route53_error(c, 400, "InvalidInput", "There is no health check %.64s", marker);
		return;
	}
	route53_begin(c, "ListHealthChecksResponse");
	dro_buf_puts(body, "<HealthChecks>");
	for (; check && left > 0; check = check->next, left--)
		put_check(c, check);
	dro_buf_puts(body, "</HealthChecks>");
	lab_xml_element(body, "Marker", marker ? marker : "");
	dro_buf_printf(body, "<IsTruncated>%s</IsTruncated>", check ? "true" : "false");
	if (check)
		lab_xml_element(body, "NextMarker", dro_json_text(check->doc, "Id"));
	dro_buf_printf(body, "<MaxItems>%lld</MaxItems>", (long long)max);
	route53_end(c, "ListHealthChecksResponse");
}

void route53_health_list(struct route53_call *c)
{
	int64_t max;

	if (!route53_max_items(c, PAGE_MAX, &max))
		return;
	pthread_mutex_lock(&c->r53->health->lock);
	list(c, lab_query(c->request, "marker"), max);
	pthread_mutex_unlock(&c->r53->health->lock);
}

void route53_health_count(struct route53_call *c)
{
	size_t count;

	pthread_mutex_lock(&c->r53->health->lock);
	count = count_checks(c->r53->health);
	pthread_mutex_unlock(&c->r53->health->lock);
	route53_begin(c, "GetHealthCheckCountResponse");
	dro_buf_printf(&c->reply->body, "<HealthCheckCount>%zu</HealthCheckCount>", count);
	route53_end(c, "GetHealthCheckCountResponse");
}

static bool looks_from(const cJSON *config, const char *region)
{
	const cJSON *regions = cJSON_GetObjectItemCaseSensitive(config, "Regions"), *item;

	cJSON_ArrayForEach(item, regions) if (strcmp(item->valuestring, region) == 0) return true;
	return !regions || !regions->child;
}

/* What each checker reports; nothing where nothing is known yet. */
static void put_observations(struct route53_call *c, const struct route53_health_check *check,
	const struct route53_finding *finding)
{
	struct dro_buf *body = &c->reply->body;
	char time[DRO_TIME_TEXT];
	size_t i;

	dro_time_format(time, finding->at_ms);
	dro_buf_puts(body, "<HealthCheckObservations>");
	for (i = 0; finding->at_ms && i < CHECKERS; i++) {
		if (!looks_from(config_of(check), checkers[i].region))
			continue;
		dro_buf_puts(body, "<HealthCheckObservation>");
		lab_xml_element(body, "Region", checkers[i].region);
		lab_xml_element(body, "IPAddress", checkers[i].address);
		dro_buf_puts(body, "<StatusReport>");
		lab_xml_element(body, "Status", finding->status);
		lab_xml_element(body, "CheckedTime", time);
		dro_buf_puts(body, "</StatusReport></HealthCheckObservation>");
	}
	dro_buf_puts(body, "</HealthCheckObservations>");
}

static void observe(struct route53_call *c, const char *response, bool failure)
{
	const struct route53_health_check *check;

	pthread_mutex_lock(&c->r53->health->lock);
	check = need(c);
	if (check && route53_health_is_calculated(config_of(check)))
		route53_error(c, 400, "InvalidInput",
			"Checkers report about endpoints, not about a calculated health check");
	else if (check) {
		route53_begin(c, response);
		put_observations(c, check, failure ? &check->failure : &check->last);
		route53_end(c, response);
	}
	pthread_mutex_unlock(&c->r53->health->lock);
}

void route53_health_status(struct route53_call *c)
{
	observe(c, "GetHealthCheckStatusResponse", false);
}

void route53_health_failure(struct route53_call *c)
{
	observe(c, "GetHealthCheckLastFailureReasonResponse", true);
}

void route53_checker_ranges(struct route53_call *c)
{
	size_t i;

	route53_begin(c, "GetCheckerIpRangesResponse");
	dro_buf_puts(&c->reply->body, "<CheckerIpRanges>");
	for (i = 0; i < CHECKERS; i++)
		lab_xml_element(&c->reply->body, "member", checkers[i].range);
	dro_buf_puts(&c->reply->body, "</CheckerIpRanges>");
	route53_end(c, "GetCheckerIpRangesResponse");
}
