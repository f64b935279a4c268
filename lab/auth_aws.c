#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "lab/lab.h"
#include "net/sigv4.h"

#define SKEW_MS (15 * 60 * 1000)
#define SIGNED_MAX 128
#define PATH_MAX_BYTES 65536
#define UNSIGNED "UNSIGNED-PAYLOAD"

/* The parts of a signature as they came, in the header or in the query. */
struct claim {
	struct lab_scope scope;
	char signed_headers[2048];
	char signature[DRO_SHA256_HEX];
	char date[DRO_SIGV4_DATE];
	int64_t expires_s; /* presigned */
};

/* Copies up to one of `stops`; false: it does not fit. */
static bool copy_until(char *out, size_t size, const char *text, const char *stops)
{
	size_t length = strcspn(text, stops);

	if (length >= size)
		return false;
	memcpy(out, text, length);
	out[length] = '\0';
	return true;
}

/* "KEY/20261120/eu-west-1/ec2/aws4_request" */
static bool parse_credential(struct lab_scope *scope, const char *text)
{
	struct {
		char *out;
		size_t size;
	} parts[] = {{scope->access_key, sizeof(scope->access_key)},
		{scope->date, sizeof(scope->date)}, {scope->region, sizeof(scope->region)},
		{scope->service, sizeof(scope->service)}};
	size_t i;

	for (i = 0; i < 4; i++) {
		if (!copy_until(parts[i].out, parts[i].size, text, "/, "))
			return false;
		text += strlen(parts[i].out);
		if (*text++ != '/')
			return false;
	}
	return strncmp(text, "aws4_request", 12) == 0;
}

/* The text behind "name=" in "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…". */
static const char *field_of(const char *authorization, const char *name)
{
	size_t length = strlen(name);
	const char *at = authorization + strlen(DRO_SIGV4_ALGORITHM);

	while (*at) {
		at += strspn(at, " ,");
		if (strncmp(at, name, length) == 0 && at[length] == '=')
			return at + length + 1;
		at += strcspn(at, ",");
	}
	return NULL;
}

static const char *claim_text(const struct lab_request *request, bool presigned, const char *name)
{
	char query_name[64];

	if (!presigned)
		return field_of(lab_header(request, "authorization"), name);
	snprintf(query_name, sizeof(query_name), "X-Amz-%s", name);
	return lab_query(request, query_name);
}

bool lab_scope_read(const struct lab_request *request, struct lab_scope *scope)
{
	const char *authorization = lab_header(request, "authorization");
	const char *credential;
	bool in_header = authorization && strncmp(authorization, DRO_SIGV4_ALGORITHM " ",
						  strlen(DRO_SIGV4_ALGORITHM) + 1) == 0;

	*scope = (struct lab_scope){.presigned = !in_header};
	if (!in_header && !lab_query(request, "X-Amz-Credential"))
		return false;
	credential = claim_text(request, !in_header, "Credential");
	return credential && parse_credential(scope, credential);
}

static bool read_claim(struct claim *claim, const struct lab_request *request)
{
	bool presigned = claim->scope.presigned;
	const char *headers = claim_text(request, presigned, "SignedHeaders");
	const char *signature = claim_text(request, presigned, "Signature");
	const char *date =
		presigned ? lab_query(request, "X-Amz-Date") : lab_header(request, "x-amz-date");
	const char *expires = presigned ? lab_query(request, "X-Amz-Expires") : NULL;
	char *end;

	if (!headers || !signature || !date || strlen(date) != DRO_SIGV4_DATE - 1 ||
		!copy_until(claim->signed_headers, sizeof(claim->signed_headers), headers, ", ") ||
		!copy_until(claim->signature, sizeof(claim->signature), signature, ", "))
		return false;
	memcpy(claim->date, date, DRO_SIGV4_DATE);
	if (!presigned)
		return true;
	claim->expires_s = expires ? strtoll(expires, &end, 10) : -1;
	return expires && *expires && !*end && claim->expires_s > 0 &&
	       claim->expires_s <= 7 * 24 * 3600;
}

/* The headers the signature names, every one of that name. -1: one is missing, or too many. */
static int collect_headers(
	struct dro_pair *out, const struct lab_request *request, const char *names)
{
	int count = 0;

	while (*names) {
		char name[128];
		size_t i;
		int before = count;

		if (!copy_until(name, sizeof(name), names, ";"))
			return -1;
		names += strlen(name);
		names += *names == ';';
		for (i = 0; i < request->header_count; i++) {
			if (strcmp(request->headers[i].name, name) != 0)
				continue;
			if (count == SIGNED_MAX)
				return -1;
			out[count++] = request->headers[i];
		}
		if (count == before)
			return -1;
	}
	return count;
}

/* Must be signed: the host, and what AWS reads from x-amz-* headers. */
static bool covers(const struct claim *claim, const struct lab_request *request)
{
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		const char *name = request->headers[i].name, *at;

		if (strcmp(name, "host") != 0 && strncmp(name, "x-amz-", 6) != 0)
			continue;
		at = strstr(claim->signed_headers, name);
		while (at && !((at == claim->signed_headers || at[-1] == ';') &&
				     (at[strlen(name)] == ';' || !at[strlen(name)])))
			at = strstr(at + 1, name);
		if (!at)
			return false;
	}
	return true;
}

static int64_t date_ms(const char date[DRO_SIGV4_DATE])
{
	struct tm tm = {0};
	const char *end = strptime(date, "%Y%m%dT%H%M%SZ", &tm);

	return end && !*end ? (int64_t)timegm(&tm) * 1000 : -1;
}

