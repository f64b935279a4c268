/* Which record leads to an address: told for many instances at once, so from a sorted list. */
#include <stdlib.h>
#include <string.h>

#include "plan/differ.h"

/* A value, and whose it is. Both texts are the records'. */
struct differ_pointer {
	const char *value, *name;
};

static int compare(const void *a, const void *b)
{
	const struct differ_pointer *x = a, *y = b;
	int order = strcmp(x->value, y->value);

	return order ? order : strcmp(x->name, y->name);
}

static size_t count_values(const struct dro_observed *seen)
{
	size_t count = 0, i, j;

	for (i = 0; i < seen->zone_count; i++)
		for (j = 0; j < seen->zones[i].count; j++)
			count += seen->zones[i].records[j]->value_count;
	return count;
}

static void gather(struct differ *differ)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i, j, k;

	differ->pointers = calloc(count_values(seen) + 1, sizeof(*differ->pointers));
	if (!differ->pointers) {
		differ_no_memory(differ);
		return;
	}
	for (i = 0; i < seen->zone_count; i++)
		for (j = 0; j < seen->zones[i].count; j++) {
			const struct dro_record *record = seen->zones[i].records[j];

			for (k = 0; k < record->value_count; k++)
				differ->pointers[differ->pointer_count++] =
					(struct differ_pointer){record->values[k], record->name};
		}
	qsort(differ->pointers, differ->pointer_count, sizeof(*differ->pointers), compare);
}

static bool is_traffic(const struct dro_service *service, const char *name)
{
	size_t i;

	for (i = 0; i < service->traffic_count; i++)
		if (strcmp(service->traffic[i].name, name) == 0)
			return true;
	return false;
}

/* `service` (may be NULL): only its own names count. */
static const char *leads_to(
	const struct differ *differ, const char *address, const struct dro_service *service)
{
	const struct differ_pointer *pointers = differ->pointers;
	size_t low = 0, high = differ->pointer_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(pointers[middle].value, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; *address && low < differ->pointer_count && strcmp(pointers[low].value, address) == 0;
		low++)
		if (!service || is_traffic(service, pointers[low].name))
			return pointers[low].name;
	return NULL;
}

static const char *leads_there(struct differ *differ, const struct dro_instance *instance,
	const struct dro_service *service)
{
	const char *name;

	if (!differ->pointers)
		gather(differ);
	if (!differ->pointers)
		return ""; /* the pass has failed */
	name = leads_to(differ, instance->public_ipv4, service);
	return name ? name : leads_to(differ, instance->private_ipv4, service);
}

const char *differ_used_by(struct differ *differ, const struct dro_instance *instance)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i;

	for (i = 0; i < seen->zone_count; i++)
		if (seen->zones[i].error)
			return seen->zones[i].zone;
	return leads_there(differ, instance, NULL);
}

const char *differ_name_of(struct differ *differ, const struct dro_instance *instance)
{
	return leads_there(differ, instance, differ->facts->service);
}
