/*
 * ChangeResourceRecordSets and GetChange.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/route53.h"

#define RECORDS_MAX 1000
#define CHARACTERS_MAX 32000
#define CHANGES_KEPT 1000
#define MESSAGES_MAX 65536

/* ---- changes that spread --------------------------------------------------------------------- */

static void put_info(struct route53_call *c, const cJSON *change)
{
	double insync = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(change, "InsyncMs"));
	double at = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(change, "SubmittedMs"));
	const char *comment = dro_json_text(change, "Comment");
	char time[DRO_TIME_TEXT];

	dro_time_format(time, (int64_t)at);
	dro_buf_printf(&c->reply->body,
		"<ChangeInfo><Id>/change/%s</Id><Status>%s</Status><SubmittedAt>%s</SubmittedAt>",
		dro_json_text(change, "Id"), (double)c->now_ms < insync ? "PENDING" : "INSYNC",
		time);
	if (*comment)
		lab_xml_element(&c->reply->body, "Comment", comment);
	dro_buf_puts(&c->reply->body, "</ChangeInfo>");
}

int route53_change_add(struct route53_call *c, const char *comment, struct dro_error *err)
{
	cJSON *change = cJSON_CreateObject();
	char id[LAB_ID];

	route53_new_id(id, 'C');
	cJSON_AddStringToObject(change, "Id", id);
	cJSON_AddNumberToObject(change, "SubmittedMs", (double)c->now_ms);
	cJSON_AddNumberToObject(change, "InsyncMs", (double)(c->now_ms + c->r53->insync_ms));
	cJSON_AddStringToObject(change, "Comment", comment);
	cJSON_AddItemToArray(c->r53->changes, change);
	if (cJSON_GetArraySize(c->r53->changes) > CHANGES_KEPT)
		cJSON_DeleteItemFromArray(c->r53->changes, 0);
	lab_reply_id(c->reply, id);
	put_info(c, change);
	return lab_state_save(c->r53->lab, "route53-changes", c->r53->changes, err);
}

void route53_change_get(struct route53_call *c)
{
	const cJSON *change;

	cJSON_ArrayForEach(change, c->r53->changes)
	{
		if (strcmp(dro_json_text(change, "Id"), c->id) != 0)
			continue;
		route53_begin(c, "GetChangeResponse");
		put_info(c, change);
		route53_end(c, "GetChangeResponse");
		return;
	}
	route53_error(c, 404, "NoSuchChange", "Could not find resource with ID: %.64s", c->id);
}

/* ---- a batch --------------------------------------------------------------------------------- */

struct change {
	const char *action;
	cJSON *doc;
	char *key;
	bool taken; /* doc and key belong to the draft */
};

struct batch {
	struct route53_call *c;
	struct route53_zone *zone;
	struct change *changes;
	size_t count;
	struct route53_sets draft;
	struct route53_sets gone; /* of the zone, or of an earlier change: freed when it holds */
	struct dro_buf messages;  /* <Message> each */
};

static void refuse(struct batch *batch, const char *message)
{
	lab_xml_element(&batch->messages, "Message", message);
}

static void canonical(cJSON *doc, struct dro_buf *why)
{
	cJSON *alias = cJSON_GetObjectItemCaseSensitive(doc, "AliasTarget");
	char name[ROUTE53_NAME];

	if (!route53_name(name, dro_json_text(doc, "Name"))) {
		dro_buf_printf(why, "FATAL problem: DomainLabelIllegal encountered with '%.200s'",
			dro_json_text(doc, "Name"));
		return;
	}
	cJSON_ReplaceItemInObjectCaseSensitive(doc, "Name", cJSON_CreateString(name));
	if (alias && route53_name(name, dro_json_text(alias, "DNSName")))
		cJSON_ReplaceItemInObjectCaseSensitive(alias, "DNSName", cJSON_CreateString(name));
}

