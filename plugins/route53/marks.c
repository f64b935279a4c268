/* The marks of one name: what one says, and what a change makes of them. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rdata.h"
#include "plugins/common/record.h"
#include "plugins/route53/change.h"

#define MARK_MAX 4096
#define VALUE_MAX 65536
#define HERITAGE "heritage=drorch,owner="

bool r53_mark_parse(const char *value, struct dro_buf *text, struct r53_mark_text *out)
{
	char *type, *set;

	dro_buf_reset(text);
	if (dro_rdata_unquote(text, value, 10) < 0 || !text->length ||
		strncmp(text->data, HERITAGE, strlen(HERITAGE)) != 0)
		return false;
	type = strstr(text->data, ",type=");
	if (!type)
		return false;
	set = strstr(type + 1, ",set=");
	*out = (struct r53_mark_text){
		.owner = text->data + strlen(HERITAGE), .type = type + 6, .set_id = ""};
	*type = '\0';
	if (set) {
		*set = '\0';
		out->set_id = set + 5; /* the last: it may hold anything */
	}
	return true;
}

static void print(struct dro_buf *out, const struct dro_record *record)
{
	struct dro_buf text = DRO_BUF_INIT(MARK_MAX);

	dro_buf_printf(&text, HERITAGE "%s,type=%s", record->owner, record->type);
	if (*record->set_id)
		dro_buf_printf(&text, ",set=%s", record->set_id);
	dro_rdata_quote(out, dro_buf_str(&text), text.length, 10);
	if (text.failed)
		out->failed = text.failed;
	dro_buf_free(&text);
}

/* Does this value say whose one of the given sets is? It is then said anew, or no more. */
static bool speaks_of(
	const char *value, const struct r53_ref *refs, size_t count, struct dro_buf *scratch)
{
	struct r53_mark_text mark;
	size_t i;

	if (!r53_mark_parse(value, scratch, &mark))
		return false;
	for (i = 0; i < count; i++)
		if (strcmp(refs[i].record.type, mark.type) == 0 &&
			strcmp(refs[i].record.set_id, mark.set_id) == 0)
			return true;
	return false;
}

static int add_value(struct r53_change *change, char **values, size_t *count, const char *value)
{
	values[*count] = strdup(value);
	if (!values[*count])
		return r53_no_memory(change->r53, change->err);
	++*count;
	return 0;
}

/* What is to stand beside the name: the old values of other sets, and those of the put ones. */
static int wanted_marks(struct r53_change *change, const struct r53_set *old,
	const struct r53_ref *refs, size_t ref_count, char ***out, size_t *count)
{
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX), scratch = DRO_BUF_INIT(VALUE_MAX);
	const struct dro_xml_node *first =
		old ? dro_xml_child(old->node, "ResourceRecords/ResourceRecord") : NULL;
	const struct dro_xml_node *record;
	size_t room = ref_count + 1, i;
	int rc = 0;

	for (record = first; record; record = dro_xml_next(record))
		room++;
	*count = 0;
	*out = calloc(room, sizeof(**out));
	if (!*out)
		return r53_no_memory(change->r53, change->err);
	for (record = first; record && rc == 0; record = dro_xml_next(record)) {
		r53_value_read(&value, "TXT", dro_xml_text(record, "Value"));
		if (!speaks_of(dro_buf_str(&value), refs, ref_count, &scratch))
			rc = add_value(change, *out, count, dro_buf_str(&value));
	}
	for (i = 0; i < ref_count && rc == 0; i++) {
		if (refs[i].del || !*refs[i].record.owner)
			continue;
		dro_buf_reset(&value);
		print(&value, &refs[i].record);
		rc = value.failed ? dro_buf_check(&value, change->err)
				  : add_value(change, *out, count, dro_buf_str(&value));
	}
	dro_buf_free(&value);
	dro_buf_free(&scratch);
	return rc;
}

int r53_marks_put(struct r53_change *change, const struct r53_ref *refs, size_t ref_count)
{
	struct dro_buf name = DRO_BUF_INIT(R53_NAME_MAX);
	struct dro_record record =
		dro_record_whole(&(const struct dro_record){.size = sizeof(record), .type = "TXT"});
	struct r53_put put = {.record = &record, .ttl_s = R53_OWNER_TTL};
	const struct r53_set *old;
	char **values = NULL;
	size_t count = 0;
	int rc;

	dro_buf_printf(&name, R53_OWNER_PREFIX "%s", refs->name);
	if ((rc = dro_buf_check(&name, change->err)) < 0)
		goto out;
	record.name = dro_buf_str(&name);
	old = r53_sets_find(&change->there, record.name, "TXT", "");
	if ((rc = wanted_marks(change, old, refs, ref_count, &values, &count)) < 0)
		goto out;
	if (count == 0 && old)
		r53_batch_delete(&change->batch, old);
	else if (count > 0 && (!old || !r53_values_same(old, values, count))) {
		put.old = old;
		put.values = values;
		put.count = count;
		r53_batch_put(&change->batch, &put);
	}
out:
	r53_values_free(values, count);
	dro_buf_free(&name);
	return rc;
}
