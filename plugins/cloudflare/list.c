/*
 * What is there: the records of a zone, and its load balancers as groups of record sets. A zone
 * costs a call a page of records and, beside them, one for the balancers; the pools are asked for
 * where there is a balancer.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/cloudflare/balance.h"
#include "plugins/cloudflare/cloudflare.h"

struct emitter {
	dro_emit_record emit;
	void *arg;
};

/* One set: its flags are those of its first record. */
static int emit_set(const struct emitter *to, const struct cf_record *records, size_t count,
	const char **values)
{
	struct dro_record set = {
		.size = sizeof(set),
		.ttl_s = records->ttl_s,
		.id = records->id,
		.name = records->name,
		.type = records->type,
		.values = values,
		.value_count = count,
		.set_id = "",
		.owner = records->comment,
		.proxied = records->proxied,
		.health_check = "",
		.alias = "",
		.alias_zone = "",
	};
	size_t i;

	for (i = 0; i < count; i++)
		values[i] = records[i].value;
	return to->emit(to->arg, &set);
}

static int emit_records(struct cf *cf, const struct emitter *to, const struct cf_records *records,
	struct dro_error *err)
{
	const char **values = calloc(records->count + 1, sizeof(*values));
	size_t i, count;
	int rc = 0;

	if (!values)
		return cf_no_memory(cf, err);
	for (i = 0; i < records->count && rc == 0; i += count) {
		for (count = 1; i + count < records->count; count++)
			if (cf_records_begins(records, i + count))
				break;
		rc = emit_set(to, &records->items[i], count, values);
	}
	free(values);
	return rc;
}

/* The sets of one pool: one a type of its addresses. */
static int emit_member(const struct emitter *to, const struct cf_group *group,
	const struct cf_member *member, const char *type)
{
	size_t kind;
	int rc = 0;

	for (kind = 0; kind < CF_KINDS && rc == 0; kind++) {
		const struct cf_values *values = &member->values[kind];
		struct dro_record set = {
			.size = sizeof(set),
			.ttl_s = group->ttl_s,
			.id = member->pool_id,
			.name = group->name,
			.type = cf_kinds[kind],
			.values = (const char *const *)values->items,
			.value_count = values->count,
			.set_id = member->set_id,
			.owner = group->owner,
			.proxied = group->proxied,
			.weight = member->weight,
			.failover = member->failover,
			.health_check = member->health_check,
			.alias = "",
			.alias_zone = "",
		};

		if (values->count && (!*type || strcmp(type, set.type) == 0))
			rc = to->emit(to->arg, &set);
	}
	return rc;
}

static int emit_group(struct cf *cf, const struct emitter *to, const cJSON *balancer,
	const cJSON *pools, const char *type, struct dro_error *err)
{
	struct cf_group group = {0};
	size_t i;
	int rc = cf_group_read(&group, balancer, pools);

	if (rc < 0)
		cf_no_memory(cf, err);
	for (i = 0; i < group.count && rc == 0; i++)
		rc = emit_member(to, &group, &group.members[i], type);
	cf_group_free(&group);
	return rc;
}

static bool wanted(const cJSON *balancer, const char *name)
{
	return cf_balancer_enabled(balancer) &&
	       (!*name || strcasecmp(dro_json_text(balancer, "name"), name) == 0);
}

/*
 * A token or a plan without load balancers has none to show. That it is the token's right to the
 * zone which is missing is settled by the list of its records, whose error comes first.
 */
static bool has_none(int rc, const struct dro_error *err)
{
	return rc == DRO_EAUTH || rc == DRO_EUNSUPPORTED ||
	       (rc == DRO_EINVAL && strcmp(err->provider_code, "1002") == 0);
}

/* Read on a thread of its own, beside the records. */
struct balancers {
	struct cf *cf;
	const char *zone_id;
	const struct dro_record_query *query;
	const struct dro_call *call;
	pthread_t thread;
	bool running;
	cJSON *answer, *pool_answer; /* owned */
	const cJSON *list, *pools;
	struct dro_error err;
	int rc;
};

static int read_balancers(struct balancers *all)
{
	const cJSON *balancer;
	int rc = cf_balancers_read(
		all->cf, all->zone_id, &all->answer, &all->list, all->call, &all->err);

	if (rc < 0)
		return has_none(rc, &all->err) ? 0 : rc;
	cJSON_ArrayForEach(balancer, all->list)
	{
		if (wanted(balancer, all->query->name))
			return cf_pools_read(all->cf, all->query->zone, &all->pool_answer,
				&all->pools, all->call, &all->err);
	}
	return 0;
}

static void *read_beside(void *arg)
{
	struct balancers *all = arg;

	all->rc = read_balancers(all);
	return NULL;
}

/* Only names of some types can be balanced. Where no thread is to be had, it is read at once. */
static void balancers_begin(struct balancers *all)
{
	if (*all->query->type && cf_kind(all->query->type) < 0)
		return;
	all->running = pthread_create(&all->thread, NULL, read_beside, all) == 0;
	if (!all->running)
		read_beside(all);
}

static void balancers_wait(struct balancers *all)
{
	if (all->running)
		pthread_join(all->thread, NULL);
	all->running = false;
}

static int emit_balancers(struct balancers *all, const struct emitter *to, struct dro_error *err)
{
	const cJSON *balancer;
	int rc = all->rc;

	if (rc < 0 && err)
		*err = all->err;
	cJSON_ArrayForEach(balancer, all->list)
	{
		if (rc != 0)
			break;
		if (wanted(balancer, all->query->name))
			rc = emit_group(all->cf, to, balancer, all->pools, all->query->type, err);
	}
	return rc;
}

int cf_list_records(void *account, const struct dro_record_query *query, dro_emit_record emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	const struct emitter to = {emit, arg};
	struct cf *cf = account;
	struct cf_records records = {0};
	char zone_id[CF_ID_MAX + 1];
	struct balancers balancers = {
		.cf = cf, .zone_id = zone_id, .query = query, .call = call, .err = DRO_ERROR_INIT};
	int rc;

	if ((rc = cf_zone_id(cf, query->zone, zone_id, call, err)) < 0)
		return rc;
	balancers_begin(&balancers);
	rc = cf_records_read(cf, &records, query->zone, query->name, query->type, call, err);
	if (rc == 0)
		rc = emit_records(cf, &to, &records, err);
	cf_records_free(&records);
	balancers_wait(&balancers);
	if (rc == 0)
		rc = emit_balancers(&balancers, &to, err);
	cJSON_Delete(balancers.answer);
	cJSON_Delete(balancers.pool_answer);
	return rc;
}
