#include "lab/linode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/linode_objects.h"
#include "lab/options.h"

#define FIRST_ID 1000001
#define QUOTA 20
#define BODY_MAX LAB_BODY_MEMORY

static const struct route {
	const char *method;
	const char *path; /* "*" is an id without "/"; "@" an image's, which has one; "+" anything
				without "/" */
	const char *operation;
	void (*handle)(struct linode_call *c);
	enum linode_class class;
} routes[] = {
	{"GET", "profile", "GetProfile", linode_get_profile, LINODE_OTHER},
	{"GET", "regions", "ListRegions", linode_list_regions, LINODE_PAGED},
	{"GET", "regions/availability", "ListAvailability", linode_list_availability, LINODE_PAGED},
	{"GET", "regions/*", "GetRegion", linode_get_region, LINODE_OTHER},
	{"GET", "regions/*/availability", "GetAvailability", linode_get_availability, LINODE_OTHER},
	{"GET", "linode/types", "ListTypes", linode_list_types, LINODE_PAGED},
	{"GET", "linode/types/*", "GetType", linode_get_type, LINODE_OTHER},
	{"GET", "linode/instances", "ListInstances", linode_list_instances, LINODE_PAGED},
	{"POST", "linode/instances", "CreateInstance", linode_create_instance, LINODE_CREATE},
	{"GET", "linode/instances/*", "GetInstance", linode_get_instance, LINODE_OTHER},
	{"PUT", "linode/instances/*", "UpdateInstance", linode_update_instance, LINODE_OTHER},
	{"DELETE", "linode/instances/*", "DeleteInstance", linode_delete_instance, LINODE_OTHER},
	{"POST", "linode/instances/*/boot", "BootInstance", linode_boot_instance, LINODE_OTHER},
	{"POST", "linode/instances/*/reboot", "RebootInstance", linode_reboot_instance,
		LINODE_OTHER},
	{"POST", "linode/instances/*/shutdown", "ShutdownInstance", linode_shutdown_instance,
		LINODE_OTHER},
	{"POST", "linode/instances/*/resize", "ResizeInstance", linode_resize_instance,
		LINODE_OTHER},
	{"GET", "linode/instances/*/disks", "ListDisks", linode_list_disks, LINODE_PAGED},
	{"GET", "linode/instances/*/stats", "GetStats", linode_get_stats, LINODE_STATS},
	{"GET", "images", "ListImages", linode_list_images, LINODE_IMAGES},
	{"POST", "images", "CreateImage", linode_create_image, LINODE_OTHER},
	{"GET", "images/@", "GetImage", linode_get_image, LINODE_OTHER},
	{"DELETE", "images/@", "DeleteImage", linode_delete_image, LINODE_OTHER},
	{"POST", "images/@/regions", "ReplicateImage", linode_replicate_image, LINODE_OTHER},
	{"GET", "object-storage/keys", "ListKeys", linode_list_keys, LINODE_OBJECTS},
	{"POST", "object-storage/keys", "CreateKey", linode_create_key, LINODE_OBJECTS},
	{"GET", "object-storage/keys/*", "GetKey", linode_get_key, LINODE_OBJECTS},
	{"PUT", "object-storage/keys/*", "UpdateKey", linode_update_key, LINODE_OBJECTS},
	{"DELETE", "object-storage/keys/*", "DeleteKey", linode_delete_key, LINODE_OBJECTS},
	{"GET", "object-storage/clusters", "ListClusters", linode_list_clusters, LINODE_OBJECTS},
	{"GET", "object-storage/clusters/*", "GetCluster", linode_get_cluster, LINODE_OBJECTS},
	{"GET", "object-storage/endpoints", "ListEndpoints", linode_list_endpoints, LINODE_OBJECTS},
	{"GET", "object-storage/buckets", "ListBuckets", linode_list_buckets, LINODE_OBJECTS},
	{"POST", "object-storage/buckets", "CreateBucket", linode_create_bucket, LINODE_OBJECTS},
	{"GET", "object-storage/buckets/*", "ListRegionBuckets", linode_list_region_buckets,
		LINODE_OBJECTS},
	{"GET", "object-storage/buckets/*/+", "GetBucket", linode_get_bucket, LINODE_OBJECTS},
	{"DELETE", "object-storage/buckets/*/+", "DeleteBucket", linode_delete_bucket,
		LINODE_OBJECTS},
	{"GET", "account/events", "ListEvents", linode_list_events, LINODE_PAGED},
	{"GET", "account/events/*", "GetEvent", linode_get_event, LINODE_OTHER},
};

/* How often each class may be asked, and in which time. */
static const struct {
	int64_t calls, window_ms;
} limits[LINODE_CLASSES] = {
	[LINODE_CREATE] = {20, 15000},
	[LINODE_IMAGES] = {20, 60000},
	[LINODE_PAGED] = {200, 60000},
	[LINODE_STATS] = {50, 60000},
	[LINODE_OBJECTS] = {750, 1000},
	[LINODE_OTHER] = {1600, 60000},
};

/* ---- whose call is it ----------------------------------------------------------------------- */

