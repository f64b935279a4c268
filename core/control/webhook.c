#include "control/webhook.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "control/mhd.h"

#define CONNECTIONS_MAX 32u
#define TIMEOUT_S 10u
#define CONNECTION_BYTES ((size_t)16384) /* request line and headers: forges send many */
#define SIGNATURE "X-Hub-Signature-256"
#define SIGNATURE_PREFIX "sha256="

struct dro_webhook {
	struct dro_mhd mhd;
	struct MHD_Daemon *daemon;
	int port;
	char *secret;
	size_t secret_length;
	const struct dro_log *log;
	void (*poll_now)(void *arg);
	bool (*is_well)(void *arg);
	void *arg;
};

/* One request while its body comes in. */
struct request {
	struct dro_buf body;
};

/* ---- is it ours? ----------------------------------------------------------------------------- */

/* As long for a wrong first digit as for a wrong last one. */
static bool same(const char *a, const char *b, size_t length)
{
	volatile unsigned char differ = 0;
	size_t i;

	for (i = 0; i < length; i++)
		differ = (unsigned char)(differ | (a[i] ^ b[i]));
	return differ == 0;
}

static bool signed_well(const struct dro_webhook *hook, struct MHD_Connection *connection,
	const struct dro_buf *body)
{
	const char *given =
		hook->mhd.lookup_connection_value(connection, MHD_HEADER_KIND, SIGNATURE);
	size_t prefix = strlen(SIGNATURE_PREFIX);
	uint8_t mac[DRO_SHA256_BYTES];
	char hex[DRO_SHA256_HEX];

	if (!given || strncmp(given, SIGNATURE_PREFIX, prefix) != 0 ||
		strlen(given + prefix) != DRO_SHA256_HEX - 1)
		return false;
	if (dro_hmac_sha256(
		    mac, hook->secret, hook->secret_length, dro_buf_str(body), body->length) < 0)
		return false;
	dro_hex(hex, mac, sizeof(mac));
	return same(hex, given + prefix, DRO_SHA256_HEX - 1);
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum MHD_Result answer(const struct dro_webhook *hook, struct MHD_Connection *connection,
	unsigned status, const char *text, const char *allow)
{
	struct MHD_Response *response = hook->mhd.create_response_from_buffer(
		strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	hook->mhd.add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
	hook->mhd.add_response_header(response, "Cache-Control", "no-store");
	if (allow)
		hook->mhd.add_response_header(response, "Allow", allow);
	/* Its rest is not waited for. */
	if (status == MHD_HTTP_CONTENT_TOO_LARGE)
		hook->mhd.add_response_header(response, "Connection", "close");
	result = hook->mhd.queue_response(connection, status, response);
	hook->mhd.destroy_response(response);
	return result;
}

static enum MHD_Result too_large(const struct dro_webhook *hook, struct MHD_Connection *connection)
{
	return answer(hook, connection, MHD_HTTP_CONTENT_TOO_LARGE, "too large\n", NULL);
}

static enum MHD_Result take_hook(const struct dro_webhook *hook, struct MHD_Connection *connection,
	const struct dro_buf *body)
{
	if (body->failed == DRO_ENOMEM)
		return MHD_NO;
	if (body->failed)
		return too_large(hook, connection);
	if (!signed_well(hook, connection, body)) {
		dro_log(hook->log, DRO_LOG_WARNING,
			"webhook: a request without the right signature was refused");
		return answer(hook, connection, MHD_HTTP_UNAUTHORIZED,
			"the signature is not right\n", NULL);
	}
	hook->poll_now(hook->arg);
	return answer(hook, connection, MHD_HTTP_ACCEPTED, "polling\n", NULL);
}

/* What can be said before the body is there; 0: the body is wanted. */
static unsigned refuse_early(const struct dro_webhook *hook, struct MHD_Connection *connection,
	const char *path, const char *method, const char **allow)
{
	const char *length;

	if (strcmp(path, "/healthz") == 0) {
		*allow = "GET, HEAD";
		return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0
			       ? 0
			       : MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	if (strcmp(path, "/hook") != 0 || !hook->secret)
		return MHD_HTTP_NOT_FOUND;
	*allow = "POST";
	if (strcmp(method, "POST") != 0)
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	length = hook->mhd.lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
	if (length && strtoull(length, NULL, 10) > DRO_WEBHOOK_BODY_MAX)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return 0;
}

static enum MHD_Result begin(const struct dro_webhook *hook, struct MHD_Connection *connection,
	const char *path, const char *method, void **state)
{
	const char *allow = NULL;
	unsigned status = refuse_early(hook, connection, path, method, &allow);
	struct request *request;

	if (status == MHD_HTTP_CONTENT_TOO_LARGE)
		return too_large(hook, connection);
	if (status)
		return answer(hook, connection, status,
			status == MHD_HTTP_NOT_FOUND ? "not found\n" : "method not allowed\n",
			status == MHD_HTTP_METHOD_NOT_ALLOWED ? allow : NULL);
	request = calloc(1, sizeof(*request));
	if (!request)
		return MHD_NO;
	request->body.max = DRO_WEBHOOK_BODY_MAX;
	*state = request;
	return MHD_YES;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *length, void **state)
{
	struct dro_webhook *hook = arg;
	struct request *request = *state;
	bool well;

	(void)version;
	if (!request)
		return begin(hook, connection, path, method, state);
	if (*length) {
		dro_buf_append(&request->body, data, *length);
		*length = 0;
		return MHD_YES;
	}
	if (strcmp(path, "/hook") == 0)
		return take_hook(hook, connection, &request->body);
	well = hook->is_well(hook->arg);
	return answer(hook, connection, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
		well ? "ok\n" : "no progress\n", NULL);
}

static void request_over(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct request *request = *state;

	(void)arg;
	(void)connection;
	(void)code;
	if (!request)
		return;
	dro_buf_free(&request->body);
	free(request);
	*state = NULL;
}

/* ---- listening ------------------------------------------------------------------------------- */

/* "127.0.0.1:9480", "[::1]:9480" */
static int resolve(const char *listen, struct addrinfo **out, struct dro_error *err)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(listen, ':');
	size_t length = colon ? (size_t)(colon - listen) : 0;
	char host[128];

	if (length >= 2 && listen[0] == '[' && listen[length - 1] == ']') {
		listen++;
		length -= 2;
	}
	if (length && length < sizeof(host)) {
		memcpy(host, listen, length);
		host[length] = '\0';
		if (getaddrinfo(host, colon + 1, &hints, out) == 0)
			return 0;
	}
	return dro_fail(err, DRO_EINVAL, "'%.128s' is not a numeric ADDRESS:PORT", listen);
}

static int start_daemon(struct dro_webhook *hook, const char *listen, struct dro_error *err)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
	struct addrinfo *found = NULL;
	int rc;

	if ((rc = resolve(listen, &found, err)) < 0)
		return rc;
	if (found->ai_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	hook->daemon = hook->mhd.start_daemon(flags, 0, NULL, NULL, handle, hook,
		MHD_OPTION_SOCK_ADDR, found->ai_addr, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED, request_over, NULL, MHD_OPTION_END);
	freeaddrinfo(found);
	if (!hook->daemon)
		return dro_fail(err, DRO_EIO, "cannot listen on %s", listen);
	hook->port = hook->mhd.get_daemon_info(hook->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	return 0;
}

int dro_webhook_start(
	struct dro_webhook **out, const struct dro_webhook_config *config, struct dro_error *err)
{
	struct dro_webhook *hook = calloc(1, sizeof(*hook));
	int rc;

	if (!hook)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	hook->log = config->log;
	hook->poll_now = config->poll_now;
	hook->is_well = config->is_well;
	hook->arg = config->arg;
	if (config->secret) {
		hook->secret_length = config->secret_length;
		if (!(hook->secret = malloc(config->secret_length + 1))) {
			rc = dro_fail(err, DRO_ENOMEM, "out of memory");
			goto out;
		}
		memcpy(hook->secret, config->secret, config->secret_length);
	}
	if ((rc = dro_mhd_load(&hook->mhd, err)) < 0 ||
		(rc = start_daemon(hook, config->listen, err)) < 0)
		goto out;
	*out = hook;
	hook = NULL;
out:
	dro_webhook_stop(hook);
	return rc;
}

int dro_webhook_port(const struct dro_webhook *hook)
{
	return hook->port;
}

void dro_webhook_stop(struct dro_webhook *hook)
{
	if (!hook)
		return;
	if (hook->daemon)
		hook->mhd.stop_daemon(hook->daemon);
	if (hook->secret)
		explicit_bzero(hook->secret, hook->secret_length);
	free(hook->secret);
	free(hook);
}
