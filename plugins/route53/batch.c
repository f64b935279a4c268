/*
 * Changes on their way: whole units are gathered into batches within both limits, and each batch
 * is one transaction.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "plugins/route53/route53.h"

#define RECORDS_MAX 1000
#define CHARACTERS_MAX 32000
#define BODY_MAX (4u << 20)
#define VALUE_MAX 65536
#define UNIT_MAX (3u << 20)

/* The order in which the elements must stand. */
static const char *const elements[] = {"Name", "Type", "SetIdentifier", "Weight", "Region",
	"GeoLocation", "Failover", "MultiValueAnswer", "TTL", "ResourceRecords", "AliasTarget",
	"HealthCheckId", "TrafficPolicyInstanceId", "CidrRoutingConfig", "GeoProximityLocation"};

void r53_batch_init(
	struct r53_batch *batch, struct r53 *r53, const char *zone, const struct dro_call *call)
{
	*batch = (struct r53_batch){.r53 = r53,
		.zone = zone,
		.call = call,
		.body = DRO_BUF_INIT(BODY_MAX),
		.unit = DRO_BUF_INIT(UNIT_MAX)};
}

void r53_batch_fini(struct r53_batch *batch)
{
	dro_buf_free(&batch->body);
	dro_buf_free(&batch->unit);
}

static void put_text(struct dro_buf *out, const char *name, const char *text)
{
	dro_buf_printf(out, "<%s>", name);
	dro_xml_escape(out, text);
	dro_buf_printf(out, "</%s>", name);
}

static void put_number(struct dro_buf *out, const char *name, uint32_t number)
{
	dro_buf_printf(out, "<%s>%u</%s>", name, number, name);
}

/* An element of an answer as it stood there. */
static void put_node(struct dro_buf *out, const struct dro_xml_node *node)
{
	const struct dro_xml_node *child;

	if (!node->children) {
		put_text(out, node->name, node->text);
		return;
	}
	dro_buf_printf(out, "<%s>", node->name);
	for (child = node->children; child; child = child->sibling)
		put_node(out, child);
	dro_buf_printf(out, "</%s>", node->name);
}

static void change_begin(struct r53_batch *batch, const char *action)
{
	dro_buf_printf(&batch->unit, "<Change><Action>%s</Action><ResourceRecordSet>", action);
}

static void change_end(struct r53_batch *batch, size_t records, size_t characters)
{
	dro_buf_puts(&batch->unit, "</ResourceRecordSet></Change>");
	batch->unit_records += records ? records : 1;
	batch->unit_characters += characters;
}

void r53_batch_delete(struct r53_batch *batch, const struct r53_set *set)
{
	const struct dro_xml_node *record;
	size_t i, records = 0, characters = 0;

	change_begin(batch, "DELETE");
	for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		const struct dro_xml_node *node = dro_xml_child(set->node, elements[i]);

		if (node)
			put_node(&batch->unit, node);
	}
	for (record = dro_xml_child(set->node, "ResourceRecords/ResourceRecord"); record;
		record = dro_xml_next(record)) {
		records++;
		characters += strlen(dro_xml_text(record, "Value"));
	}
	change_end(batch, records, characters);
}

static size_t put_values(struct dro_buf *out, const char *type, char *const *values, size_t count)
{
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX);
	size_t i, characters = 0;

	dro_buf_puts(out, "<ResourceRecords>");
	for (i = 0; i < count; i++) {
		r53_value_write(&value, type, values[i]);
		if (value.failed)
			out->failed = value.failed;
		dro_buf_puts(out, "<ResourceRecord>");
		put_text(out, "Value", dro_buf_str(&value));
		dro_buf_puts(out, "</ResourceRecord>");
		characters += value.length;
	}
	dro_buf_puts(out, "</ResourceRecords>");
	dro_buf_free(&value);
	return characters;
}

static const char *text_of(const struct r53_put *put, const char *element)
{
	const struct dro_record *record = put->record;
	static const char *const roles[] = {"", "PRIMARY", "SECONDARY"};

	if (strcmp(element, "Type") == 0)
		return record->type;
	if (strcmp(element, "SetIdentifier") == 0)
		return record->set_id;
	if (strcmp(element, "Failover") == 0)
		return put->routing == R53_FAILOVER ? roles[record->failover] : "";
	return strcmp(element, "HealthCheckId") == 0 ? record->health_check : NULL;
}

static void put_alias(struct dro_buf *out, const struct r53_put *put)
{
	struct dro_buf name = DRO_BUF_INIT(R53_NAME_MAX);

	r53_name_write(&name, put->record->alias);
	if (name.failed)
		out->failed = name.failed;
	dro_buf_puts(out, "<AliasTarget>");
	put_text(out, "HostedZoneId", put->alias_zone);
	put_text(out, "DNSName", dro_buf_str(&name));
	put_text(out, "EvaluateTargetHealth", put->record->evaluate_health ? "true" : "false");
	dro_buf_puts(out, "</AliasTarget>");
	dro_buf_free(&name);
}

