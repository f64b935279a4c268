#include "lab/route53_health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE "route53-health"
#define QUOTA 200 /* the account's default */
#define GONE_MAX 10000
#define DEPTH_MAX 8 /* of calculated checks in calculated checks */

static void check_free(struct route53_health_check *check)
{
	if (!check)
		return;
	cJSON_Delete(check->doc);
	free(check);
}

static int append(struct route53_health *health, cJSON *doc)
{
	struct route53_health_check *check = calloc(1, sizeof(*check)), **last = &health->first;

	if (!check || !doc) {
		free(check);
		return DRO_ENOMEM;
	}
	check->doc = doc;
	check->healthy = true;
	while (*last)
		last = &(*last)->next;
	*last = check;
	return 0;
}

static int load(struct route53_health *health, struct dro_error *err)
{
	cJSON *json = NULL, *doc;
	int rc = lab_state_load(health->lab, STATE, &json, err);

	if (rc < 0)
		return rc;
	health->gone = cJSON_DetachItemFromObjectCaseSensitive(json, "gone");
	if (!health->gone)
		health->gone = cJSON_CreateArray();
	cJSON_ArrayForEach(doc, cJSON_GetObjectItemCaseSensitive(json, "checks")) if (rc == 0) rc =
		append(health, cJSON_Duplicate(doc, true));
	cJSON_Delete(json);
	if (rc < 0)
		return dro_fail(err, rc, "out of memory");
	return health->first ? route53_probe_wake(health, err) : 0;
}

int route53_health_new(
	struct route53_health **out, struct lab *lab, struct dns_zones *dns, struct dro_error *err)
{
	struct route53_health *health = calloc(1, sizeof(*health));
	int rc;

	if (!health)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	health->lab = lab;
	health->dns = dns;
	health->quota = QUOTA;
	health->speed = 1;
	pthread_mutex_init(&health->lock, NULL);
	if ((rc = load(health, err)) < 0) {
		route53_health_free(health);
		return rc;
	}
	*out = health;
	return 0;
}

void route53_health_free(struct route53_health *health)
{
	struct route53_health_check *check, *next;

	if (!health)
		return;
	route53_probe_stop(health);
	for (check = health->first; check; check = next) {
		next = check->next;
		check_free(check);
	}
	cJSON_Delete(health->gone);
	pthread_mutex_destroy(&health->lock);
	free(health);
}

int route53_health_save(struct route53_health *health, struct dro_error *err)
{
	cJSON *json = cJSON_CreateObject(), *checks = cJSON_AddArrayToObject(json, "checks");
	const struct route53_health_check *check;
	int rc;

	for (check = health->first; check; check = check->next)
		cJSON_AddItemReferenceToArray(checks, check->doc);
	cJSON_AddItemReferenceToObject(json, "gone", health->gone);
	rc = lab_state_save(health->lab, STATE, json, err);
	cJSON_Delete(json);
	return rc;
}

struct route53_health_check *route53_health_find(struct route53_health *health, const char *id)
{
	struct route53_health_check *check;

	for (check = health->first; check; check = check->next)
		if (strcmp(dro_json_text(check->doc, "Id"), id) == 0)
			return check;
	return NULL;
}

static struct route53_health_check **link_of(
	struct route53_health *health, const struct route53_health_check *check)
{
	struct route53_health_check **link = &health->first;

	while (*link && *link != check)
		link = &(*link)->next;
	return link;
}

int route53_health_add(struct route53_health *health, cJSON *doc, struct dro_error *err)
{
	struct route53_health_check *check, **link;
	int rc = append(health, doc);

	if (rc < 0) {
		cJSON_Delete(doc);
		return dro_fail(err, rc, "out of memory");
	}
	check = route53_health_find(health, dro_json_text(doc, "Id"));
	if ((rc = route53_health_save(health, err)) == 0)
		return route53_probe_wake(health, err);
	link = link_of(health, check);
	*link = NULL;
	check_free(check);
	return rc;
}

int route53_health_remove(
	struct route53_health *health, struct route53_health_check *check, struct dro_error *err)
{
	struct route53_health_check **link = link_of(health, check);
	int rc;

