#include "agent/restic_server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

#define CONNECTIONS_MAX 32u
#define LIST_MAX (16u << 20)
#define LIST_TYPE "application/vnd.x.restic.rest.v2"
#define BLOCK 65536
#define PASSWORD 32

struct agent_restic_server {
	struct agent_restic_store *store;
	struct MHD_Daemon *daemon;
	char url[128];
	struct dro_buf authorization; /* the header that restic sends */
};

/* An answer under way; of a POST, what has come so far. */
struct request {
	int fd;
	uint64_t length;
	bool bad; /* it cannot be kept: told when all has come */
};

/* ---- answers ------------------------------------------------------------------------------ */

static enum MHD_Result answer(
	struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_status(struct MHD_Connection *connection, unsigned status)
{
	return answer(connection, status,
		MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT));
}

static unsigned status_of(int rc)
{
	switch (rc) {
	case 0:
		return MHD_HTTP_OK;
	case DRO_ENOTFOUND:
		return MHD_HTTP_NOT_FOUND;
	case DRO_EINVAL:
	case DRO_ECORRUPT:
		return MHD_HTTP_BAD_REQUEST;
	case DRO_ESAFETY:
	case DRO_ECONFLICT:
		return MHD_HTTP_FORBIDDEN;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

/* A HEAD tells the length and has no bytes: this is never called. */
static ssize_t no_bytes(void *arg, uint64_t position, char *out, size_t max)
{
	(void)arg;
	(void)position;
	(void)out;
	(void)max;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static enum MHD_Result head(
	struct agent_restic_server *server, struct MHD_Connection *connection, const char *key)
{
	uint64_t length;
	int rc = agent_restic_store_length(server->store, key, &length, NULL);

	if (rc < 0)
		return answer_status(connection, status_of(rc));
	return answer(connection, MHD_HTTP_OK,
		MHD_create_response_from_callback(length, BLOCK, no_bytes, NULL, NULL));
}

/* "bytes=5-9", "bytes=5-": what of `length` bytes is wanted. False: no such part. */
static bool read_range(const char *text, uint64_t length, uint64_t *from, uint64_t *size)
{
	unsigned long long first, last;
	int got;

	*from = 0;
	*size = length;
	if (!text)
		return true;
	got = sscanf(text, "bytes=%20llu-%20llu", &first, &last);
	if (got < 1 || first >= length)
		return false;
	if (got == 1 || last >= length)
		last = length - 1;
	if (last < first)
		return false;
	*from = first;
	*size = last - first + 1;
	return true;
}

static enum MHD_Result get(
	struct agent_restic_server *server, struct MHD_Connection *connection, const char *key)
{
	const char *range = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Range");
	struct dro_error err = DRO_ERROR_INIT;
	struct MHD_Response *response;
	uint64_t length, from, size;
	int fd = agent_restic_store_get(server->store, key, &length, &err);

	if (fd < 0)
		return answer_status(connection, status_of(fd));
	if (!read_range(range, length, &from, &size)) {
		close(fd);
		return answer_status(connection, MHD_HTTP_RANGE_NOT_SATISFIABLE);
	}
	response = MHD_create_response_from_fd_at_offset64(size, fd, from);
	if (!response)
		close(fd);
	return answer(connection, range ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, response);
}

static int print_object(void *arg, const char *key, uint64_t length, struct dro_error *err)
{
	struct dro_buf *text = arg;

	dro_buf_puts(text, text->length > 1 ? ",{\"name\":" : "{\"name\":");
	dro_json_quote(text, strrchr(key, '/') + 1);
	dro_buf_printf(text, ",\"size\":%llu}", (unsigned long long)length);
	return dro_buf_check(text, err);
}

static enum MHD_Result list(
	struct agent_restic_server *server, struct MHD_Connection *connection, const char *folder)
{
	struct dro_buf text = DRO_BUF_INIT(LIST_MAX);
	struct MHD_Response *response = NULL;

	dro_buf_puts(&text, "[");
	agent_restic_store_each(server->store, folder, print_object, &text, NULL);
	dro_buf_puts(&text, "]");
	if (!text.failed)
		response = MHD_create_response_from_buffer(
			text.length, text.data, MHD_RESPMEM_MUST_COPY);
	dro_buf_free(&text);
	if (!response)
		return answer_status(connection, MHD_HTTP_INTERNAL_SERVER_ERROR);
	MHD_add_response_header(response, "Content-Type", LIST_TYPE);
	return answer(connection, MHD_HTTP_OK, response);
}

/* ---- requests ----------------------------------------------------------------------------- */

/* "/data/ab12…" -> "data/ab/ab12…", as restic has it in an object store. False: no such thing. */
static bool key_of(const char *path, struct dro_buf *key)
{
	static const char *const folders[] = {"data/", "index/", "keys/", "snapshots/", "locks/"};
	size_t i;

	path++;
	if (strcmp(path, "config") == 0) {
		dro_buf_puts(key, path);
		return true;
	}
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		const char *name = path + strlen(folders[i]);

		if (strncmp(path, folders[i], strlen(folders[i])) != 0)
			continue;
		if (*name && !dro_backup_id_valid(name))
			return false;
		dro_buf_puts(key, folders[i]);
		if (*name && i == 0)
			dro_buf_printf(key, "%.2s/", name);
		dro_buf_puts(key, name);
		return !key->failed;
	}
	return false;
}

static int keep_piece(struct agent_restic_server *server, struct request *request, const char *data,
	size_t length, struct dro_error *err)
{
	if (request->fd < 0)
		request->fd = agent_restic_store_scratch(server->store, err);
	if (request->fd < 0)
		return request->fd;
	if (request->length + length > AGENT_RESTIC_OBJECT_MAX)
		return dro_fail(err, DRO_EINVAL, "restic sends an object of more than %llu bytes",
			(unsigned long long)AGENT_RESTIC_OBJECT_MAX);
	request->length += length;
	return dro_write_all(request->fd, data, length, err);
}

/* What cannot be kept, as where the disk is full, will not be kept next time: the end of restic. */
static void keep(struct agent_restic_server *server, struct request *request, const char *data,
	size_t length)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if (request->bad || (rc = keep_piece(server, request, data, length, &err)) == 0)
		return;
	request->bad = true;
	agent_restic_store_fail(server->store, rc, &err);
}

static unsigned put(struct agent_restic_server *server, struct request *request, const char *key)
{
	struct dro_error err = DRO_ERROR_INIT;
	int fd = request->fd;

	if (request->bad)
		return MHD_HTTP_INSUFFICIENT_STORAGE;
	if (fd < 0)
		return MHD_HTTP_BAD_REQUEST;
	request->fd = -1;
	return status_of(agent_restic_store_put(server->store, key, fd, request->length, &err));
}

static enum MHD_Result dispatch(struct agent_restic_server *server,
	struct MHD_Connection *connection, const char *path, const char *method,
	struct request *request)
{
	struct dro_buf key = DRO_BUF_INIT(512);
	enum MHD_Result result;
	const char *text;

	if (strcmp(path, "/") == 0 && strcmp(method, "POST") == 0) /* ?create=true */
		return answer_status(connection, MHD_HTTP_OK);
	if (!key_of(path, &key)) {
		dro_buf_free(&key);
		return answer_status(connection, MHD_HTTP_NOT_FOUND);
	}
	text = dro_buf_str(&key);
	if (strcmp(method, "HEAD") == 0)
		result = head(server, connection, text);
	else if (strcmp(method, "GET") == 0 && text[key.length - 1] == '/')
		result = list(server, connection, text);
	else if (strcmp(method, "GET") == 0)
		result = get(server, connection, text);
	else if (strcmp(method, "POST") == 0)
		result = answer_status(connection, put(server, request, text));
	else if (strcmp(method, "DELETE") == 0)
		result = answer_status(connection,
			status_of(agent_restic_store_remove(server->store, text, NULL)));
	else
		result = answer_status(connection, MHD_HTTP_METHOD_NOT_ALLOWED);
	dro_buf_free(&key);
	return result;
}

static bool is_restic(const struct agent_restic_server *server, struct MHD_Connection *connection)
{
	const char *given =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");

	return given && strcmp(given, dro_buf_str(&server->authorization)) == 0;
}

/* Called once for the headers, for each piece of a body, and once more at its end. */
static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *length, void **state)
{
	struct agent_restic_server *server = arg;
	struct request *request = *state;

	(void)version;
	if (!request) {
		if (!is_restic(server, connection))
			return answer_status(connection, MHD_HTTP_UNAUTHORIZED);
		request = *state = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		request->fd = -1;
		return MHD_YES;
	}
	if (*length) {
		keep(server, request, data, *length);
		*length = 0;
		return MHD_YES;
	}
	return dispatch(server, connection, path, method, request);
}

