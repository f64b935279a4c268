/*
 * Object Storage keys. A secret is told once, by the answer that makes or changes its key.
 *   https://techdocs.akamai.com/linode-api/reference/post-object-storage-keys
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/linode_objects.h"

#define PREFIX "LO" /* AWS's begin with AK or AS */
#define LABEL_MAX 50
#define KEYS_MAX 100
#define SECRET_CHARS 40

static const char *const filterable[] = {"id", "label", NULL};

void lab_linode_key_id(char out[LINODE_KEY_ID])
{
	size_t i;

	memcpy(out, PREFIX, sizeof(PREFIX) - 1);
	dro_random_id(out + sizeof(PREFIX) - 1, LINODE_KEY_ID - sizeof(PREFIX));
	for (i = 0; out[i]; i++)
		out[i] = (char)toupper((unsigned char)out[i]);
}

bool linode_key_is(const char *access_key)
{
	return strncmp(access_key, PREFIX, sizeof(PREFIX) - 1) == 0;
}

static void save(const struct linode *linode)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddItemReferenceToObject(json, "keys", linode->keys);
	lab_state_save(linode->lab, "linode-keys", json, NULL);
	cJSON_Delete(json);
}

static cJSON *new_key(struct linode *linode, const char *label, const char *id, const char *secret)
{
	cJSON *key = cJSON_CreateObject();

	cJSON_AddNumberToObject(key, "id", (double)linode_new_id(linode));
	cJSON_AddStringToObject(key, "label", label);
	cJSON_AddStringToObject(key, "access_key", id);
	cJSON_AddStringToObject(key, "secret_key", secret);
	return key;
}

int linode_keys_open(struct linode *linode, struct dro_error *err)
{
	const struct lab_config *config = lab_config(linode->lab);
	cJSON *json = NULL;
	int rc;

	if ((rc = lab_state_load(linode->lab, "linode-keys", &json, err)) < 0)
		return rc;
	linode->keys = cJSON_DetachItemFromObjectCaseSensitive(json, "keys");
	cJSON_Delete(json);
	if (!linode->keys) {
		linode->keys = cJSON_CreateArray();
		cJSON_AddItemToArray(linode->keys, new_key(linode, "lab", config->linode_access_key,
							   config->linode_secret_key));
		save(linode);
	}
	return cJSON_IsArray(linode->keys)
		       ? 0
		       : dro_fail(err, DRO_ECORRUPT, "the lab's Object Storage keys are no list");
}

/* ---- as the API shows them ------------------------------------------------------------------ */

static void add_region(const struct linode_call *c, cJSON *list, const char *region)
{
	cJSON *doc = cJSON_CreateObject();
	char host[64];

	linode_object_host(c->linode->lab, host, sizeof(host));
	cJSON_AddStringToObject(doc, "id", region);
	cJSON_AddStringToObject(doc, "s3_endpoint", host);
	cJSON_AddItemToArray(list, doc);
}

static cJSON *key_doc(const struct linode_call *c, const cJSON *key, bool secret)
{
	const cJSON *access = cJSON_GetObjectItem(key, "bucket_access");
	const cJSON *regions = cJSON_GetObjectItem(key, "regions"), *one;
	cJSON *doc = cJSON_CreateObject(), *list;
	const char *name;
	size_t i;

	cJSON_AddNumberToObject(doc, "id", cJSON_GetObjectItem(key, "id")->valuedouble);
	cJSON_AddStringToObject(doc, "label", dro_json_text(key, "label"));
	cJSON_AddStringToObject(doc, "access_key", dro_json_text(key, "access_key"));
	cJSON_AddStringToObject(
		doc, "secret_key", secret ? dro_json_text(key, "secret_key") : "[REDACTED]");
	cJSON_AddBoolToObject(doc, "limited", access != NULL);
	if (access)
		cJSON_AddItemToObject(doc, "bucket_access", cJSON_Duplicate(access, true));
	list = cJSON_AddArrayToObject(doc, "regions");
	cJSON_ArrayForEach(one, regions) add_region(c, list, one->valuestring);
	for (i = 0; !regions && (name = linode_region_at(i)); i++)
		add_region(c, list, name);
	return doc;
}

