#include "plugins/common/record.h"

#include <string.h>

static const char *text(const char *string)
{
	return string ? string : "";
}

struct dro_record dro_record_whole(const struct dro_record *record)
{
	struct dro_record whole = {0};

	memcpy(&whole, record, record->size < sizeof(whole) ? record->size : sizeof(whole));
	whole.size = sizeof(whole);
	whole.id = text(whole.id);
	whole.name = text(whole.name);
	whole.type = text(whole.type);
	whole.set_id = text(whole.set_id);
	whole.owner = text(whole.owner);
	whole.health_check = text(whole.health_check);
	whole.alias = text(whole.alias);
	whole.alias_zone = text(whole.alias_zone);
	return whole;
}
