/*
 * AWS Signature Version 4, for both sides: a client builds the Authorization header, a server
 * builds the same signature from what arrived and compares. No I/O, no state; thread-safe.
 */
#ifndef DRORCH_NET_SIGV4_H
#define DRORCH_NET_SIGV4_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/hash.h"

#define DRO_SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define DRO_SIGV4_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DRO_SIGV4_DATE 17 /* "20150830T123600Z" with its NUL */

/* Where and when a signature holds. */
struct dro_sigv4_scope {
	const char *date; /* as X-Amz-Date has it: "20150830T123600Z" */
	const char *region;
	const char *service; /* "ec2", "s3", … */
};

/* What is signed. */
struct dro_sigv4_request {
	const char *method;
	const char *path;	      /* canonical: as dro_sigv4_path makes it */
	const struct dro_pair *query; /* raw (decoded), any order; value NULL: name alone */
	size_t query_count;
	/* Those that are signed, any case and order; a name may stand more than once. */
	const struct dro_pair *headers;
	size_t header_count;
	const char *payload_hash; /* hex SHA-256 of the body, or the word that stands for it */
};

/* "20150830T123600Z" of a Unix time. */
void dro_sigv4_date(char out[DRO_SIGV4_DATE], int64_t wall_ms);

/*
 * The canonical path of a path as it stands in the request line (without the query). S3 takes it as
 * it is, in one settled encoding; for the others "." , ".." and empty segments go, and what
 * is left is encoded once more.
 */
void dro_sigv4_path(struct dro_buf *out, const char *wire_path, bool s3);

/* "host;x-amz-date": lower case, sorted, each once. */
void dro_sigv4_signed_headers(struct dro_buf *out, const struct dro_pair *headers, size_t count);

/* "20150830/us-east-1/ec2/aws4_request"; DRO_EINVAL where the date is not one. */
int dro_sigv4_scope_text(
	struct dro_buf *out, const struct dro_sigv4_scope *scope, struct dro_error *err);

/* The three stages, each appended to `out`. */
int dro_sigv4_canonical(
	struct dro_buf *out, const struct dro_sigv4_request *request, struct dro_error *err);
int dro_sigv4_string_to_sign(struct dro_buf *out, const struct dro_sigv4_scope *scope,
	const struct dro_buf *canonical, struct dro_error *err);
int dro_sigv4_signature(char out[DRO_SHA256_HEX], const struct dro_sigv4_scope *scope,
	const char *secret_access_key, const struct dro_buf *string_to_sign, struct dro_error *err);

/* All three: the signature of a request. A server compares with dro_sigv4_equal. */
int dro_sigv4_sign(char out[DRO_SHA256_HEX], const struct dro_sigv4_request *request,
	const struct dro_sigv4_scope *scope, const char *secret_access_key, struct dro_error *err);

/* The value of the Authorization header. */
int dro_sigv4_authorization(struct dro_buf *out, const struct dro_sigv4_request *request,
	const struct dro_sigv4_scope *scope, const char *access_key_id,
	const char *secret_access_key, struct dro_error *err);

/* Compares two signatures in a time that does not depend on where they differ. */
bool dro_sigv4_equal(const char *a, const char *b);

#endif
