/* The providers' health checks behind weighted names: one for each site of such a name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"
#include "plan/differ.h"

#define CHECK_MS 60000

/* The seconds between two looks: the most of the provider's that keeps to ours, else its fewest. */
static uint32_t interval_of(const struct dro_seen_checks *seen, const struct dro_health *health)
{
	uint32_t wanted = (uint32_t)(health->interval_ms / 1000), found;
	size_t i;

	if (!wanted)
		wanted = 1;
	if (!seen->intervals || !seen->intervals[0])
		return wanted;
	found = seen->intervals[0];
	for (i = 1; i < DRO_INTERVALS_MAX && seen->intervals[i]; i++)
		if (seen->intervals[i] <= wanted)
			found = seen->intervals[i];
	return found;
}

static bool is_ours(const struct differ *differ, const struct dro_health_check *check)
{
	return dro_owner_is(check->owner, differ->facts->service->name);
}

/* What a check is to be. */
static cJSON *wanted_json(struct differ *differ, const struct dro_seen_checks *seen,
	const struct dro_site *site, const struct differ_addresses *at)
{
	const struct dro_health *health = &site->health;
	bool https = strcmp(health->scheme, "https") == 0;
	int fail_after = health->fail_after > 10 ? 10 : health->fail_after;
	char *owner = dro_owner_mark(differ->facts->service->name, site->name);
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "scheme", health->scheme);
	cJSON_AddStringToObject(json, "host", health->host);
	cJSON_AddStringToObject(json, "path", health->path);
	cJSON_AddNumberToObject(json, "port", health->port ? health->port : https ? 443 : 80);
	cJSON_AddNumberToObject(json, "interval_s", interval_of(seen, health));
	cJSON_AddNumberToObject(json, "fail_after", fail_after);
	cJSON_AddStringToObject(json, "address", at->count ? at->items[0] : at->reference);
	if (!owner || !cJSON_AddStringToObject(json, "owner", owner)) {
		cJSON_Delete(json);
		json = NULL;
		differ_no_memory(differ);
	}
	free(owner);
	return json;
}

static const char *kind_name(uint32_t kind)
{
	return kind == DRO_CHECK_HTTPS	? "https"
	       : kind == DRO_CHECK_HTTP ? "http"
	       : kind == DRO_CHECK_TCP	? "tcp"
					: "other";
}

/* As wanted_json has it: what a step puts back. */
static cJSON *seen_json(const struct dro_health_check *check)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "scheme", kind_name(check->kind));
	cJSON_AddStringToObject(json, "host", check->host);
	cJSON_AddStringToObject(json, "path", check->path);
	cJSON_AddNumberToObject(json, "port", check->port);
	cJSON_AddNumberToObject(json, "interval_s", check->interval_s);
	cJSON_AddNumberToObject(json, "fail_after", check->fail_after);
	cJSON_AddStringToObject(json, "address", check->address);
	cJSON_AddStringToObject(json, "owner", check->owner);
	return json;
}

static void describe(struct dro_buf *out, const cJSON *json)
{
	int64_t port = 0, interval = 0;

	dro_json_int(json, "port", 0, &port, NULL);
	dro_json_int(json, "interval_s", 0, &interval, NULL);
	dro_buf_printf(out, "%s %s %s:%lld%s every %llds", dro_json_text(json, "scheme"),
		dro_json_text(json, "host"), dro_json_text(json, "address"), (long long)port,
		dro_json_text(json, "path"), (long long)interval);
}

/* A provider whose checks have no address gives it to whatever uses them. */
static bool equal(const cJSON *wanted, const cJSON *seen)
{
	static const char *const texts[] = {"scheme", "host", "path", "owner"};
	static const char *const numbers[] = {"port", "interval_s", "fail_after"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(dro_json_text(wanted, texts[i]), dro_json_text(seen, texts[i])) != 0)
			return false;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!cJSON_Compare(cJSON_GetObjectItemCaseSensitive(wanted, numbers[i]),
			    cJSON_GetObjectItemCaseSensitive(seen, numbers[i]), true))
			return false;
	return !*dro_json_text(seen, "address") ||
	       strcmp(dro_json_text(wanted, "address"), dro_json_text(seen, "address")) == 0;
}

/*
 * The site's check that is there. One of another scheme or interval is none: no provider changes
 * those, so another one takes its place, and it goes once no record names it.
 */
static const struct dro_health_check *find(
	const struct differ *differ, const struct dro_seen_checks *seen, const char *name)
{
	const struct dro_site *site = dro_service_site(differ->facts->service, name);
	char *owner = dro_owner_mark(differ->facts->service->name, name);
	const struct dro_health_check *found = NULL;
	size_t i;

	for (i = 0; owner && site && i < seen->count; i++) {
		const struct dro_health_check *check = seen->checks[i];

		if (strcmp(check->owner, owner) == 0 &&
			strcmp(kind_name(check->kind), site->health.scheme) == 0 &&
			check->interval_s == interval_of(seen, &site->health) &&
			(!found || strcmp(check->id, found->id) < 0))
			found = check;
	}
	free(owner);
	return found;
}

