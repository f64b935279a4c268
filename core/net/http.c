#include "net/http.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/uri.h"
#include "net/attempt.h"
#include "net/sigv4.h"

#define URL_MAX_BYTES 65536
#define ATTEMPTS_MAX 8
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define BODY_MAX ((uint64_t)64 << 20) /* of an answer in memory, whatever was asked for */

#ifndef DRORCH_CA_DIR
#define DRORCH_CA_DIR "/etc/ssl/certs"
#endif

struct dro_net {
	pthread_mutex_t lock; /* of the lazy start */
	bool started;
	bool warmed; /* `warming` is to be joined */
	pthread_t warming;
	bool hashed; /* DRORCH_CA_DIR can be asked by hash */
	char *ca_file;
	struct dro_curl curl;
	struct dro_multi *multi;
};

int dro_net_new(struct dro_net **out, const struct dro_net_options *options, struct dro_error *err)
{
	struct dro_net *net = calloc(1, sizeof(*net));

	if (net && options && options->ca_file && !(net->ca_file = strdup(options->ca_file))) {
		free(net);
		net = NULL;
	}
	if (!net)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&net->lock, NULL);
	*out = net;
	return 0;
}

void dro_net_free(struct dro_net *net)
{
	if (!net)
		return;
	if (net->warmed)
		pthread_join(net->warming, NULL);
	dro_multi_free(net->multi);
	pthread_mutex_destroy(&net->lock);
	free(net->ca_file);
	free(net);
}

/*
 * A folder that c_rehash has been over holds "HASH.0" for each certificate: OpenSSL opens the one
 * it needs. The bundle would be parsed as a whole, for 40 ms and megabytes.
 */
static bool is_hashed(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = strlen(entry->d_name) == 10 && strcmp(entry->d_name + 8, ".0") == 0;
	if (dir)
		closedir(dir);
	return found;
}

static int start(struct dro_net *net, struct dro_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&net->lock);
	if (!net->started && (rc = dro_curl_load(&net->curl, err)) == 0 &&
		(rc = dro_multi_new(&net->multi, &net->curl, err)) == 0) {
		net->hashed = is_hashed(DRORCH_CA_DIR);
		net->started = true;
	}
	pthread_mutex_unlock(&net->lock);
	return rc;
}

/* A failure shows again, and is told, where a request is made. */
static void *warm(void *arg)
{
	start(arg, NULL);
	return NULL;
}

void dro_net_warm(struct dro_net *net)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	net->warmed = pthread_create(&net->warming, NULL, warm, net) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- what is the same for every attempt ------------------------------------------------------ */

/* A request on its way, with the texts that the plan points to. */
struct call {
	const struct dro_http_request *request;
	const struct dro_net_context *context;
	struct dro_attempt_plan plan;
	struct dro_buf url, path;
	char hash[DRO_SHA256_HEX];
	char connect_to[DRO_HOST_MAX + 16];
};

static int check_request(const struct dro_http_request *request, struct dro_error *err)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t length = strlen(request->method);

	if (length == 0 || length > 16 || request->method[strspn(request->method, letters)])
		return dro_fail(err, DRO_EINVAL, "not a method: %.32s", request->method);
	if (request->body_length > 0 && !request->body && request->body_fd < 0)
		return dro_fail(err, DRO_EINVAL, "a body without data");
	if (request->response_max > BODY_MAX && request->sink_fd < 0)
		return dro_fail(err, DRO_EINVAL, "an answer of that size needs a file");
	return dro_headers_check(request, err);
}

/* Plain http only where nobody can listen, or the caller says so; and names under localhost never
 * reach a name server. */
