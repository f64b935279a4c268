/*
 * webstore: backups that any web server hands out, read-only. A whole plugin in one file, to copy
 * from; docs/providers.md walks through it.
 *
 * The object KEY of BUCKET is ENDPOINT/BUCKET/KEY; ENDPOINT/BUCKET/index.txt names them all, a line
 * each: "LENGTH KEY".
 */
#include <drorch/provider.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 64
#define KEY_BYTES_MAX 1024

/* An open account. Options are copied: the host's pairs live for the call of open() alone. */
struct webstore {
	const struct dro_host *host;
	char *endpoint;
	bool has_token;
};

/* ---- options ----------------------------------------------------------------------------------
 */

static const struct dro_option endpoint = {
	.size = sizeof(endpoint),
	.kind = DRO_OPTION_URL,
	.flags = DRO_OPTION_REQUIRED,
	.name = "endpoint",
	.help = "scheme://host[:port] of the web server",
};
static const struct dro_option authenticate = {
	.size = sizeof(authenticate),
	.kind = DRO_OPTION_BOOL,
	.name = "authenticate",
	.fallback = "false",
	.help = "send the token with every request",
};
static const struct dro_option token = {
	.size = sizeof(token),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_CREDENTIAL,
	.name = "token",
	.help = "bearer token, where the server wants one",
};
static const struct dro_option *const options[] = {&endpoint, &authenticate, &token, NULL};

static void webstore_close(void *account)
{
	struct webstore *store = account;

	if (!store)
		return;
	free(store->endpoint);
	free(store);
}

/* Opens without a call: a promote must be able to open accounts whose provider is away. */
static int webstore_open(const struct dro_host *host, const struct dro_pair *given,
	size_t given_count, void **account, struct dro_error *err)
{
	struct webstore *store = calloc(1, sizeof(*store));
	size_t i;

	if (!store)
		return host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	store->host = host;
	for (i = 0; i < given_count; i++) {
		if (strcmp(given[i].name, "endpoint") == 0)
			store->endpoint = strdup(given[i].value);
		else if (strcmp(given[i].name, "authenticate") == 0)
			store->has_token = strcmp(given[i].value, "true") == 0;
	}
	if (!store->endpoint) {
		webstore_close(store);
		return host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	}
	*account = store;
	return 0;
}

/* ---- one request ------------------------------------------------------------------------------
 */

/* What the status means to the caller. Reading changes nothing, so a server's failure is EAGAIN. */
static int code_of(int status)
{
	if (status == 404 || status == 410)
		return DRO_ENOTFOUND;
	if (status == 401 || status == 403)
		return DRO_EAUTH;
	return status == 429 || status >= 500 ? DRO_EAGAIN : DRO_EPROTO;
}

/* BUCKET and KEY as path segments, raw: the host percent-encodes. `copy` holds the key's. */
static size_t split(const char **segments, char *copy, const char *bucket)
{
	size_t count = 0;

	segments[count++] = bucket;
	while (copy && count < SEGMENTS_MAX) {
		segments[count++] = copy;
		copy = strchr(copy, '/');
		if (copy)
			*copy++ = '\0';
	}
	return copy ? 0 : count;
}

/* GET; *out is the answer of a 200 and is freed with http_free. sink_fd -1: the body into memory.
 */
static int get(struct webstore *store, const char *bucket, const char *key, int sink_fd,
	uint64_t max, struct dro_http_response **out, const struct dro_call *call,
	struct dro_error *err)
{
	const struct dro_host *host = store->host;
	const char *segments[SEGMENTS_MAX];
	char copy[KEY_BYTES_MAX];
	struct dro_http_request request = {
		.size = sizeof(request),
		.flags = DRO_HTTP_SAFE, /* the host may repeat it within the deadline */
		.method = "GET",
		.endpoint = store->endpoint,
		.path = segments,
		.body_fd = -1,
		.sink_fd = sink_fd,
		.response_max = max,
		.auth = store->has_token ? DRO_AUTH_BEARER : DRO_AUTH_NONE,
		.deadline_ms = call->deadline_ms,
	};
	int rc;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", key) >= sizeof(copy) ||
		!(request.path_count = split(segments, copy, bucket)))
		return host->fail(err, DRO_EINVAL, NULL, "the key \"%.80s\" is too long", key);
	if ((rc = host->http(host, &request, out, err)) < 0)
		return rc;
	if ((*out)->status == 200)
		return 0;
	rc = host->fail(err, code_of((*out)->status), NULL, "%s/%s: status %d", bucket, key,
		(*out)->status);
	host->http_free(*out);
	*out = NULL;
	return rc;
}

