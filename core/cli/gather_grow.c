/* What a promote to a site that grows must know besides: what runs of it, and images for the rest.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/question.h"
#include "observe/images.h"
#include "observe/known.h"

/* Where none is to be launched, nobody needs it: the plan says what is missing. */
static int ask_image(struct question *question, struct dro_error *err)
{
	const struct dro_promote_facts *facts = &question->gathered->facts;
	const struct dro_setup *setup = question->setup;
	const struct dro_instance_group *group = &facts->to->groups[question->index];
	int rc;

	rc = dro_image_resolve(&question->gathered->images[question->index], setup->accounts,
		setup->store, &setup->log, facts->service, facts->to, group,
		dro_now_ms() + QUESTION_MS, err);
	if (rc == 0 || rc == DRO_EAGAIN || rc == DRO_ENOMEM)
		return rc;
	dro_log(&setup->log, DRO_LOG_WARNING, "the image of %s is not known: %s", group->name,
		err->message);
	return 0;
}

size_t gather_grow_questions(
	struct question *out, struct dro_gathered *gathered, const struct dro_setup *setup)
{
	struct dro_promote_facts *facts = &gathered->facts;
	size_t i;

	if (!dro_promote_grows(facts))
		return 0;
	facts->images = (const char *const *)gathered->images;
	for (i = 0; i < facts->to->group_count; i++)
		out[i] = (struct question){gathered, setup, ask_image, i, 0, DRO_ERROR_INIT};
	return facts->to->group_count;
}

int gather_grow_end(
	struct dro_gathered *gathered, const struct dro_setup *setup, struct dro_error *err)
{
	struct dro_promote_facts *facts = &gathered->facts;
	struct dro_site_member *member;
	const cJSON *list, *entry;
	int rc;

	if (!dro_promote_grows(facts))
		return 0;
	if ((rc = dro_known_instances_get(
		     &gathered->known, setup->store, facts->service->name, err)) < 0)
		return rc;
	list = cJSON_GetObjectItemCaseSensitive(gathered->known, "instances");
	gathered->members =
		calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*gathered->members));
	if (!gathered->members)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	facts->members = gathered->members;
	cJSON_ArrayForEach(entry, list)
	{
		if (strcmp(dro_json_text(entry, "site"), facts->to->name) != 0)
			continue;
		member = &gathered->members[facts->member_count++];
		*member = (struct dro_site_member){.id = dro_json_text(entry, "id"),
			.group = dro_json_text(entry, "group"),
			.type = dro_json_text(entry, "type"),
			.stopped = strcmp(dro_json_text(entry, "state"), "stopped") == 0};
	}
	return 0;
}
