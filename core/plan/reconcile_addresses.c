/* Where a site's traffic group is: what records that lead there have as values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"
#include "plan/differ.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *address_of(const struct dro_instance *instance)
{
	return *instance->public_ipv4 ? instance->public_ipv4 : instance->private_ipv4;
}

/* What this plan makes ours counts as ours. */
static void add_adopted(
	const struct differ *differ, const struct dro_seen_site *at, struct differ_addresses *out)
{
	size_t i;

	for (i = 0; i < differ->adopted_count; i++) {
		const struct differ_adopted *adopted = &differ->adopted[i];

		if (adopted->seen == at && adopted->group == 0 &&
			adopted->instance->state == DRO_INSTANCE_RUNNING &&
			*address_of(adopted->instance))
			out->items[out->count++] = address_of(adopted->instance);
	}
}

void differ_addresses_of(
	struct differ *differ, const struct dro_site *site, struct differ_addresses *out)
{
	const struct dro_observed *seen = differ->facts->seen;
	const struct dro_seen_site *at = &seen->sites[site - differ->facts->service->sites];
	const char *group = site->group_count ? site->groups[0].name : "";
	size_t i;

	*out = (struct differ_addresses){.unknown = at->error != NULL};
	out->items = calloc(at->count + differ->adopted_count + 1, sizeof(*out->items));
	if (!out->items) {
		differ_no_memory(differ);
		return;
	}
	for (i = 0; i < at->count; i++) {
		const struct dro_instance *instance = at->instances[i];
		const char *address = address_of(instance);

		if (instance->state == DRO_INSTANCE_RUNNING && *address &&
			strcmp(dro_instance_group_name(
				       instance, differ->facts->service->name, site),
				group) == 0)
			out->items[out->count++] = address;
	}
	add_adopted(differ, at, out);
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), by_text);
	snprintf(out->step, sizeof(out->step), "boot-%s-%s", site->name, group);
	if (out->count == 0 && dro_plan_step(differ->base.plan, out->step))
		snprintf(out->reference, sizeof(out->reference), "${%s.addresses}", out->step);
	else
		out->step[0] = '\0';
}
