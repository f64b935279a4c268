#include "observe/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "model/tree.h"

#define SEGMENTS_MAX 32
#define ANSWER_MAX (64u << 10)

/* "/a/b" -> {"a", "b"}, in `text`'s own memory. */
static size_t split_path(char *text, const char *segments[SEGMENTS_MAX])
{
	size_t count = 0;
	char *next = text;

	while (next && *next == '/' && count < SEGMENTS_MAX) {
		char *end = strchr(next + 1, '/');

		segments[count++] = next + 1;
		*next = '\0';
		next = end;
	}
	return count;
}

/* The page itself, or what its store says of it. */
static void judge_page(
	struct dro_health_answer *out, const struct dro_http_response *response, const char *sha256)
{
	char body[DRO_SHA256_HEX];
	bool same = dro_sha256_hex(body, response->body, response->body_length) == 0 &&
		    strcmp(body, sha256) == 0;
	size_t i;

	for (i = 0; i < response->header_count && !same; i++)
		same = strcmp(response->headers[i].value, sha256) == 0;
	out->status = response->status;
	out->well = response->status == 200 && same;
	snprintf(out->text, sizeof(out->text), "%d, %s", out->status,
		same ? "the page" : "not the page");
}

static void judge(struct dro_health_answer *out, const struct dro_health *health,
	const struct dro_http_response *response)
{
	char name[64];
	const char *site;
	size_t i;

	snprintf(name, sizeof(name), "%s",
		*health->site_header ? health->site_header : "x-drorch-site");
	for (i = 0; name[i]; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] + 'a' - 'A');
	site = dro_http_header(response, name);
	snprintf(out->site, sizeof(out->site), "%s", site ? site : "");
	out->status = response->status;
	out->well = response->status == health->status;
	snprintf(out->text, sizeof(out->text), "%d%s%s", out->status, *out->site ? " from " : "",
		out->site);
}

void dro_health_ask(struct dro_health_answer *out, struct dro_net *net,
	const struct dro_health *health, const struct dro_health_target *target,
	uint64_t deadline_ms)
{
	const char *scheme = target->scheme && *target->scheme ? target->scheme : health->scheme;
	const char *host = target->host && *target->host ? target->host : health->host;
	const char *address = target->address && *target->address ? target->address : NULL;
	uint64_t own =
		dro_now_ms() + (uint64_t)(health->timeout_ms > 0 ? health->timeout_ms : 5000);
	const char *segments[SEGMENTS_MAX];
	struct dro_http_response *response = NULL;
	struct dro_error err = DRO_ERROR_INIT;
	char endpoint[512], path[1024];
	struct dro_net_context context = {
		.connect_address = address, .user_agent = "drorch-health", .plain = true};
	struct dro_http_request request = {.size = sizeof(request),
		.method = "GET",
		.endpoint = endpoint,
		.path = segments,
		.body_fd = -1,
		.sink_fd = -1,
		.response_max = ANSWER_MAX,
		.deadline_ms = deadline_ms < own ? deadline_ms : own};
	bool page = target->sha256 && *target->sha256;
	int port = target->port ? target->port : page ? 0 : health->port;

	*out = (struct dro_health_answer){0};
	if (page)
		request.response_max = DRO_TREE_FILE_MAX;
	if (!*host && address)
		host = address;
	snprintf(path, sizeof(path), "%s", page || !*health->path ? "/" : health->path);
	request.path_count = split_path(path, segments);
	if (port)
		snprintf(endpoint, sizeof(endpoint), "%s://%s:%d", scheme, host, port);
	else
		snprintf(endpoint, sizeof(endpoint), "%s://%s", scheme, host);
	if (dro_net_request(net, &request, &context, &response, &err) < 0)
		snprintf(out->text, sizeof(out->text), "%.250s", err.message);
	else if (page)
		judge_page(out, response, target->sha256);
	else
		judge(out, health, response);
	dro_http_response_free(response);
}