/* false: answered, since the request itself is wrong. */
static bool read_one(struct batch *batch, const struct dro_xml_node *node, struct change *change)
{
	struct dro_buf why = DRO_BUF_INIT(2048);
	const char *code = "InvalidInput";
	bool good;

	change->action = dro_xml_text(node, "Action");
	change->doc = route53_set_read(dro_xml_child(node, "ResourceRecordSet"), &why);
	if (change->doc)
		canonical(change->doc, &why);
	if (!why.length && strcmp(change->action, "CREATE") != 0 &&
		strcmp(change->action, "DELETE") != 0 && strcmp(change->action, "UPSERT") != 0)
		dro_buf_printf(&why, "Invalid action %.20s", change->action);
	good = !why.length &&
	       route53_check_set(dro_json_text(batch->zone->doc, "Name"), change->doc, &code, &why);
	if (!good && strcmp(code, "InvalidChangeBatch") == 0) {
		refuse(batch, dro_buf_str(&why));
		good = true;
	} else if (!good) {
		route53_error(batch->c, 400, code, "%s", dro_buf_str(&why));
	}
	if (good && strcmp(change->action, "DELETE") != 0 &&
		!route53_check_health(batch->c->r53, change->doc, &why)) {
		route53_error(batch->c, 404, "NoSuchHealthCheck", "%s", dro_buf_str(&why));
		good = false;
	}
	if (good) {
		change->key = route53_key(dro_json_text(change->doc, "Name"),
			dro_json_text(change->doc, "Type"),
			dro_json_text(change->doc, "SetIdentifier"));
		good = change->key != NULL;
	}
	dro_buf_free(&why);
	return good;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One batch names a set once, but for its deletion before its creation. */
static void check_twice(struct batch *batch)
{
	char **keys = calloc(batch->count + 1, sizeof(*keys)), text[512];
	size_t count = 0, i;

	for (i = 0; keys && i < batch->count; i++)
		if (strcmp(batch->changes[i].action, "DELETE") != 0)
			keys[count++] = batch->changes[i].key;
	if (keys)
		qsort(keys, count, sizeof(*keys), compare_keys);
	for (i = 1; keys && i < count; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0) {
			snprintf(text, sizeof(text),
				"The request contains an invalid set of changes for a resource "
				"record set");
			refuse(batch, text);
			break;
		}
	free(keys);
}

static void check_limits(struct batch *batch)
{
	size_t records = 0, characters = 0, i;

	for (i = 0; i < batch->count; i++) {
		size_t times = strcmp(batch->changes[i].action, "UPSERT") == 0 ? 2 : 1;
		const cJSON *values = cJSON_GetObjectItemCaseSensitive(
				    batch->changes[i].doc, "ResourceRecords"),
			    *value;

		records += times * (values ? (size_t)cJSON_GetArraySize(values) : 1);
		cJSON_ArrayForEach(value, values) characters += times * strlen(value->valuestring);
	}
	if (records > RECORDS_MAX)
		refuse(batch, "Number of records limit of 1000 exceeded.");
	if (characters > CHARACTERS_MAX)
		refuse(batch, "Maximum data length of 32000 characters exceeded.");
}

/* ---- on the draft ---------------------------------------------------------------------------- */

static void refuse_set(struct batch *batch, const struct change *change, const char *what)
{
	struct dro_buf text = DRO_BUF_INIT(4096);
	const char *set = dro_json_text(change->doc, "SetIdentifier");

	dro_buf_printf(&text, "Tried to %s resource record set [name='%s', type='%s'",
		strcmp(change->action, "DELETE") == 0 ? "delete" : "create",
		dro_json_text(change->doc, "Name"), dro_json_text(change->doc, "Type"));
	if (*set)
		dro_buf_printf(&text, ", set-identifier='%s'", set);
	dro_buf_printf(&text, "] but %s", what);
	refuse(batch, dro_buf_str(&text));
	dro_buf_free(&text);
}

/* The draft's entry goes; whoever owned it, it is freed with `gone` when the batch holds. */
static int take_out(struct batch *batch, size_t at)
{
	struct route53_sets *draft = &batch->draft;
	struct route53_set set = draft->items[at];
	struct route53_sets *gone = &batch->gone;
	int rc = route53_sets_insert(gone, gone->count, set.key, set.doc);

	memmove(&draft->items[at], &draft->items[at + 1],
		(--draft->count - at) * sizeof(*draft->items));
	return rc;
}

static bool is_own(const struct batch *batch, const cJSON *doc)
{
	const char *type = dro_json_text(doc, "Type");

	return strcmp(dro_json_text(doc, "Name"), dro_json_text(batch->zone->doc, "Name")) == 0 &&
	       (strcmp(type, "NS") == 0 || strcmp(type, "SOA") == 0);
}

static int try_one(struct batch *batch, struct change *change)
{
	bool found, create = strcmp(change->action, "CREATE") == 0;
	size_t at = route53_sets_find(&batch->draft, change->key, &found);
	int rc = 0;

	if (strcmp(change->action, "DELETE") == 0) {
		if (!found)
			refuse_set(batch, change, "it was not found");
		else if (!route53_set_equal(batch->draft.items[at].doc, change->doc))
			refuse_set(batch, change,
				"the values provided do not match the current values");
		else if (is_own(batch, change->doc))
			refuse(batch,
				strcmp(dro_json_text(change->doc, "Type"), "NS") == 0
					? "A HostedZone must contain at least one NS record "
					  "for the zone itself."
					: "A HostedZone must contain exactly one SOA record.");
		else
			rc = take_out(batch, at);
		return rc;
	}
	if (found && create) {
		refuse_set(batch, change, "it already exists");
		return 0;
	}
	if (found && (rc = take_out(batch, at)) < 0)
		return rc;
	change->taken = true;
	return route53_sets_insert(&batch->draft, at, change->key, change->doc);
}

/* "s3-website-REGION.amazonaws.com.", or with a dot: every bucket's websites of a region. */
static bool is_website(const char *target)
{
	return (strncmp(target, "s3-website-", 11) == 0 ||
		       strncmp(target, "s3-website.", 11) == 0) &&
	       strstr(target, ".amazonaws.com.");
}

/* An alias must lead to a set of its own type that is in this zone, or to S3's websites: the lab
 * has nothing else. */
static void check_alias(struct batch *batch, const cJSON *doc)
{
	const cJSON *alias = cJSON_GetObjectItemCaseSensitive(doc, "AliasTarget");
	const char *target = dro_json_text(alias, "DNSName"), *type = dro_json_text(doc, "Type");
	const char *zone = dro_json_text(batch->zone->doc, "Id");
	struct dro_buf text = DRO_BUF_INIT(4096);
	bool found;
	size_t at;
	char *key = NULL;

	if (!alias || (is_website(target) && strcmp(type, "A") == 0))
		return;
	if (strcmp(dro_json_text(alias, "HostedZoneId"), zone) == 0)
		key = route53_key(target, type, "");
	at = key ? route53_sets_find(&batch->draft, key, &found) : batch->draft.count;
	if (at == batch->draft.count ||
		strcmp(dro_json_text(batch->draft.items[at].doc, "Name"), target) != 0 ||
		strcmp(dro_json_text(batch->draft.items[at].doc, "Type"), type) != 0) {
		dro_buf_printf(&text,
			"Tried to create an alias that targets %s, type %s in zone %s, but that "
			"target was not found",
			target, type, dro_json_text(alias, "HostedZoneId"));
		refuse(batch, dro_buf_str(&text));
	}
	free(key);
	dro_buf_free(&text);
}

static int try_all(struct batch *batch)
{
	const char *zone = dro_json_text(batch->zone->doc, "Name");
	struct dro_buf why = DRO_BUF_INIT(4096);
	size_t i;
	int rc = 0;

	for (i = 0; i < batch->count && rc == 0; i++)
		rc = try_one(batch, &batch->changes[i]);
	/* Judged is what would stand there in the end. */
	for (i = 0; i < batch->count && rc == 0; i++) {
		if (!batch->changes[i].taken)
			continue;
		dro_buf_reset(&why);
		if (!route53_check_name(zone, &batch->draft, batch->changes[i].doc, &why))
			refuse(batch, dro_buf_str(&why));
		check_alias(batch, batch->changes[i].doc);
	}
	dro_buf_free(&why);
	return rc;
}

static void answer_refused(struct batch *batch)
{
	struct lab_reply *reply = batch->c->reply;

	reply->status = 400;
	dro_buf_reset(&reply->body);
	lab_reply_header(reply, "Content-Type", "text/xml");
	dro_buf_printf(&reply->body,
		"<?xml version=\"1.0\"?>\n<InvalidChangeBatch xmlns=\"" ROUTE53_NS
		"\"><Messages>%s</Messages>",
		dro_buf_str(&batch->messages));
	lab_xml_element(&reply->body, "RequestId", batch->c->call->id);
	dro_buf_puts(&reply->body, "</InvalidChangeBatch>");
}

/* The zone becomes the draft, or on an error stays as it is. */
static int commit(struct batch *batch, const char *comment, struct dro_error *err)
{
	struct route53_sets old = batch->zone->sets;
	int rc;

	batch->zone->sets = batch->draft;
	if ((rc = route53_zone_save(batch->c->r53, batch->zone, err)) < 0) {
		batch->zone->sets = old;
		return rc;
	}
	free(old.items); /* its sets are the draft's, or gone */
	batch->draft = (struct route53_sets){0};
	route53_sets_free(&batch->gone);
	batch->zone->busy_until_ms = batch->c->now_ms + batch->c->r53->busy_ms;
	if ((rc = route53_zone_publish(batch->c->r53, batch->zone, false, err)) < 0)
		return rc;
	return route53_change_add(batch->c, comment, err);
}

/* What the batch made and nobody took over; with `held` the draft's own are the zone's. */
static void batch_fini(struct batch *batch, bool held)
{
	size_t i;

	for (i = 0; i < batch->count; i++) {
		if (held && batch->changes[i].taken)
			continue;
		cJSON_Delete(batch->changes[i].doc);
		free(batch->changes[i].key);
	}
	free(batch->changes);
	free(batch->draft.items);
	free(batch->gone.items);
	dro_buf_free(&batch->messages);
}

static bool read_all(struct batch *batch, const struct dro_xml_node *root)
{
	const struct dro_xml_node *changes = dro_xml_child(root, "ChangeBatch/Changes"), *node;
	size_t count = 0;

	for (node = dro_xml_child(changes, "Change"); node; node = dro_xml_next(node))
		count++;
	if (count == 0) {
		route53_error(batch->c, 400, "InvalidInput",
			"1 validation error detected: Value at 'changeBatch.changes' failed to "
			"satisfy constraint: Member must have length greater than or equal to 1");
		return false;
	}
	batch->changes = calloc(count, sizeof(*batch->changes));
	for (node = dro_xml_child(changes, "Change"); node && batch->changes;
		node = dro_xml_next(node))
		if (!read_one(batch, node, &batch->changes[batch->count++]))
			return false;
	return batch->changes;
}

void route53_sets_change(struct route53_call *c)
{
	struct batch batch = {.c = c, .messages = DRO_BUF_INIT(MESSAGES_MAX)};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_xml *xml = NULL;
	bool held = false;
	int rc = 0;

	batch.zone = route53_zone_need(c);
	if (!batch.zone || !route53_body(c, "ChangeResourceRecordSetsRequest", &xml))
		return;
	if (c->now_ms < batch.zone->busy_until_ms) {
		route53_error(c, 400, "PriorRequestNotComplete",
			"The request was rejected because Route 53 was still processing a prior "
			"request.");
		goto out;
	}
	if (!read_all(&batch, dro_xml_root(xml)))
		goto out;
	check_limits(&batch);
	check_twice(&batch);
	if (!batch.messages.length &&
		((rc = route53_sets_copy(&batch.draft, &batch.zone->sets)) < 0 ||
			(rc = try_all(&batch)) < 0)) {
		route53_error(c, 500, "InternalFailure", "out of memory");
		goto out;
	}
	if (batch.messages.length) {
		answer_refused(&batch);
		goto out;
	}
	route53_begin(c, "ChangeResourceRecordSetsResponse");
	rc = commit(&batch, dro_xml_text(dro_xml_root(xml), "ChangeBatch/Comment"), &err);
	held = batch.draft.items == NULL;
	if (rc < 0)
		route53_error(c, 500, "InternalFailure", "%s", err.message);
	else
		route53_end(c, "ChangeResourceRecordSetsResponse");
out:
	batch_fini(&batch, held);
	dro_xml_free(xml);
}
