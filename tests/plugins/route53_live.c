#include "plugins/route53_live.h"

#include <check.h>
#include <stdio.h>

#define FINE(expression) ck_assert_msg((expression) == 0, "%s", kit->err.message)

const char *listed(struct live *kit, const char *name, const char *type)
{
	static char line[512];
	struct dro_record_query query = {
		.size = sizeof(query), .zone = ZONE, .name = name, .type = type};
	struct dro_record_list list = {0};
	size_t i, used = 0;

	line[0] = '\0';
	FINE(dro_provider_list_records(kit->provider, &query, &list, &kit->call, &kit->err));
	for (i = 0; i < list.count && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s %s %u/%u [%s] %s",
			i ? "; " : "", list.items[i]->name, list.items[i]->set_id,
			list.items[i]->ttl_s, list.items[i]->weight, list.items[i]->owner,
			list.items[i]->value_count ? list.items[i]->values[0] : "-");
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
	record->value_count = 1;
	FINE(dro_provider_apply(kit->provider, ZONE, sets, 1, NULL, 0, operation, sizeof(operation),
		&kit->call, &kit->err));
}
