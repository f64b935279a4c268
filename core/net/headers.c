#include "net/headers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/sigv4.h"

#define VALUE_MAX_BYTES 16384
#define GIVEN_MAX 48 /* leaves room for ours */

static bool is_token(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789!#$%&'*+-.^_`|~";

	return *text && text[strspn(text, allowed)] == '\0';
}

/* No line end, no control character: nothing that could begin another header. */
static bool is_value(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

static bool is_ours(const char *name)
{
	static const char *const names[] = {"accept-encoding", "authorization", "connection",
		"content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade",
		"user-agent", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

int dro_headers_check(const struct dro_http_request *request, struct dro_error *err)
{
	size_t i;

	if (request->header_count > GIVEN_MAX)
		return dro_fail(err, DRO_EINVAL, "more than %d headers", GIVEN_MAX);
	for (i = 0; i < request->header_count; i++) {
		const struct dro_pair *header = &request->headers[i];

		if (!is_token(header->name))
			return dro_fail(
				err, DRO_EINVAL, "not a header's name: %.64s", header->name);
		if (is_ours(header->name))
			return dro_fail(err, DRO_EINVAL, "the header %.64s is not to be given",
				header->name);
		if (!header->value || !is_value(header->value) ||
			strlen(header->value) > VALUE_MAX_BYTES)
			return dro_fail(
				err, DRO_EINVAL, "the header %.64s has no fit value", header->name);
	}
	return 0;
}

static int add(struct dro_headers *out, const char *name, const char *value, struct dro_error *err)
{
	struct dro_pair pair = {strdup(name), strdup(value)};

	if (!pair.name || !pair.value || out->count == DRO_HEADERS_MAX) {
		free((char *)pair.name);
		free((char *)pair.value);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	out->at[out->count++] = pair;
	return 0;
}

void dro_headers_free(struct dro_headers *headers)
{
	while (headers->count > 0) {
		struct dro_pair *pair = &headers->at[--headers->count];

		explicit_bzero((char *)pair->value, strlen(pair->value));
		free((char *)pair->name);
		free((char *)pair->value);
	}
}

/* The credential, fit to stand in a header. Its value is never part of a message. */
static int credential(struct dro_secret *out, const struct dro_net_context *context,
	const char *name, struct dro_error *err)
{
	int rc;

	if (!context->credential)
		return dro_fail(err, DRO_ENOTFOUND, "no credential %s", name);
	if ((rc = context->credential(context->credential_arg, name, out, err)) < 0)
		return rc;
	if (!out->value || out->length == 0)
		return dro_fail(err, DRO_EAUTH, "the credential %s is empty", name);
	if (!is_value(out->value) || out->length > VALUE_MAX_BYTES)
		return dro_fail(err, DRO_EAUTH, "the credential %s is not one line of text", name);
	return 0;
}

static int needed_credential(struct dro_secret *out, const struct dro_net_context *context,
	const char *name, struct dro_error *err)
{
	int rc = credential(out, context, name, err);

	return rc == DRO_ENOTFOUND ? dro_fail(err, DRO_EAUTH, "no credential %s", name) : rc;
}

static int add_bearer(
	struct dro_headers *out, const struct dro_net_context *context, struct dro_error *err)
{
	struct dro_secret token = DRO_SECRET_INIT;
	struct dro_secret value = DRO_SECRET_INIT;
	static const char scheme[] = "Bearer ";
	int rc;

	if ((rc = needed_credential(&token, context, "token", err)) < 0 ||
		(rc = dro_secret_set(&value, NULL, sizeof(scheme) - 1 + token.length, err)) < 0)
		goto out;
	memcpy(value.value, scheme, sizeof(scheme) - 1);
	memcpy(value.value + sizeof(scheme) - 1, token.value, token.length);
	rc = add(out, "Authorization", value.value, err);
out:
	dro_secret_free(&token);
	dro_secret_free(&value);
	return rc;
}

/* What is in `out` by now, and the host, is what gets signed. */
static int add_signature(struct dro_headers *out, const struct dro_http_request *request,
	const struct dro_endpoint *endpoint, const struct dro_sigv4_scope *scope,
	const char *wire_path, const char *payload_hash, const struct dro_secret *id,
	const struct dro_secret *secret, struct dro_error *err)
{
	struct dro_buf host = DRO_BUF_INIT(DRO_HOST_MAX + 8);
	struct dro_buf path = DRO_BUF_INIT(65536), value = DRO_BUF_INIT(VALUE_MAX_BYTES);
	struct dro_pair headers[DRO_HEADERS_MAX + 1];
	struct dro_sigv4_request parts = {
		.method = request->method,
		.query = request->query,
		.query_count = request->query_count,
		.headers = headers,
		.header_count = out->count + 1,
		.payload_hash = payload_hash,
	};
	int rc;

	memcpy(headers, out->at, out->count * sizeof(*headers));
	dro_endpoint_host(&host, endpoint);
	headers[out->count] = (struct dro_pair){"host", dro_buf_str(&host)};
	dro_sigv4_path(&path, wire_path, strcmp(scope->service, "s3") == 0);
	parts.path = dro_buf_str(&path);
	if ((rc = dro_buf_check(&path, err)) == 0 && (rc = dro_buf_check(&host, err)) == 0 &&
		(rc = dro_sigv4_authorization(
			 &value, &parts, scope, id->value, secret->value, err)) == 0)
		rc = add(out, "Authorization", dro_buf_str(&value), err);
	dro_buf_free(&host);
	dro_buf_free(&path);
	dro_buf_free(&value);
	return rc;
}

static int add_sigv4(struct dro_headers *out, const struct dro_http_request *request,
	const struct dro_net_context *context, const struct dro_endpoint *endpoint,
	const char *wire_path, const char *payload_hash, struct dro_error *err)
{
	struct dro_secret id = DRO_SECRET_INIT, secret = DRO_SECRET_INIT, token = DRO_SECRET_INIT;
	struct dro_sigv4_scope scope = {NULL, request->auth_region, request->auth_service};
	struct dro_error optional = DRO_ERROR_INIT;
	char date[DRO_SIGV4_DATE];
	int rc;

	if (!scope.region || !*scope.region || !scope.service || !*scope.service)
		return dro_fail(err, DRO_EINVAL, "to sign, a region and a service are needed");
	dro_sigv4_date(date, dro_wall_ms());
	scope.date = date;
	if ((rc = needed_credential(&id, context, "access_key_id", err)) < 0 ||
		(rc = needed_credential(&secret, context, "secret_access_key", err)) < 0)
		goto out;
	rc = credential(&token, context, "session_token", &optional);
	if (rc < 0 && rc != DRO_ENOTFOUND) {
		rc = dro_fail(err, rc, "%s", optional.message);
		goto out;
	}
	if ((rc = add(out, "x-amz-date", date, err)) < 0 ||
		(token.value && (rc = add(out, "x-amz-security-token", token.value, err)) < 0) ||
		(strcmp(scope.service, "s3") == 0 &&
			(rc = add(out, "x-amz-content-sha256", payload_hash, err)) < 0))
		goto out;
	rc = add_signature(
		out, request, endpoint, &scope, wire_path, payload_hash, &id, &secret, err);
out:
	dro_secret_free(&id);
	dro_secret_free(&secret);
	dro_secret_free(&token);
	return rc;
}

int dro_headers_build(struct dro_headers *out, const struct dro_http_request *request,
	const struct dro_net_context *context, const struct dro_endpoint *endpoint,
	const char *wire_path, const char *payload_hash, struct dro_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < request->header_count && rc == 0; i++)
		rc = add(out, request->headers[i].name, request->headers[i].value, err);
	if (rc == 0 && request->auth == DRO_AUTH_BEARER)
		rc = add_bearer(out, context, err);
	else if (rc == 0 && request->auth == DRO_AUTH_SIGV4)
		rc = add_sigv4(out, request, context, endpoint, wire_path, payload_hash, err);
	else if (rc == 0 && request->auth != DRO_AUTH_NONE)
		rc = dro_fail(err, DRO_EINVAL, "unknown kind of authentication %u", request->auth);
	/* After the signature: a proxy may change it. We ask for no coding, so none is a bomb. */
	if (rc == 0)
		rc = add(out, "Accept-Encoding", "identity", err);
	return rc;
}
