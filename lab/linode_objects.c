/*
 * Object Storage buckets as the API has them, and the S3 that they are in.
 *   https://techdocs.akamai.com/linode-api/reference/get-object-storage-buckets
 */
#include "lab/linode_objects.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static const char *const filterable[] = {"label", "region", "cluster", NULL};

bool linode_object_region(const char *place, char region[LAB_REGION])
{
	size_t length = strlen(place);

	if (length >= LAB_REGION)
		return false;
	memcpy(region, place, length + 1);
	if (!linode_region_is(region) && length > 2 && strcmp(place + length - 2, "-1") == 0)
		region[length - 2] = '\0';
	if (linode_region_is(region))
		return true;
	region[0] = '\0';
	return false;
}

void linode_object_host(const struct lab *lab, char *out, size_t size)
{
	snprintf(out, size, "127.0.0.1:%u", lab_config(lab)->port);
}

/* ---- places --------------------------------------------------------------------------------- */

static cJSON *cluster_doc(const struct linode_call *c, const char *region)
{
	cJSON *doc = cJSON_CreateObject();
	char name[LAB_REGION + 2], host[64];

	snprintf(name, sizeof(name), "%s-1", region);
	linode_object_host(c->linode->lab, host, sizeof(host));
	cJSON_AddStringToObject(doc, "id", name);
	cJSON_AddStringToObject(doc, "region", region);
	cJSON_AddStringToObject(doc, "domain", host);
	cJSON_AddStringToObject(doc, "static_site_domain", "");
	cJSON_AddStringToObject(doc, "status", "available");
	return doc;
}

void linode_list_clusters(struct linode_call *c)
{
	static const char *const fields[] = {"id", "region", "status", NULL};
	cJSON *all = cJSON_CreateArray();
	const char *region;
	size_t i;

	for (i = 0; (region = linode_region_at(i)); i++)
		cJSON_AddItemToArray(all, cluster_doc(c, region));
	linode_page(c, all, fields);
}

void linode_get_cluster(struct linode_call *c)
{
	char region[LAB_REGION];

	if (linode_object_region(c->id, region) && !linode_region_is(c->id))
		linode_send(c, cluster_doc(c, region));
	else
		linode_refuse_with(c, 404, "Not found");
}

void linode_list_endpoints(struct linode_call *c)
{
	static const char *const fields[] = {"region", "endpoint_type", NULL};
	cJSON *all = cJSON_CreateArray(), *doc;
	const char *region;
	char host[64];
	size_t i;

	linode_object_host(c->linode->lab, host, sizeof(host));
	for (i = 0; (region = linode_region_at(i)); i++) {
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "region", region);
		cJSON_AddStringToObject(doc, "endpoint_type", "E1");
		cJSON_AddStringToObject(doc, "s3_endpoint", host);
		cJSON_AddItemToArray(all, doc);
	}
	linode_page(c, all, fields);
}

/* ---- buckets -------------------------------------------------------------------------------- */

static struct s3 *objects_of(const struct linode_call *c)
{
	return lab_vendor_state(c->linode->lab, "linode-s3");
}

static cJSON *bucket_doc(const struct linode_call *c, sqlite3_stmt *row)
{
	const char *name = s3_text(row, 0), *region = s3_text(row, 1);
	cJSON *doc = cJSON_CreateObject();
	char cluster[LAB_REGION + 2], host[S3_BUCKET + 32];

	snprintf(cluster, sizeof(cluster), "%s-1", region);
	snprintf(host, sizeof(host), "%s.localhost:%u", name, lab_config(c->linode->lab)->port);
	cJSON_AddStringToObject(doc, "label", name);
	cJSON_AddStringToObject(doc, "region", region);
	cJSON_AddStringToObject(doc, "cluster", cluster);
	cJSON_AddStringToObject(doc, "hostname", host);
	linode_add_time(doc, "created", sqlite3_column_int64(row, 2));
	cJSON_AddNumberToObject(doc, "objects", (double)sqlite3_column_int64(row, 3));
	cJSON_AddNumberToObject(doc, "size", (double)sqlite3_column_int64(row, 4));
	return doc;
}

/* Those of a region and of a name, "" for all. NULL: refused. */
static cJSON *read_buckets(struct linode_call *c, const char *region, const char *name)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct s3 *s3 = objects_of(c);
	cJSON *all = cJSON_CreateArray();
	sqlite3_stmt *query = NULL;
	int rc;

	pthread_mutex_lock(&s3->lock);
	rc = s3_query(s3, &query, &err,
		"SELECT b.name, b.region, b.created_ms, COUNT(o.key), COALESCE(SUM(o.size), 0)"
		" FROM bucket b LEFT JOIN object o ON o.bucket = b.name"
		" WHERE (?1 = '' OR b.region = ?1) AND (?2 = '' OR b.name = ?2)"
		" GROUP BY b.name ORDER BY b.name",
		"tt", region, name);
	while (rc == 0 && (rc = s3_row(s3, query, &err)) > 0) {
		cJSON_AddItemToArray(all, bucket_doc(c, query));
		rc = 0;
	}
	sqlite3_finalize(query);
	pthread_mutex_unlock(&s3->lock);
	if (rc == 0)
		return all;
	linode_refuse_with(c, 500, err.message);
	cJSON_Delete(all);
	return NULL;
}

