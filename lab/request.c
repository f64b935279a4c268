#include "lab/request.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lab_incoming *lab_incoming_new(const char *uri)
{
	struct lab_incoming *incoming = calloc(1, sizeof(*incoming));

	if (!incoming)
		return NULL;
	incoming->body = (struct dro_buf)DRO_BUF_INIT(LAB_BODY_MEMORY);
	incoming->spool_fd = -1;
	incoming->uri = strdup(uri);
	if (!incoming->uri) {
		lab_incoming_free(incoming);
		return NULL;
	}
	return incoming;
}

void lab_incoming_free(struct lab_incoming *incoming)
{
	if (!incoming)
		return;
	if (incoming->spool_fd >= 0)
		close(incoming->spool_fd);
	lab_pairs_free(&incoming->headers);
	lab_pairs_free(&incoming->query);
	lab_pairs_free(&incoming->segments);
	free(incoming->segment_list);
	dro_buf_free(&incoming->body);
	free(incoming->method);
	free(incoming->uri);
	free(incoming);
}

static enum MHD_Result take_header(
	void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct lab_incoming *incoming = arg;
	char *name = strdup(key), *at;
	int rc = DRO_ENOMEM;

	(void)kind;
	for (at = name; at && *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (name)
		rc = lab_pairs_add(&incoming->headers, name, value ? value : "");
	free(name);
	return rc == 0 ? MHD_YES : MHD_NO;
}

int lab_incoming_start(
	struct lab_incoming *incoming, struct MHD_Connection *connection, const char *method)
{
	const union MHD_ConnectionInfo *peer =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	int all = MHD_get_connection_values(connection, MHD_HEADER_KIND, NULL, NULL);

	incoming->started = true;
	incoming->method = strdup(method);
	if (peer && peer->client_addr->sa_family == AF_INET) {
		const struct sockaddr_in *from = (const void *)peer->client_addr;

		inet_ntop(AF_INET, &from->sin_addr, incoming->client, sizeof(incoming->client));
		incoming->client_port = ntohs(from->sin_port);
	}
	MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, incoming);
	return incoming->method && (int)incoming->headers.count == all ? 0 : DRO_ENOMEM;
}

/* What came so far goes to an unnamed file, and all that follows. */
static int spool(struct lab_incoming *incoming, const char *dir)
{
	char *folder = dro_path_join(dir, "state");

	if (folder)
		incoming->spool_fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	free(folder);
	if (incoming->spool_fd < 0)
		return DRO_EIO;
	return dro_write_all(
		incoming->spool_fd, dro_buf_str(&incoming->body), incoming->body.length, NULL);
}

int lab_incoming_body(
	struct lab_incoming *incoming, const char *data, size_t length, const char *dir)
{
	int rc;

	incoming->body_length += length;
	if (incoming->body_length > LAB_BODY_MAX) {
		incoming->too_large = true;
		return 0;
	}
	if (incoming->spool_fd < 0 && incoming->body_length <= LAB_BODY_MEMORY) {
		dro_buf_append(&incoming->body, data, length);
		return dro_buf_check(&incoming->body, NULL);
	}
	if (incoming->spool_fd < 0 && (rc = spool(incoming, dir)) < 0)
		return rc;
	return dro_write_all(incoming->spool_fd, data, length, NULL);
}

/* "/a/b%20c/" -> "a", "b c", "" */
static int split_path(struct lab_incoming *incoming, const char *path)
{
	size_t i;

	while (*path == '/' && (path[1] || incoming->segments.count)) {
		size_t length = strcspn(path + 1, "/");
		char *segment;
		int rc = lab_decode(&segment, path + 1, length, false);

		if (rc == 0)
			rc = lab_pairs_add(&incoming->segments, segment, NULL);
		if (rc < 0)
			return rc;
		free(segment);
		path += length + 1;
	}
	incoming->segment_list =
		calloc(incoming->segments.count + 1, sizeof(*incoming->segment_list));
	if (!incoming->segment_list)
		return DRO_ENOMEM;
	for (i = 0; i < incoming->segments.count; i++)
		incoming->segment_list[i] = incoming->segments.items[i].name;
	return 0;
}

static int hash_body(struct lab_incoming *incoming)
{
	if (incoming->spool_fd >= 0)
		return dro_sha256_fd(incoming->request.body_sha256, incoming->spool_fd, 0,
			incoming->body_length, NULL);
	return dro_sha256_hex(
		incoming->request.body_sha256, dro_buf_str(&incoming->body), incoming->body.length);
}

int lab_incoming_finish(struct lab_incoming *incoming)
{
	struct lab_request *request = &incoming->request;
	char *mark = strchr(incoming->uri, '?');
	int rc;

	if (mark)
		*mark = '\0';
	request->method = incoming->method;
	request->raw_path = incoming->uri;
	request->raw_query = mark ? mark + 1 : "";
	request->client = incoming->client;
	request->machine = incoming->machine;
	request->headers = incoming->headers.items;
	request->header_count = incoming->headers.count;
	request->host = lab_header(request, "host");
	if (!request->host)
		request->host = "";
	request->body = incoming->spool_fd >= 0 ? NULL : dro_buf_str(&incoming->body);
	request->body_fd = incoming->spool_fd;
	request->body_length = incoming->body_length;
	if ((rc = hash_body(incoming)) < 0 || (rc = split_path(incoming, request->raw_path)) < 0 ||
		(rc = lab_pairs_parse(&incoming->query, request->raw_query, false)) < 0)
		return rc;
	request->segments = incoming->segment_list;
	request->segment_count = incoming->segments.count;
	request->query = incoming->query.items;
	request->query_count = incoming->query.count;
	return 0;
}