static int choose_target(struct call *call, struct dro_error *err)
{
	const struct dro_endpoint *endpoint = &call->plan.endpoint;
	const char *address = call->context->connect_address;
	int port = call->context->connect_port;
	const char *target = address && *address ? address : endpoint->host;
	struct dro_buf text = DRO_BUF_INIT(sizeof(call->connect_to) - 1);

	if (!endpoint->https && !call->context->plain && !dro_host_is_loopback(target))
		return dro_fail(err, DRO_EINVAL, "plain http to %s is not allowed", target);
	if (target == address && !dro_host_is_address(address) && !dro_host_is_loopback(address))
		return dro_fail(err, DRO_EINVAL, "not an address to connect to: %.64s", address);
	if (port < 0 || port > 65535)
		return dro_fail(err, DRO_EINVAL, "not a port: %d", port);
	/* The library's own rule for "localhost" needs no name server either. */
	if (target != address && strchr(target, '.') && !dro_host_is_address(target) &&
		dro_host_is_loopback(target))
		target = "localhost";
	if (target != endpoint->host || port)
		dro_buf_printf(
			&text, strchr(target, ':') && *target != '[' ? "::[%s]:" : "::%s:", target);
	if (text.length && port)
		dro_buf_printf(&text, "%d", port);
	strncpy(call->connect_to, dro_buf_str(&text), sizeof(call->connect_to) - 1);
	dro_buf_free(&text);
	call->plan.connect_to = call->connect_to;
	return 0;
}

static int build_url(struct call *call, struct dro_error *err)
{
	const struct dro_http_request *request = call->request;
	int rc;

	dro_uri_path(&call->path, request->path, request->path_count);
	dro_buf_puts(&call->url, call->plan.endpoint.https ? "https://" : "http://");
	dro_endpoint_host(&call->url, &call->plan.endpoint);
	dro_buf_puts(&call->url, dro_buf_str(&call->path));
	if (request->query_count > 0)
		dro_buf_append(&call->url, "?", 1);
	dro_uri_query(&call->url, request->query, request->query_count);
	if ((rc = dro_buf_check(&call->path, err)) < 0 || (rc = dro_buf_check(&call->url, err)) < 0)
		return rc;
	call->plan.url = dro_buf_str(&call->url);
	call->plan.wire_path = dro_buf_str(&call->path);
	return 0;
}

static int hash_body(struct call *call, struct dro_error *err)
{
	const struct dro_http_request *request = call->request;

	call->plan.payload_hash = call->hash;
	if (request->auth != DRO_AUTH_SIGV4)
		return 0;
	if (request->body_sha256 && *request->body_sha256) {
		if (strlen(request->body_sha256) != DRO_SHA256_HEX - 1 ||
			request->body_sha256[strspn(request->body_sha256, "0123456789abcdef")])
			return dro_fail(err, DRO_EINVAL, "body_sha256 is not one");
		memcpy(call->hash, request->body_sha256, DRO_SHA256_HEX);
		return 0;
	}
	if (request->body_length > 0 && request->body_fd >= 0)
		return dro_sha256_fd(call->hash, request->body_fd, request->body_offset,
			request->body_length, err);
	if (dro_sha256_hex(call->hash, request->body_length ? request->body : "",
		    request->body_length) < 0)
		return dro_fail(err, DRO_ENOMEM, "SHA-256 failed");
	return 0;
}

static int prepare(struct call *call, struct dro_error *err)
{
	int rc;

	call->plan.request = call->request;
	call->plan.context = call->context;
	if ((rc = check_request(call->request, err)) < 0 ||
		(rc = dro_endpoint_parse(&call->plan.endpoint, call->request->endpoint, err)) < 0 ||
		(rc = choose_target(call, err)) < 0 || (rc = build_url(call, err)) < 0 ||
		(rc = hash_body(call, err)) < 0)
		return rc;
	return 0;
}

/* ---- again? ------------------------------------------------------------------------------------
 */

static bool is_retried(int status, unsigned *server_errors)
{
	switch (status) {
	case 429:
	case 502:
	case 503:
	case 504:
		return true;
	case 500: /* may be a fault of ours as well: once is enough */
		return (*server_errors)++ == 0;
	default:
		return false;
	}
}

/* Full jitter: callers that failed together do not come back together. */
static uint64_t backoff_ms(unsigned attempt)
{
	uint64_t ceiling = (uint64_t)BACKOFF_FIRST_MS << attempt;
	uint32_t dice = 0;

	if (ceiling > BACKOFF_MAX_MS)
		ceiling = BACKOFF_MAX_MS;
	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
		dice = (uint32_t)dro_now_ms();
	return 1 + dice % ceiling;
}

