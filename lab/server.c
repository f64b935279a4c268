#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/fault.h"
#include "lab/gates.h"
#include "lab/internal.h"
#include "lab/request.h"

#define CONNECTIONS_MAX 1024
#define IDLE_S 120
#define REPLY_MAX (32u << 20)
#define IDS_MAX 65536

struct lab_server {
	struct lab *lab;
	struct MHD_Daemon *daemon;
	uint16_t port;
};

/* One call, from the request to what is sent. */
struct exchange {
	struct lab *lab;
	const struct lab_request *request;
	const struct lab_vendor *vendor; /* NULL: nobody's */
	void *state;
	struct lab_call call;
	struct lab_effects effects;
	struct lab_reply reply;
	uint64_t begun_ms;
};

static void reply_init(struct lab_reply *reply)
{
	*reply = (struct lab_reply){
		.status = 200, .body = DRO_BUF_INIT(REPLY_MAX), .ids = DRO_BUF_INIT(IDS_MAX)};
	reply->file_fd = -1;
}

static void reply_fini(struct lab_reply *reply)
{
	lab_pairs_free(&reply->headers);
	dro_buf_free(&reply->body);
	dro_buf_free(&reply->ids);
	if (reply->file_fd >= 0)
		close(reply->file_fd);
}

void lab_uuid(char out[40])
{
	uint8_t random[DRO_SHA256_BYTES];
	char seed[33], hex[DRO_SHA256_HEX];

	dro_random_id(seed, 32);
	dro_sha256(random, seed, 32);
	dro_hex(hex, random, 16);
	snprintf(
		out, 40, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
}

static void route(struct exchange *x)
{
	size_t i;

	x->call.vendor = "none";
	memcpy(x->call.operation, "Unknown", sizeof("Unknown"));
	x->call.at_ms = dro_wall_ms();
	lab_uuid(x->call.id);
	for (i = 0; lab_vendors[i] && !x->vendor; i++) {
		if (!lab_vendors[i]->matches(x->request))
			continue;
		x->vendor = lab_vendors[i];
		x->state = x->lab->states[i];
		x->call.vendor = x->vendor->name;
		x->vendor->classify(x->state, x->request, &x->call);
	}
}

/* The answer is already decided by a fault; nothing is changed. */
static void refuse(struct exchange *x)
{
	const struct lab_effects *effects = &x->effects;

	if (x->vendor)
		x->vendor->fail(x->request, &x->call, &x->reply, effects->status,
			*effects->code ? effects->code : NULL,
			*effects->message ? effects->message : "A fault of the lab.");
	else
		x->reply.status = effects->status;
	if (effects->retry_after_s >= 0)
		lab_reply_header(
			&x->reply, "Retry-After", "%lld", (long long)effects->retry_after_s);
}

static void handle(struct exchange *x)
{
	if (x->vendor) {
		x->vendor->handle(x->state, x->request, &x->call, &x->reply);
	} else {
		x->reply.status = 404;
		lab_reply_header(&x->reply, "Content-Type", "text/plain");
		dro_buf_puts(&x->reply.body, "drorch-lab: no vendor answers here\n");
	}
	if (x->reply.body.failed) {
		dro_buf_free(&x->reply.body);
		x->reply.status = 500;
	}
	if (x->effects.body_status) {
		x->reply.status = x->effects.body_status;
		dro_buf_reset(&x->reply.body);
		dro_buf_puts(&x->reply.body, x->effects.message);
	}
}

static void write_log(struct exchange *x, int status)
{
	struct lab_log_line line = {.request = x->request,
		.call = &x->call,
		.reply = &x->reply,
		.fault = x->effects.names,
		.status = status,
		.duration_ms = dro_now_ms() - x->begun_ms};

	lab_log_write(x->lab->log, &line);
}

/* What a slow or short answer is read from. */
struct drip {
	struct lab *lab;
	int64_t pause_ms;
	uint64_t end;
	size_t length;
	char data[];
};

static ssize_t drip_read(void *arg, uint64_t at, char *out, size_t max)
{
	struct drip *drip = arg;
	size_t length = drip->pause_ms ? 1 : max;

	if (at >= drip->end)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (drip->pause_ms && lab_sleep(drip->lab, (uint64_t)drip->pause_ms))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (length > drip->end - at)
		length = (size_t)(drip->end - at);
	memcpy(out, drip->data + at, length);
	return (ssize_t)length;
}

/* The body byte by byte, or only its first half; its length is announced whole. */
static struct MHD_Response *drip_response(struct exchange *x)
{
	const struct lab_reply *reply = &x->reply;
	size_t length = reply->file_fd >= 0 ? (size_t)reply->file_length : reply->body.length;
	struct drip *drip;
	struct MHD_Response *response;

	if (length > REPLY_MAX || !(drip = malloc(sizeof(*drip) + length)))
		return NULL;
	*drip = (struct drip){.lab = x->lab,
		.pause_ms = x->effects.drip_ms,
		.end = x->effects.truncate ? length / 2 : length,
		.length = length};
	if (reply->file_fd < 0)
		memcpy(drip->data, dro_buf_str(&reply->body), length);
	else if (pread(reply->file_fd, drip->data, length, (off_t)reply->file_offset) !=
		 (ssize_t)length)
		drip->end = 0;
	response = MHD_create_response_from_callback(
		length, x->effects.drip_ms ? 64 : 65536, drip_read, drip, free);
	if (!response)
		free(drip);
	return response;
}

static struct MHD_Response *make_response(struct exchange *x)
{
	struct lab_reply *reply = &x->reply;
	struct MHD_Response *response;

	if (x->effects.drip_ms || x->effects.truncate)
		return drip_response(x);
	if (reply->file_fd < 0)
		return MHD_create_response_from_buffer(reply->body.length,
			(void *)dro_buf_str(&reply->body), MHD_RESPMEM_MUST_COPY);
	response = MHD_create_response_from_fd_at_offset64(
		reply->file_length, reply->file_fd, reply->file_offset);
	if (response)
		reply->file_fd = -1; /* the response closes it */
	return response;
}

static enum MHD_Result send_reply(struct exchange *x, struct MHD_Connection *connection)
{
	struct MHD_Response *response = make_response(x);
	enum MHD_Result result;
	size_t i;

	if (!response)
		return MHD_NO;
	for (i = 0; i < x->reply.headers.count; i++)
		MHD_add_response_header(
			response, x->reply.headers.items[i].name, x->reply.headers.items[i].value);
	result = MHD_queue_response(connection, (unsigned)x->reply.status, response);
	MHD_destroy_response(response);
	return result;
}

/* Faults, latency, the vendor, the log, in this order. MHD_NO closes without an answer. */
static enum MHD_Result answer(struct exchange *x, struct MHD_Connection *connection)
{
	struct lab_effects *effects = &x->effects;
	int64_t latency;

	lab_faults_meet(x->lab->faults, &x->call, dro_wall_ms(), effects);
	x->call.lag_ms = effects->lag_ms;
	latency = effects->latency_ms + (int64_t)atomic_load(&x->lab->latency_ms);
	if (effects->refuse || effects->half_open_ms) {
		write_log(x, 0);
		if (!effects->refuse)
			lab_sleep(x->lab, (uint64_t)effects->half_open_ms);
		return MHD_NO;
	}
	if (latency > 0 && lab_sleep(x->lab, (uint64_t)latency))
		return MHD_NO;
	if (effects->status)
		refuse(x);
	else
		handle(x);
	if (effects->late_ms > 0 && lab_sleep(x->lab, (uint64_t)effects->late_ms))
		effects->drop = true;
	write_log(x, effects->drop ? 0 : x->reply.status);
	return effects->drop ? MHD_NO : send_reply(x, connection);
}

static enum MHD_Result plain_error(struct MHD_Connection *connection, unsigned status)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result = MHD_NO;

	if (response)
		result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
	(void)arg;
	(void)connection;
	return lab_incoming_new(uri);
}

