/*
 * A small booking service, to rehearse with: it answers 201 only for what is committed, and says in
 * every answer which site it is. Its database is a file of SQLite's in --data, or a MariaDB server.
 *
 *   POST /bookings {"guest": "Ada", "room": "12"}   201 with the booking. A client may give it an
 *                  "id" of its own, and then repeat it: 201 again; 409 where another one has the id
 *   GET  /bookings/ID                               200, 404
 *   GET  /bookings                                  200: count, last id, newest time
 *   GET  /healthz                                   200 where the database takes writes, else 503
 *
 * Where the database is away, read-only or hangs: 503 within seconds. After it, a booking is there
 * or not; asking again with the same id finds out.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "bookings.h"

#define BODY_MAX 4096
#define FIELD_MAX 200
#define ANSWER_MAX 16384
#define CONNECTIONS 1024u /* a proxy may keep hundreds that it does not use */
#define STACK_BYTES 262144
#define RETRY_AFTER_S "1"
#define COMPLAIN_MS 1000 /* an outage meets every request; so many words of it are enough */

struct service {
	struct bookings *bookings;
	const char *site;
	struct dro_log log;
	pthread_mutex_t lock; /* of what follows */
	uint64_t complained_ms;
};

struct options {
	const char *address, *data, *socket, *user, *database;
	uint16_t port;
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
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, "Retry-After", RETRY_AFTER_S);
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

static unsigned unwell(struct service *service, struct dro_buf *out, const struct dro_error *err)
{
	uint64_t now = dro_now_ms();

	pthread_mutex_lock(&service->lock);
	if (now - service->complained_ms >= COMPLAIN_MS) {
		dro_log(&service->log, DRO_LOG_ERROR, "%s", err->message);
		service->complained_ms = now;
	}
	pthread_mutex_unlock(&service->lock);
	return refuse(out, MHD_HTTP_SERVICE_UNAVAILABLE, "the database takes nothing now");
}

static bool is_id(const char *id)
{
	return strlen(id) <= BOOKINGS_ID_MAX &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       strlen(id);
}

static unsigned post(struct service *service, const struct dro_buf *body, struct dro_buf *out)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct bookings_new new;
	cJSON *json = NULL;
	unsigned status = MHD_HTTP_CREATED;
	int rc;

	if (body->failed)
		return refuse(out, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	if (dro_json_parse(&json, dro_buf_str(body), body->length, BODY_MAX, &err) < 0 ||
		dro_json_string_need(json, "guest", &new.guest, &err) < 0 ||
		dro_json_string_need(json, "room", &new.room, &err) < 0 ||
		dro_json_string(json, "id", "", &new.id, &err) < 0)
		status = refuse(out, MHD_HTTP_BAD_REQUEST, err.message);
	else if (!*new.guest || !*new.room || strlen(new.guest) > FIELD_MAX ||
		 strlen(new.room) > FIELD_MAX)
		status = refuse(
			out, MHD_HTTP_BAD_REQUEST, "guest and room have 1 to 200 characters");
	else if (!is_id(new.id))
		status = refuse(out, MHD_HTTP_BAD_REQUEST,
			"an id has up to 64 letters, digits and -_. characters");
	else if ((rc = bookings_add(service->bookings, &new, out, &err)) == DRO_ECONFLICT)
		status = refuse(out, MHD_HTTP_CONFLICT, err.message);
	else if (rc < 0)
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
	} else if (strncmp(path, "/bookings/", 10) == 0 && is_id(path + 10)) {
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
	/* A thread each: a request that waits for the database keeps no other waiting. */
	return MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL,
		port, NULL, NULL, handle, service, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&socket,
		MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
}

static int open_database(
	struct bookings **out, const struct options *options, struct dro_error *err)
{
	char *path;
	int rc;

	if (*options->socket)
		return bookings_open_mariadb(
			out, options->socket, options->user, options->database, err);
	path = dro_path_join(options->data, "booking.db");
	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_dir_make(options->data, 0700, err)) == 0)
		rc = bookings_open_sqlite(out, path, err);
	free(path);
	return rc;
}

static int run(struct service *service, const struct options *options)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct MHD_Daemon *server = NULL;
	int caught, status = EXIT_FAILURE;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (open_database(&service->bookings, options, &err) < 0) {
		dro_log(&service->log, DRO_LOG_ERROR, "%s", err.message);
		goto out;
	}
	server = listen_on(service, options->address, options->port);
	if (!server) {
		dro_log(&service->log, DRO_LOG_ERROR, "cannot listen on %s:%u", options->address,
			options->port);
		goto out;
	}
	dro_log(&service->log, DRO_LOG_INFO, "bookings of site %s on %s:%u", service->site,
		options->address, MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
	sigwait(&ends, &caught);
	status = EXIT_SUCCESS;
out:
	if (server)
		MHD_stop_daemon(server);
	bookings_close(service->bookings);
	return status;
}

static const char *environment(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && *value ? value : fallback;
}

static int usage(void)
{
	fprintf(stderr, "usage: drorch-booking [--address A] [--port P] [--site NAME]\n"
			"  [--data DIR | --mariadb SOCKET [--user NAME] [--database NAME]]\n");
	return 3;
}

int main(int argc, char **argv)
{
	static const struct option words[] = {{"address", required_argument, NULL, 'a'},
		{"port", required_argument, NULL, 'p'}, {"data", required_argument, NULL, 'd'},
		{"site", required_argument, NULL, 's'}, {"mariadb", required_argument, NULL, 'm'},
		{"user", required_argument, NULL, 'u'}, {"database", required_argument, NULL, 'n'},
		{NULL, 0, NULL, 0}};
	struct service service = {.site = environment("DRORCH_SITE", "main"),
		.log = {.level = DRO_LOG_INFO, .fd = 2},
		.lock = PTHREAD_MUTEX_INITIALIZER};
	struct options options = {.address = environment("LAB_ADDRESS", "127.0.0.1"),
		.data = "data",
		.socket = "",
		.user = "booking",
		.database = "booking"};
	const char *port_text = environment("LAB_PORT", "8080");
	unsigned long port;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (c == 'a')
			options.address = optarg;
		else if (c == 'p')
			port_text = optarg;
		else if (c == 'd')
			options.data = optarg;
		else if (c == 's')
			service.site = optarg;
		else if (c == 'm')
			options.socket = optarg;
		else if (c == 'u')
			options.user = optarg;
		else if (c == 'n')
			options.database = optarg;
		else
			return usage();
	}
	port = strtoul(port_text, &end, 10);
	if (optind < argc || *end || end == port_text || port > 65535)
		return usage();
	options.port = (uint16_t)port;
	return run(&service, &options);
}
