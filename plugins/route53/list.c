/* What is there, as the ABI says it. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "plugins/route53/route53.h"

#define VALUE_MAX 65536

/* An alias has none. */
static char **read_values(const struct r53_set *set, size_t *count)
{
	const struct dro_xml_node *first =
		dro_xml_child(set->node, "ResourceRecords/ResourceRecord");
	const struct dro_xml_node *record;
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX);
	char **values;
	size_t room = 1;

	*count = 0;
	for (record = first; record; record = dro_xml_next(record))
		room++;
	values = calloc(room, sizeof(*values));
	for (record = first; record && values; record = dro_xml_next(record)) {
		r53_value_read(&value, set->type, dro_xml_text(record, "Value"));
		values[*count] = value.failed ? NULL : strdup(dro_buf_str(&value));
		if (!values[*count]) {
			r53_values_free(values, *count);
			values = NULL;
			break;
		}
		++*count;
	}
	dro_buf_free(&value);
	return values;
}

static int emit_set(struct r53 *r53, const struct r53_sets *sets, const struct r53_set *set,
	dro_emit_record emit, void *arg, struct dro_error *err)
{
	const struct dro_xml_node *target = dro_xml_child(set->node, "AliasTarget");
	struct dro_record record = {.size = sizeof(record),
		.ttl_s = r53_set_number(set, "TTL"),
		.id = "",
		.name = set->name,
		.type = set->type,
		.set_id = set->set_id,
		.owner = r53_owner_of(sets, set->name, set->type, set->set_id),
		.weight = r53_set_number(set, "Weight"),
		.failover = r53_set_failover(set),
		.evaluate_health =
			strcmp(dro_xml_text(target, "EvaluateTargetHealth"), "true") == 0,
		.health_check = dro_xml_text(set->node, "HealthCheckId"),
		.alias_zone = dro_xml_text(target, "HostedZoneId")};
	struct dro_buf alias = DRO_BUF_INIT(R53_NAME_MAX);
	char **values = read_values(set, &record.value_count);
	int rc;

	record.values = (const char *const *)values;
	r53_name_read(&alias, dro_xml_text(target, "DNSName"));
	record.alias = dro_buf_str(&alias);
	if (!values || alias.failed)
		rc = r53_no_memory(r53, err);
	else
		rc = emit(arg, &record);
	r53_values_free(values, record.value_count);
	dro_buf_free(&alias);
	return rc;
}

int r53_list_records(void *account, const struct dro_record_query *query, dro_emit_record emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct r53 *r53 = account;
	struct r53_sets sets = {0};
	struct dro_buf name = DRO_BUF_INIT(R53_NAME_MAX);
	size_t i;
	int rc;

	r53_name_read(&name, query->name);
	if ((rc = dro_buf_check(&name, err)) < 0 ||
		(rc = r53_sets_read(r53, &sets, query->zone, dro_buf_str(&name), call, err)) < 0)
		goto out;
	for (i = 0; i < sets.count && rc == 0; i++) {
		const struct r53_set *set = &sets.items[i];

		if ((*query->name && strcmp(set->name, dro_buf_str(&name)) != 0) ||
			(*query->type && strcmp(set->type, query->type) != 0) || r53_owner_is(set))
			continue;
		rc = emit_set(r53, &sets, set, emit, arg, err);
	}
out:
	r53_sets_free(&sets);
	dro_buf_free(&name);
	return rc;
}
