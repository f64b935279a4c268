/*
 * Object Storage: S3 at an endpoint for each region, with keys of its own (credentials
 * access_key_id and secret_access_key; the host signs). The API at `endpoint` has no part in it, so
 * that backups can be read while that is away.
 *   https://techdocs.akamai.com/cloud-computing/docs/object-storage
 *   https://techdocs.akamai.com/linode-api/reference/get-object-storage-keys
 *   .../get-object-storage-endpoints
 */
#include <stdio.h>
#include <string.h>

#include "plugins/common/s3.h"
#include "plugins/linode/linode.h"

#define DOMAIN ".linodeobjects.com"
#define HOLE "{region}"
#define CLUSTER_MAX 48
#define KEYS_NAMED 5 /* in a message */

struct place {
	struct dro_s3 s3;
	struct dro_buf endpoint;
	char cluster[CLUSTER_MAX];
};

/* What is signed for: "us-east-1" of https://us-east-1.linodeobjects.com, else the region. */
static int choose_cluster(
	const struct li *li, struct place *place, const char *region, struct dro_error *err)
{
	const char *host = strstr(place->s3.endpoint, "://");
	const char *end = strstr(place->s3.endpoint, DOMAIN);
	size_t length = strlen(region);

	if (host && end && strchr(host, '.') == end) {
		region = host + 3;
		length = (size_t)(end - region);
	}
	if (length == 0 || length >= CLUSTER_MAX)
		return li->host->fail(
			err, DRO_EINVAL, NULL, "\"%.80s\" has no region", place->s3.endpoint);
	memcpy(place->cluster, region, length);
	place->cluster[length] = '\0';
	place->s3.region = place->cluster;
	return 0;
}

