#include "plugins/route53_live.h"

#include <check.h>
#include <stdio.h>

#define FINE(expression) ck_assert_msg((expression) == 0, "%s", kit->err.message)

const char *listed(struct live *kit, const char *name, const char *type)
{
	static const char *const roles[] = {"", " primary", " secondary"};
	static char line[1024];
	struct dro_record_query query = {
		.size = sizeof(query), .zone = ZONE, .name = name, .type = type};
	struct dro_record_list list = {0};
	size_t i, used = 0;

	line[0] = '\0';
	FINE(dro_provider_list_records(kit->provider, &query, &list, &kit->call, &kit->err));
	for (i = 0; i < list.count && used < sizeof(line); i++) {
		const struct dro_record *set = list.items[i];

		used += (size_t)snprintf(line + used, sizeof(line) - used,
			"%s%s %s %u/%u [%s]%s%s%s %s%s", i ? "; " : "", set->name, set->set_id,
			set->ttl_s, set->weight, set->owner, roles[set->failover],
			*set->health_check ? " if " : "", set->health_check,
			*set->alias ? "-> " : "",
			set->value_count ? set->values[0]
			: *set->alias	 ? set->alias
					 : "-");
	}
	dro_record_list_free(&list);
	return line;
}

void put(struct live *kit, struct dro_record *record, const char *value)
{
	const struct dro_record *sets[] = {record};
	char operation[64];

	record->size = sizeof(*record);
	record->id = "";
	record->set_id = record->set_id ? record->set_id : "";
	record->owner = MARK;
	record->values = &value;
	record->value_count = value ? 1 : 0;
	FINE(dro_provider_apply(kit->provider, ZONE, sets, 1, NULL, 0, operation, sizeof(operation),
		&kit->call, &kit->err));
}
