/* Taking over instances that are there: which ones are meant, as what, and the step that marks
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/marks.h"
#include "plan/differ.h"

#define ADOPT_MS 180000
#define TEXT_MAX 1000

bool dro_adopt_is_record(const char *thing)
{
	return strchr(thing, ' ');
}

bool differ_adopts(const struct differ *differ, const char *thing)
{
	const struct dro_adopt *adopt = &differ->facts->adopt;
	size_t i;

	for (i = 0; i < adopt->count; i++)
		if (strcmp(adopt->things[i], thing) == 0)
			return true;
	return false;
}

bool differ_adopts_checks(const struct differ *differ)
{
	const struct dro_adopt *adopt = &differ->facts->adopt;
	size_t i;

	for (i = 0; i < adopt->count; i++)
		if (differ_is_check(differ, adopt->things[i]))
			return true;
	return false;
}

bool differ_adopts_records(const struct differ *differ)
{
	const struct dro_adopt *adopt = &differ->facts->adopt;
	size_t i;

	for (i = 0; i < adopt->count; i++)
		if (dro_adopt_is_record(adopt->things[i]))
			return true;
	return false;
}

static const struct dro_instance *find(
	const struct dro_instance *const *items, size_t count, const char *id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(items[i]->id, id) == 0)
			return items[i];
	return NULL;
}

/* ---- which one, as what ---------------------------------------------------------------------- */

/* Where an id was looked for. */
struct search {
	const char *id;
	const struct dro_seen_site *ours; /* a site that has it already */
	const struct dro_seen_site *only; /* the one site that it may be of, or one of `count` */
	const struct dro_seen_site
		*told; /* the one whose it is by its mark, its name or a record */
	size_t count;
	const char *error; /* of a site that could not be read */
};

static void search_site(
	struct search *search, struct differ *differ, const struct dro_seen_site *seen)
{
	const char *site = differ->facts->adopt.site, *tag;
	const struct dro_instance *instance;

	if (site && strcmp(site, seen->site->name) != 0)
		return;
	if (seen->error)
		search->error = seen->error;
	if (find(seen->instances, seen->count, search->id))
		search->ours = seen;
	instance = find(seen->others, seen->other_count, search->id);
	if (!instance)
		return;
	search->count++;
	search->only = seen;
	tag = dro_instance_tag(instance, DRO_TAG_SITE);
	if (tag ? strcmp(tag, seen->site->name) == 0
		: differ_looks_like(differ, seen, instance, NULL) >= 0)
		search->told = seen;
}

static int not_found(const struct differ *differ, const struct search *search)
{
	const char *site = differ->facts->adopt.site;

	if (search->error)
		return dro_fail(differ->base.err, DRO_EAGAIN,
			"%s was not found, and not everything could be looked at: %s", search->id,
			search->error);
	return dro_fail(differ->base.err, DRO_ENOTFOUND,
		"no instance %s lives where %s%s%s has its %s, and none of its health checks has "
		"that id (a record is given as \"NAME TYPE\")",
		search->id, differ->facts->service->name, site ? "/" : "", site ? site : "",
		site ? "instances" : "sites");
}

/* The site, or NULL where it is ours already, or after an error. */
static const struct dro_seen_site *find_site(struct differ *differ, struct search *search)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i;

	for (i = 0; i < seen->site_count; i++)
		search_site(search, differ, &seen->sites[i]);
	if (search->ours)
		return NULL;
	if (search->told || search->count == 1)
		return search->told ? search->told : search->only;
	differ->base.rc =
		search->count
			? dro_fail(differ->base.err, DRO_EINVAL,
				  "%s may be of several sites: say which with --site", search->id)
			: not_found(differ, search);
	return NULL;
}