/* Freed with dro_buf_free(&place->endpoint) also on failure. */
static int find_place(
	const struct li *li, const char *named, struct place *place, struct dro_error *err)
{
	const char *region = li_region(li, named), *at, *rest = li->s3_endpoint;
	int rc;

	*place = (struct place){.s3.host = li->host, .endpoint = DRO_BUF_INIT(512)};
	if (!*region)
		return li->host->fail(err, DRO_EINVAL, NULL, "a bucket needs a region");
	if (strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
		return li->host->fail(err, DRO_EINVAL, NULL, "\"%.40s\" is no region", region);
	for (; (at = strstr(rest, HOLE)); rest = at + strlen(HOLE)) {
		dro_buf_append(&place->endpoint, rest, (size_t)(at - rest));
		dro_buf_puts(&place->endpoint, region);
	}
	dro_buf_puts(&place->endpoint, rest);
	if ((rc = dro_buf_check(&place->endpoint, err)) < 0)
		return rc;
	place->s3.endpoint = dro_buf_str(&place->endpoint);
	return choose_cluster(li, place, region, err);
}

/* ---- the capability ------------------------------------------------------------------------- */

static int list_objects(void *account, const struct dro_object_query *query, dro_emit_object emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct place place;
	int rc = find_place(account, query->region, &place, err);

	if (rc == 0)
		rc = dro_s3_list_objects(&place.s3, query, emit, arg, call, err);
	dro_buf_free(&place.endpoint);
	return rc;
}

static int get_object(void *account, const struct dro_object_ref *ref, int fd, uint64_t max,
	uint64_t *length, const struct dro_call *call, struct dro_error *err)
{
	struct place place;
	int rc = find_place(account, ref->region, &place, err);

	if (rc == 0)
		rc = dro_s3_get_object(&place.s3, ref, fd, max, length, call, err);
	dro_buf_free(&place.endpoint);
	return rc;
}

static int put_object(void *account, const struct dro_object_ref *ref, int fd, uint64_t length,
	uint32_t flags, const struct dro_call *call, struct dro_error *err)
{
	struct place place;
	int rc = find_place(account, ref->region, &place, err);

	if (rc == 0)
		rc = dro_s3_put_object(&place.s3, ref, fd, length, flags, call, err);
	dro_buf_free(&place.endpoint);
	return rc;
}

static int delete_objects(void *account, const char *region, const char *bucket,
	const char *const *keys, size_t key_count, const struct dro_call *call,
	struct dro_error *err)
{
	struct place place;
	int rc = find_place(account, region, &place, err);

	if (rc == 0)
		rc = dro_s3_delete_objects(&place.s3, bucket, keys, key_count, call, err);
	dro_buf_free(&place.endpoint);
	return rc;
}

const struct dro_storage li_storage = {
	.size = sizeof(struct dro_storage),
	.list_objects = list_objects,
	.get_object = get_object,
	.put_object = put_object,
	.delete_objects = delete_objects,
};

/* ---- are the keys good? --------------------------------------------------------------------- */

struct naming {
	struct dro_buf *out;
	size_t count;
};

static int name_key(void *arg, const cJSON *item, struct dro_error *err)
{
	struct naming *naming = arg;

	(void)err;
	if (naming->count++ < KEYS_NAMED)
		dro_buf_printf(naming->out, "%s\"%.50s\" (%.24s)", naming->count > 1 ? ", " : "",
			dro_json_text(item, "label"), dro_json_text(item, "access_key"));
	return 0;
}

/* The keys that the account does have are what one needs to find the mistake. */
static void name_keys(const struct li *li, struct dro_buf *out, const struct dro_call *call)
{
	const struct li_ask ask = {
		.kind = LI_READ, .method = "GET", .path = {"object-storage", "keys"}};
	struct dro_error ignored = DRO_ERROR_INIT;
	struct dro_buf names = DRO_BUF_INIT(1024);
	struct naming naming = {.out = &names};

	if (li_list(li, &ask, name_key, &naming, call, &ignored) < 0)
		dro_buf_reset(out); /* the token need not be allowed to see them */
	else if (naming.count == 0)
		dro_buf_puts(out, "; the account has no key at all");
	else
		dro_buf_printf(out, "; the account's keys are %s%s", dro_buf_str(&names),
			naming.count > KEYS_NAMED ? " and others" : "");
	dro_buf_free(&names);
}

static int refuse(const struct li *li, const struct place *place, const struct dro_error *why,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf known = DRO_BUF_INIT(2048);

	if (strcmp(why->provider_code, "InvalidAccessKeyId") == 0)
		name_keys(li, &known, call);
	li->host->fail(err, DRO_EAUTH, why->provider_code,
		"Object Storage at %s does not take access_key_id and secret_access_key: %.300s%s",
		place->s3.endpoint, why->message, dro_buf_str(&known));
	if (err)
		err->http_status = why->http_status;
	dro_buf_free(&known);
	return DRO_EAUTH;
}

struct seeking {
	const char *region;
	const char *host;   /* where we asked */
	struct dro_buf all; /* where the region's objects are, as Linode says */
	bool right;
};

static int see_endpoint(void *arg, const cJSON *item, struct dro_error *err)
{
	const char *host = dro_json_text(item, "s3_endpoint");
	struct seeking *seeking = arg;

	(void)err;
	if (!*host || strcmp(dro_json_text(item, "region"), seeking->region) != 0)
		return 0;
	dro_buf_printf(&seeking->all, "%s%.80s", seeking->all.length ? ", " : "", host);
	seeking->right = seeking->right || strcmp(host, seeking->host) == 0;
	return 0;
}

/* Nobody answered: because there is nobody? The default endpoint is not that of every region. */
static int check_endpoint(const struct li *li, const struct place *place,
	const struct dro_error *why, const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {
		.kind = LI_READ, .method = "GET", .path = {"object-storage", "endpoints"}};
	const char *host = strstr(place->s3.endpoint, "://");
	struct seeking seeking = {
		.region = li->region, .host = host ? host + 3 : "", .all = DRO_BUF_INIT(512)};
	struct dro_error ignored = DRO_ERROR_INIT;
	int rc = li_list(li, &ask, see_endpoint, &seeking, call, &ignored);

	if (rc == 0 && seeking.all.length && !seeking.right)
		rc = li->host->fail(err, DRO_EINVAL, NULL,
			"Object Storage of %s is at %s and not at %s: say so with s3_endpoint",
			li->region, dro_buf_str(&seeking.all), place->s3.endpoint);
	else
		rc = 0;
	if (rc == 0)
		li->host->log(li->host, DRO_LOG_WARNING, "Object Storage of %s was not probed: %s",
			li->region, why->message);
	dro_buf_free(&seeking.all);
	return rc;
}

int li_probe_storage(
	const struct li *li, const struct dro_call *call, bool *good, struct dro_error *err)
{
	struct dro_error why = DRO_ERROR_INIT;
	struct place place;
	int rc;

	*good = false;
	if (!*li->region)
		return 0;
	if ((rc = find_place(li, "", &place, err)) < 0)
		goto out;
	rc = dro_s3_probe(&place.s3, call, &why);
	*good = rc == 0;
	if (rc == DRO_EAUTH && why.http_status)
		rc = refuse(li, &place, &why, call, err);
	else if (rc == DRO_EAUTH)
		rc = 0; /* there are no keys: nothing was sent */
	else if (rc < 0)
		rc = check_endpoint(li, &place, &why, call, err);
out:
	dro_buf_free(&place.endpoint);
	return rc;
}
