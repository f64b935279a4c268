/*
 * The simulated S3. Objects' bytes are files of random names (DIR/s3/blobs), never named by a key;
 * everything else is in one SQLite database (DIR/s3/index.db), in which an object appears in one
 * transaction, when its file is complete. What a file holds never changes, so that a reader that
 * has opened it is safe from writers.
 */
#ifndef DRORCH_LAB_S3_H
#define DRORCH_LAB_S3_H

#include <pthread.h>
#include <sqlite3.h>

#include "lab/lab.h"

#define S3_KEY_MAX 1024
#define S3_BUCKET 64 /* a bucket's name, with its NUL */
#define S3_BLOB 27   /* a file's name, with its NUL */
#define S3_ETAG 48
#define S3_XML_MAX (2u << 20) /* a request's XML */
#define S3_LIST_MAX (16u << 20)
#define S3_PART_MIN (5ll << 20)
#define S3_PARTS_MAX 10000
#define S3_OBJECT_MAX (5ll << 40)

#define S3_SECRET 128 /* a key's secret, with its NUL */

enum s3_may { S3_MAY_READ, S3_MAY_WRITE, S3_MAY_CREATE };

/* What makes the S3 of one provider another than that of the next. Any thread may ask. */
struct s3_world {
	const char *folder; /* in the state folder: its buckets are its own */
	/* The secret of an access key; false: there is no such key. */
	bool (*secret)(struct lab *lab, const char *access_key, char out[S3_SECRET]);
	/* May the key do that to a bucket of that region? NULL: all. */
	bool (*allows)(struct lab *lab, const char *access_key, enum s3_may may, const char *bucket,
		const char *region);
	/*
	 * The region that a place's name stands for; false: none. NULL: as AWS has it, where names
	 * stand for themselves and a bucket answers only what is signed for its region.
	 */
	bool (*region)(const char *place, char out[LAB_REGION]);
};

struct s3 {
	struct lab *lab;
	const struct s3_world *world;
	char *blobs;	      /* the folder */
	pthread_mutex_t lock; /* of the database */
	sqlite3 *db;
};

/* One request, routed. */
struct s3_call {
	struct s3 *s3;
	const struct lab_request *request;
	const struct lab_call *call;
	struct lab_reply *reply;
	struct lab_scope scope;
	char secret[S3_SECRET];	      /* of the scope's key, once it was found */
	char bucket[S3_BUCKET + 192]; /* as asked for, "" for none */
	char *key;		      /* "" for none */
	char host_region[LAB_REGION]; /* of a host name that states one, else "" */
	char region[LAB_REGION];      /* of the bucket, once it was found */
};

/* s3.c: the parts of a vendor, for any world */
int s3_open(struct lab *lab, const struct s3_world *world, void **state, struct dro_error *err);
void s3_close(void *state);
void s3_classify(void *state, const struct lab_request *request, struct lab_call *call);
void s3_handle(void *state, const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply);
void s3_fail(const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply, int status, const char *code, const char *message);

/* s3_reply.c */
/* Answers with the error of that code; NULL `message`: the usual one. Always DRO_EINVAL. */
int s3_refuse(const struct s3_call *c, const char *code, const char *message);
/* The same, with one more element. */
int s3_refuse_with(const struct s3_call *c, const char *code, const char *message,
	const char *element, const char *value);
int s3_refuse_internal(const struct s3_call *c, const struct dro_error *err);
void s3_error_body(struct lab_reply *reply, const struct lab_request *request,
	const struct lab_call *call, int status, const char *code, const char *message);
void s3_begin_xml(const struct s3_call *c, const char *root);
void s3_end_xml(const struct s3_call *c, const char *root);
#define S3_TIME 40
void s3_time_xml(char out[S3_TIME], int64_t wall_ms);	  /* 2026-11-20T20:00:00.000Z */
void s3_time_http(char out[S3_TIME], int64_t wall_ms);	  /* Fri, 20 Nov 2026 20:00:00 GMT */
bool s3_etag_matches(const char *list, const char *etag); /* `list`: quoted or not, or "*" */

/* s3_index.c: the database. All calls under the lock. */
int s3_index_open(struct s3 *s3, const char *path, struct dro_error *err);
void s3_index_close(struct s3 *s3);
/* Prepares and binds: "t" text, "i" int64_t, one letter an argument. */
int s3_query(struct s3 *s3, sqlite3_stmt **out, struct dro_error *err, const char *sql,
	const char *types, ...);
/* The next row: 1, or 0 at the end. */
int s3_row(struct s3 *s3, sqlite3_stmt *query, struct dro_error *err);
/* Runs a statement to its end. */
int s3_run(struct s3 *s3, struct dro_error *err, const char *sql, const char *types, ...);
const char *s3_text(sqlite3_stmt *query, int column); /* never NULL */
/* Ends a transaction that began with s3_run("BEGIN"): COMMIT where rc is 0, else ROLLBACK. */
int s3_end(struct s3 *s3, int rc, struct dro_error *err);

