/* Pointing a public name at a site: a simple record, or a weighted group that is put whole. */
#include <stdlib.h>
#include <string.h>

#include "engine/steps/traffic.h"

#define PATH_MS 15000 /* what one path may take before the next is tried */

/* What is put and deleted in one call. */
struct change {
	struct dro_record *sets; /* those put come first */
	const struct dro_record **put, **del;
	size_t put_count, del_count;
};

static struct dro_record record_of(const struct dro_step_context *context,
	const struct dro_traffic *traffic, const struct dro_path *path, const char *const *values,
	size_t count)
{
	return (struct dro_record){.size = sizeof(struct dro_record),
		.ttl_s = path->ttl_ms > 0 ? (uint32_t)(path->ttl_ms / 1000) : 0,
		.id = "",
		.name = traffic->name,
		.type = traffic->type,
		.values = values,
		.value_count = count,
		.set_id = "",
		.owner = dro_json_text(context->inputs, "owner"),
		.proxied = path->proxied};
}

static int change_new(struct change *change, size_t most, struct dro_error *err)
{
	change->sets = calloc(most, sizeof(*change->sets));
	change->put = calloc(most, sizeof(*change->put));
	change->del = calloc(most, sizeof(*change->del));
	return change->sets && change->put && change->del
		       ? 0
		       : dro_fail(err, DRO_ENOMEM, "out of memory");
}

static void change_free(struct change *change)
{
	free(change->sets);
	free(change->put);
	free(change->del);
}

static struct dro_record *put(struct change *change, const struct dro_record *set)
{
	struct dro_record *copy = &change->sets[change->put_count];

	*copy = *set;
	change->put[change->put_count++] = copy;
	return copy;
}

/* All sets of a group have one owner, one TTL, and are proxied or not; a TTL that the spec does not
 * give is the one that is there. */
static void make_alike(struct change *change, const struct dro_record *wanted)
{
	size_t i;

	for (i = 0; i < change->put_count; i++) {
		struct dro_record *set = &change->sets[i];

		set->owner = wanted->owner;
		set->proxied = wanted->proxied;
		set->ttl_s = wanted->ttl_s ? wanted->ttl_s : change->sets[0].ttl_s;
	}
}

/* What is there of the name decides what the change is made of. */
static int make_change(struct change *change, const struct dro_step_context *context,
	const struct dro_traffic *traffic, const struct dro_record *wanted, const char *site,
	const struct dro_record_list *there, struct dro_error *err)
{
	const struct dro_service *service = context->world->service;
	bool weighted = traffic->policy == DRO_POLICY_WEIGHTED, found = false;
	struct dro_record *set;
	size_t i;
	int rc;

	if ((rc = change_new(change, there->count + 2, err)) < 0)
		return rc;
	for (i = 0; i < there->count; i++) {
		const struct dro_record *old = there->items[i];
		int share = dro_traffic_share(service, traffic, old->set_id, site);

		if (weighted != (*old->set_id != '\0') || (weighted && share < 0)) {
			if (weighted || *old->set_id)
				change->del[change->del_count++] = old;
			continue;
		}
		if (!weighted)
			continue;
		set = put(change, old);
		set->weight = (uint32_t)share;
		if (strcmp(old->set_id, site) != 0)
			continue;
		found = true;
		set->values = wanted->values;
		set->value_count = wanted->value_count;
	}
	if (!found) {
		set = put(change, wanted);
		set->set_id = weighted ? site : "";
		set->weight =
			weighted ? (uint32_t)dro_traffic_share(service, traffic, site, site) : 0;
	}
	make_alike(change, wanted);
	return 0;
}

static int list_sets(struct dro_record_list *out, struct dro_provider *provider,
	const struct dro_traffic *traffic, const struct dro_path *path, const struct dro_call *call,
	struct dro_error *err)
{
	struct dro_record_query query = {.size = sizeof(query),
		.zone = path->zone,
		.name = traffic->name,
		.type = traffic->type};

	return dro_provider_list_records(provider, &query, out, call, err);
}

int dro_step_put_traffic(const struct dro_step_context *context, const struct dro_traffic *traffic,
	const struct dro_path *path, const char *site, const char *const *values, size_t count,
	struct dro_error *err)
{
	const struct dro_record wanted = record_of(context, traffic, path, values, count);
	const struct dro_record *simple[] = {&wanted};
	struct dro_call call = context->call;
	uint64_t soon = dro_now_ms() + PATH_MS;
	struct dro_record_list there = {0};
	struct dro_provider *provider;
	struct change change = {0};
	int rc;

	if (soon < call.deadline_ms)
		call.deadline_ms = soon;
	if ((rc = dro_accounts_get(context->world->accounts, path->provider, &provider, err)) < 0)
		return rc;
	/* The common case looks at nothing: it is on the way of every promote. */
	if (traffic->policy != DRO_POLICY_WEIGHTED) {
		rc = dro_provider_apply(
			provider, path->zone, simple, 1, NULL, 0, NULL, 0, &call, err);
		if (rc != DRO_ECONFLICT)
			return rc;
	}
	if ((rc = list_sets(&there, provider, traffic, path, &call, err)) == 0 &&
		(rc = make_change(&change, context, traffic, &wanted, site, &there, err)) == 0)
		rc = dro_provider_apply(provider, path->zone, change.put, change.put_count,
			change.del, change.del_count, NULL, 0, &call, err);
	change_free(&change);
	dro_record_list_free(&there);
	return rc;
}
