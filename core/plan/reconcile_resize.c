/* Another type for a standby's instance: it is stopped for that, and a replica with it. */
#include <stdio.h>
#include <string.h>

#include "plan/differ.h"
#include "plan/replica.h"

#define RESIZE_MS 1800000

/* One instance to be resized. */
struct resizing {
	struct differ *differ;
	const struct dro_site *site;
	const struct dro_instance *instance;
	const char *type;
	char target[300];
};

/* What was seen of a site's database, where there is one; by name, for the active one. */
static const struct dro_data_host *database_of(
	const struct differ *differ, const char *name, const struct dro_site **site)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i;

	for (i = 0; seen->databases && i < seen->site_count; i++)
		if (strcmp(seen->sites[i].site->name, name) == 0 && *seen->databases[i].name) {
			*site = seen->sites[i].site;
			return &seen->databases[i];
		}
	return NULL;
}

const char *differ_data_host_id(const struct differ *differ, const struct dro_site *site)
{
	const struct dro_site *same;
	const struct dro_data_host *host = database_of(differ, site->name, &same);

	return host ? host->id : "";
}

static void note(const struct resizing *resizing, const char *step, bool expected)
{
	differ_change(resizing->differ, &(struct dro_change){.thing = DRO_THING_INSTANCE,
						.action = DRO_ACTION_UPDATE,
						.target = (char *)resizing->target,
						.was = (char *)resizing->instance->type,
						.wanted = (char *)resizing->type,
						.step = (char *)step,
						.expected = expected});
}

static void resize_alone(const struct resizing *resizing, const char *id)
{
	struct dro_build *build = &resizing->differ->base;
	struct dro_step *step = differ_step(
		resizing->differ, "compute.resize", resizing->instance->id, RESIZE_MS, id);

	if (!step)
		return;
	dro_build_input(build, step, "site", resizing->site->name);
	dro_build_input(build, step, "id", resizing->instance->id);
	dro_build_input(build, step, "type", resizing->type);
	dro_build_input(build, step, "previous", resizing->instance->type);
	dro_build_input_json(build, step, "runs",
		cJSON_CreateBool(resizing->instance->state == DRO_INSTANCE_RUNNING));
}

/* One that holds no data, or whose database is off, stops nothing that anybody waits for. */
static bool is_running_replica(const struct resizing *resizing, const struct dro_data_host *host)
{
	return host && strcmp(host->id, resizing->instance->id) == 0 &&
	       resizing->instance->state == DRO_INSTANCE_RUNNING &&
	       !(host->seen.answered && !host->seen.replicates);
}

void differ_resize(struct differ *differ, const struct dro_site *site,
	const struct dro_instance *instance, const char *type)
{
	struct resizing resizing = {
		.differ = differ, .site = site, .instance = instance, .type = type};
	const struct dro_site *same, *active = NULL;
	const struct dro_data_host *host = database_of(differ, site->name, &same),
				   *primary = database_of(
					   differ, dro_reconcile_data(differ->facts), &active);
	struct dro_step *first;
	char id[300], text[300];

	snprintf(resizing.target, sizeof(resizing.target), "%s of %s at %s", instance->id,
		site->name, site->provider);
	snprintf(text, sizeof(text), "resize-%s", instance->id);
	dro_build_id(id, sizeof(id), text);
	if (!is_running_replica(&resizing, host) || !primary) {
		resize_alone(&resizing, id);
	} else if (!host->seen.answered || !primary->seen.answered || !primary->seen.primary) {
		differ_finding(differ, DRO_FINDING_LEFT, resizing.target,
			"is of type %s, not %s: it holds a replica, and is not stopped while the "
			"agents of both sites do not answer as replica and primary",
			instance->type, type);
		return;
	} else {
		dro_build_replica_resize(&differ->base,
			&(struct dro_replica_resize){.site = site,
				.primary_site = active,
				.host = host,
				.primary = primary,
				.how = differ_replication(active, site),
				.type = type,
				.previous = instance->type,
				.may_fail = !differ->facts->service->safety.rollback},
			&first);
	}
	note(&resizing, id, dro_strategy_grows(site->strategy));
}
