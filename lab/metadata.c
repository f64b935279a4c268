#include "lab/metadata.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/internal.h"

#define IDLE_S 30
#define CONNECTIONS_MAX 256
#define BODY_MAX (256u << 10) /* user-data of 64 KiB as base64 fits well */

struct lab_metadata {
	struct lab *lab;
	struct MHD_Daemon *daemon;
	char secret[33]; /* of this lab's tokens */
};

/* ---- tokens: who and until when, and the proof that we said so ------------------------------- */

static void sign(const struct lab_metadata_call *c, const char *until, char out[DRO_SHA256_HEX])
{
	uint8_t hash[DRO_SHA256_BYTES] = {0};
	char text[LAB_ID + 32];

	snprintf(text, sizeof(text), "%s %.24s", c->instance->id, until);
	dro_hmac_sha256(hash, c->metadata->secret, strlen(c->metadata->secret), text, strlen(text));
	dro_hex(out, hash, sizeof(hash));
}

void lab_metadata_token(struct lab_metadata_call *c, int64_t seconds)
{
	char until[24], proof[DRO_SHA256_HEX];

	snprintf(until, sizeof(until), "%lld", (long long)(dro_wall_ms() + seconds * 1000));
	sign(c, until, proof);
	dro_buf_printf(&c->body, "%s.%s", until, proof);
}

bool lab_metadata_token_holds(const struct lab_metadata_call *c, const char *token)
{
	char until[24], proof[DRO_SHA256_HEX];
	const char *dot = token ? strchr(token, '.') : NULL;

	if (!dot || (size_t)(dot - token) >= sizeof(until))
		return false;
	memcpy(until, token, (size_t)(dot - token));
	until[dot - token] = '\0';
	sign(c, until, proof);
	return lab_secret_equal(proof, dot + 1) && strtoll(until, NULL, 10) > dro_wall_ms();
}

/* ---- what both clouds need ------------------------------------------------------------------- */

bool lab_metadata_user_data(const struct lab_metadata_call *c, struct dro_buf *out)
{
	const char *path = c->instance->user_data;

	return path && dro_file_read(out, path, NULL) == 0;
}

int64_t lab_metadata_number(const char *text, int64_t min, int64_t max)
{
	char *end = NULL;
	long long value = text && *text ? strtoll(text, &end, 10) : -1;

	return end && !*end && value >= min && value <= max ? value : -1;
}

static const char *header(const struct lab_metadata_call *c, const char *name)
{
	return MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
}

/* (locked) The machine that asks; nobody else gets here. */
static const struct lab_instance *who(
	struct lab_instances *table, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct lab_instance *instance = NULL;
	char address[LAB_ADDRESS] = "";

	if (info && info->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr,
			address, sizeof(address));
	while ((instance = lab_instance_next(table, instance)))
		if (instance->driver->machine && instance->state != LAB_TERMINATED &&
			strcmp(instance->guest.address, address) == 0)
			break;
	return instance;
}

static void answer(struct lab_metadata_call *c)
{
	struct lab_instances *table = lab_instances_of(c->lab);

	/* A machine may be up before the lab is. */
	if (!table) {
		c->status = 503;
		return;
	}
	lab_instances_lock(table);
	c->instance = who(table, c->connection);
	if (!c->instance)
		c->status = 404;
	else if (strcmp(c->instance->vendor, "linode") == 0)
		lab_metadata_linode(c);
	else
		lab_metadata_ec2(c);
	lab_instances_unlock(table);
}

static enum MHD_Result send_answer(struct lab_metadata_call *c)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t i;

	if (c->body.failed) {
		dro_buf_reset(&c->body);
		c->status = 500;
	}
	response = MHD_create_response_from_buffer(
		c->body.length, (void *)dro_buf_str(&c->body), MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", c->type);
	for (i = 0; i < c->headers.count; i++)
		MHD_add_response_header(
			response, c->headers.items[i].name, c->headers.items[i].value);
	result = MHD_queue_response(c->connection, (unsigned)c->status, response);
	MHD_destroy_response(response);
	return result;
}

/* MHD calls it with the headers, then with each piece of a body (nobody's here), then once more. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *length, void **slot)
{
	static int seen;
	struct lab_metadata_call c = {.metadata = arg,
		.lab = ((struct lab_metadata *)arg)->lab,
		.put = strcmp(method, "PUT") == 0,
		.path = url,
		.header = header,
		.connection = connection,
		.status = 200,
		.type = "text/plain",
		.body = DRO_BUF_INIT(BODY_MAX)};
	enum MHD_Result result;

	(void)version;
	(void)data;
	if (!*slot) {
		*slot = &seen;
		return MHD_YES;
	}
	if (*length) {
		*length = 0;
		return MHD_YES;
	}
	if (c.put || strcmp(method, "GET") == 0)
		answer(&c);
	else
		c.status = 405;
	result = send_answer(&c);
	lab_pairs_free(&c.headers);
	dro_buf_free(&c.body);
	return result;
}

int lab_metadata_start(
	struct lab_metadata **out, struct lab *lab, int socket, struct dro_error *err)
{
	struct lab_metadata *metadata = calloc(1, sizeof(*metadata));

	if (!metadata) {
		close(socket);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	metadata->lab = lab;
	dro_random_id(metadata->secret, sizeof(metadata->secret) - 1);
	metadata->daemon =
		MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
					 MHD_USE_POLL | MHD_USE_ITC,
			0, NULL, NULL, on_request, metadata, MHD_OPTION_LISTEN_SOCKET, socket,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
			MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_END);
	if (!metadata->daemon) {
		close(socket);
		free(metadata);
		return dro_fail(err, DRO_EIO, "the metadata service does not start");
	}
	*out = metadata;
	return 0;
}

void lab_metadata_stop(struct lab_metadata *metadata)
{
	if (!metadata)
		return;
	MHD_stop_daemon(metadata->daemon);
	free(metadata);
}