/* Everything but name and values, which count: what a record says, and what only the old set can.
 */
static void put_element(struct dro_buf *out, const struct r53_put *put, const char *element)
{
	const struct dro_xml_node *kept = put->old && put->routing == R53_OTHER
						  ? dro_xml_child(put->old->node, element)
						  : NULL;
	const char *text = text_of(put, element);
	bool alias = *put->record->alias;

	if (text && *text)
		put_text(out, element, text);
	else if (strcmp(element, "Weight") == 0 && put->routing == R53_WEIGHTED)
		put_number(out, element, put->record->weight);
	else if (strcmp(element, "TTL") == 0 && !alias)
		put_number(out, element, put->ttl_s);
	else if (strcmp(element, "AliasTarget") == 0 && alias)
		put_alias(out, put);
	else if (kept && !text && strcmp(element, "TTL") != 0 &&
		 strcmp(element, "AliasTarget") != 0)
		put_node(out, kept);
}

void r53_batch_put(struct r53_batch *batch, const struct r53_put *put)
{
	struct dro_buf *out = &batch->unit, name = DRO_BUF_INIT(R53_NAME_MAX);
	size_t i, characters = 0, weight = put->old ? 2 : 1; /* an UPSERT counts twice */

	r53_name_write(&name, put->record->name);
	if (name.failed)
		out->failed = name.failed;
	change_begin(batch, put->old ? "UPSERT" : "CREATE");
	for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		if (strcmp(elements[i], "Name") == 0)
			put_text(out, "Name", dro_buf_str(&name));
		else if (strcmp(elements[i], "ResourceRecords") != 0)
			put_element(out, put, elements[i]);
		else if (!*put->record->alias)
			characters = put_values(out, put->record->type, put->values, put->count);
	}
	change_end(batch, (put->count ? put->count : 1) * weight, characters * weight);
	dro_buf_free(&name);
}

int r53_batch_unit(struct r53_batch *batch, struct dro_error *err)
{
	int rc;

	if (batch->unit_records > RECORDS_MAX || batch->unit_characters > CHARACTERS_MAX)
		return batch->r53->host->fail(err, DRO_EINVAL, NULL,
			"the records of one name are more than Route 53 takes in one change");
	if (batch->records + batch->unit_records > RECORDS_MAX ||
		batch->characters + batch->unit_characters > CHARACTERS_MAX)
		if ((rc = r53_batch_send(batch, err)) < 0)
			return rc;
	if ((rc = dro_buf_check(&batch->unit, err)) < 0)
		return rc;
	dro_buf_append(&batch->body, dro_buf_str(&batch->unit), batch->unit.length);
	batch->records += batch->unit_records;
	batch->characters += batch->unit_characters;
	dro_buf_reset(&batch->unit);
	batch->unit_records = batch->unit_characters = 0;
	return 0;
}

static int read_change(struct r53_batch *batch, const struct r53_ask *ask,
	const struct dro_xml_node *root, struct dro_error *err)
{
	const char *id = r53_id(dro_xml_text(root, "ChangeInfo/Id"), "/change/");

	if (!id)
		return r53_nonsense(batch->r53, ask, "a change without an id", err);
	snprintf(batch->operation, sizeof(batch->operation), "%s",
		strcmp(dro_xml_text(root, "ChangeInfo/Status"), "INSYNC") == 0 ? "" : id);
	return 0;
}

int r53_batch_send(struct r53_batch *batch, struct dro_error *err)
{
	struct dro_buf body = DRO_BUF_INIT(BODY_MAX + 1024);
	char id[R53_ID_MAX + 1];
	const struct r53_ask ask = {.method = "POST",
		.path = {"hostedzone", id, "rrset", ""},
		.body = &body,
		.mutation = true};
	struct dro_xml *xml = NULL;
	int rc;

	if (!batch->body.length)
		return 0;
	dro_buf_printf(&body,
		R53_XML_BEGIN("ChangeResourceRecordSetsRequest") "<ChangeBatch><Changes>%s"
								 "</Changes></ChangeBatch></"
								 "ChangeResourceRecordSetsRequest>",
		dro_buf_str(&batch->body));
	if ((rc = dro_buf_check(&batch->body, err)) < 0 || (rc = dro_buf_check(&body, err)) < 0 ||
		(rc = r53_zone_id(batch->r53, batch->zone, id, batch->call, err)) < 0)
		goto out;
	if ((rc = r53_ask(batch->r53, &ask, &xml, batch->call, err)) == 0)
		rc = read_change(batch, &ask, dro_xml_root(xml), err);
	dro_buf_reset(&batch->body);
	batch->records = batch->characters = 0;
out:
	dro_xml_free(xml);
	dro_buf_free(&body);
	return rc;
}