/* MHD calls it with the headers, then with each piece of the body, then once more. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *length, void **slot)
{
	struct lab_server *server = arg;
	struct lab_incoming *incoming = *slot;
	struct exchange x = {.lab = server->lab, .begun_ms = dro_now_ms()};
	enum MHD_Result result;

	(void)url;
	(void)version;
	if (!incoming)
		return MHD_NO;
	if (!incoming->started) {
		if (lab_incoming_start(incoming, connection, method) < 0)
			return MHD_NO;
		lab_gates_who(server->lab->gates, incoming->client_port, incoming->machine);
		return MHD_YES;
	}
	if (*length) {
		int rc = lab_incoming_body(incoming, data, *length, server->lab->dir);

		*length = 0;
		return rc == 0 ? MHD_YES : MHD_NO;
	}
	if (incoming->too_large)
		return plain_error(connection, 413);
	if (lab_incoming_finish(incoming) < 0)
		return plain_error(connection, 400);
	x.request = &incoming->request;
	reply_init(&x.reply);
	route(&x);
	result = answer(&x, connection);
	reply_fini(&x.reply);
	return result;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **slot,
	enum MHD_RequestTerminationCode why)
{
	(void)arg;
	(void)connection;
	(void)why;
	lab_incoming_free(*slot);
	*slot = NULL;
}

/* Leaves the path as it came: a signature covers it in that form. */
static size_t no_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg;
	(void)connection;
	return strlen(text);
}

int lab_server_start(struct lab_server **out, struct lab *lab, uint16_t port, struct dro_error *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct lab_server *server = calloc(1, sizeof(*server));
	const union MHD_DaemonInfo *info;

	if (!server)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	server->lab = lab;
	server->daemon =
		MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
					 MHD_USE_POLL | MHD_USE_ITC,
			port, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR, &address,
			MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED,
			on_completed, NULL, MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
			MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)131072, MHD_OPTION_END);
	if (!server->daemon) {
		free(server);
		return dro_fail_errno(err, "API port 127.0.0.1:%u", port);
	}
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
	server->port = info ? info->port : port;
	*out = server;
	return 0;
}

uint16_t lab_server_port(const struct lab_server *server)
{
	return server->port;
}

void lab_server_stop(struct lab_server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon);
	free(server);
}