void linode_list_buckets(struct linode_call *c)
{
	cJSON *all = read_buckets(c, "", "");

	if (all)
		linode_page(c, all, filterable);
}

void linode_list_region_buckets(struct linode_call *c)
{
	char region[LAB_REGION];
	cJSON *all;

	if (!linode_object_region(c->id, region))
		linode_refuse_with(c, 404, "Not found");
	else if ((all = read_buckets(c, region, "")))
		linode_page(c, all, filterable);
}

/* The bucket of ".../REGION/BUCKET"; NULL: refused. */
static cJSON *need_bucket(struct linode_call *c)
{
	const struct lab_request *request = c->request;
	char region[LAB_REGION];
	cJSON *all = NULL, *doc = NULL;

	if (linode_object_region(c->id, region))
		all = read_buckets(c, region, request->segments[request->segment_count - 1]);
	if (all)
		doc = cJSON_DetachItemFromArray(all, 0);
	cJSON_Delete(all);
	if (!doc && !c->errors->child)
		linode_refuse_with(c, 404, "Not found");
	return doc;
}

void linode_get_bucket(struct linode_call *c)
{
	cJSON *doc = need_bucket(c);

	if (doc)
		linode_send(c, doc);
}

void linode_delete_bucket(struct linode_call *c)
{
	cJSON *doc = need_bucket(c);
	struct dro_error err = DRO_ERROR_INIT;
	struct s3 *s3 = objects_of(c);
	int rc;

	if (!doc)
		return;
	pthread_mutex_lock(&s3->lock);
	/* The database refuses for what is still in it. */
	rc = s3_run(
		s3, &err, "DELETE FROM bucket WHERE name = ?", "t", dro_json_text(doc, "label"));
	pthread_mutex_unlock(&s3->lock);
	if (rc < 0) {
		linode_refuse(c, NULL, "Bucket is not empty");
	} else {
		lab_reply_id(c->reply, dro_json_text(doc, "label"));
		linode_send_empty(c);
	}
	cJSON_Delete(doc);
}

/* One that is there already is answered as if it had just been made. */
void linode_create_bucket(struct linode_call *c)
{
	const char *label = dro_json_text(c->body, "label");
	const char *place = dro_json_text(c->body, "region");
	struct dro_error err = DRO_ERROR_INIT;
	struct s3 *s3 = objects_of(c);
	char region[LAB_REGION], existing[LAB_REGION];
	cJSON *all;
	int rc;

	if (!*place)
		place = dro_json_text(c->body, "cluster");
	if (!linode_object_region(place, region))
		linode_refuse(c, "region", "region is not valid");
	if (!s3_bucket_is_name(label) || strstr(label, "--"))
		linode_refuse(c, "label", "Invalid bucket name");
	if (c->errors->child)
		return;
	pthread_mutex_lock(&s3->lock);
	rc = s3_bucket_find(s3, label, existing, &err);
	if (rc == 0)
		rc = s3_run(s3, &err, "INSERT INTO bucket VALUES(?, ?, ?)", "tti", label, region,
			dro_wall_ms());
	pthread_mutex_unlock(&s3->lock);
	if (rc > 0 && strcmp(existing, region) != 0) {
		linode_refuse(c, "label", "The lab has that bucket in %s", existing);
		return;
	}
	if (rc < 0) {
		linode_refuse_with(c, 500, err.message);
		return;
	}
	if ((all = read_buckets(c, region, label))) {
		lab_reply_id(c->reply, label);
		linode_send(c, cJSON_DetachItemFromArray(all, 0));
		cJSON_Delete(all);
	}
}

/* ---- the S3 --------------------------------------------------------------------------------- */

static const struct s3_world world = {
	.folder = "s3-linode",
	.secret = linode_key_secret,
	.allows = linode_key_allows,
	.region = linode_object_region,
};

static int open_state(struct lab *lab, void **state, struct dro_error *err)
{
	return s3_open(lab, &world, state, err);
}

static bool matches(const struct lab_request *request)
{
	struct lab_scope scope;

	return lab_scope_read(request, &scope) && strcmp(scope.service, "s3") == 0 &&
	       linode_key_is(scope.access_key);
}

const struct lab_vendor lab_vendor_linode_s3 = {
	.name = "linode-s3",
	.open = open_state,
	.close = s3_close,
	.matches = matches,
	.classify = s3_classify,
	.handle = s3_handle,
	.fail = s3_fail,
};
