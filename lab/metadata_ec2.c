#include <stdio.h>
#include <string.h>

#include "lab/internal.h"
#include "lab/metadata.h"

#define TTL_HEADER "X-aws-ec2-metadata-token-ttl-seconds"
#define TTL_MAX 21600
#define TREE "/latest/meta-data/"

/* What stands at a path below the tree. */
struct leaf {
	const char *path;
	void (*put)(struct lab_metadata_call *c);
};

static void put_ami(struct lab_metadata_call *c)
{
	dro_buf_puts(&c->body, c->instance->image);
}

static void put_index(struct lab_metadata_call *c)
{
	int64_t index = 0;

	dro_json_int(c->instance->doc, "index", 0, &index, NULL);
	dro_buf_printf(&c->body, "%lld", (long long)index);
}

static void put_hostname(struct lab_metadata_call *c)
{
	const char *at = c->instance->guest.address;

	dro_buf_puts(&c->body, "ip-");
	for (; *at; at++)
		dro_buf_append(&c->body, *at == '.' ? "-" : at, 1);
	dro_buf_printf(&c->body, ".%s.compute.internal", c->instance->region);
}

static void put_id(struct lab_metadata_call *c)
{
	dro_buf_puts(&c->body, c->instance->id);
}

static void put_type(struct lab_metadata_call *c)
{
	dro_buf_puts(&c->body, dro_json_text(c->instance->doc, "type"));
}

static void put_address(struct lab_metadata_call *c)
{
	dro_buf_puts(&c->body, c->instance->guest.address);
}

static void put_zone(struct lab_metadata_call *c)
{
	dro_buf_puts(&c->body, dro_json_text(c->instance->doc, "zone"));
}

static void put_region(struct lab_metadata_call *c)
{
	dro_buf_puts(&c->body, c->instance->region);
}

static void put_reservation(struct lab_metadata_call *c)
{
	dro_buf_puts(&c->body, dro_json_text(c->instance->doc, "reservation"));
}

static const struct leaf leaves[] = {
	{"ami-id", put_ami},
	{"ami-launch-index", put_index},
	{"hostname", put_hostname},
	{"instance-id", put_id},
	{"instance-type", put_type},
	{"local-hostname", put_hostname},
	{"local-ipv4", put_address},
	{"placement/availability-zone", put_zone},
	{"placement/region", put_region},
	{"public-ipv4", put_address},
	{"reservation-id", put_reservation},
};

/* The names right below a folder, those of folders with their "/"; false: there is none. */
static bool list(struct lab_metadata_call *c, const char *folder)
{
	size_t length = strlen(folder), i, last = 0;
	const char *before = "";

	for (i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		const char *name = leaves[i].path + length, *slash;
		size_t size;

		if (strncmp(leaves[i].path, folder, length) != 0)
			continue;
		slash = strchr(name, '/');
		size = slash ? (size_t)(slash - name) + 1 : strlen(name);
		/* They are in order: a folder's own stand together. */
		if (size == last && strncmp(name, before, size) == 0)
			continue;
		if (c->body.length)
			dro_buf_puts(&c->body, "\n");
		dro_buf_append(&c->body, name, size);
		before = name;
		last = size;
	}
	return last > 0;
}

static bool read_tree(struct lab_metadata_call *c, const char *path)
{
	size_t length = strlen(path), i;

	for (i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		if (strcmp(leaves[i].path, path) == 0) {
			leaves[i].put(c);
			return true;
		}
	return (length == 0 || path[length - 1] == '/') && list(c, path);
}

static void put_document(struct lab_metadata_call *c)
{
	const struct lab_instance *instance = c->instance;
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddStringToObject(doc, "accountId", lab_config(c->lab)->account);
	cJSON_AddStringToObject(doc, "architecture", "x86_64");
	cJSON_AddStringToObject(doc, "availabilityZone", dro_json_text(instance->doc, "zone"));
	cJSON_AddStringToObject(doc, "imageId", instance->image);
	cJSON_AddStringToObject(doc, "instanceId", instance->id);
	cJSON_AddStringToObject(doc, "instanceType", dro_json_text(instance->doc, "type"));
	cJSON_AddStringToObject(doc, "privateIp", instance->guest.address);
	cJSON_AddStringToObject(doc, "region", instance->region);
	cJSON_AddStringToObject(doc, "version", "2017-09-30");
	dro_json_print(&c->body, doc);
	cJSON_Delete(doc);
}

static void make_token(struct lab_metadata_call *c)
{
	const char *text = c->header(c, TTL_HEADER);
	int64_t seconds = lab_metadata_number(text, 1, TTL_MAX);

	/* What came through a proxy is not the machine's own. */
	if (c->header(c, "X-Forwarded-For")) {
		c->status = 403;
	} else if (seconds < 0) {
		c->status = 400;
	} else {
		lab_metadata_token(c, seconds);
		lab_pairs_add(&c->headers, TTL_HEADER, text);
	}
}

void lab_metadata_ec2(struct lab_metadata_call *c)
{
	bool found = true;

	if (c->put) {
		if (strcmp(c->path, "/latest/api/token") == 0)
			make_token(c);
		else
			c->status = 403;
		return;
	}
	if (!lab_metadata_token_holds(c, c->header(c, "X-aws-ec2-metadata-token"))) {
		c->status = 401;
		return;
	}
	if (strncmp(c->path, TREE, strlen(TREE)) == 0)
		found = read_tree(c, c->path + strlen(TREE));
	else if (strcmp(c->path, "/latest/meta-data") == 0)
		found = read_tree(c, "");
	else if (strcmp(c->path, "/latest/user-data") == 0)
		found = lab_metadata_user_data(c, &c->body);
	else if (strcmp(c->path, "/latest/dynamic/instance-identity/document") == 0)
		put_document(c);
	else
		found = false;
	if (!found)
		c->status = 404;
}
