#include "observe/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"
#include "observe/images.h"
#include "observe/pages.h"

static bool of_site(const struct dro_instance *instance, const char *service, const char *site)
{
	const char *service_tag = dro_instance_tag(instance, DRO_TAG_SERVICE),
		   *site_tag = dro_instance_tag(instance, DRO_TAG_SITE);

	return service_tag && site_tag && strcmp(service_tag, service) == 0 &&
	       strcmp(site_tag, site) == 0;
}

static int by_id(const void *a, const void *b)
{
	const struct dro_instance *x = *(const struct dro_instance *const *)a,
				  *y = *(const struct dro_instance *const *)b;

	return strcmp(x->id, y->id);
}

/* Is it the same launch's, by its marks? */
static bool same_launch(const struct dro_instance *a, const struct dro_instance *b)
{
	static const char *const marks[] = {DRO_TAG_RUN, DRO_TAG_STEP};
	size_t i;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *x = dro_instance_tag(a, marks[i]), *y = dro_instance_tag(b, marks[i]);

		if (!x || !y || strcmp(x, y) != 0)
			return false;
	}
	return true;
}

/* Of a launch that was never heard of, as many as the list shows are no longer awaited: the
 * number at the end of the id says the how manieth it is. */
static bool shown(const struct dro_instance *unheard, const struct dro_instance_list *list)
{
	unsigned long number = strtoul(strrchr(unheard->id, '/') + 1, NULL, 10);
	size_t i;

	for (i = 0; i < list->count && number > 0; i++)
		number -= same_launch(unheard, list->items[i]);
	return number == 0;
}

/* What was launched lately and stands in no list yet. */
static void add_launched(struct look *look, struct dro_seen_site *seen, struct site_look *mine,
	const struct dro_instance_list *list)
{
	const struct dro_instance **sorted = calloc(list->count + 1, sizeof(*sorted)), *instance;
	size_t i;

	if (!sorted) {
		look_no_memory(look);
		return;
	}
	for (i = 0; i < list->count; i++)
		sorted[i] = list->items[i];
	qsort(sorted, list->count, sizeof(*sorted), by_id);
	for (i = 0; i < look->launched.count; i++) {
		instance = look->launched.items[i];
		if (!of_site(instance, look->at->service->name, seen->site->name))
			continue;
		if (instance->id[0] == '?' ? shown(instance, list)
					   : bsearch(&instance, sorted, list->count,
						     sizeof(*sorted), by_id) != NULL)
			continue;
		mine->instances[seen->count++] = instance;
	}
	free(sorted);
}

void look_take_site(struct look *look, size_t index, const struct source *source)
{
	struct dro_seen_site *seen = &look->seen.sites[index];
	struct site_look *mine = &look->sites[index];
	const char *service = look->at->service->name, *error = look_hold(look, source);
	const struct dro_instance_list *list;
	size_t i;

	snprintf(mine->error, sizeof(mine->error), "%s", error);
	seen->error = *mine->error ? mine->error : NULL;
	if (seen->error)
		return;
	list = &source->snapshot->instances;
	mine->instances = calloc(list->count + look->launched.count + 1, sizeof(*mine->instances));
	mine->others = calloc(look->at->launching ? list->count + 1 : 1, sizeof(*mine->others));
	if (!mine->instances || !mine->others) {
		look_no_memory(look);
		return;
	}
	for (i = 0; i < list->count; i++) {
		if (list->items[i]->state == DRO_INSTANCE_TERMINATED ||
			list->items[i]->state == DRO_INSTANCE_TERMINATING)
			continue;
		if (of_site(list->items[i], service, seen->site->name))
			mine->instances[seen->count++] = list->items[i];
		else if (look->at->launching)
			mine->others[seen->other_count++] = list->items[i];
	}
	if (look->launched.count)
		add_launched(look, seen, mine, list);
	seen->instances = mine->instances;
	seen->others = look->at->launching ? mine->others : NULL;
}

/* What each group would be launched from now. */
void look_site_images(struct look *look, size_t index)
{
	struct dro_seen_site *seen = &look->seen.sites[index];
	struct site_look *mine = &look->sites[index];
	const struct dro_site *site = seen->site;
	struct dro_error err = DRO_ERROR_INIT;
	size_t i;

	mine->images = calloc(site->group_count + 1, sizeof(*mine->images));
	if (!mine->images)
		return; /* as if it had not been asked */
	for (i = 0; i < site->group_count; i++)
		if (dro_image_resolve(&mine->images[i], look->at->accounts, look->at->store,
			    look->at->log, look->at->service, site, &site->groups[i],
			    look->at->deadline_ms, &err) < 0)
			snprintf(mine->image_error, sizeof(mine->image_error), "%s", err.message);
	seen->images = (const char *const *)mine->images;
	seen->image_error = *mine->image_error ? mine->image_error : NULL;
}

void look_site_page(struct look *look, size_t index)
{
	struct dro_seen_site *seen = &look->seen.sites[index];
	struct site_look *mine = &look->sites[index];
	const struct dro_call call = look_call(look);
	struct dro_error err = DRO_ERROR_INIT;

	if (dro_page_look(&mine->page, look->at->accounts, seen->site, &call, &err) < 0) {
		snprintf(mine->error, sizeof(mine->error), "%s", err.message);
		seen->page_error = mine->error;
	}
	seen->page = &mine->page;
}
