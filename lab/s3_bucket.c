#include "s3.h"

#include <stdio.h>
#include <string.h>

#include "plugins/common/xml.h"

#include "base/clock.h"

#define DEFAULT_REGION "us-east-1"

bool s3_bucket_is_name(const char *name)
{
	size_t length = strlen(name);

	return length >= 3 && length <= 63 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length &&
	       !strstr(name, "..") && !strchr(".-", name[0]) && !strchr(".-", name[length - 1]);
}

int s3_bucket_find(struct s3 *s3, const char *name, char region[LAB_REGION], struct dro_error *err)
{
	sqlite3_stmt *query = NULL;
	int rc = s3_query(s3, &query, err, "SELECT region FROM bucket WHERE name = ?", "t", name);

	if (rc == 0 && (rc = s3_row(s3, query, err)) > 0)
		snprintf(region, LAB_REGION, "%s", s3_text(query, 0));
	sqlite3_finalize(query);
	return rc;
}

bool s3_bucket_allows(const struct s3_call *c, enum s3_may may, const char *bucket)
{
	const struct s3_world *world = c->s3->world;
	char region[LAB_REGION] = "";

	if (!world->allows)
		return true;
	pthread_mutex_lock(&c->s3->lock);
	s3_bucket_find(c->s3, bucket, region, NULL);
	pthread_mutex_unlock(&c->s3->lock);
	return world->allows(c->s3->lab, c->scope.access_key, may, bucket, region);
}

/* A bucket answers only in its own region, and says which that is. */
static int check_region(const struct s3_call *c)
{
	char text[512];

	if (c->s3->world->region)
		return 0;
	/* Who did not sign said nothing of a region. */
	if ((!*c->scope.region || strcmp(c->scope.region, c->region) == 0) &&
		(!*c->host_region || strcmp(c->host_region, c->region) == 0))
		return 0;
	lab_reply_header(c->reply, "x-amz-bucket-region", "%s", c->region);
	if (*c->host_region && strcmp(c->host_region, c->region) != 0) {
		snprintf(text, sizeof(text), "%s.s3.%s.localhost", c->bucket, c->region);
		return s3_refuse_with(c, "PermanentRedirect", NULL, "Endpoint", text);
	}
	snprintf(text, sizeof(text),
		"The authorization header is malformed; the region '%s' is wrong; expecting '%s'",
		c->scope.region, c->region);
	return s3_refuse_with(c, "AuthorizationHeaderMalformed", text, "Region", c->region);
}

int s3_bucket_need(struct s3_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	pthread_mutex_lock(&c->s3->lock);
	rc = s3_bucket_find(c->s3, c->bucket, c->region, &err);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0)
		return s3_refuse_internal(c, &err);
	if (rc == 0)
		return s3_refuse_with(c, "NoSuchBucket", NULL, "BucketName", c->bucket);
	return check_region(c);
}

void s3_bucket_list(struct s3_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_buf *body = &c->reply->body;
	sqlite3_stmt *query = NULL;
	char made[S3_TIME];
	int rc;

	s3_begin_xml(c, "ListAllMyBucketsResult");
	dro_buf_puts(body, "<Owner>");
	lab_xml_element(body, "ID", lab_config(c->s3->lab)->account);
	dro_buf_puts(body, "<DisplayName>lab</DisplayName></Owner><Buckets>");
	pthread_mutex_lock(&c->s3->lock);
	rc = s3_query(c->s3, &query, &err,
		"SELECT name, created_ms, region FROM bucket ORDER BY name", "");
	while (rc == 0 && (rc = s3_row(c->s3, query, &err)) > 0) {
		s3_time_xml(made, sqlite3_column_int64(query, 1));
		dro_buf_puts(body, "<Bucket>");
		lab_xml_element(body, "Name", s3_text(query, 0));
		lab_xml_element(body, "CreationDate", made);
		lab_xml_element(body, "BucketRegion", s3_text(query, 2));
		dro_buf_puts(body, "</Bucket>");
		rc = 0;
	}
	sqlite3_finalize(query);
	pthread_mutex_unlock(&c->s3->lock);
	dro_buf_puts(body, "</Buckets>");
	s3_end_xml(c, "ListAllMyBucketsResult");
	if (rc < 0)
		s3_refuse_internal(c, &err);
}