static enum lab_auth check_time(const struct claim *claim, char message[LAB_AUTH_MESSAGE])
{
	int64_t at = date_ms(claim->date), now = dro_wall_ms();

	if (at < 0 || strncmp(claim->date, claim->scope.date, 8) != 0) {
		snprintf(message, LAB_AUTH_MESSAGE,
			"Date in Credential scope does not match X-Amz-Date.");
		return LAB_AUTH_MISMATCH;
	}
	if (claim->scope.presigned && now > at + claim->expires_s * 1000) {
		snprintf(message, LAB_AUTH_MESSAGE, "Request has expired");
		return LAB_AUTH_EXPIRED;
	}
	if (at > now + SKEW_MS || (!claim->scope.presigned && at < now - SKEW_MS)) {
		snprintf(message, LAB_AUTH_MESSAGE,
			"The difference between the request time and the current time is too "
			"large.");
		return LAB_AUTH_SKEWED;
	}
	return LAB_AUTH_OK;
}

/* What the client says of its body, and whether that is true. NULL: it is not. */
static const char *payload_hash(const struct claim *claim, const struct lab_request *request)
{
	const char *stated = lab_header(request, "x-amz-content-sha256");

	if (claim->scope.presigned)
		return stated ? stated : UNSIGNED;
	if (!stated)
		return request->body_sha256;
	/* Words such as UNSIGNED-PAYLOAD and STREAMING-… stand for a body that is not hashed. */
	if (strcmp(stated, UNSIGNED) != 0 && strncmp(stated, "STREAMING-", 10) != 0 &&
		strcasecmp(stated, request->body_sha256) != 0)
		return NULL;
	return stated;
}

/* The query as it was signed: a presigned URL's own signature is not in it. */
static size_t signed_query(struct dro_pair *out, const struct lab_request *request, bool presigned)
{
	size_t i, count = 0;

	for (i = 0; i < request->query_count; i++)
		if (!presigned || strcmp(request->query[i].name, "X-Amz-Signature") != 0)
			out[count++] = request->query[i];
	return count;
}

static enum lab_auth check_signature(const struct claim *claim, const struct lab_request *request,
	const char *secret, const char *hash)
{
	struct dro_sigv4_scope scope = {claim->date, claim->scope.region, claim->scope.service};
	struct dro_buf path = DRO_BUF_INIT(PATH_MAX_BYTES);
	struct dro_pair headers[SIGNED_MAX];
	struct dro_pair *query = calloc(request->query_count + 1, sizeof(*query));
	char signature[DRO_SHA256_HEX];
	enum lab_auth result = LAB_AUTH_MISMATCH;
	int count = collect_headers(headers, request, claim->signed_headers);

	if (count < 0) {
		result = LAB_AUTH_MALFORMED;
	} else if (query) {
		struct dro_sigv4_request canonical = {.method = request->method,
			.query = query,
			.query_count = signed_query(query, request, claim->scope.presigned),
			.headers = headers,
			.header_count = (size_t)count,
			.payload_hash = hash};

		dro_sigv4_path(&path, request->raw_path, strcmp(scope.service, "s3") == 0);
		canonical.path = dro_buf_str(&path);
		if (dro_sigv4_sign(signature, &canonical, &scope, secret, NULL) == 0 &&
			dro_sigv4_equal(signature, claim->signature))
			result = LAB_AUTH_OK;
	}
	free(query);
	dro_buf_free(&path);
	return result;
}

enum lab_auth lab_sigv4_verify(const struct lab_request *request, const char *secret,
	struct lab_scope *scope, char message[LAB_AUTH_MESSAGE])
{
	struct claim claim = {0};
	enum lab_auth result;
	const char *hash;
	bool readable = lab_scope_read(request, &claim.scope);

	*message = '\0';
	*scope = claim.scope;
	if (!readable && !lab_header(request, "authorization") &&
		!lab_query(request, "X-Amz-Credential")) {
		snprintf(message, LAB_AUTH_MESSAGE, "The request carries no signature.");
		return LAB_AUTH_MISSING;
	}
	if (!readable || !read_claim(&claim, request) || !covers(&claim, request)) {
		snprintf(message, LAB_AUTH_MESSAGE,
			"The authorization is incomplete, or headers that must be signed are not.");
		return LAB_AUTH_MALFORMED;
	}
	if (!secret) {
		snprintf(message, LAB_AUTH_MESSAGE,
			"The access key ID provided does not exist in our records.");
		return LAB_AUTH_UNKNOWN_KEY;
	}
	if ((result = check_time(&claim, message)) != LAB_AUTH_OK)
		return result;
	hash = payload_hash(&claim, request);
	result = hash ? check_signature(&claim, request, secret, hash) : LAB_AUTH_MISMATCH;
	if (result != LAB_AUTH_OK)
		snprintf(message, LAB_AUTH_MESSAGE,
			"The request signature we calculated does not match the signature you "
			"provided. Check your AWS Secret Access Key and signing method.");
	return result;
}

enum lab_auth lab_aws_verify(const struct lab *lab, const struct lab_request *request,
	struct lab_scope *scope, char message[LAB_AUTH_MESSAGE])
{
	const struct lab_config *config = lab_config(lab);
	bool known = lab_scope_read(request, scope) &&
		     lab_secret_equal(scope->access_key, config->access_key);

	return lab_sigv4_verify(request, known ? config->secret_key : NULL, scope, message);
}
