/*
 * Tags, kept as {"TYPE/ID": {key: value}}.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html
 */
#include "lab/route53_tags.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lab/route53_health.h"

#define STATE "route53-tags"
#define TAGS_MAX 10
#define KEY_MAX 128
#define VALUE_MAX 256
#define NAME_BYTES (LAB_ID + 32)

int route53_tags_load(struct route53 *r53, struct dro_error *err)
{
	int rc = lab_state_load(r53->lab, STATE, &r53->tags, err);

	if (rc == 0 && !r53->tags)
		r53->tags = cJSON_CreateObject();
	return rc;
}

static void name_of(char out[NAME_BYTES], const char *type, const char *id)
{
	snprintf(out, NAME_BYTES, "%.16s/%.64s", type, id);
}

int route53_tags_forget(
	struct route53 *r53, const char *type, const char *id, struct dro_error *err)
{
	char name[NAME_BYTES];

	name_of(name, type, id);
	if (!cJSON_HasObjectItem(r53->tags, name))
		return 0;
	cJSON_DeleteItemFromObjectCaseSensitive(r53->tags, name);
	return lab_state_save(r53->lab, STATE, r53->tags, err);
}

/* Is there such a resource? false: answered. */
static bool need(struct route53_call *c, const char *type, const char *id)
{
	bool check = strcmp(type, "healthcheck") == 0, there = false;
	const struct route53_zone *zone;

	if (!check && strcmp(type, "hostedzone") != 0) {
		route53_error(c, 400, "InvalidInput",
			"1 validation error detected: Value '%.32s' at 'resourceType' failed to "
			"satisfy constraint: Member must satisfy enum value set: [healthcheck, "
			"hostedzone]",
			type);
		return false;
	}
	if (check) {
		pthread_mutex_lock(&c->r53->health->lock);
		there = route53_health_find(c->r53->health, id) != NULL;
		pthread_mutex_unlock(&c->r53->health->lock);
	}
	for (zone = c->r53->zones; !check && zone; zone = zone->next)
		there = there || strcmp(dro_json_text(zone->doc, "Id"), id) == 0;
	if (!there)
		route53_error(c, 404, check ? "NoSuchHealthCheck" : "NoSuchHostedZone",
			"There is no %s %.64s", type, id);
	return there;
}

/* ---- changing -------------------------------------------------------------------------------- */

static void add_tags(cJSON *tags, const struct dro_xml_node *node, struct dro_buf *why)
{
	const struct dro_xml_node *tag;

	for (tag = node->children; tag && !why->length; tag = tag->sibling) {
		const char *key = dro_xml_text(tag, "Key"), *value = dro_xml_text(tag, "Value");

		if (strcmp(tag->name, "Tag") != 0 || !*key || strlen(key) > KEY_MAX ||
			strlen(value) > VALUE_MAX)
			dro_buf_puts(why, "AddTags holds Tags of a Key with 1 to 128 characters "
					  "and a Value with at most 256");
		else if (strncasecmp(key, "aws:", 4) == 0)
			dro_buf_puts(why, "Keys that begin with aws: are the vendor's");
		cJSON_DeleteItemFromObjectCaseSensitive(tags, key);
		cJSON_AddStringToObject(tags, key, value);
	}
	if (!why->length && cJSON_GetArraySize(tags) > TAGS_MAX)
		dro_buf_puts(why, "A resource has at most 10 tags");
}

static void remove_tags(cJSON *tags, const struct dro_xml_node *node, struct dro_buf *why)
{
	const struct dro_xml_node *key;

	for (key = node->children; key && !why->length; key = key->sibling) {
		if (strcmp(key->name, "Key") != 0)
			dro_buf_puts(why, "RemoveTagKeys holds Keys");
		cJSON_DeleteItemFromObjectCaseSensitive(tags, key->text);
	}
}

/* AddTags, then RemoveTagKeys; one of them at least. */
static void apply(cJSON *tags, const struct dro_xml_node *root, struct dro_buf *why)
{
	const struct dro_xml_node *node = root->children;
	bool any = false;

	if (node && strcmp(node->name, "AddTags") == 0) {
		add_tags(tags, node, why);
		any = node->children;
		node = node->sibling;
	}
	if (node && strcmp(node->name, "RemoveTagKeys") == 0) {
		remove_tags(tags, node, why);
		any = any || node->children;
		node = node->sibling;
	}
	if (!why->length && (node || !any))
		dro_buf_puts(why, "AddTags, RemoveTagKeys or both are expected, in this order");
}

