/* Static pages: kept ready in their buckets, so that a promote to one has only traffic to move. */
#include <stdio.h>
#include <string.h>

#include "model/page.h"
#include "plan/differ.h"

#define PUT_MS 60000

const struct dro_page_place *differ_page_of(
	const struct differ *differ, const struct dro_site *site)
{
	const struct dro_observed *seen = differ->facts->seen;
	const struct dro_page_seen *page = seen->sites[site - differ->facts->service->sites].page;

	return page && *page->place.host ? &page->place : NULL;
}

/* A name that the bucket cannot answer for stays where it is on the day. */
static void check_names(struct differ *differ, const struct dro_seen_site *seen)
{
	const struct dro_service *service = differ->facts->service;
	size_t i;

	for (i = 0; i < service->traffic_count; i++)
		if (!dro_page_serves(&seen->page->place, seen->site, service->traffic[i].name))
			differ_finding(differ, DRO_FINDING_LEFT, service->traffic[i].name,
				"could not show the page of %s: its provider finds a bucket by the "
				"name that is asked for, and the bucket is called %s",
				seen->site->name, seen->site->bucket);
}

static void put_page(struct differ *differ, const struct dro_seen_site *seen, const char *text)
{
	const struct dro_site *site = seen->site;
	struct dro_step *step;
	char id[200], target[300];

	snprintf(id, sizeof(id), "page-%s", site->name);
	step = differ_step(differ, "page.put", site->name, PUT_MS, id);
	if (!step)
		return;
	dro_build_input(&differ->base, step, "site", site->name);
	dro_build_input(&differ->base, step, "sha256", site->page_sha256);
	snprintf(target, sizeof(target), "%s of %s at %s", site->page, site->name, site->provider);
	differ_change(
		differ, &(struct dro_change){.thing = DRO_THING_PAGE,
				.action = seen->page->there ? DRO_ACTION_UPDATE : DRO_ACTION_CREATE,
				.target = target,
				.was = (char *)text,
				.wanted = site->bucket,
				.step = step->id});
}

static void compare_page(struct differ *differ, const struct dro_seen_site *seen)
{
	char text[DRO_PAGE_TEXT];

	differ->diff->things++;
	if (*seen->page->place.host)
		check_names(differ, seen);
	if (seen->page_error) {
		differ_finding(differ, DRO_FINDING_UNKNOWN, seen->site->name,
			"its page could not be looked at: %s", seen->page_error);
		return;
	}
	switch (dro_page_judge(seen->page, differ->facts->service->name, seen->site, text)) {
	case DRO_PAGE_READY:
		break;
	case DRO_PAGE_TO_PUT:
		put_page(differ, seen, text);
		break;
	case DRO_PAGE_BLOCKED:
		differ_finding(differ, DRO_FINDING_LEFT, seen->site->name, "%s", text);
		break;
	}
}

void differ_pages(struct differ *differ)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i;

	for (i = 0; i < seen->site_count && differ->base.rc == 0; i++)
		if (seen->sites[i].page)
			compare_page(differ, &seen->sites[i]);
}