/* An id's end: at its first "/", or of an image's at its second. */
static size_t id_length(const char *text, bool image)
{
	size_t length = strcspn(text, "/");

	if (image && text[length] == '/')
		length += 1 + strcspn(text + length + 1, "/");
	return length;
}

static bool path_fits(const char *path, const char *pattern, char id[LAB_ID])
{
	for (; *pattern; pattern++) {
		size_t length;

		if (!strchr("*@+", *pattern)) {
			if (*path++ != *pattern)
				return false;
			continue;
		}
		length = id_length(path, *pattern == '@');
		if (length == 0 || length >= LAB_ID)
			return false;
		if (*pattern != '+') {
			memcpy(id, path, length);
			id[length] = '\0';
		}
		path += length;
	}
	return !*path;
}

/* What is behind /v4/, decoded: an image's id may come with its "/" escaped or not. */
static const struct route *find_route(
	const struct lab_request *request, char id[LAB_ID], bool *known)
{
	struct dro_buf path = DRO_BUF_INIT(512);
	const struct route *found = NULL;
	size_t i;

	*known = false;
	for (i = 1; i < request->segment_count; i++)
		dro_buf_printf(&path, "%s%s", i > 1 ? "/" : "", request->segments[i]);
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]) && !found && !path.failed; i++) {
		char met[LAB_ID] = "";

		if (!path_fits(dro_buf_str(&path), routes[i].path, met))
			continue;
		*known = true;
		if (strcmp(routes[i].method, request->method) != 0)
			continue;
		found = &routes[i];
		memcpy(id, met, LAB_ID);
	}
	dro_buf_free(&path);
	return found;
}

static bool matches(const struct lab_request *request)
{
	struct lab_scope scope;

	return request->segment_count >= 2 &&
	       (strcmp(request->segments[0], "v4") == 0 ||
		       strcmp(request->segments[0], "v4beta") == 0) &&
	       !lab_scope_read(request, &scope);
}

/* The API is one for all regions; only making something happens in one. */
static void classify(void *state, const struct lab_request *request, struct lab_call *call)
{
	char id[LAB_ID] = "";
	bool known;
	const struct route *route = find_route(request, id, &known);
	cJSON *body = NULL;

	(void)state;
	if (!route)
		return;
	snprintf(call->operation, sizeof(call->operation), "%s", route->operation);
	if (route->class == LINODE_CREATE && request->body &&
		dro_json_parse(
			&body, request->body, (size_t)request->body_length, BODY_MAX, NULL) == 0)
		snprintf(call->region, sizeof(call->region), "%s", dro_json_text(body, "region"));
	cJSON_Delete(body);
}

/* ---- who may, and how often ----------------------------------------------------------------- */

static bool check_token(struct linode_call *c)
{
	const char *token = lab_bearer(c->request);

	if (token && lab_secret_equal(token, lab_config(c->linode->lab)->linode_token))
		return true;
	linode_refuse_with(c, 401, "Invalid Token");
	return false;
}

/* Counts the call; false: too many. */
static bool check_limit(struct linode_call *c, enum linode_class class)
{
	struct linode_window *window = &c->linode->windows[class];
	int64_t left;

	if (c->now_ms >= window->end_ms)
		*window = (struct linode_window){0, c->now_ms + limits[class].window_ms};
	if (c->linode->limited)
		window->used++;
	left = limits[class].calls - window->used;
	lab_reply_header(c->reply, "X-RateLimit-Limit", "%lld", (long long)limits[class].calls);
	lab_reply_header(
		c->reply, "X-RateLimit-Remaining", "%lld", (long long)(left > 0 ? left : 0));
	lab_reply_header(c->reply, "X-RateLimit-Reset", "%lld", (long long)(window->end_ms / 1000));
	if (left >= 0)
		return true;
	lab_reply_header(c->reply, "Retry-After", "%lld",
		(long long)((window->end_ms - c->now_ms + 999) / 1000));
	linode_refuse_with(c, 429, "Too many requests");
	return false;
}

/* The body as an object; an empty one where nothing was sent. */
static bool read_body(struct linode_call *c)
{
	const struct lab_request *request = c->request;

	if (!request->body_length) {
		c->body = cJSON_CreateObject();
		return true;
	}
	if (!request->body ||
		dro_json_parse(&c->body, request->body, (size_t)request->body_length, BODY_MAX,
			NULL) < 0 ||
		!cJSON_IsObject(c->body)) {
		linode_refuse(c, NULL, "Invalid JSON");
		return false;
	}
	return true;
}

/* ---- the vendor ----------------------------------------------------------------------------- */

static void answer(struct linode_call *c)
{
	bool known;
	const struct route *route = find_route(c->request, c->id, &known);

	if (!check_token(c) || !check_limit(c, route ? route->class : LINODE_OTHER))
		return;
	if (!route)
		linode_refuse_with(
			c, known ? 405 : 404, known ? "Method Not Allowed" : "Not found");
	else if (read_body(c))
		route->handle(c);
}