/*
 * One that is to be adopted: it has what no provider changes, and where it looks at is where this
 * site is. The rest is set with the mark.
 */
static const struct dro_health_check *find_adopted(struct differ *differ,
	const struct dro_seen_checks *seen, const struct dro_site *site, const cJSON *wanted)
{
	size_t i;

	for (i = 0; i < seen->count; i++) {
		const struct dro_health_check *check = seen->checks[i];

		if (differ_adopts(differ, check->id) &&
			strcmp(kind_name(check->kind), site->health.scheme) == 0 &&
			check->interval_s == interval_of(seen, &site->health) &&
			(*check->address ? strcmp(check->address,
						   dro_json_text(wanted, "address")) == 0
					 : strcmp(check->host, site->health.host) == 0))
			return check;
	}
	return NULL;
}

/* Does a weighted name need a check of that site at that provider? */
static bool needed(const struct dro_service *service, const char *provider, const char *site)
{
	const struct dro_site *found = dro_service_site(service, site);
	size_t i, j, k;

	for (i = 0; found && found->health.given && i < service->traffic_count; i++) {
		const struct dro_traffic *traffic = &service->traffic[i];

		if (traffic->policy != DRO_POLICY_WEIGHTED)
			continue;
		for (j = 0; j < traffic->path_count; j++)
			for (k = 0; strcmp(traffic->paths[j].provider, provider) == 0 &&
				    k < traffic->weight_count;
				k++)
				if (strcmp(traffic->weights[k].site, site) == 0)
					return true;
	}
	return false;
}

static void step_id(
	char *out, size_t size, const char *verb, const char *provider, const char *what)
{
	char text[300];

	snprintf(text, sizeof(text), "%s-%s-%s", verb, provider, what);
	dro_build_id(out, size, text);
}

static void change(struct differ *differ, enum dro_action action, const char *provider,
	const char *what, const cJSON *was, const cJSON *wanted, const struct dro_step *step)
{
	struct dro_buf before = DRO_BUF_INIT(2000), after = DRO_BUF_INIT(2000);
	char target[300];

	snprintf(target, sizeof(target), "%s at %s", what, provider);
	if (was)
		describe(&before, was);
	if (wanted)
		describe(&after, wanted);
	differ_change(differ, &(struct dro_change){.thing = DRO_THING_CHECK,
				      .action = action,
				      .target = target,
				      .was = (char *)dro_buf_str(&before),
				      .wanted = (char *)dro_buf_str(&after),
				      .step = step ? step->id : NULL,
				      .expected = action == DRO_ACTION_ADOPT});
	dro_buf_free(&before);
	dro_buf_free(&after);
}

static void put(struct differ *differ, const struct dro_seen_checks *seen,
	const struct dro_site *site, const struct dro_health_check *before, cJSON *wanted,
	const char *after)
{
	cJSON *was = before ? seen_json(before) : NULL;
	struct dro_build *build = &differ->base;
	struct dro_step *step;
	char id[300];

	step_id(id, sizeof(id), "check", seen->provider, site->name);
	step = differ_step(differ, "check.put", site->name, CHECK_MS, id);
	change(differ,
		!before			  ? DRO_ACTION_CREATE
		: is_ours(differ, before) ? DRO_ACTION_UPDATE
					  : DRO_ACTION_ADOPT,
		seen->provider, site->name, was, wanted, step);
	if (!step) {
		cJSON_Delete(was);
		cJSON_Delete(wanted);
		return;
	}
	dro_build_input(build, step, "provider", seen->provider);
	dro_build_input(build, step, "id", before ? before->id : "");
	dro_build_input(build, step, "version", before ? before->version : "");
	dro_build_input_json(build, step, "check", wanted);
	if (was)
		dro_build_input_json(build, step, "was", was);
	if (*after)
		dro_build_after(build, step, after);
}

/* For the rule: two would both think that it is theirs. */
static void judge_mark(struct differ *differ, const struct dro_health_check *check)
{
	char text[400];

	if (!*check->owner)
		return;
	snprintf(text, sizeof(text), "health check %s is marked %s", check->id, check->owner);
	differ_keep_text(differ, &differ->diff->marked, text);
}

/* An adoption is about what it names: a check that is not there is made where a record that it
 * names hangs on it. */
static bool is_meant(const struct differ *differ, const struct dro_health_check *before)
{
	return !differ->facts->adopt.count || differ_adopts_records(differ) ||
	       (before && !is_ours(differ, before));
}

static void compare_site(
	struct differ *differ, const struct dro_seen_checks *seen, const struct dro_site *site)
{
	const struct dro_health_check *before;
	struct differ_addresses at;
	cJSON *wanted = NULL, *was = NULL;

