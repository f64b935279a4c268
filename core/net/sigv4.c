#include "net/sigv4.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/uri.h"

#define TERMINATOR "aws4_request"
#define CANONICAL_MAX_BYTES (1024 * 1024)
#define TO_SIGN_MAX_BYTES 4096

void dro_sigv4_date(char out[DRO_SIGV4_DATE], int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(out, DRO_SIGV4_DATE, "%Y%m%dT%H%M%SZ", &tm);
}

/* ---- the path ------------------------------------------------------------------------------ */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool is_unreserved(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-._~", c));
}

/* Encodes what should be and is not, decodes what is and should not be; "%2F" is not a slash. */
static void settle_path(struct dro_buf *out, const char *wire)
{
	for (; *wire; wire++) {
		char c = *wire;
		int high, low;

		if (c == '%' && (high = hex_value(wire[1])) >= 0 &&
			(low = hex_value(wire[2])) >= 0) {
			c = (char)(high * 16 + low);
			wire += 2;
		} else if (c == '/') {
			dro_buf_append(out, "/", 1);
			continue;
		}
		if (is_unreserved(c))
			dro_buf_append(out, &c, 1);
		else
			dro_buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

/* Takes the last "/segment" off what was written since `start`. */
static void drop_segment(struct dro_buf *out, size_t start)
{
	while (out->length > start && out->data[out->length - 1] != '/')
		out->length--;
	if (out->length > start)
		out->length--;
	if (out->data)
		out->data[out->length] = '\0';
}

static void encode_segment(struct dro_buf *out, const char *segment, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (is_unreserved(segment[i]))
			dro_buf_append(out, &segment[i], 1);
		else
			dro_buf_printf(out, "%%%02X", (unsigned char)segment[i]);
}

static void normalise_path(struct dro_buf *out, const char *wire)
{
	size_t start = out->length;
	bool open_end = true; /* the path ends in a slash */

	while (*wire) {
		size_t length;

		wire += strspn(wire, "/");
		length = strcspn(wire, "/");
		open_end = wire[length] == '/' || length == 0;
		if (length == 2 && memcmp(wire, "..", 2) == 0) {
			drop_segment(out, start);
			open_end = true;
		} else if (length == 1 && *wire == '.') {
			open_end = true;
		} else if (length > 0) {
			dro_buf_append(out, "/", 1);
			encode_segment(out, wire, length);
		}
		wire += length;
	}
	if (open_end || out->length == start)
		dro_buf_append(out, "/", 1);
}

void dro_sigv4_path(struct dro_buf *out, const char *wire_path, bool s3)
{
	if (!s3)
		normalise_path(out, wire_path);
	else if (*wire_path)
		settle_path(out, wire_path);
	else
		dro_buf_append(out, "/", 1);
}

/* ---- query and headers --------------------------------------------------------------------- */

struct encoded_pair {
	char *name, *value;
};

static int compare_encoded(const void *a, const void *b)
{
	const struct encoded_pair *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->value, y->value);
}

static char *encode(const char *raw)
{
	struct dro_buf buf = DRO_BUF_INIT(CANONICAL_MAX_BYTES);

	dro_uri_encode(&buf, raw);
	return dro_buf_take(&buf);
}

/* Sorted by the encoded name, then by the encoded value, as AWS sorts. */
static void canonical_query(struct dro_buf *out, const struct dro_pair *query, size_t count)
{
	struct encoded_pair *pairs;
	bool failed = false;
	size_t i;

	if (count == 0)
		return;
	pairs = calloc(count, sizeof(*pairs));
	if (!pairs) {
		out->failed = DRO_ENOMEM;
		return;
	}
	for (i = 0; i < count; i++) {
		pairs[i].name = encode(query[i].name);
		pairs[i].value = encode(query[i].value ? query[i].value : "");
		failed = failed || !pairs[i].name || !pairs[i].value;
	}
	if (failed)
		out->failed = DRO_ENOMEM;
	else
		qsort(pairs, count, sizeof(*pairs), compare_encoded);
	for (i = 0; i < count; i++) {
		if (!failed)
			dro_buf_printf(out, "%s%s=%s", i ? "&" : "", pairs[i].name, pairs[i].value);
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

/* Headers of one name keep their order: the pointers themselves break the tie. */
static int compare_headers(const void *a, const void *b)
{
	const struct dro_pair *x = *(const struct dro_pair *const *)a;
	const struct dro_pair *y = *(const struct dro_pair *const *)b;
	int order = strcasecmp(x->name, y->name);

	return order ? order : (x > y) - (x < y);
}

static const struct dro_pair **sort_headers(
	struct dro_buf *out, const struct dro_pair *headers, size_t count)
{
	const struct dro_pair **sorted = calloc(count ? count : 1, sizeof(*sorted));
	size_t i;

	if (!sorted) {
		out->failed = DRO_ENOMEM;
		return NULL;
	}
	for (i = 0; i < count; i++)
		sorted[i] = &headers[i];
	qsort(sorted, count, sizeof(*sorted), compare_headers);
	return sorted;
}

static void put_lower(struct dro_buf *out, const char *name)
{
	for (; *name; name++) {
		char c = (char)tolower((unsigned char)*name);

		dro_buf_append(out, &c, 1);
	}
}

/* Without white space at the ends, and one space for any run of it inside. */
static void put_folded(struct dro_buf *out, const char *value)
{
	static const char blank[] = " \t\r\n";

	value += strspn(value, blank);
	while (*value) {
		size_t word = strcspn(value, blank);

		dro_buf_append(out, value, word);
		value += word;
		value += strspn(value, blank);
		if (*value)
			dro_buf_append(out, " ", 1);
	}
}

static void canonical_headers(struct dro_buf *out, const struct dro_pair *headers, size_t count)
{
	const struct dro_pair **sorted = sort_headers(out, headers, count);
	size_t i;

	for (i = 0; sorted && i < count; i++) {
		if (i && strcasecmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
			dro_buf_append(out, ",", 1);
		} else {
			if (i)
				dro_buf_append(out, "\n", 1);
			put_lower(out, sorted[i]->name);
			dro_buf_append(out, ":", 1);
		}
		put_folded(out, sorted[i]->value ? sorted[i]->value : "");
	}
	if (count)
		dro_buf_append(out, "\n", 1);
	free(sorted);
}

void dro_sigv4_signed_headers(struct dro_buf *out, const struct dro_pair *headers, size_t count)
{
	const struct dro_pair **sorted = sort_headers(out, headers, count);
	size_t i;

	for (i = 0; sorted && i < count; i++) {
		if (i && strcasecmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			continue;
		if (i)
			dro_buf_append(out, ";", 1);
		put_lower(out, sorted[i]->name);
	}
	free(sorted);
}

/* ---- the three stages ---------------------------------------------------------------------- */

static bool is_date(const char *date)
{
	size_t i;

	for (i = 0; i < DRO_SIGV4_DATE - 1; i++) {
		char wanted = "00000000T000000Z"[i];

		if (wanted == '0' ? !isdigit((unsigned char)date[i]) : date[i] != wanted)
			return false;
	}
	return date[i] == '\0';
}

int dro_sigv4_scope_text(
	struct dro_buf *out, const struct dro_sigv4_scope *scope, struct dro_error *err)
{
	if (!is_date(scope->date))
		return dro_fail(err, DRO_EINVAL, "not a signing date: \"%.32s\"", scope->date);
	dro_buf_printf(out, "%.8s/%s/%s/" TERMINATOR, scope->date, scope->region, scope->service);
	return dro_buf_check(out, err);
}

int dro_sigv4_canonical(
	struct dro_buf *out, const struct dro_sigv4_request *request, struct dro_error *err)
{
	dro_buf_printf(out, "%s\n%s\n", request->method, request->path);
	canonical_query(out, request->query, request->query_count);
	dro_buf_append(out, "\n", 1);
	canonical_headers(out, request->headers, request->header_count);
	dro_buf_append(out, "\n", 1);
	dro_sigv4_signed_headers(out, request->headers, request->header_count);
	dro_buf_printf(out, "\n%s", request->payload_hash);
	return dro_buf_check(out, err);
}

int dro_sigv4_string_to_sign(struct dro_buf *out, const struct dro_sigv4_scope *scope,
	const struct dro_buf *canonical, struct dro_error *err)
{
	char hash[DRO_SHA256_HEX];
	int rc;

	if ((rc = dro_buf_check(canonical, err)) < 0)
		return rc;
	if (dro_sha256_hex(hash, canonical->data, canonical->length) < 0)
		return dro_fail(err, DRO_ENOMEM, "SHA-256 failed");
	dro_buf_printf(out, DRO_SIGV4_ALGORITHM "\n%s\n", scope->date);
	if ((rc = dro_sigv4_scope_text(out, scope, err)) < 0)
		return rc;
	dro_buf_printf(out, "\n%s", hash);
	return dro_buf_check(out, err);
}

int dro_sigv4_signature(char out[DRO_SHA256_HEX], const struct dro_sigv4_scope *scope,
	const char *secret_access_key, const struct dro_buf *string_to_sign, struct dro_error *err)
{
	const char *const links[] = {scope->region, scope->service, TERMINATOR};
	size_t first_length = strlen(secret_access_key) + 4, i;
	char *first = malloc(first_length + 1);
	uint8_t key[DRO_SHA256_BYTES];
	int rc;

	if (!first)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	snprintf(first, first_length + 1, "AWS4%s", secret_access_key);
	rc = is_date(scope->date) ? dro_hmac_sha256(key, first, first_length, scope->date, 8)
				  : DRO_EINVAL;
	for (i = 0; rc == 0 && i < sizeof(links) / sizeof(links[0]); i++)
		rc = dro_hmac_sha256(key, key, sizeof(key), links[i], strlen(links[i]));
	if (rc == 0)
		rc = dro_hmac_sha256(
			key, key, sizeof(key), string_to_sign->data, string_to_sign->length);
	if (rc == 0)
		dro_hex(out, key, sizeof(key));
	explicit_bzero(first, first_length);
	explicit_bzero(key, sizeof(key));
	free(first);
	return rc == 0 ? 0 : dro_fail(err, rc, "signing failed");
}

int dro_sigv4_sign(char out[DRO_SHA256_HEX], const struct dro_sigv4_request *request,
	const struct dro_sigv4_scope *scope, const char *secret_access_key, struct dro_error *err)
{
	struct dro_buf canonical = DRO_BUF_INIT(CANONICAL_MAX_BYTES);
	struct dro_buf to_sign = DRO_BUF_INIT(TO_SIGN_MAX_BYTES);
	int rc;

	if ((rc = dro_sigv4_canonical(&canonical, request, err)) < 0 ||
		(rc = dro_sigv4_string_to_sign(&to_sign, scope, &canonical, err)) < 0)
		goto out;
	rc = dro_sigv4_signature(out, scope, secret_access_key, &to_sign, err);
out:
	dro_buf_free(&canonical);
	dro_buf_free(&to_sign);
	return rc;
}

int dro_sigv4_authorization(struct dro_buf *out, const struct dro_sigv4_request *request,
	const struct dro_sigv4_scope *scope, const char *access_key_id,
	const char *secret_access_key, struct dro_error *err)
{
	char signature[DRO_SHA256_HEX];
	int rc;

	if ((rc = dro_sigv4_sign(signature, request, scope, secret_access_key, err)) < 0)
		return rc;
	dro_buf_printf(out, DRO_SIGV4_ALGORITHM " Credential=%s/", access_key_id);
	if ((rc = dro_sigv4_scope_text(out, scope, err)) < 0)
		return rc;
	dro_buf_puts(out, ", SignedHeaders=");
	dro_sigv4_signed_headers(out, request->headers, request->header_count);
	dro_buf_printf(out, ", Signature=%s", signature);
	return dro_buf_check(out, err);
}

bool dro_sigv4_equal(const char *a, const char *b)
{
	size_t length = strlen(a);

	return strlen(b) == length && CRYPTO_memcmp(a, b, length) == 0;
}