/* ---- storage ----------------------------------------------------------------------------------
 */

/* One line of the index. The host copies what it is given before emit() returns. */
static int emit_line(struct webstore *store, char *line, const struct dro_object_query *query,
	dro_emit_object emit, void *arg, struct dro_error *err)
{
	struct dro_object object = {.size = sizeof(object), .etag = ""};
	char *end;

	object.length = strtoull(line, &end, 10);
	if (end == line || *end != ' ' || !end[1])
		return store->host->fail(err, DRO_EPROTO, NULL,
			"index.txt of %s: \"%.80s\" is not LENGTH KEY", query->bucket, line);
	object.key = end + 1;
	if (strncmp(object.key, query->prefix, strlen(query->prefix)) != 0)
		return 0;
	return emit(arg, &object);
}

static int list_objects(void *account, const struct dro_object_query *query, dro_emit_object emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct webstore *store = account;
	struct dro_http_response *response = NULL;
	char *text, *line, *rest;
	int rc;

	if (*query->delimiter)
		return store->host->fail(
			err, DRO_EUNSUPPORTED, NULL, "lists by delimiter are not made here");
	if ((rc = get(store, query->bucket, "index.txt", -1, 0, &response, call, err)) < 0)
		return rc;
	rest = text = strdup(response->body);
	if (!text)
		rc = store->host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	while (rc == 0 && (line = strsep(&rest, "\n")))
		if (*line)
			rc = emit_line(store, line, query, emit, arg, err);
	free(text);
	store->host->http_free(response);
	return rc;
}

static int get_object(void *account, const struct dro_object_ref *ref, int fd, uint64_t max,
	uint64_t *length, const struct dro_call *call, struct dro_error *err)
{
	struct webstore *store = account;
	struct dro_http_response *response = NULL;
	int rc = get(store, ref->bucket, ref->key, fd, max, &response, call, err);

	if (rc < 0)
		return rc;
	*length = response->body_length;
	store->host->http_free(response);
	return 0;
}

/* ---- the plugin -------------------------------------------------------------------------------
 */

static int webstore_probe(void *account, char *identity, size_t identity_size,
	const struct dro_call *call, struct dro_error *err)
{
	struct webstore *store = account;
	struct dro_http_request request = {
		.size = sizeof(request),
		.flags = DRO_HTTP_SAFE,
		.method = "HEAD",
		.endpoint = store->endpoint,
		.body_fd = -1,
		.sink_fd = -1,
		.auth = store->has_token ? DRO_AUTH_BEARER : DRO_AUTH_NONE,
		.deadline_ms = call->deadline_ms,
	};
	struct dro_http_response *response = NULL;
	int rc = store->host->http(store->host, &request, &response, err);

	if (rc < 0)
		return rc;
	if (response->status == 401 || response->status == 403)
		rc = store->host->fail(err, DRO_EAUTH, NULL, "the server refuses the token");
	else
		snprintf(identity, identity_size, "%s", store->endpoint);
	store->host->http_free(response);
	return rc;
}

static const struct dro_storage storage = {
	.size = sizeof(storage),
	.list_objects = list_objects,
	.get_object = get_object,
};

DRO_EXPORT extern const struct dro_provider_v1 dro_provider_v1;
const struct dro_provider_v1 dro_provider_v1 = {
	.magic = DRO_PROVIDER_MAGIC,
	.abi_major = DRO_ABI_MAJOR,
	.abi_minor = DRO_ABI_MINOR,
	.size = sizeof(struct dro_provider_v1),
	.flags = DRO_PROVIDER_THREADED, /* nothing changes after open() */
	.name = "webstore",
	.version = "1",
	.options = options,
	.open = webstore_open,
	.close = webstore_close,
	.probe = webstore_probe,
	.storage = &storage,
};
