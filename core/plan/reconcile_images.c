/* Images: how old the newest is, which are kept no longer, and copies where a site needs them. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/marks.h"
#include "plan/differ.h"

enum { DELETE_MS = 120000, COPY_MS = 3600000 };

static bool tagged(const struct dro_image *image, const char *name, const char *value)
{
	const char *tag = dro_image_tag(image, name);

	return tag && strcmp(tag, value) == 0;
}

static bool ours(const struct differ *differ, const struct dro_image *image)
{
	return tagged(image, DRO_TAG_SERVICE, differ->facts->service->name);
}

static const struct dro_image *newest_usable(const struct dro_seen_images *seen)
{
	size_t i;

	for (i = 0; i < seen->count; i++)
		if (seen->images[i]->state == DRO_IMAGE_AVAILABLE)
			return seen->images[i];
	return NULL;
}

static void check_age(struct differ *differ, const struct dro_seen_images *seen)
{
	const struct dro_image *newest = newest_usable(seen);
	char age[DRO_DURATION_TEXT], limit[DRO_DURATION_TEXT];
	int64_t ms;

	if (!newest) {
		differ_finding(differ, DRO_FINDING_STALE, seen->policy->name,
			"there is no image in %s; `drorch image build %s` makes one", seen->region,
			seen->policy->name);
		return;
	}
	ms = differ->facts->now_ms - newest->created_ms;
	if (seen->policy->refresh_ms == DRO_UNSET || !newest->created_ms ||
		ms <= seen->policy->refresh_ms)
		return;
	dro_duration_format(age, ms);
	dro_duration_format(limit, seen->policy->refresh_ms);
	differ_finding(differ, DRO_FINDING_STALE, seen->policy->name,
		"the newest image, %s, is %s old, and is to be made anew after %s; `drorch image "
		"build %s` does",
		newest->id, age, limit, seen->policy->name);
}

/* Does an instance of the service run from it, or was one told by name to? */
static bool in_use(const struct differ *differ, const struct dro_image *image)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i, j;

	for (i = 0; i < seen->site_count; i++) {
		const struct dro_site *site = seen->sites[i].site;

		if (seen->sites[i].error)
			return true;
		for (j = 0; j < seen->sites[i].count; j++)
			if (strcmp(seen->sites[i].instances[j]->image, image->id) == 0)
				return true;
		for (j = 0; j < site->group_count; j++)
			if (strcmp(site->groups[j].image, image->id) == 0)
				return true;
	}
	return false;
}

/* Of ours, as many as the policy keeps, and whatever is in use. */
static void prune(struct differ *differ, const struct dro_seen_images *seen)
{
	int kept = 0;
	size_t i;

	for (i = 0; i < seen->count; i++) {
		const struct dro_image *image = seen->images[i];
		struct dro_step *step;
		char id[300], text[300];

		if (!ours(differ, image) || image->state != DRO_IMAGE_AVAILABLE)
			continue;
		if (kept++ < seen->policy->keep || in_use(differ, image))
			continue;
		snprintf(text, sizeof(text), "prune-%s", image->id);
		dro_build_id(id, sizeof(id), text);
		step = differ_step(differ, "image.delete", image->id, DELETE_MS, id);
		if (!step)
			return;
		dro_build_input(&differ->base, step, "provider", seen->policy->provider);
		dro_build_input(&differ->base, step, "region", seen->region);
		dro_build_input(&differ->base, step, "id", image->id);
		snprintf(text, sizeof(text), "%s of %s in %s", image->id, seen->policy->name,
			seen->region);
		differ_change(differ, &(struct dro_change){.thing = DRO_THING_IMAGE,
					      .action = DRO_ACTION_DELETE,
					      .target = text,
					      .was = "kept no longer",
					      .step = step->id});
	}
}

static const struct dro_seen_images *home_of(
	const struct differ *differ, const struct dro_seen_images *seen)
{
	const struct dro_observed *all = differ->facts->seen;
	size_t i;

	for (i = 0; i < all->image_count; i++)
		if (all->images[i].policy == seen->policy && all->images[i].home)
			return &all->images[i];
	return NULL;
}

/* A region where a site boots the newest image of the name needs the newest there is. */
static void copy_newest(struct differ *differ, const struct dro_seen_images *seen)
{
	const struct dro_seen_images *home = home_of(differ, seen);
	const struct dro_image *newest = home && !home->error ? newest_usable(home) : NULL;
	struct dro_step *step;
	char id[300], text[300];
	size_t i;

	if (!newest)
		return;
	for (i = 0; i < seen->count; i++)
		if (tagged(seen->images[i], DRO_TAG_SOURCE, newest->id) ||
			seen->images[i]->created_ms >= newest->created_ms)
			return;
	snprintf(text, sizeof(text), "copy-%s-%s", newest->id, seen->region);
	dro_build_id(id, sizeof(id), text);
	step = differ_step(differ, "image.copy", newest->id, COPY_MS, id);
	if (!step)
		return;
	dro_build_input(&differ->base, step, "provider", seen->policy->provider);
	dro_build_input(&differ->base, step, "region", seen->region);
	dro_build_input(&differ->base, step, "source", newest->id);
	dro_build_input(&differ->base, step, "source_region", home->region);
	dro_build_input(&differ->base, step, "name", newest->name);
	dro_build_input(&differ->base, step, "image", seen->policy->name);
	snprintf(text, sizeof(text), "%s in %s", seen->policy->name, seen->region);
	differ_change(differ, &(struct dro_change){.thing = DRO_THING_IMAGE,
				      .action = DRO_ACTION_CREATE,
				      .target = text,
				      .wanted = (char *)newest->id,
				      .step = step->id});
}

void differ_images(struct differ *differ)
{
	size_t i, j;

	for (i = 0; i < differ->facts->seen->image_count && differ->base.rc == 0; i++) {
		const struct dro_seen_images *seen = &differ->facts->seen->images[i];

		if (seen->error) {
			differ_finding(differ, DRO_FINDING_UNKNOWN, seen->policy->name,
				"its images in %s could not be listed: %s", seen->region,
				seen->error);
			continue;
		}
		for (j = 0; j < seen->count; j++)
			differ->diff->things += ours(differ, seen->images[j]);
		if (seen->home)
			check_age(differ, seen);
		else
			copy_newest(differ, seen);
		prune(differ, seen);
	}
}