static void handle(void *state, const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply)
{
	struct linode_call c = {.linode = state,
		.request = request,
		.call = call,
		.reply = reply,
		.errors = cJSON_CreateArray(),
		.now_ms = dro_wall_ms()};
	cJSON *body;

	lab_reply_header(reply, "Content-Type", "application/json");
	lab_reply_header(reply, "X-Spec-Version", "4.189.0");
	pthread_mutex_lock(&c.linode->lock);
	answer(&c);
	pthread_mutex_unlock(&c.linode->lock);
	if (c.errors->child) {
		body = cJSON_CreateObject();
		cJSON_AddItemToObject(body, "errors", c.errors);
		c.errors = NULL;
		dro_buf_reset(&reply->body);
		reply->status = c.error_status;
		dro_json_print(&reply->body, body);
		cJSON_Delete(body);
	}
	cJSON_Delete(c.errors);
	cJSON_Delete(c.body);
}

/* `code` is the field. */
static void fail(const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply, int status, const char *code, const char *message)
{
	static const struct {
		int status;
		const char *reason;
	} usual[] = {{400, "Linode busy."}, {401, "Invalid Token"}, {403, "Unauthorized"},
		{404, "Not found"}, {429, "Too many requests"}};
	const char *reason = "Internal server error";
	size_t i;

	(void)request;
	(void)call;
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (usual[i].status == status)
			reason = usual[i].reason;
	linode_error_body(reply, status, code, message && *message ? message : reason);
}

int64_t linode_new_id(struct linode *linode)
{
	cJSON *json = cJSON_CreateObject();
	int64_t id = linode->next_id++;

	cJSON_AddNumberToObject(json, "next_id", (double)linode->next_id);
	lab_state_save(linode->lab, "linode", json, NULL);
	cJSON_Delete(json);
	return id;
}

static void close_state(void *state)
{
	struct linode *linode = state;

	if (!linode)
		return;
	cJSON_Delete(linode->events);
	cJSON_Delete(linode->keys);
	cJSON_Delete(linode->short_of);
	pthread_mutex_destroy(&linode->lock);
	free(linode);
}

static int open_state(struct lab *lab, void **state, struct dro_error *err)
{
	struct linode *linode = calloc(1, sizeof(*linode));
	cJSON *json = NULL;
	int rc;

	if (!linode)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&linode->lock, NULL);
	linode->lab = lab;
	linode->quota = QUOTA;
	linode->limited = true;
	linode->events = cJSON_CreateArray();
	linode->short_of = cJSON_CreateArray();
	if ((rc = lab_state_load(lab, "linode", &json, err)) < 0 ||
		(rc = dro_json_int(json, "next_id", FIRST_ID, &linode->next_id, err)) < 0 ||
		(rc = linode_keys_open(linode, err)) < 0)
		close_state(linode);
	else
		*state = linode;
	cJSON_Delete(json);
	return rc;
}

static int set_plan(struct linode *linode, const char *region, const char *type, bool available,
	struct dro_error *err)
{
	cJSON *one, *next;
	char name[96];

	if (!linode_region_is(region) || !linode_type_is(type))
		return dro_fail(err, DRO_EINVAL, "no such region or type: %s %s", region, type);
	snprintf(name, sizeof(name), "%s/%s", region, type);
	for (one = linode->short_of->child; one; one = next) {
		next = one->next;
		if (strcmp(one->valuestring, name) == 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(linode->short_of, one));
	}
	if (!available)
		cJSON_AddItemToArray(linode->short_of, cJSON_CreateString(name));
	return 0;
}

/* `drorch-lab linode limits on|off | quota N | plan REGION TYPE on|off | cpu INSTANCE PERCENT|off`
 */
static int control(void *state, int argc, char **argv, struct dro_buf *out, struct dro_error *err)
{
	struct linode *linode = state;
	const char *what = argc > 0 ? argv[0] : "", *last = argc > 0 ? argv[argc - 1] : "";
	bool on = strcmp(last, "on") == 0, off = strcmp(last, "off") == 0;
	char *end = NULL;
	long number = strtol(last, &end, 10);
	int rc = 0;

	(void)out;
	pthread_mutex_lock(&linode->lock);
	if (argc == 2 && strcmp(what, "limits") == 0 && (on || off))
		linode->limited = on;
	else if (argc == 2 && strcmp(what, "quota") == 0 && *last && !*end && number >= 0)
		linode->quota = number;
	else if (argc == 3 && strcmp(what, "cpu") == 0 && (off || (*last && !*end && number >= 0)))
		rc = linode_say_load(linode, argv[1], off ? -1 : (double)number, err);
	else if (argc == 4 && strcmp(what, "plan") == 0 && (on || off))
		rc = set_plan(linode, argv[1], argv[2], on, err);
	else
		rc = dro_fail(err, DRO_EINVAL,
			"linode limits on|off | quota INSTANCES | plan REGION TYPE on|off | cpu "
			"INSTANCE "
			"PERCENT|off");
	pthread_mutex_unlock(&linode->lock);
	return rc;
}

const struct lab_vendor lab_vendor_linode = {
	.name = "linode",
	.open = open_state,
	.close = close_state,
	.matches = matches,
	.classify = classify,
	.handle = handle,
	.fail = fail,
	.control = control,
};
