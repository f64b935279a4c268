/* Whose a record is: marks in a TXT record beside the name. */
#include <string.h>

#include "base/buf.h"
#include "base/rdata.h"
#include "plugins/route53/route53.h"

#define MARK_MAX 4096
#define HERITAGE "heritage=drorch,owner="

bool r53_owner_valid(const char *owner)
{
	const unsigned char *at;

	for (at = (const unsigned char *)owner; *at; at++)
		if (*at < ' ' || *at > '~' || strchr(",\"\\", *at))
			return false;
	return strlen(owner) <= 128;
}

bool r53_owner_parse(const char *value, struct dro_buf *text, struct r53_mark *out)
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
	*out = (struct r53_mark){
		.owner = text->data + strlen(HERITAGE), .type = type + 6, .set_id = ""};
	*type = '\0';
	if (set) {
		*set = '\0';
		out->set_id = set + 5; /* the last: it may hold anything */
	}
	return true;
}

void r53_owner_print(struct dro_buf *out, const struct dro_record *record)
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

const char *r53_owner_of(const struct r53_sets *sets, const char *name, const char *type,
	const char *set_id, struct dro_buf *scratch)
{
	struct dro_buf owner = DRO_BUF_INIT(R53_NAME_MAX), value = DRO_BUF_INIT(MARK_MAX);
	const struct dro_xml_node *record;
	const struct r53_set *set;
	const char *found = "";
	struct r53_mark mark;

	dro_buf_printf(&owner, R53_OWNER_PREFIX "%s", name);
	set = r53_sets_find(sets, dro_buf_str(&owner), "TXT", "");
	for (record = set ? dro_xml_child(set->node, "ResourceRecords/ResourceRecord") : NULL;
		record && !*found; record = dro_xml_next(record)) {
		r53_value_read(&value, "TXT", dro_xml_text(record, "Value"));
		if (r53_owner_parse(dro_buf_str(&value), scratch, &mark) &&
			strcmp(mark.type, type) == 0 && strcmp(mark.set_id, set_id) == 0)
			found = mark.owner;
	}
	dro_buf_free(&owner);
	dro_buf_free(&value);
	return found;
}

bool r53_owner_is(const struct r53_set *set)
{
	struct dro_buf value = DRO_BUF_INIT(MARK_MAX), text = DRO_BUF_INIT(MARK_MAX);
	const struct dro_xml_node *record =
		dro_xml_child(set->node, "ResourceRecords/ResourceRecord");
	bool all = record && strcmp(set->type, "TXT") == 0 && !*set->set_id &&
		   strncmp(set->name, R53_OWNER_PREFIX, strlen(R53_OWNER_PREFIX)) == 0;
	struct r53_mark mark;

	for (; record && all; record = dro_xml_next(record)) {
		r53_value_read(&value, "TXT", dro_xml_text(record, "Value"));
		all = r53_owner_parse(dro_buf_str(&value), &text, &mark);
	}
	dro_buf_free(&value);
	dro_buf_free(&text);
	return all;
}