	if (!needed(differ->facts->service, seen->provider, site->name))
		return;
	before = find(differ, seen, site->name);
	differ_addresses_of(differ, site, &at);
	if (differ->base.rc == 0 && (at.count || *at.reference))
		wanted = wanted_json(differ, seen, site, &at);
	if (wanted && !before && (before = find_adopted(differ, seen, site, wanted)))
		judge_mark(differ, before);
	was = before ? seen_json(before) : NULL;
	if (wanted && is_meant(differ, before) && (!was || !equal(wanted, was))) {
		put(differ, seen, site, before, wanted, at.step);
		wanted = NULL;
	}
	cJSON_Delete(wanted);
	cJSON_Delete(was);
	free(at.items);
}

/* Ours, and of no site that needs one. */
static void remove_unneeded(struct differ *differ, const struct dro_seen_checks *seen)
{
	const char *service = differ->facts->service->name;
	size_t i;

	for (i = 0; i < seen->count; i++) {
		const struct dro_health_check *check = seen->checks[i];
		const char *site = strchr(check->owner, '/');
		struct dro_step *step;
		cJSON *was;
		char id[300];

		if (!dro_owner_is(check->owner, service))
			continue;
		differ->diff->things++;
		if (find(differ, seen, site + 1) == check &&
			needed(differ->facts->service, seen->provider, site + 1))
			continue;
		step_id(id, sizeof(id), "uncheck", seen->provider, check->id);
		step = differ_step(differ, "check.delete", site + 1, CHECK_MS, id);
		if (!step)
			return;
		was = seen_json(check);
		dro_build_input(&differ->base, step, "provider", seen->provider);
		dro_build_input(&differ->base, step, "id", check->id);
		change(differ, DRO_ACTION_DELETE, seen->provider, site + 1, was, NULL, step);
		dro_build_input_json(&differ->base, step, "was", was);
	}
}

/* Each one that was named is ours now, or is to be. */
static void check_adopted(struct differ *differ, const struct dro_seen_checks *seen)
{
	const struct dro_plan *plan = differ->base.plan;
	size_t i, j;

	for (i = 0; i < seen->count && differ->base.rc == 0; i++) {
		const struct dro_health_check *check = seen->checks[i];

		if (!differ_adopts(differ, check->id) || is_ours(differ, check))
			continue;
		for (j = 0; j < plan->step_count; j++)
			if (strcmp(plan->steps[j]->kind, "check.put") == 0 &&
				strcmp(dro_json_text(plan->steps[j]->inputs, "id"), check->id) == 0)
				break;
		if (j == plan->step_count)
			differ->base.rc = dro_fail(differ->base.err, DRO_ECONFLICT,
				"no site of %s is without a check and wants one like %s: of its "
				"kind, as often, of where it looks",
				differ->facts->service->name, check->id);
	}
}

bool differ_is_check(const struct differ *differ, const char *id)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i, j;

	for (i = 0; i < seen->check_count; i++)
		for (j = 0; j < seen->checks[i].count; j++)
			if (strcmp(seen->checks[i].checks[j]->id, id) == 0)
				return true;
	return false;
}

void differ_checks(struct differ *differ)
{
	const struct dro_service *service = differ->facts->service;
	size_t i, j;

	for (i = 0; i < differ->facts->seen->check_count && differ->base.rc == 0; i++) {
		const struct dro_seen_checks *seen = &differ->facts->seen->checks[i];

		if (seen->error) {
			differ_finding(differ, DRO_FINDING_UNKNOWN, seen->provider,
				"its health checks could not be read: %s", seen->error);
			continue;
		}
		for (j = 0; j < service->site_count && differ->base.rc == 0; j++)
			compare_site(differ, seen, &service->sites[j]);
		check_adopted(differ, seen);
	}
}

void differ_unchecks(struct differ *differ)
{
	size_t i, j, first = differ->base.plan->step_count;
	struct dro_plan *plan = differ->base.plan;

	for (i = 0; i < differ->facts->seen->check_count && differ->base.rc == 0; i++)
		if (!differ->facts->seen->checks[i].error)
			remove_unneeded(differ, &differ->facts->seen->checks[i]);
	for (i = first; i < plan->step_count; i++)
		for (j = 0; j < first; j++)
			if (strcmp(plan->steps[j]->kind, "dns.apply") == 0)
				dro_build_after(&differ->base, plan->steps[i], plan->steps[j]->id);
}

bool differ_check_of(struct differ *differ, const char *provider, const struct dro_site *site,
	char id[300], char step[200])
{
	const struct dro_observed *seen = differ->facts->seen;
	const struct dro_health_check *check;
	char put_id[200];
	size_t i;

	id[0] = step[0] = '\0';
	if (!needed(differ->facts->service, provider, site->name))
		return true;
	step_id(put_id, sizeof(put_id), "check", provider, site->name);
	for (i = 0; i < seen->check_count; i++) {
		if (strcmp(seen->checks[i].provider, provider) != 0)
			continue;
		if (seen->checks[i].error)
			return false;
		check = find(differ, &seen->checks[i], site->name);
		if (check) {
			snprintf(id, 300, "%s", check->id);
		} else if (dro_plan_step(differ->base.plan, put_id)) {
			snprintf(id, 300, "${%s.id}", put_id);
			snprintf(step, 200, "%s", put_id);
		}
	}
	return true;
}