static cJSON *need_key(struct linode_call *c)
{
	double id = strtod(c->id, NULL);
	cJSON *key;

	cJSON_ArrayForEach(key,
		c->linode->keys) if (cJSON_GetObjectItem(key, "id")->valuedouble == id) return key;
	linode_refuse_with(c, 404, "Not found");
	return NULL;
}

/* ---- what was sent -------------------------------------------------------------------------- */

static void check_label(struct linode_call *c, bool needed)
{
	const cJSON *label = cJSON_GetObjectItemCaseSensitive(c->body, "label");

	if (!label && !needed)
		return;
	if (!cJSON_IsString(label) || !*label->valuestring ||
		strlen(label->valuestring) > LABEL_MAX)
		linode_refuse(c, "label", "Length must be 1-%d characters", LABEL_MAX);
}

static void check_regions(struct linode_call *c)
{
	const cJSON *regions = cJSON_GetObjectItemCaseSensitive(c->body, "regions"), *one;

	if (regions && !cJSON_IsArray(regions))
		linode_refuse(c, "regions", "regions must be a list");
	cJSON_ArrayForEach(
		one, regions) if (!cJSON_IsString(one) || !linode_region_is(one->valuestring))
		linode_refuse(c, "regions", "Must provide a valid region.");
}

/* Also what is stored: {"region","cluster","bucket_name","permissions"}. */
static cJSON *read_access(struct linode_call *c)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(c->body, "bucket_access"), *one;
	cJSON *access, *row;

	if (!list || cJSON_IsNull(list))
		return NULL;
	if (!cJSON_IsArray(list))
		linode_refuse(c, "bucket_access", "bucket_access must be a list");
	access = cJSON_CreateArray();
	cJSON_ArrayForEach(one, list)
	{
		const char *permissions = dro_json_text(one, "permissions");
		const char *bucket = dro_json_text(one, "bucket_name");
		const char *place = dro_json_text(one, "region");
		char region[LAB_REGION], cluster[LAB_REGION + 2];

		if (!*place)
			place = dro_json_text(one, "cluster");
		if (!linode_object_region(place, region))
			linode_refuse(c, "bucket_access.region", "Must provide a valid region.");
		if (strcmp(permissions, "read_only") != 0 && strcmp(permissions, "read_write") != 0)
			linode_refuse(c, "bucket_access.permissions",
				"Must be one of: read_only, read_write");
		if (!s3_bucket_is_name(bucket))
			linode_refuse(c, "bucket_access.bucket_name", "Invalid bucket name");
		if (c->errors->child)
			break;
		snprintf(cluster, sizeof(cluster), "%s-1", region);
		row = cJSON_CreateObject();
		cJSON_AddStringToObject(row, "region", region);
		cJSON_AddStringToObject(row, "cluster", cluster);
		cJSON_AddStringToObject(row, "bucket_name", bucket);
		cJSON_AddStringToObject(row, "permissions", permissions);
		cJSON_AddItemToArray(access, row);
	}
	return access;
}

/* ---- operations ----------------------------------------------------------------------------- */

void linode_list_keys(struct linode_call *c)
{
	cJSON *all = cJSON_CreateArray(), *key;

	cJSON_ArrayForEach(key, c->linode->keys) cJSON_AddItemToArray(all, key_doc(c, key, false));
	linode_page(c, all, filterable);
}

void linode_get_key(struct linode_call *c)
{
	const cJSON *key = need_key(c);

	if (key)
		linode_send(c, key_doc(c, key, false));
}

static void changed(struct linode_call *c, const char *event, const cJSON *key)
{
	char id[LAB_ID];

	snprintf(id, sizeof(id), "%.0f", cJSON_GetObjectItem(key, "id")->valuedouble);
	save(c->linode);
	lab_reply_id(c->reply, id);
	linode_event(c, event, NULL, id, dro_json_text(key, "label"));
}

