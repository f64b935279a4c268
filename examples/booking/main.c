/*
 * A small booking service, to rehearse with: it answers 201 only for what is on the disk, and says
 * in every answer which site it is.
 *
 *   POST /bookings {"guest": "Ada", "room": "12"}   201 with the booking
 *   GET  /bookings/ID                               200, 404
 *   GET  /bookings                                  200: count, last id, newest time
 *   GET  /healthz                                   200 where the database answers, else 503
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "bookings.h"

#define BODY_MAX 4096
#define FIELD_MAX 200
#define ANSWER_MAX 16384

struct service {
	struct bookings *bookings;
	const char *site;
	struct dro_log log;
};

struct request {
	struct dro_buf body;
};

static enum MHD_Result answer(const struct service *service, struct MHD_Connection *connection,
	unsigned status, struct dro_buf *text)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (text->failed) {
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		dro_buf_reset(text);
	}
	response = MHD_create_response_from_buffer(
		text->length, (void *)dro_buf_str(text), MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Drorch-Site", service->site);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static unsigned refuse(struct dro_buf *out, unsigned status, const char *why)
{
	dro_buf_reset(out);
	dro_buf_puts(out, "{\"error\":");
	dro_json_quote(out, why);
	dro_buf_puts(out, "}\n");
	return status;
}

static unsigned unwell(const struct service *service, struct dro_buf *out, struct dro_error *err)
{
	dro_log(&service->log, DRO_LOG_ERROR, "%s", err->message);
	return refuse(out, MHD_HTTP_SERVICE_UNAVAILABLE, "the database does not answer");
}

static unsigned post(struct service *service, const struct dro_buf *body, struct dro_buf *out)
{
	struct dro_error err = DRO_ERROR_INIT;
	const char *guest, *room;
	cJSON *json = NULL;
	unsigned status = MHD_HTTP_CREATED;

	if (body->failed)
		return refuse(out, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	if (dro_json_parse(&json, dro_buf_str(body), body->length, BODY_MAX, &err) < 0 ||
		dro_json_string_need(json, "guest", &guest, &err) < 0 ||
		dro_json_string_need(json, "room", &room, &err) < 0)
		status = refuse(out, MHD_HTTP_BAD_REQUEST, err.message);
	else if (!*guest || !*room || strlen(guest) > FIELD_MAX || strlen(room) > FIELD_MAX)
		status = refuse(
			out, MHD_HTTP_BAD_REQUEST, "guest and room have 1 to 200 characters");
	else if (bookings_add(service->bookings, guest, room, out, &err) < 0)
		status = unwell(service, out, &err);
	cJSON_Delete(json);
	return status;
}

static unsigned get(struct service *service, const char *path, struct dro_buf *out)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if (strcmp(path, "/healthz") == 0) {
		rc = bookings_check(service->bookings, &err);
		dro_buf_puts(out, "{\"status\":\"ok\"}\n");
	} else if (strcmp(path, "/bookings") == 0) {
		rc = bookings_summary(service->bookings, out, &err);
	} else if (strncmp(path, "/bookings/", 10) == 0) {
		rc = bookings_get(service->bookings, path + 10, out, &err);
	} else {
		rc = dro_fail(&err, DRO_ENOTFOUND, "no such page");
	}
	if (rc == DRO_ENOTFOUND)
		return refuse(out, MHD_HTTP_NOT_FOUND, err.message);
	return rc < 0 ? unwell(service, out, &err) : MHD_HTTP_OK;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *length, void **state)
{
	struct service *service = arg;
	struct request *request = *state;
	struct dro_buf out = DRO_BUF_INIT(ANSWER_MAX);
	enum MHD_Result result;
	unsigned status;

	(void)version;
	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		request->body.max = BODY_MAX;
		*state = request;
		return MHD_YES;
	}
	if (*length) {
		dro_buf_append(&request->body, data, *length);
		*length = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		status = get(service, path, &out);
	else if (strcmp(method, "POST") == 0 && strcmp(path, "/bookings") == 0)
		status = post(service, &request->body, &out);
	else
		status = refuse(&out, MHD_HTTP_METHOD_NOT_ALLOWED, "not allowed here");
	result = answer(service, connection, status, &out);
	dro_buf_free(&out);
	return result;
}

static void completed(void *arg, struct MHD_Connection *connection, void **state,
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

static struct MHD_Daemon *listen_on(struct service *service, const char *address, uint16_t port)
{
	struct sockaddr_in socket = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, address, &socket.sin_addr) != 1)
		return NULL;
	return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, port, NULL, NULL,
		handle, service, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&socket,
		MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_LIMIT, 256u,
		MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
}

static int run(struct service *service, const char *address, uint16_t port, const char *data)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct MHD_Daemon *server = NULL;
	char *path = dro_path_join(data, "booking.db");
	int caught, status = EXIT_FAILURE;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	if (!path || dro_dir_make(data, 0700, &err) < 0 ||
		bookings_open(&service->bookings, path, &err) < 0) {
		dro_log(&service->log, DRO_LOG_ERROR, "%s", path ? err.message : "out of memory");
		goto out;
	}
	server = listen_on(service, address, port);
	if (!server) {
		dro_log(&service->log, DRO_LOG_ERROR, "cannot listen on %s:%u", address, port);
		goto out;
	}
	dro_log(&service->log, DRO_LOG_INFO, "bookings of site %s on %s:%u", service->site, address,
		MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
	sigwait(&ends, &caught);
	status = EXIT_SUCCESS;
out:
	if (server)
		MHD_stop_daemon(server);
	bookings_close(service->bookings);
	free(path);
	return status;
}

static const char *environment(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && *value ? value : fallback;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"address", required_argument, NULL, 'a'},
		{"port", required_argument, NULL, 'p'}, {"data", required_argument, NULL, 'd'},
		{"site", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	struct service service = {.site = environment("DRORCH_SITE", "main"),
		.log = {.level = DRO_LOG_INFO, .fd = 2}};
	const char *address = environment("LAB_ADDRESS", "127.0.0.1"), *data = "data";
	const char *port_text = environment("LAB_PORT", "8080");
	unsigned long port;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a')
			address = optarg;
		else if (c == 'p')
			port_text = optarg;
		else if (c == 'd')
			data = optarg;
		else if (c == 's')
			service.site = optarg;
		else
			return 3;
	}
	port = strtoul(port_text, &end, 10);
	if (optind < argc || *end || end == port_text || port > 65535) {
		fprintf(stderr, "usage: drorch-booking [--address A] [--port P] [--data DIR]"
				" [--site NAME]\n");
		return 3;
	}
	return run(&service, address, (uint16_t)port, data);
}