static int save(struct route53_call *c, const char *name, cJSON *tags, struct dro_error *err)
{
	cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(c->r53->tags, name);
	int rc;

	cJSON_AddItemToObject(c->r53->tags, name, tags);
	if ((rc = lab_state_save(c->r53->lab, STATE, c->r53->tags, err)) < 0) {
		cJSON_DeleteItemFromObjectCaseSensitive(c->r53->tags, name);
		if (old)
			cJSON_AddItemToObject(c->r53->tags, name, old);
		return rc;
	}
	cJSON_Delete(old);
	return 0;
}

void route53_tags_change(struct route53_call *c)
{
	struct dro_buf why = DRO_BUF_INIT(1024);
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_xml *xml;
	char name[NAME_BYTES];
	cJSON *tags;

	if (!need(c, c->id, c->second_id) || !route53_body(c, "ChangeTagsForResourceRequest", &xml))
		return;
	name_of(name, c->id, c->second_id);
	tags = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(c->r53->tags, name), true);
	if (!tags)
		tags = cJSON_CreateObject();
	apply(tags, dro_xml_root(xml), &why);
	if (why.length) {
		cJSON_Delete(tags);
		route53_error(c, 400, "InvalidInput", "%s", dro_buf_str(&why));
	} else if (save(c, name, tags, &err) < 0) {
		route53_error(c, 500, "InternalFailure", "%s", err.message);
	} else {
		lab_reply_id(c->reply, c->second_id);
		route53_begin(c, "ChangeTagsForResourceResponse");
		route53_end(c, "ChangeTagsForResourceResponse");
	}
	dro_buf_free(&why);
	dro_xml_free(xml);
}

/* ---- looking --------------------------------------------------------------------------------- */

static void put_set(struct route53_call *c, const char *type, const char *id)
{
	struct dro_buf *body = &c->reply->body;
	char name[NAME_BYTES];
	const cJSON *tag;

	name_of(name, type, id);
	dro_buf_puts(body, "<ResourceTagSet>");
	lab_xml_element(body, "ResourceType", type);
	lab_xml_element(body, "ResourceId", id);
	dro_buf_puts(body, "<Tags>");
	cJSON_ArrayForEach(tag, cJSON_GetObjectItemCaseSensitive(c->r53->tags, name))
	{
		dro_buf_puts(body, "<Tag>");
		lab_xml_element(body, "Key", tag->string);
		lab_xml_element(body, "Value", tag->valuestring);
		dro_buf_puts(body, "</Tag>");
	}
	dro_buf_puts(body, "</Tags></ResourceTagSet>");
}

void route53_tags_list(struct route53_call *c)
{
	if (!need(c, c->id, c->second_id))
		return;
	route53_begin(c, "ListTagsForResourceResponse");
	put_set(c, c->id, c->second_id);
	route53_end(c, "ListTagsForResourceResponse");
}

void route53_tags_list_many(struct route53_call *c)
{
	const struct dro_xml_node *ids, *id;
	struct dro_xml *xml;
	size_t count = 0;
	bool good = true;

	if (!route53_body(c, "ListTagsForResourcesRequest", &xml))
		return;
	ids = dro_xml_child(dro_xml_root(xml), "ResourceIds");
	for (id = dro_xml_child(ids, "ResourceId"); id && good; id = dro_xml_next(id), count++)
		good = need(c, c->id, id->text);
	if (good && (count == 0 || count > TAGS_MAX)) {
		good = false;
		route53_error(c, 400, "InvalidInput", "ResourceIds holds 1 to 10 of them");
	}
	if (good) {
		route53_begin(c, "ListTagsForResourcesResponse");
		dro_buf_puts(&c->reply->body, "<ResourceTagSets>");
		for (id = dro_xml_child(ids, "ResourceId"); id; id = dro_xml_next(id))
			put_set(c, c->id, id->text);
		dro_buf_puts(&c->reply->body, "</ResourceTagSets>");
		route53_end(c, "ListTagsForResourcesResponse");
	}
	dro_xml_free(xml);
}
