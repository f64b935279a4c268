#include "plan/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/build.h"

/* How long a step may take before it counts as failed. */
enum {
	PROBE_MS = 15000,
	PREPARE_MS = 60000,
	CAPACITY_MS = 30000,
	LAUNCH_MS = 180000,
	BOOT_MS = 900000,
	REACH_MS = 600000,
	PLAY_SLACK_MS = 60000,
	LEAVE_MS = 120000,
	STOP_MS = 300000,
	IMAGE_MS = 2 * 3600000,
	TERMINATE_MS = 600000,
	VERIFY_MS = 120000,
};

#define STAMP "-YYYYMMDD-HHMMSS"

struct build {
	struct dro_build base;
	const struct dro_image_facts *facts;
	const char *type, *last; /* last: the step that the next one waits for; NULL: none */
};

const char *dro_image_machine_type(
	const struct dro_service *service, const struct dro_image_policy *policy)
{
	size_t i, j;

	if (*policy->type)
		return policy->type;
	for (i = 0; i < service->site_count; i++) {
		const struct dro_site *site = &service->sites[i];

		for (j = 0; j < site->group_count; j++)
			if (strcmp(site->provider, policy->provider) == 0 &&
				strcmp(site->groups[j].image, policy->name) == 0)
				return site->groups[j].type;
	}
	return NULL;
}

/* ---- steps -------------------------------------------------------------------------------------
 */

/* One after the other: each waits for the one before. */
static struct dro_step *add(struct build *build, const char *id, const char *kind,
	const char *target, int64_t timeout_ms)
{
	const struct dro_image_policy *policy = build->facts->policy;
	struct dro_step *step = dro_build_step(&build->base, kind, target, timeout_ms, "%s", id);

	if (!step)
		return NULL;
	if (build->last)
		dro_build_after(&build->base, step, build->last);
	dro_build_input(&build->base, step, "provider", policy->provider);
	dro_build_input(&build->base, step, "region", policy->region);
	dro_build_input(&build->base, step, "build", policy->name);
	return step;
}

static void input(struct build *build, struct dro_step *step, const char *key, const char *text)
{
	if (step)
		dro_build_input(&build->base, step, key, text);
}

static void add_machine(struct build *build)
{
	const struct dro_image_facts *facts = build->facts;
	struct dro_step *step;

	step = dro_build_step(&build->base, "provider.probe", facts->policy->provider, PROBE_MS,
		"probe-%s", facts->policy->provider);
	input(build, step, "account", facts->policy->provider);
	add(build, "prepare", "image.prepare", facts->policy->name, PREPARE_MS);
	step = add(build, "capacity", "compute.capacity", build->type, CAPACITY_MS);
	input(build, step, "image", facts->base);
	input(build, step, "type", build->type);

	step = add(build, "launch", "compute.launch", facts->base, LAUNCH_MS);
	if (!step)
		return;
	step->class = DRO_STEP_CONTROL_PLANE;
	input(build, step, "image", facts->base);
	input(build, step, "type", build->type);
	input(build, step, "user_data", "${prepare.user_data}");
	dro_build_after_kind(&build->base, step, "provider.probe");
	dro_build_after(&build->base, step, "prepare");
	dro_build_after(&build->base, step, "capacity");
	build->last = "launch";
	step = add(build, "boot", "compute.wait", "the machine", BOOT_MS);
	input(build, step, "ids", "${launch.ids}");
	build->last = "boot";
}

static void add_play(struct build *build, const char *id, const char *playbook)
{
	struct dro_step *step = add(build, id, "image.play", playbook,
		build->facts->policy->deadline_ms + PLAY_SLACK_MS);

	input(build, step, "playbook", playbook);
	input(build, step, "addresses", "${boot.addresses}");
	build->last = id;
}

static void add_inside(struct build *build)
{
	const struct dro_image_policy *policy = build->facts->policy;
	struct dro_step *step = add(build, "reach", "image.reach", "the machine", REACH_MS);

	input(build, step, "addresses", "${boot.addresses}");
	build->last = "reach";
	add_play(build, "play", policy->playbook);
	if (*policy->bake)
		add_play(build, "bake", policy->bake);
	step = add(build, "leave", "image.leave", "the machine", LEAVE_MS);
	input(build, step, "addresses", "${boot.addresses}");
	build->last = "leave";
}