/* s3_blob.c: files of bytes, and what is read into them */
struct s3_blob {
	int fd; /* -1: none */
	char name[S3_BLOB];
	int64_t size;
	uint8_t md5[DRO_MD5_BYTES];
};
int s3_blob_new(struct s3 *s3, struct s3_blob *blob, struct dro_error *err);
void s3_blob_close(struct s3_blob *blob);
void s3_blob_discard(struct s3 *s3, struct s3_blob *blob); /* closes and removes */
void s3_blob_remove(struct s3 *s3, const char *name);
int s3_blob_open(struct s3 *s3, const char *name); /* a descriptor, or -1 */
/* Appends a whole other blob. */
int s3_blob_append(struct s3 *s3, struct s3_blob *blob, const char *name, struct dro_error *err);
void s3_blob_sweep(struct s3 *s3); /* removes files that nothing names */
/* The request's body into a new blob, decoded and checked; <0: refused, nothing left. */
int s3_blob_receive(const struct s3_call *c, struct s3_blob *blob);

/* s3_chunked.c: bodies as they come, also in signed chunks */
struct s3_reader;
int s3_reader_new(struct s3_reader **out, const struct s3_call *c);
/* Bytes of the content, 0 at the end, <0: refused. */
ssize_t s3_reader_read(struct s3_reader *reader, void *data, size_t size);
void s3_reader_free(struct s3_reader *reader); /* NULL-safe */

/* s3_body.c: small XML bodies */
struct dro_xml;
int s3_xml_read(const struct s3_call *c, struct dro_xml **out); /* <0: refused */
int s3_text_read(const struct s3_call *c, struct dro_buf *out); /* likewise */

/* s3_bucket.c */
/* 1: there, its region in `region`; 0: not there; <0. Under the lock. */
int s3_bucket_find(struct s3 *s3, const char *name, char region[LAB_REGION], struct dro_error *err);
bool s3_bucket_is_name(const char *name);
/* May the request's key do that to the bucket? Locks. */
bool s3_bucket_allows(const struct s3_call *c, enum s3_may may, const char *bucket);
/* Is the bucket there, and asked for in its region? Fills c->region; <0: refused. Locks. */
int s3_bucket_need(struct s3_call *c);
void s3_bucket_list(struct s3_call *c);
void s3_bucket_create(struct s3_call *c);
void s3_bucket_head(struct s3_call *c);
void s3_bucket_delete(struct s3_call *c);
void s3_bucket_location(struct s3_call *c);
void s3_bucket_versioning(struct s3_call *c);

/* s3_object.c */
/* What is kept of an object beside its bytes: headers, as a JSON object. malloc'd. */
char *s3_headers_of(const struct lab_request *request);
/* If-None-Match and If-Match of a write; under the lock. <0: refused. */
int s3_write_allowed(const struct s3_call *c);
/* Puts the blob in the key's place; under the lock, in a transaction. The old one's file goes to
 * old[S3_BLOB] ("" for none), to be removed after the commit. */
int s3_object_store(const struct s3_call *c, const struct s3_blob *blob, const char *etag,
	const char *headers, char old[S3_BLOB], struct dro_error *err);
void s3_object_put(struct s3_call *c);
void s3_object_copy(struct s3_call *c);
void s3_object_delete(struct s3_call *c);
void s3_objects_delete(struct s3_call *c);
/* s3_get.c */
void s3_object_get(struct s3_call *c);
/* The key's object as a website's answer of that status. false: there is none. */
bool s3_object_show(struct s3_call *c, int status);

/* s3_public.c: what everybody may do */
/* A setting of the bucket, malloc'd; NULL: it has none. Locks. */
char *s3_setting_get(struct s3 *s3, const char *bucket, const char *kind);
void s3_setting_put(struct s3_call *c, const char *kind, const char *value); /* NULL: none */
/* Does the bucket's policy let everybody do `action` ("s3:GetObject") to the key? */
bool s3_public_may(const struct s3_call *c, const char *action, const char *key);
void s3_policy_get(struct s3_call *c);
void s3_policy_put(struct s3_call *c);
void s3_policy_delete(struct s3_call *c);

/* s3_website.c: https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html */
void s3_website_get(struct s3_call *c);
void s3_website_put(struct s3_call *c);
void s3_website_delete(struct s3_call *c);
/* Is it a guest of a website, by an unsigned request's host name? c->bucket gets whose. */
bool s3_website_is(struct s3_call *c);
void s3_website_show(struct s3_call *c);

/* s3_list.c */
void s3_list_v1(struct s3_call *c);
void s3_list_v2(struct s3_call *c);

/* s3_multipart.c */
void s3_upload_create(struct s3_call *c);
void s3_upload_part(struct s3_call *c);
void s3_upload_complete(struct s3_call *c);
void s3_upload_abort(struct s3_call *c);
/* Is the request's upload there? 1 (its headers, malloc'd, in *headers where that is not NULL), 0,
 * or <0. Under the lock. */
int s3_find_upload(const struct s3_call *c, char **headers, struct dro_error *err);
int s3_no_such_upload(const struct s3_call *c); /* refuses */
/* s3_uploads.c */
void s3_upload_parts(struct s3_call *c);
void s3_uploads_list(struct s3_call *c);

extern const struct lab_vendor lab_vendor_s3;

#endif
