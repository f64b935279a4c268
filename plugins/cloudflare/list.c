/*
 * What is there: the records of a zone, and its load balancers as groups of record sets. A zone
 * costs a call a page of records and one for the balancers; the pools are asked for where there is
 * a balancer.
 */
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
 * zone which is missing was settled when the records were listed.
 */
static bool has_none(int rc, const struct dro_error *err)
{
	return rc == DRO_EAUTH || rc == DRO_EUNSUPPORTED ||
	       (rc == DRO_EINVAL && strcmp(err->provider_code, "1002") == 0);
}

static int list_balancers(struct cf *cf, const struct emitter *to,
	const struct dro_record_query *query, const struct dro_call *call, struct dro_error *err)
{
	struct dro_error why = DRO_ERROR_INIT;
	cJSON *answer = NULL, *pool_answer = NULL;
	const cJSON *balancers, *pools = NULL, *balancer;
	int rc = cf_balancers_read(cf, query->zone, &answer, &balancers, call, &why);

	if (rc < 0) {
		rc = has_none(rc, &why) ? 0 : rc;
		if (rc < 0 && err)
			*err = why;
		goto out;
	}
	cJSON_ArrayForEach(balancer, balancers)
	{
		if (!wanted(balancer, query->name))
			continue;
		if (!pool_answer &&
			(rc = cf_pools_read(cf, query->zone, &pool_answer, &pools, call, err)) < 0)
			break;
		rc = emit_group(cf, to, balancer, pools, query->type, err);
		if (rc != 0)
			break;
	}
out:
	cJSON_Delete(pool_answer);
	cJSON_Delete(answer);
	return rc;
}

int cf_list_records(void *account, const struct dro_record_query *query, dro_emit_record emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	const struct emitter to = {emit, arg};
	struct cf *cf = account;
	struct cf_records records = {0};
	int rc;

	rc = cf_records_read(cf, &records, query->zone, query->name, query->type, call, err);
	if (rc == 0)
		rc = emit_records(cf, &to, &records, err);
	cf_records_free(&records);
	if (rc == 0 && (!*query->type || cf_kind(query->type) >= 0))
		rc = list_balancers(cf, &to, query, call, err);
	return rc;
}