static int group_of(const struct dro_site *site, const char *name)
{
	size_t i;

	for (i = 0; name && i < site->group_count; i++)
		if (strcmp(site->groups[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* What is said, else what it says itself, else what it looks like, else the only one there is. <0:
 * an error. */
static int find_group(struct differ *differ, const struct dro_seen_site *seen,
	const struct dro_instance *instance)
{
	const char *name = differ->facts->adopt.group;
	const struct dro_site *site = seen->site;
	int group = group_of(site, name ? name : dro_instance_tag(instance, DRO_TAG_GROUP));

	if (group < 0 && !name)
		group = differ_looks_like(differ, seen, instance, NULL);
	if (group < 0 && !name && site->group_count == 1)
		group = 0;
	if (group < 0 && name)
		differ->base.rc = dro_fail(differ->base.err, DRO_ENOTFOUND,
			"%s has no instances \"%s\" in the spec", site->name, name);
	else if (group < 0)
		differ->base.rc = dro_fail(differ->base.err, DRO_EINVAL,
			"which of the instances of %s %s is cannot be told: say so with --group",
			site->name, instance->id);
	return group;
}

static void adopt_one(struct differ *differ, const char *id)
{
	struct search search = {.id = id};
	const struct dro_seen_site *seen = find_site(differ, &search);
	const struct dro_instance *instance;
	size_t i;
	int group;

	if (!seen)
		return;
	instance = find(seen->others, seen->other_count, id);
	group = find_group(differ, seen, instance);
	for (i = 0; i < differ->adopted_count; i++)
		if (differ->adopted[i].instance == instance)
			return; /* named twice */
	if (group >= 0)
		differ->adopted[differ->adopted_count++] =
			(struct differ_adopted){seen, (size_t)group, instance};
}

/* ---- the rules' facts ------------------------------------------------------------------------ */

void differ_keep_text(struct differ *differ, char **out, const char *text)
{
	if (!*out && !(*out = strdup(text)))
		differ_no_memory(differ);
}

/* Another service's, another site's of this one, or a machine that an image is made on. */
static void judge_marks(struct differ *differ, const struct differ_adopted *adopted)
{
	const struct dro_service *service = differ->facts->service;
	const struct dro_instance *instance = adopted->instance;
	const char *of = dro_instance_tag(instance, DRO_TAG_SERVICE),
		   *site = dro_instance_tag(instance, DRO_TAG_SITE),
		   *role = dro_instance_tag(instance, DRO_TAG_ROLE);
	char text[TEXT_MAX];

	if ((!of || strcmp(of, service->name) == 0) && !role &&
		(!site || strcmp(site, adopted->seen->site->name) == 0 ||
			!dro_service_site(service, site)))
		return;
	snprintf(text, sizeof(text), "%s is marked as that of %s%s%s%s%s", instance->id,
		of ? of : "a service", site && *site ? ", site " : "", site ? site : "",
		role ? ", role " : "", role ? role : "");
	differ_keep_text(differ, &differ->diff->marked, text);
}

static size_t count_members(
	const struct differ *differ, const struct dro_seen_site *seen, size_t group)
{
	size_t count = 0, i;

	for (i = 0; i < seen->count; i++)
		count += strcmp(dro_instance_group_name(seen->instances[i],
					differ->facts->service->name, seen->site),
				 seen->site->groups[group].name) == 0;
	return count;
}

static void judge_count(
	struct differ *differ, const struct dro_seen_site *seen, size_t group, size_t more)
{
	const struct dro_site *site = seen->site;
	int wanted = differ_group_count(differ, site, group);
	size_t members = count_members(differ, seen, group);
	char text[TEXT_MAX];

	if (wanted < 0) /* yesterday's primary: what it has in its own time */
		wanted = site->groups[group].count;
	if (members + more <= (size_t)wanted)
		return;
	snprintf(text, sizeof(text),
		"%s of %s would have %zu instances, %zu of them ours already; "
		"the spec asks for %d",
		site->groups[group].name, site->name, members + more, members, wanted);
	differ_keep_text(differ, &differ->diff->surplus, text);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static void add_part(struct dro_buf *out, const char *before, const char *text)
{
	if (*text)
		dro_buf_printf(out, "%s%s%s", out->length ? ", " : "", before, text);
}

static void describe(struct dro_buf *out, const struct dro_instance *instance)
{
	dro_buf_reset(out);
	add_part(out, "", instance->name);
	add_part(out, "", instance->type);
	add_part(out, "", *instance->zone ? instance->zone : instance->region);
	add_part(out, "image ", instance->image);
	add_part(out, "", instance->public_ipv4);
	if (strcmp(instance->private_ipv4, instance->public_ipv4) != 0)
		add_part(out, "", instance->private_ipv4);
	add_part(out, "", instance->native_state);
}

static const char *wanted_zone(const struct dro_instance_group *group)
{
	size_t i;

	for (i = 0; i < group->option_count; i++)
		if (strcmp(group->options[i].name, "zone") == 0)
			return group->options[i].value;
	return "";
}

/* What the spec would have another way: what becomes of it is the next plan's to say. */
static void describe_wanted(
	struct dro_buf *out, const struct differ *differ, const struct differ_adopted *adopted)
{
	const struct dro_site *site = adopted->seen->site;
	const struct dro_instance_group *group = &site->groups[adopted->group];
	const struct dro_instance *instance = adopted->instance;
	const char *type = differ_group_type(differ, site, adopted->group),
		   *zone = wanted_zone(group),
		   *image = adopted->seen->images ? adopted->seen->images[adopted->group] : NULL;

	dro_buf_reset(out);
	dro_buf_printf(out, "%s of %s", group->name, site->name);
	if (*instance->type && strcmp(instance->type, type) != 0)
		dro_buf_printf(out, "; the spec says %s", type);
	if (*zone && *instance->zone && strcmp(instance->zone, zone) != 0)
		dro_buf_printf(out, "; the spec says %s", zone);
	if (image && *instance->image && strcmp(instance->image, image) != 0)
		dro_buf_printf(out, "; a new one would be of image %s", image);
	if (instance->state != DRO_INSTANCE_RUNNING)
		dro_buf_printf(out, "; it does not run");
}

static void note(struct differ *differ, const struct differ_adopted *adopted, const char *step)
{
	struct dro_buf was = DRO_BUF_INIT(4096), wanted = DRO_BUF_INIT(4096);
	char target[300];

	snprintf(target, sizeof(target), "%s of %s at %s", adopted->instance->id,
		adopted->seen->site->name, adopted->seen->site->provider);
	describe(&was, adopted->instance);
	describe_wanted(&wanted, differ, adopted);
	differ_change(differ, &(struct dro_change){.thing = DRO_THING_INSTANCE,
				      .action = DRO_ACTION_ADOPT,
				      .target = target,
				      .was = was.failed ? "" : (char *)dro_buf_str(&was),
				      .wanted = wanted.failed ? "" : (char *)dro_buf_str(&wanted),
				      .step = (char *)step,
				      .expected = true});
	dro_buf_free(&was);
	dro_buf_free(&wanted);
}

/* ---- the step -------------------------------------------------------------------------------- */

/* The marks that it has: what an undo puts back. NULL: none. */
static cJSON *marks_of(const struct dro_instance *instance)
{
	cJSON *marks = cJSON_CreateObject();
	size_t i;

	for (i = 0; i < instance->tag_count; i++)
		if (strncmp(instance->tags[i].name, DRO_TAG_PREFIX, strlen(DRO_TAG_PREFIX)) == 0)
			cJSON_AddStringToObject(
				marks, instance->tags[i].name, instance->tags[i].value);
	if (cJSON_GetArraySize(marks) > 0)
		return marks;
	cJSON_Delete(marks);
	return NULL;
}

/* All that are to be of one group. */
static void adopt_group(struct differ *differ, const struct dro_seen_site *seen, size_t group)
{
	cJSON *ids = cJSON_CreateArray(), *unnamed = cJSON_CreateArray(),
	      *was = cJSON_CreateObject(), *marks;
	const struct dro_site *site = seen->site;
	struct dro_step *step = NULL;
	char id[200];
	size_t i;

	snprintf(id, sizeof(id), "adopt-%s-%s", site->name, site->groups[group].name);
	for (i = 0; i < differ->adopted_count; i++) {
		const struct differ_adopted *adopted = &differ->adopted[i];

		if (adopted->seen != seen || adopted->group != group)
			continue;
		if (!step)
			step = differ_step(
				differ, "compute.adopt", site->groups[group].name, ADOPT_MS, id);
		cJSON_AddItemToArray(ids, cJSON_CreateString(adopted->instance->id));
		if (!*adopted->instance->name)
			cJSON_AddItemToArray(unnamed, cJSON_CreateString(adopted->instance->id));
		if ((marks = marks_of(adopted->instance)))
			cJSON_AddItemToObject(was, adopted->instance->id, marks);
		judge_marks(differ, adopted);
		note(differ, adopted, id);
	}
	if (!step) {
		cJSON_Delete(ids);
		cJSON_Delete(unnamed);
		cJSON_Delete(was);
		return;
	}
	judge_count(differ, seen, group, (size_t)cJSON_GetArraySize(ids));
	dro_build_input(&differ->base, step, "site", site->name);
	dro_build_input(&differ->base, step, "group", site->groups[group].name);
	dro_build_input_json(&differ->base, step, "ids", ids);
	dro_build_input_json(&differ->base, step, "unnamed", unnamed);
	dro_build_input_json(&differ->base, step, "was", was);
}

void differ_adopt(struct differ *differ)
{
	const struct dro_adopt *adopt = &differ->facts->adopt;
	const struct dro_observed *seen = differ->facts->seen;
	size_t i, group;

	differ->adopted = calloc(adopt->count + 1, sizeof(*differ->adopted));
	if (!differ->adopted) {
		differ_no_memory(differ);
		return;
	}
	for (i = 0; i < adopt->count && differ->base.rc == 0; i++)
		if (!dro_adopt_is_record(adopt->things[i]) &&
			!differ_is_check(differ, adopt->things[i]))
			adopt_one(differ, adopt->things[i]);
	for (i = 0; i < seen->site_count; i++)
		for (group = 0; group < seen->sites[i].site->group_count; group++)
			if (differ->base.rc == 0)
				adopt_group(differ, &seen->sites[i], group);
	for (i = 0; i < seen->site_count; i++)
		differ->diff->things += seen->sites[i].count;
}
