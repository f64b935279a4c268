#include "observe/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/backups.h"
#include "observe/images.h"

/* Does a site boot the newest image of that policy's name in another region of its provider? */
void look_list_images(struct look *look)
{
	const struct dro_service *service = look->at->service;
	struct dro_observed *seen = &look->seen;
	size_t i, j, k, first;

	seen->images =
		calloc(service->image_count * (service->site_count + 1) + 1, sizeof(*seen->images));
	if (!seen->images) {
		look_no_memory(look);
		return;
	}
	for (i = 0; i < service->image_count; i++) {
		const struct dro_image_policy *policy = &service->images[i];

		first = seen->image_count;
		seen->images[seen->image_count++] = (struct dro_seen_images){.policy = policy,
			.region = look_region(look, policy->provider, policy->region),
			.home = true};
		for (j = 0; j < service->site_count; j++) {
			const struct dro_site *site = &service->sites[j];
			const char *region = look_region(look, site->provider, site->region);
			bool boots = false;

			for (k = 0; k < site->group_count; k++)
				boots = boots ||
					(site->groups[k].image_newest &&
						strcmp(site->groups[k].image, policy->name) == 0);
			for (k = first; k < seen->image_count; k++)
				boots = boots && strcmp(seen->images[k].region, region) != 0;
			if (boots && strcmp(site->provider, policy->provider) == 0)
				seen->images[seen->image_count++] = (struct dro_seen_images){
					.policy = policy, .region = region};
		}
	}
}

static int newest_image_first(const void *a, const void *b)
{
	const struct dro_image *x = *(const struct dro_image *const *)a,
			       *y = *(const struct dro_image *const *)b;

	if (x->created_ms != y->created_ms)
		return x->created_ms > y->created_ms ? -1 : 1;
	return strcmp(y->id, x->id);
}

void look_images(struct look *look, size_t index)
{
	struct dro_seen_images *seen = &look->seen.images[index];
	struct images_look *mine = &look->images[index];
	struct dro_image_query query = {.size = sizeof(query), .region = seen->region, .name = ""};
	struct dro_call call = look_call(look);
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_provider *provider;
	size_t i;

	if (dro_accounts_get(look->at->accounts, seen->policy->provider, &provider, &err) < 0 ||
		dro_provider_list_images(provider, &query, &mine->list, &call, &err) < 0) {
		snprintf(mine->error, sizeof(mine->error), "%s", err.message);
		seen->error = mine->error;
		return;
	}
	mine->items = calloc(mine->list.count + 1, sizeof(*mine->items));
	if (!mine->items) {
		seen->error = "out of memory";
		return;
	}
	for (i = 0; i < mine->list.count; i++)
		if (dro_image_is_of(mine->list.items[i], seen->policy->name))
			mine->items[seen->count++] = mine->list.items[i];
	if (seen->count)
		qsort(mine->items, seen->count, sizeof(*mine->items), newest_image_first);
	seen->images = mine->items;
}

void look_backups(struct look *look, size_t index)
{
	struct dro_seen_backups *seen = &look->seen.backups[index];
	struct backups_look *mine = &look->backups[index];
	struct dro_call call = look_call(look);
	struct dro_error err = DRO_ERROR_INIT;

	seen->list = &mine->list;
	if (dro_backups_find(&mine->list, look->at->accounts, look->at->service, seen->policy, 1,
		    look->at->store, &call, &err) < 0) {
		snprintf(mine->error, sizeof(mine->error), "%s", err.message);
		seen->error = mine->error;
	}
}