	*link = check->next;
	cJSON_AddItemToArray(
		health->gone, cJSON_CreateString(dro_json_text(check->doc, "CallerReference")));
	if ((rc = route53_health_save(health, err)) < 0) {
		*link = check;
		cJSON_DeleteItemFromArray(health->gone, cJSON_GetArraySize(health->gone) - 1);
		return rc;
	}
	if (cJSON_GetArraySize(health->gone) > GONE_MAX)
		cJSON_DeleteItemFromArray(health->gone, 0);
	check_free(check);
	return 0;
}

/* ---- is it well? ----------------------------------------------------------------------------- */

static bool judge(struct route53_health *health, const char *id, unsigned depth)
{
	const struct route53_health_check *check = route53_health_find(health, id);
	const cJSON *config, *child;
	unsigned long count = 0, needed;
	bool good;

	if (!check || depth > DEPTH_MAX)
		return true;
	if (check->forced != ROUTE53_REAL)
		return check->forced == ROUTE53_UP;
	config = cJSON_GetObjectItemCaseSensitive(check->doc, "Config");
	good = check->healthy;
	if (route53_health_is_calculated(config)) {
		needed = strtoul(dro_json_text(config, "HealthThreshold"), NULL, 10);
		cJSON_ArrayForEach(child,
			cJSON_GetObjectItemCaseSensitive(config, "ChildHealthChecks")) count +=
			judge(health, child->valuestring, depth + 1);
		good = count >= needed;
	}
	if (strcmp(dro_json_text(config, "Disabled"), "true") == 0)
		good = true;
	return good != (strcmp(dro_json_text(config, "Inverted"), "true") == 0);
}

bool route53_healthy(void *arg, const char *id)
{
	struct route53_health *health = arg;
	bool good;

	pthread_mutex_lock(&health->lock);
	good = judge(health, id, 0);
	pthread_mutex_unlock(&health->lock);
	return good;
}

/* ---- commands -------------------------------------------------------------------------------- */

static void print_checks(struct route53_health *health, struct dro_buf *out)
{
	const struct route53_health_check *check;

	for (check = health->first; check; check = check->next) {
		const cJSON *config = cJSON_GetObjectItemCaseSensitive(check->doc, "Config");
		const char *id = dro_json_text(check->doc, "Id");
		const char *address = dro_json_text(config, "IPAddress");

		dro_buf_printf(out, "%s %s %s:%s %s %s\n", id, dro_json_text(config, "Type"),
			*address ? address : dro_json_text(config, "FullyQualifiedDomainName"),
			dro_json_text(config, "Port"),
			judge(health, id, 0) ? "healthy" : "unhealthy",
			check->last.at_ms ? check->last.status : "-");
	}
}

static int force(struct route53_health *health, char **argv, struct dro_error *err)
{
	static const char *const words[] = {
		[ROUTE53_REAL] = "real", [ROUTE53_UP] = "up", [ROUTE53_DOWN] = "down"};
	struct route53_health_check *check = route53_health_find(health, argv[1]);
	int i;

	if (!check)
		return dro_fail(err, DRO_ENOTFOUND, "no health check %s", argv[1]);
	for (i = ROUTE53_REAL; i <= ROUTE53_DOWN; i++)
		if (strcmp(argv[2], words[i]) == 0) {
			check->forced = (enum route53_forced)i;
			return 0;
		}
	return dro_fail(err, DRO_EINVAL, "health ID up|down|real");
}

int route53_health_control(struct route53_health *health, int argc, char **argv,
	struct dro_buf *out, struct dro_error *err)
{
	const char *what = argc > 0 ? argv[0] : "", *value = argc == 2 ? argv[1] : "";
	char *end = NULL;
	long number = strtol(value, &end, 10);
	bool counts = *value && !*end && number >= 1 && number <= 1000;
	struct route53_health_check *check;
	int rc = 0;

	pthread_mutex_lock(&health->lock);
	if (strcmp(what, "checks") == 0 && argc == 1) {
		print_checks(health, out);
	} else if (strcmp(what, "health") == 0 && argc == 3) {
		rc = force(health, argv, err);
	} else if (strcmp(what, "quota") == 0 && counts) {
		health->quota = number;
	} else if (strcmp(what, "speed") == 0 && counts) {
		health->speed = number;
		for (check = health->first; check; check = check->next)
			check->due_ms = 0; /* what was put off to the old speed */
		rc = health->first ? route53_probe_wake(health, err) : 0;
	} else {
		rc = DRO_EUNSUPPORTED;
	}
	pthread_mutex_unlock(&health->lock);
	return rc;
}