void linode_create_key(struct linode_call *c)
{
	const cJSON *regions = cJSON_GetObjectItemCaseSensitive(c->body, "regions");
	char id[LINODE_KEY_ID], secret[SECRET_CHARS + 1];
	cJSON *access, *key;

	check_label(c, true);
	check_regions(c);
	access = read_access(c);
	if (cJSON_GetArraySize(c->linode->keys) >= KEYS_MAX)
		linode_refuse(c, NULL, "Access key limit reached.");
	if (c->errors->child) {
		cJSON_Delete(access);
		return;
	}
	lab_linode_key_id(id);
	dro_random_id(secret, SECRET_CHARS);
	key = new_key(c->linode, dro_json_text(c->body, "label"), id, secret);
	if (access)
		cJSON_AddItemToObject(key, "bucket_access", access);
	/* Without a region it is good in all; a limited one is good for its buckets alone. */
	if (cJSON_GetArraySize(regions) > 0)
		cJSON_AddItemToObject(key, "regions", cJSON_Duplicate(regions, true));
	else if (access)
		cJSON_AddArrayToObject(key, "regions");
	cJSON_AddItemToArray(c->linode->keys, key);
	changed(c, "obj_access_key_create", key);
	linode_send(c, key_doc(c, key, true));
}

void linode_update_key(struct linode_call *c)
{
	const cJSON *label = cJSON_GetObjectItemCaseSensitive(c->body, "label");
	const cJSON *regions = cJSON_GetObjectItemCaseSensitive(c->body, "regions");
	cJSON *key = need_key(c), *doc;

	if (!key)
		return;
	check_label(c, false);
	check_regions(c);
	if (c->errors->child)
		return;
	if (label)
		cJSON_ReplaceItemInObject(key, "label", cJSON_Duplicate(label, true));
	if (regions) {
		cJSON_DeleteItemFromObject(key, "regions");
		cJSON_AddItemToObject(key, "regions", cJSON_Duplicate(regions, true));
	}
	changed(c, "obj_access_key_update", key);
	doc = key_doc(c, key, true);
	cJSON_DeleteItemFromObject(doc, "bucket_access"); /* this answer leaves it out */
	linode_send(c, doc);
}

void linode_delete_key(struct linode_call *c)
{
	cJSON *key = need_key(c);

	if (!key)
		return;
	cJSON_DetachItemViaPointer(c->linode->keys, key);
	changed(c, "obj_access_key_delete", key);
	cJSON_Delete(key);
	linode_send_empty(c);
}

/* ---- asked by the S3 behind it -------------------------------------------------------------- */

static const cJSON *find(const struct linode *linode, const char *access_key)
{
	const cJSON *key;

	cJSON_ArrayForEach(
		key, linode->keys) if (lab_secret_equal(access_key,
					       dro_json_text(key, "access_key"))) return key;
	return NULL;
}

bool linode_key_secret(struct lab *lab, const char *access_key, char out[S3_SECRET])
{
	struct linode *linode = lab_vendor_state(lab, "linode");
	const cJSON *key;

	pthread_mutex_lock(&linode->lock);
	key = find(linode, access_key);
	snprintf(out, S3_SECRET, "%s", key ? dro_json_text(key, "secret_key") : "");
	pthread_mutex_unlock(&linode->lock);
	return *out;
}

static bool has_region(const cJSON *key, const char *region)
{
	const cJSON *regions = cJSON_GetObjectItem(key, "regions"), *one;

	cJSON_ArrayForEach(one, regions) if (strcmp(one->valuestring, region) == 0) return true;
	return !regions;
}

static bool has_bucket(const cJSON *access, enum s3_may may, const char *bucket, const char *region)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, access)
	{
		if (strcmp(dro_json_text(one, "bucket_name"), bucket) == 0 &&
			strcmp(dro_json_text(one, "region"), region) == 0 &&
			(may == S3_MAY_READ ||
				strcmp(dro_json_text(one, "permissions"), "read_write") == 0))
			return true;
	}
	return false;
}

bool linode_key_allows(struct lab *lab, const char *access_key, enum s3_may may, const char *bucket,
	const char *region)
{
	struct linode *linode = lab_vendor_state(lab, "linode");
	const cJSON *key, *access;
	bool allowed = false;

	pthread_mutex_lock(&linode->lock);
	key = find(linode, access_key);
	access = cJSON_GetObjectItem(key, "bucket_access");
	if (key && (!access || may == S3_MAY_CREATE))
		allowed = has_region(key, region);
	else if (key)
		allowed = has_bucket(access, may, bucket, region);
	pthread_mutex_unlock(&linode->lock);
	return allowed;
}
