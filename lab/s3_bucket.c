#include "s3.h"

#include <stdio.h>
#include <string.h>

#include "plugins/common/xml.h"

#include "base/clock.h"

#define DEFAULT_REGION "us-east-1"

static bool is_bucket_name(const char *name)
{
	size_t length = strlen(name);

	return length >= 3 && length <= 63 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length &&
	       !strstr(name, "..") && !strchr(".-", name[0]) && !strchr(".-", name[length - 1]);
}

/* 1: there, its region in `region`; 0: not there; <0. Under the lock. */
static int find_bucket(const struct s3_call *c, char region[LAB_REGION], struct dro_error *err)
{
	sqlite3_stmt *query = NULL;
	int rc = s3_query(
		c->s3, &query, err, "SELECT region FROM bucket WHERE name = ?", "t", c->bucket);

	if (rc == 0 && (rc = s3_row(c->s3, query, err)) > 0)
		snprintf(region, LAB_REGION, "%s", s3_text(query, 0));
	sqlite3_finalize(query);
	return rc;
}

/* A bucket answers only in its own region, and says which that is. */
static int check_region(const struct s3_call *c)
{
	char text[512];

	if (strcmp(c->scope.region, c->region) == 0 &&
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
	rc = find_bucket(c, c->region, &err);
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

/* The region that the request asks the bucket to be in; <0: refused. */
static int read_location(const struct s3_call *c, char region[LAB_REGION])
{
	const char *here = *c->host_region ? c->host_region : c->scope.region;
	bool global = strcmp(here, DEFAULT_REGION) == 0;
	const char *wanted = "";
	struct dro_xml *xml = NULL;
	int rc = 0;

	if (c->request->body_length) {
		if (s3_xml_read(c, &xml) < 0)
			return DRO_EINVAL;
		wanted = dro_xml_text(dro_xml_root(xml), "LocationConstraint");
	}
	if (strcmp(wanted, DEFAULT_REGION) == 0 || strlen(wanted) >= LAB_REGION ||
		strspn(wanted, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(wanted))
		rc = s3_refuse(c, "InvalidLocationConstraint", NULL);
	else if (global ? false : strcmp(wanted, here) != 0)
		rc = s3_refuse(c, "IllegalLocationConstraintException", NULL);
	else
		snprintf(region, LAB_REGION, "%s", *wanted ? wanted : DEFAULT_REGION);
	dro_xml_free(xml);
	return rc;
}

void s3_bucket_create(struct s3_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;
	char region[LAB_REGION], existing[LAB_REGION];
	int rc;

	if (!is_bucket_name(c->bucket)) {
		s3_refuse_with(c, "InvalidBucketName", NULL, "BucketName", c->bucket);
		return;
	}
	if (read_location(c, region) < 0)
		return;
	pthread_mutex_lock(&c->s3->lock);
	rc = find_bucket(c, existing, &err);
	if (rc == 0)
		rc = s3_run(c->s3, &err, "INSERT INTO bucket VALUES(?, ?, ?)", "tti", c->bucket,
			region, dro_wall_ms());
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0) {
		s3_refuse_internal(c, &err);
	} else if (rc > 0 &&
		   (strcmp(existing, DEFAULT_REGION) != 0 || strcmp(region, DEFAULT_REGION) != 0)) {
		/* The oldest region alone takes a second creation for the first. */
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
