#include "agent/progress.h"

#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/restored.h"
#include "base/clock.h"
#include "base/json.h"

#define ANSWER_MAX 16384
#define CONNECTIONS_MAX 16u
#define TIMEOUT_S 10u
#define CONNECTION_BYTES ((size_t)8192) /* request line and headers */

struct agent_progress {
	pthread_mutex_t lock; /* of all below but `server` */
	char service[129], site[129], backup[65], error[512];
	char gtid[AGENT_GTID_MAX];
	int64_t recovered_ms;
	uint64_t done_bytes, total_bytes;
	enum agent_state state;
	bool started;
	struct MHD_Daemon *server;
};

static const char *const state_names[] = {
	"starting", "restoring", "verifying", "starting-service", "ready", "failed"};

int agent_progress_new(struct agent_progress **out, struct dro_error *err)
{
	struct agent_progress *progress = calloc(1, sizeof(*progress));

	if (!progress)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&progress->lock, NULL);
	*out = progress;
	return 0;
}

void agent_progress_free(struct agent_progress *progress)
{
	if (!progress)
		return;
	if (progress->server)
		MHD_stop_daemon(progress->server);
	pthread_mutex_destroy(&progress->lock);
	free(progress);
}

/* ---- what is told ------------------------------------------------------------------------- */

void agent_progress_who(struct agent_progress *progress, const char *service, const char *site)
{
	pthread_mutex_lock(&progress->lock);
	snprintf(progress->service, sizeof(progress->service), "%s", service);
	snprintf(progress->site, sizeof(progress->site), "%s", site);
	pthread_mutex_unlock(&progress->lock);
}

void agent_progress_state(struct agent_progress *progress, enum agent_state state)
{
	pthread_mutex_lock(&progress->lock);
	progress->state = state;
	pthread_mutex_unlock(&progress->lock);
}

void agent_progress_backup(struct agent_progress *progress, const char *id, uint64_t total_bytes)
{
	pthread_mutex_lock(&progress->lock);
	snprintf(progress->backup, sizeof(progress->backup), "%s", id);
	progress->total_bytes = total_bytes;
	pthread_mutex_unlock(&progress->lock);
}

void agent_progress_done(struct agent_progress *progress, uint64_t done_bytes)
{
	pthread_mutex_lock(&progress->lock);
	progress->done_bytes = done_bytes;
	pthread_mutex_unlock(&progress->lock);
}

void agent_progress_recovered(struct agent_progress *progress, int64_t time_ms, const char *gtid)
{
	pthread_mutex_lock(&progress->lock);
	progress->recovered_ms = time_ms;
	snprintf(progress->gtid, sizeof(progress->gtid), "%s", gtid);
	pthread_mutex_unlock(&progress->lock);
}

void agent_progress_started(struct agent_progress *progress, bool started)
{
	pthread_mutex_lock(&progress->lock);
	progress->started = started;
	pthread_mutex_unlock(&progress->lock);
}

void agent_progress_error(struct agent_progress *progress, const char *message, bool failed)
{
	pthread_mutex_lock(&progress->lock);
	snprintf(progress->error, sizeof(progress->error), "%s", message);
	if (failed)
		progress->state = AGENT_FAILED;
	pthread_mutex_unlock(&progress->lock);
}

void agent_progress_print(struct agent_progress *progress, struct dro_buf *out)
{
	char time[DRO_TIME_TEXT] = "";

	pthread_mutex_lock(&progress->lock);
	dro_buf_puts(out, "{\"version\":1,\"service\":");
	dro_json_quote(out, progress->service);
	dro_buf_puts(out, ",\"site\":");
	dro_json_quote(out, progress->site);
	dro_buf_printf(out, ",\"state\":\"%s\",\"backup\":", state_names[progress->state]);
	dro_json_quote(out, progress->backup);
	dro_buf_printf(out, ",\"done_bytes\":%llu,\"total_bytes\":%llu,\"error\":",
		(unsigned long long)progress->done_bytes,
		(unsigned long long)progress->total_bytes);
	dro_json_quote(out, progress->error);
	if (progress->recovered_ms > 0)
		dro_time_format(time, progress->recovered_ms);
	dro_buf_printf(
		out, ",\"recovery_time\":\"%s\",\"recovery_gtid\":\"%s\"", time, progress->gtid);
	dro_buf_printf(out, ",\"started\":%s}\n", progress->started ? "true" : "false");
	pthread_mutex_unlock(&progress->lock);
}

/* ---- the endpoint ------------------------------------------------------------------------- */

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *length, void **state)
{
	struct dro_buf text = DRO_BUF_INIT(ANSWER_MAX);
	unsigned status = MHD_HTTP_OK;
	struct MHD_Response *response;
	enum MHD_Result result = MHD_NO;

	(void)version;
	(void)data;
	(void)state;
	if (*length) /* a body: nothing here wants one */
		return MHD_NO;
	if (strcmp(method, "GET") != 0)
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
	else if (strcmp(path, "/v1/progress") != 0)
		status = MHD_HTTP_NOT_FOUND;
	else
		agent_progress_print(arg, &text);
	if (text.failed)
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	response = MHD_create_response_from_buffer(
		text.failed ? 0 : text.length, (void *)dro_buf_str(&text), MHD_RESPMEM_MUST_COPY);
	if (response) {
		MHD_add_response_header(response, "Content-Type", "application/json");
		MHD_add_response_header(response, "Cache-Control", "no-store");
		if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
			MHD_add_response_header(response, "Allow", "GET");
		result = MHD_queue_response(connection, status, response);
		MHD_destroy_response(response);
	}
	dro_buf_free(&text);
	return result;
}

int agent_progress_listen(struct agent_progress *progress, const char *address, int port,
	int *bound, struct dro_error *err)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				.ai_socktype = SOCK_STREAM},
			*found = NULL;
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
	char service[16];

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(address, service, &hints, &found) != 0)
		return dro_fail(err, DRO_EINVAL, "\"%.64s\" is not a numeric address", address);
	if (found->ai_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	progress->server = MHD_start_daemon(flags, (uint16_t)port, NULL, NULL, handle, progress,
		MHD_OPTION_SOCK_ADDR, found->ai_addr, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		CONNECTION_BYTES, MHD_OPTION_END);
	freeaddrinfo(found);
	if (!progress->server)
		return dro_fail(err, DRO_EIO, "cannot listen on %s port %d", address, port);
	*bound = MHD_get_daemon_info(progress->server, MHD_DAEMON_INFO_BIND_PORT)->port;
	return 0;
}