static void ended(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode how)
{
	struct request *request = *state;

	(void)arg;
	(void)connection;
	(void)how;
	if (!request)
		return;
	if (request->fd >= 0)
		close(request->fd);
	free(request);
	*state = NULL;
}

/* ---- life --------------------------------------------------------------------------------- */

static int listen_here(struct agent_restic_server *server, struct dro_error *err)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	/* A thread for each: an answer waits for the object store. */
	server->daemon = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0,
		NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, &address,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_NOTIFY_COMPLETED, ended,
		NULL, MHD_OPTION_END);
	if (!server->daemon)
		return dro_fail(err, DRO_EIO, "cannot listen on loopback for restic");
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

int agent_restic_server_new(
	struct agent_restic_server **out, struct agent_restic_store *store, struct dro_error *err)
{
	struct agent_restic_server *server = calloc(1, sizeof(*server));
	char password[PASSWORD + 1], pair[PASSWORD + 16];
	int rc;

	if (!server)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	server->store = store;
	server->authorization = (struct dro_buf)DRO_BUF_INIT(256);
	dro_random_id(password, PASSWORD);
	snprintf(pair, sizeof(pair), "agent:%s", password);
	dro_buf_puts(&server->authorization, "Basic ");
	dro_base64(&server->authorization, pair, strlen(pair));
	if ((rc = dro_buf_check(&server->authorization, err)) < 0 ||
		(rc = listen_here(server, err)) < 0) {
		agent_restic_server_free(server);
		return rc;
	}
	snprintf(server->url, sizeof(server->url), "rest:http://%s@127.0.0.1:%d/", pair, rc);
	*out = server;
	return 0;
}

void agent_restic_server_free(struct agent_restic_server *server)
{
	if (!server)
		return;
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	dro_buf_free(&server->authorization);
	free(server);
}

const char *agent_restic_server_url(const struct agent_restic_server *server)
{
	return server->url;
}
