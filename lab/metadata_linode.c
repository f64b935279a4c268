#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/linode.h"
#include "lab/metadata.h"

#define TTL_DEFAULT 3600
#define TTL_MAX 86400

static bool wants_json(const struct lab_metadata_call *c)
{
	const char *accept = c->header(c, "Accept");

	return accept && strstr(accept, "application/json");
}

/* "specs.disk: 25600", a line each, lists by their numbers. */
static void put_lines(struct dro_buf *out, const cJSON *at, const char *prefix)
{
	char name[256];
	const cJSON *item;
	int index = 0;

	cJSON_ArrayForEach(item, at)
	{
		if (item->string)
			snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "",
				item->string);
		else
			snprintf(name, sizeof(name), "%s.%d", prefix, index++);
		if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
			put_lines(out, item, name);
			continue;
		}
		dro_buf_printf(out, "%s: ", name);
		if (cJSON_IsString(item))
			dro_buf_puts(out, item->valuestring);
		else
			dro_json_print(out, item);
		dro_buf_puts(out, "\n");
	}
}

/* Takes `doc` over. */
static void put_doc(struct lab_metadata_call *c, cJSON *doc)
{
	if (wants_json(c)) {
		c->type = "application/json";
		dro_json_print(&c->body, doc);
	} else {
		put_lines(&c->body, doc, "");
	}
	cJSON_Delete(doc);
}

static cJSON *instance_doc(const struct lab_instance *instance)
{
	const cJSON *own = instance->doc;
	cJSON *doc = cJSON_CreateObject(), *backups, *image;
	char host[DRO_SHA256_HEX] = "";

	dro_sha256_hex(host, instance->id, strlen(instance->id));
	host[40] = '\0';
	cJSON_AddNumberToObject(doc, "id", strtod(instance->id, NULL));
	cJSON_AddStringToObject(doc, "host_uuid", host);
	cJSON_AddStringToObject(doc, "label", dro_json_text(own, "label"));
	cJSON_AddStringToObject(doc, "region", instance->region);
	cJSON_AddStringToObject(doc, "type", dro_json_text(own, "type"));
	cJSON_AddItemToObject(doc, "tags", cJSON_Duplicate(cJSON_GetObjectItem(own, "tags"), true));
	cJSON_AddItemToObject(doc, "specs", linode_specs(dro_json_text(own, "type")));
	backups = cJSON_AddObjectToObject(doc, "backups");
	cJSON_AddBoolToObject(
		backups, "enabled", cJSON_IsTrue(cJSON_GetObjectItem(own, "backups_enabled")));
	image = cJSON_AddObjectToObject(doc, "image");
	cJSON_AddStringToObject(image, "id", instance->image);
	return doc;
}

static cJSON *network_doc(const struct lab_instance *instance)
{
	cJSON *doc = cJSON_CreateObject(), *ipv4, *list;
	char address[LAB_ADDRESS + 4];

	snprintf(address, sizeof(address), "%s/32", instance->guest.address);
	cJSON_AddArrayToObject(doc, "interfaces");
	ipv4 = cJSON_AddObjectToObject(doc, "ipv4");
	list = cJSON_AddArrayToObject(ipv4, "public");
	cJSON_AddItemToArray(list, cJSON_CreateString(address));
	cJSON_AddArrayToObject(ipv4, "private");
	cJSON_AddArrayToObject(ipv4, "shared");
	return doc;
}

static void make_token(struct lab_metadata_call *c)
{
	const char *text = c->header(c, "Metadata-Token-Expiry-Seconds");
	int64_t seconds = text ? lab_metadata_number(text, 1, TTL_MAX) : TTL_DEFAULT;
	bool json = wants_json(c);

	if (seconds < 0) {
		c->status = 400;
		return;
	}
	/* A list of one, where JSON is asked for. */
	if (json)
		c->type = "application/json";
	dro_buf_puts(&c->body, json ? "[\"" : "");
	lab_metadata_token(c, seconds);
	dro_buf_puts(&c->body, json ? "\"]" : "");
}

/* As it was given to the API: in base64. */
static void put_user_data(struct lab_metadata_call *c)
{
	struct dro_buf data = DRO_BUF_INIT(128u << 10);

	if (lab_metadata_user_data(c, &data))
		dro_base64(&c->body, dro_buf_str(&data), data.length);
	else
		c->status = 404;
	dro_buf_free(&data);
}

void lab_metadata_linode(struct lab_metadata_call *c)
{
	if (c->put && strcmp(c->path, "/v1/token") == 0)
		make_token(c);
	else if (c->put)
		c->status = 405;
	else if (!lab_metadata_token_holds(c, c->header(c, "Metadata-Token")))
		c->status = 401;
	else if (strcmp(c->path, "/v1/instance") == 0)
		put_doc(c, instance_doc(c->instance));
	else if (strcmp(c->path, "/v1/network") == 0)
		put_doc(c, network_doc(c->instance));
	else if (strcmp(c->path, "/v1/user-data") == 0)
		put_user_data(c);
	else
		c->status = 404;
}