/* The provider said how long to wait, or that it has enough: all callers of the budget heed it. */
static void learn(const struct call *call, int status, uint64_t wait_ms, bool told)
{
	if (call->context->budget && (status == 429 || (status == 503 && told)))
		dro_budget_pause(call->context->budget, call->context->account,
			call->request->budget, dro_now_ms() + wait_ms);
}

static void note(const struct call *call, uint64_t began_ms, const struct dro_http_response *answer,
	const struct dro_error *err)
{
	const char *trace = call->context->trace;
	unsigned long long took = dro_now_ms() - began_ms;
	char what[16] = "failed";

	if (answer)
		dro_log(call->context->log, DRO_LOG_DEBUG, "%s %s%.500s: %d in %llu ms%s%s",
			call->request->method, call->plan.endpoint.host, call->plan.wire_path,
			answer->status, took, trace ? " for " : "", trace ? trace : "");
	else
		dro_log(call->context->log, DRO_LOG_DEBUG, "%s %s%.500s: %s in %llu ms%s%s: %s",
			call->request->method, call->plan.endpoint.host, call->plan.wire_path, what,
			took, trace ? " for " : "", trace ? trace : "", err->message);
}

static int one_attempt(struct dro_net *net, struct call *call, struct dro_http_response **out,
	bool *transient, struct dro_error *err)
{
	const struct dro_net_context *context = call->context;
	uint64_t began_ms = dro_now_ms();
	int rc;

	*transient = false;
	if (context->budget &&
		(rc = dro_budget_take(context->budget, context->account, call->request->budget,
			 context->budget_class, call->request->deadline_ms, err)) < 0)
		return rc;
	rc = dro_attempt(&call->plan, &net->curl, net->multi, out, transient, err);
	note(call, began_ms, rc == 0 ? *out : NULL, err);
	if (rc < 0)
		dro_error_context(
			err, "%s %.200s", call->request->method, call->plan.endpoint.host);
	return rc;
}

/* Attempts until an answer stands, the time is used up, or another would be of no use. */
static int attempts(struct dro_net *net, struct call *call, struct dro_http_response **out,
	struct dro_error *err)
{
	bool safe = call->request->flags & DRO_HTTP_SAFE, transient;
	unsigned server_errors = 0, attempt;
	int rc = 0;

	for (attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		struct dro_http_response *answer = NULL;
		uint64_t wait_ms, told_ms = 0, now;
		bool again;

		if (attempt > 0 && call->request->sink_fd >= 0 &&
			ftruncate(call->request->sink_fd, 0) < 0)
			return dro_fail_errno(err, "truncate");
		rc = one_attempt(net, call, &answer, &transient, err);
		if (answer)
			told_ms = dro_http_retry_after_ms(answer);
		wait_ms = told_ms ? told_ms : backoff_ms(attempt);
		if (answer)
			learn(call, answer->status, wait_ms, told_ms > 0);
		again = answer ? is_retried(answer->status, &server_errors) : transient;
		now = dro_now_ms();
		if (!safe || !again || attempt + 1 == ATTEMPTS_MAX ||
			now + wait_ms >= call->request->deadline_ms) {
			*out = answer;
			break;
		}
		dro_http_response_free(answer);
		dro_clock_real.sleep_ms(&dro_clock_real, wait_ms);
	}
	return rc;
}

int dro_net_request(struct dro_net *net, const struct dro_http_request *request,
	const struct dro_net_context *context, struct dro_http_response **out,
	struct dro_error *err)
{
	static const struct dro_net_context nobody = {0};
	struct dro_error unread = DRO_ERROR_INIT;
	struct call call = {
		.request = request,
		.context = context ? context : &nobody,
		.url = DRO_BUF_INIT(URL_MAX_BYTES),
		.path = DRO_BUF_INIT(URL_MAX_BYTES),
	};
	int rc;

	*out = NULL;
	if (!err)
		err = &unread;
	if ((rc = prepare(&call, err)) == 0 && (rc = start(net, err)) == 0) {
		call.plan.ca_file = net->ca_file;
		call.plan.ca_dir = !net->ca_file && net->hashed ? DRORCH_CA_DIR : NULL;
		rc = attempts(net, &call, out, err);
	}
	dro_buf_free(&call.url);
	dro_buf_free(&call.path);
	return rc;
}