/* AWS's rules of what may stand where. <0: refused. */
static int check_location(const struct s3_call *c, const char *wanted, char region[LAB_REGION])
{
	const char *here = *c->host_region ? c->host_region : c->scope.region;
	bool global = strcmp(here, DEFAULT_REGION) == 0;

	if (strcmp(wanted, DEFAULT_REGION) == 0 || strlen(wanted) >= LAB_REGION ||
		strspn(wanted, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(wanted))
		return s3_refuse(c, "InvalidLocationConstraint", NULL);
	if (global ? false : strcmp(wanted, here) != 0)
		return s3_refuse(c, "IllegalLocationConstraintException", NULL);
	snprintf(region, LAB_REGION, "%s", *wanted ? wanted : DEFAULT_REGION);
	return 0;
}

/* The region that the request asks the bucket to be in; <0: refused. */
static int read_location(const struct s3_call *c, char region[LAB_REGION])
{
	const struct s3_world *world = c->s3->world;
	const char *wanted = "";
	struct dro_xml *xml = NULL;
	int rc = 0;

	if (c->request->body_length) {
		if (s3_xml_read(c, &xml) < 0)
			return DRO_EINVAL;
		wanted = dro_xml_text(dro_xml_root(xml), "LocationConstraint");
	}
	if (!world->region)
		rc = check_location(c, wanted, region);
	else if (!world->region(*wanted ? wanted : c->scope.region, region))
		rc = s3_refuse(c, "InvalidLocationConstraint", NULL);
	else if (world->allows &&
		 !world->allows(c->s3->lab, c->scope.access_key, S3_MAY_CREATE, c->bucket, region))
		rc = s3_refuse(c, "AccessDenied", NULL);
	dro_xml_free(xml);
	return rc;
}

/* The oldest region of AWS, and whoever is not AWS, take a second creation for the first. */
static bool is_the_same(const struct s3_call *c, const char *existing, const char *region)
{
	return strcmp(existing, region) == 0 &&
	       (c->s3->world->region || strcmp(region, DEFAULT_REGION) == 0);
}

void s3_bucket_create(struct s3_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;
	char region[LAB_REGION], existing[LAB_REGION];
	int rc;

	if (!s3_bucket_is_name(c->bucket)) {
		s3_refuse_with(c, "InvalidBucketName", NULL, "BucketName", c->bucket);
		return;
	}
	if (read_location(c, region) < 0)
		return;
	pthread_mutex_lock(&c->s3->lock);
	rc = s3_bucket_find(c->s3, c->bucket, existing, &err);
	if (rc == 0)
		rc = s3_run(c->s3, &err, "INSERT INTO bucket VALUES(?, ?, ?)", "tti", c->bucket,
			region, dro_wall_ms());
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0) {
		s3_refuse_internal(c, &err);
	} else if (rc > 0 && !is_the_same(c, existing, region)) {
		s3_refuse_with(c, "BucketAlreadyOwnedByYou", NULL, "BucketName", c->bucket);
	} else {
		lab_reply_header(c->reply, "Location", "/%s", c->bucket);
		lab_reply_id(c->reply, c->bucket);
	}
}

void s3_bucket_head(struct s3_call *c)
{
	lab_reply_header(c->reply, "x-amz-bucket-region", "%s", c->region);
}

void s3_bucket_delete(struct s3_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;
	sqlite3_stmt *query = NULL;
	int rc, used = 0;

	pthread_mutex_lock(&c->s3->lock);
	rc = s3_query(c->s3, &query, &err,
		"SELECT 1 FROM object WHERE bucket = ?1 UNION ALL "
		"SELECT 1 FROM upload WHERE bucket = ?1 LIMIT 1",
		"t", c->bucket);
	if (rc == 0)
		rc = used = s3_row(c->s3, query, &err);
	sqlite3_finalize(query);
	if (rc == 0)
		rc = s3_run(c->s3, &err, "DELETE FROM bucket WHERE name = ?", "t", c->bucket);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0)
		s3_refuse_internal(c, &err);
	else if (used)
		s3_refuse_with(c, "BucketNotEmpty", NULL, "BucketName", c->bucket);
	else
		c->reply->status = 204;
}

void s3_bucket_location(struct s3_call *c)
{
	s3_begin_xml(c, "LocationConstraint");
	if (strcmp(c->region, DEFAULT_REGION) != 0)
		lab_xml_text(&c->reply->body, c->region);
	s3_end_xml(c, "LocationConstraint");
}

void s3_bucket_versioning(struct s3_call *c)
{
	s3_begin_xml(c, "VersioningConfiguration");
	s3_end_xml(c, "VersioningConfiguration");
}
