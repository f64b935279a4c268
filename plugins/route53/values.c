/* The values of a set: as they are asked for, and as they are stored. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rdata.h"
#include "plugins/route53/route53.h"

#define VALUE_MAX 65536

static bool holds(char *const *values, size_t count, const char *value)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(values[i], value) == 0)
			return true;
	return false;
}

int r53_values_clean(struct r53 *r53, const struct dro_record *record, char ***out, size_t *count,
	struct dro_error *err)
{
	char **values = calloc(record->value_count + 1, sizeof(*values));
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX);
	size_t i;
	int rc = values ? 0 : r53_no_memory(r53, err);

	*count = 0;
	for (i = 0; i < record->value_count && rc == 0; i++) {
		rc = dro_rdata_clean(&value, record->type, record->values[i], err);
		if (rc < 0 || holds(values, *count, dro_buf_str(&value)))
			continue;
		values[*count] = strdup(dro_buf_str(&value));
		if (!values[*count])
			rc = r53_no_memory(r53, err);
		else
			++*count;
	}
	dro_buf_free(&value);
	if (rc < 0) {
		r53_values_free(values, *count);
		values = NULL;
	}
	*out = values;
	return rc;
}

bool r53_values_same(const struct r53_set *set, char *const *values, size_t count)
{
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX);
	const struct dro_xml_node *record =
		dro_xml_child(set->node, "ResourceRecords/ResourceRecord");
	size_t found = 0;
	bool same = record;

	for (; record && same; record = dro_xml_next(record)) {
		r53_value_read(&value, set->type, dro_xml_text(record, "Value"));
		same = holds(values, count, dro_buf_str(&value));
		found++;
	}
	dro_buf_free(&value);
	return same && found == count;
}

void r53_values_free(char **values, size_t count)
{
	size_t i;

	for (i = 0; values && i < count; i++)
		free(values[i]);
	free(values);
}
