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

/* What one path is to hold. `wanted` points into it. */
struct wish {
	const struct step_goal *goal;
	struct dro_record wanted; /* without a set's identifier */
	struct dro_record other;  /* of the type that cannot stand beside it */
	const char *value;	  /* of a CNAME */
};

static void make_wish(struct wish *wish, const struct dro_step_context *context,
	const struct dro_traffic *traffic, const struct dro_path *path,
	const struct step_goal *goal, unsigned dns_flags)
{
	*wish = (struct wish){.goal = goal};
	wish->wanted = (struct dro_record){.size = sizeof(struct dro_record),
		.ttl_s = path->ttl_ms > 0 ? (uint32_t)(path->ttl_ms / 1000) : 0,
		.id = "",
		.name = traffic->name,
		.type = traffic->type,
		.values = goal->values,
		.value_count = goal->count,
		.set_id = "",
		.owner = dro_json_text(context->inputs, "owner"),
		.proxied = path->proxied,
		.health_check = "",
		.alias = "",
		.alias_zone = ""};
	wish->other = wish->wanted;
	wish->other.values = NULL;
	wish->other.value_count = 0;
	wish->other.proxied = 0;
	if (goal->page)
		dro_page_record(&wish->wanted, &wish->value, goal->page, dns_flags);
	wish->other.type = strcmp(wish->wanted.type, "CNAME") == 0 ? traffic->type : "CNAME";
}

/* Could the name lead to a page, so that it is a CNAME now? */
static bool may_be_page(const struct dro_step_context *context, const struct wish *wish)
{
	return wish->goal->page || dro_service_has_page(context->world->service);
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

/* The name has one set, whatever there is of it. */
static void make_single(
	struct change *change, const struct dro_record *wanted, const struct dro_record_list *there)
{
	size_t i;

	put(change, wanted);
	for (i = 0; i < there->count; i++)
		if (*there->items[i]->set_id)
			change->del[change->del_count++] = there->items[i];
}

/* The sets that are there with the shares that hold now, and the new site's with its addresses. */
static void make_group(struct change *change, const struct dro_service *service,
	const struct dro_traffic *traffic, const struct wish *wish,
	const struct dro_record_list *there)
{
	const char *site = wish->goal->site;
	struct dro_record *set;
	bool found = false;
	size_t i;

	for (i = 0; i < there->count; i++) {
		const struct dro_record *old = there->items[i];
		int share = dro_traffic_share(service, traffic, old->set_id, site);

		if (!*old->set_id || share < 0) {
			change->del[change->del_count++] = old;
			continue;
		}
		set = put(change, old);
		set->weight = (uint32_t)share;
		if (strcmp(old->set_id, site) != 0)
			continue;
		found = true;
		set->values = wish->wanted.values;
		set->value_count = wish->wanted.value_count;
	}
	if (!found) {
		set = put(change, &wish->wanted);
		set->set_id = site;
		set->weight = (uint32_t)dro_traffic_share(service, traffic, site, site);
	}
	make_alike(change, &wish->wanted);
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

/* What is there of the name decides what the change is made of. */
static int look_and_put(const struct dro_step_context *context, const struct dro_traffic *traffic,
	const struct dro_path *path, const struct wish *wish, struct dro_provider *provider,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_record_list there = {0};
	struct change change = {0};
	int rc;

	if ((rc = list_sets(&there, provider, traffic, path, call, err)) < 0 ||
		(rc = change_new(&change, there.count + 2, err)) < 0)
		goto out;
	if (traffic->policy == DRO_POLICY_WEIGHTED && !wish->goal->page)
		make_group(&change, context->world->service, traffic, wish, &there);
	else
		make_single(&change, &wish->wanted, &there);
	if (may_be_page(context, wish))
		change.del[change.del_count++] = &wish->other;
	rc = dro_provider_apply(provider, path->zone, change.put, change.put_count, change.del,
		change.del_count, NULL, 0, call, err);
out:
	change_free(&change);
	dro_record_list_free(&there);
	return rc;
}

int dro_step_put_traffic(const struct dro_step_context *context, const struct dro_traffic *traffic,
	const struct dro_path *path, const struct step_goal *goal, struct dro_error *err)
{
	struct dro_call call = context->call;
	uint64_t soon = dro_now_ms() + PATH_MS;
	struct dro_provider *provider;
	const struct dro_record *simple[1], *other[1];
	struct wish wish;
	int rc;

	if (soon < call.deadline_ms)
		call.deadline_ms = soon;
	if ((rc = dro_accounts_get(context->world->accounts, path->provider, &provider, err)) < 0)
		return rc;
	make_wish(&wish, context, traffic, path, goal, dro_provider_dns_flags(provider));
	simple[0] = &wish.wanted;
	other[0] = &wish.other;
	/* The common case looks at nothing: it is on the way of every promote. */
	if (traffic->policy != DRO_POLICY_WEIGHTED) {
		rc = dro_provider_apply(provider, path->zone, simple, 1, other,
			may_be_page(context, &wish) ? 1 : 0, NULL, 0, &call, err);
		if (rc != DRO_ECONFLICT)
			return rc;
	}
	return look_and_put(context, traffic, path, &wish, provider, &call, err);
}