/* "memphis-site-20261126-130501": by its beginning it is found where there are no tags. */
static int make_name(char out[DRO_IMAGE_NAME_MAX + 1], const struct dro_image_facts *facts,
	struct dro_error *err)
{
	time_t now = (time_t)(facts->now_ms / 1000);
	struct tm utc;
	size_t length = strlen(facts->policy->name);

	if (length + strlen(STAMP) > DRO_IMAGE_NAME_MAX)
		return dro_fail(err, DRO_EINVAL,
			"%s:%d:%d: the name of an image that is built has at most %zu characters",
			facts->policy->place.file, facts->policy->place.line,
			facts->policy->place.column, DRO_IMAGE_NAME_MAX - strlen(STAMP));
	gmtime_r(&now, &utc);
	memcpy(out, facts->policy->name, length);
	strftime(out + length, DRO_IMAGE_NAME_MAX + 1 - length, "-%Y%m%d-%H%M%S", &utc);
	return 0;
}

static void add_image(struct build *build, const char *name)
{
	const struct dro_image_facts *facts = build->facts;
	struct dro_step *step = add(build, "stop", "compute.stop", "the machine", STOP_MS);

	input(build, step, "ids", "${launch.ids}");
	build->last = "stop";
	step = add(build, "create", "image.create", name, IMAGE_MS);
	if (!step)
		return;
	step->class = DRO_STEP_CONTROL_PLANE;
	input(build, step, "ids", "${launch.ids}");
	input(build, step, "name", name);
	input(build, step, "playbook_sha256", facts->playbook_sha256);
	input(build, step, "base", facts->base);
	build->last = "create";
	step = add(build, "terminate", "compute.terminate", "the machine", TERMINATE_MS);
	input(build, step, "ids", "${launch.ids}");
	build->last = "terminate";
	step = add(build, "verify", "image.verify", name, VERIFY_MS);
	input(build, step, "id", "${create.id}");
	input(build, step, "playbook_sha256", facts->playbook_sha256);
	input(build, step, "base", facts->base);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static int describe(struct dro_plan *plan, const struct dro_image_facts *facts, const char *name,
	struct dro_error *err)
{
	cJSON *image = cJSON_AddObjectToObject(plan->facts, "image");

	cJSON_AddStringToObject(image, "policy", facts->policy->name);
	cJSON_AddStringToObject(image, "name", name);
	cJSON_AddStringToObject(image, "base", facts->base);
	cJSON_AddStringToObject(image, "playbook_sha256", facts->playbook_sha256);
	cJSON_AddStringToObject(plan->facts, "spec", facts->spec->digest);
	cJSON_AddTrueToObject(plan->facts, "rollback");
	/* Nothing of it is any use to the run that it gives way to. */
	if (!cJSON_AddTrueToObject(plan->facts, "give_way_back"))
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	free(plan->mode);
	free(plan->from);
	free(plan->commit);
	free(plan->summary);
	plan->mode = strdup("build");
	plan->from = strdup(facts->active);
	plan->commit = strdup(facts->spec->commit);
	if (asprintf(&plan->summary, "build image %s from %s", name, facts->base) < 0)
		plan->summary = NULL;
	return plan->mode && plan->from && plan->commit && plan->summary
		       ? 0
		       : dro_fail(err, DRO_ENOMEM, "out of memory");
}

int dro_plan_image(
	struct dro_plan **out, const struct dro_image_facts *facts, struct dro_error *err)
{
	struct build build = {.base.err = err, .facts = facts};
	char name[DRO_IMAGE_NAME_MAX + 1];
	int rc;

	build.type = dro_image_machine_type(facts->service, facts->policy);
	if (!build.type)
		return dro_fail(err, DRO_EINVAL,
			"%s:%d:%d: nothing boots image %s at %s, so that `build` is to say the "
			"`type` of the machine it is made on",
			facts->policy->place.file, facts->policy->place.line,
			facts->policy->place.column, facts->policy->name, facts->policy->provider);
	if ((rc = make_name(name, facts, err)) < 0 ||
		(rc = dro_plan_new(&build.base.plan, DRO_KIND_IMAGE, facts->service->name, err)) <
			0)
		return rc;
	add_machine(&build);
	add_inside(&build);
	add_image(&build, name);
	rc = build.base.rc < 0 ? build.base.rc : describe(build.base.plan, facts, name, err);
	if (rc == 0) {
		*out = build.base.plan;
		build.base.plan = NULL;
	}
	dro_plan_free(build.base.plan);
	return rc;
}
