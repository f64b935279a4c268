#include "plan/replica.h"

#include <stdio.h>

/* How long a step may take before it counts as failed. */
enum {
	UNGUARD_MS = 30000,
	DRAIN_MS = 600000,
	RESIZE_MS = 1800000,
	BOOT_MS = 900000,
	GUARD_MS = 120000,
};

void dro_build_input_host(struct dro_build *build, struct dro_step *step, const char *key,
	const struct dro_site *site, const struct dro_data_host *host, const char *address,
	int port)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "site", site->name);
	cJSON_AddStringToObject(json, "host", host->name);
	cJSON_AddStringToObject(json, "address", *address ? address : host->address);
	cJSON_AddNumberToObject(json, "port", port);
	dro_build_input_json(build, step, key, json);
}

static void input_replica(struct dro_build *build, const struct dro_replica_resize *resize,
	struct dro_step *step, const char *key, const char *address)
{
	dro_build_input_host(
		build, step, key, resize->site, resize->host, address, resize->how->port);
}

static void input_primary(struct dro_build *build, const struct dro_replica_resize *resize,
	struct dro_step *step, const char *key)
{
	dro_build_input_host(
		build, step, key, resize->primary_site, resize->primary, "", resize->how->port);
}

/* VERB-SITE, behind the step before it. */
static struct dro_step *add(struct dro_build *build, const struct dro_replica_resize *resize,
	const char *kind, const char *id, const char *target, int64_t timeout_ms,
	const struct dro_step *before)
{
	struct dro_step *step = dro_build_step(build, kind, target, timeout_ms, "%s", id);

	if (!step)
		return NULL;
	step->class = DRO_STEP_DATA_PLANE;
	step->may_fail = resize->may_fail;
	if (before)
		dro_build_after(build, step, before->id);
	return step;
}

static struct dro_step *add_unguard(
	struct dro_build *build, const struct dro_replica_resize *resize)
{
	char id[200];
	struct dro_step *step;

	if (!resize->primary || resize->how->mode != DRO_REPLICATION_SEMI_SYNC)
		return NULL;
	snprintf(id, sizeof(id), "unguard-%s", resize->site->name);
	step = add(build, resize, "database.unguard", id, resize->primary_site->name, UNGUARD_MS,
		NULL);
	if (!step)
		return NULL;
	input_primary(build, resize, step, "from");
	input_replica(build, resize, step, "to", "");
	return step;
}

static struct dro_step *add_drain(struct dro_build *build, const struct dro_replica_resize *resize,
	const struct dro_step *unguard)
{
	char id[200], text[240];
	struct dro_step *step;

	snprintf(id, sizeof(id), "drain-%s", resize->site->name);
	step = add(build, resize, "database.drain", id, resize->site->name, DRAIN_MS, unguard);
	if (!step)
		return NULL;
	input_replica(build, resize, step, "host", "");
	/* A run that is downgraded leaves the other one out, and needs it no more. */
	snprintf(text, sizeof(text), resize->may_fail ? "${%s.unguarded}" : "${%s.unguarded?}",
		unguard ? unguard->id : "");
	if (unguard)
		dro_build_input(build, step, "unguarded", text);
	return step;
}

static struct dro_step *add_resize(struct dro_build *build, const struct dro_replica_resize *resize,
	const struct dro_step *drain)
{
	char id[300], text[300];
	struct dro_step *step;

	snprintf(text, sizeof(text), "resize-%s", resize->host->id);
	dro_build_id(id, sizeof(id), text);
	step = add(build, resize, "compute.resize", id, resize->host->id, RESIZE_MS, drain);
	if (!step)
		return NULL;
	step->class = DRO_STEP_CONTROL_PLANE;
	dro_build_input(build, step, "site", resize->site->name);
	dro_build_input(build, step, "id", resize->host->id);
	dro_build_input(build, step, "type", resize->type);
	if (*resize->previous)
		dro_build_input(build, step, "previous", resize->previous);
	dro_build_input_json(build, step, "runs", cJSON_CreateTrue());
	snprintf(text, sizeof(text), "${%s.drained}", drain->id);
	dro_build_input(build, step, "drained", text);
	if (resize->primary)
		input_primary(build, resize, step, "primary");
	return step;
}

/* Until its agent answers at the address that it has now. */
static struct dro_step *add_boot(struct dro_build *build, const struct dro_replica_resize *resize,
	const struct dro_step *before, const char *address)
{
	const char *const ids[] = {resize->host->id};
	char id[200];
	struct dro_step *step;

	snprintf(id, sizeof(id), "boot.%s", resize->site->name);
	step = add(build, resize, "compute.wait", id, resize->site->name, BOOT_MS, before);
	if (!step)
		return NULL;
	dro_build_input(build, step, "site", resize->site->name);
	dro_build_input_json(build, step, "ids", dro_json_strings(ids, 1));
	snprintf(id, sizeof(id), "open.%s", resize->site->name);
	step = add(build, resize, "agent.open", id, resize->host->name, BOOT_MS, step);
	if (!step)
		return NULL;
	input_replica(build, resize, step, "host", address);
	dro_build_input(build, step, "role", "replica");
	return step;
}

void dro_build_replica_resize(
	struct dro_build *build, const struct dro_replica_resize *resize, struct dro_step **first)
{
	struct dro_step *unguard = add_unguard(build, resize), *step;
	char id[200], address[240];

	snprintf(address, sizeof(address), "${boot.%s.addresses}", resize->site->name);
	*first = unguard;
	step = add_drain(build, resize, unguard);
	if (!unguard)
		*first = step;
	if (!step || !(step = add_resize(build, resize, step)) ||
		!(step = add_boot(build, resize, step, address)) || !resize->primary)
		return;
	snprintf(id, sizeof(id), "guard-%s", resize->site->name);
	step = add(build, resize, "database.guard", id, resize->primary_site->name, GUARD_MS, step);
	if (!step)
		return;
	input_primary(build, resize, step, "from");
	input_replica(build, resize, step, "to", address);
	dro_build_input_json(build, step, "semi_sync",
		cJSON_CreateBool(resize->how->mode == DRO_REPLICATION_SEMI_SYNC));
}
