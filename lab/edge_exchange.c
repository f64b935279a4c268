#include "edge_internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#define LOG_LINE_MAX 8192
#define ANSWER_EXTRA 512 /* what edge_head_answer adds at most */

static void copy_text(char *out, size_t size, struct edge_text text)
{
	size_t length = text.length < size - 1 ? text.length : size - 1;

	memcpy(out, text.at, length);
	out[length] = '\0';
}

void edge_exchange_log(struct edge *edge, struct edge_client *client, const char *note)
{
	struct dro_buf line = DRO_BUF_INIT(LOG_LINE_MAX);
	char at[DRO_TIME_TEXT];
	const struct edge_address *origin =
		client->tried < client->route.count
			? &client->route.addresses[(client->route.first + client->tried) %
						   client->route.count]
			: NULL;

	if (edge->log_fd < 0 || !client->method[0])
		return;
	dro_time_format(at, dro_wall_ms());
	dro_buf_printf(&line, "{\"time\":\"%s\",\"ray\":\"%s\",\"client\":\"%s\",\"host\":", at,
		client->ray, client->address);
	dro_json_quote(&line, client->host);
	dro_buf_puts(&line, ",\"method\":");
	dro_json_quote(&line, client->method);
	dro_buf_puts(&line, ",\"target\":");
	dro_json_quote(&line, client->target);
	dro_buf_printf(&line, ",\"origin\":\"%s\",\"status\":%d,\"by\":\"%s\",\"ms\":%llu}\n",
		origin ? origin->text : "", client->status, note,
		(unsigned long long)(dro_now_ms() - client->began_ms));
	if (!line.failed)
		(void)dro_write_all(edge->log_fd, line.data, line.length, NULL);
	dro_buf_free(&line);
}

static int page_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
		return 521;
	case ETIMEDOUT:
		return 522;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EACCES:
		return 523;
	default:
		return 520;
	}
}

/* Goes through the route's addresses until one can be had. */
static void attempt(struct edge *edge, struct edge_client *client, bool may_reuse, int error)
{
	struct edge_route *route = &client->route;

	for (; client->tried < route->count; client->tried++) {
		size_t turn = (route->first + client->tried) % route->count;

		error = edge_origin_get(edge, client, &route->addresses[turn], may_reuse);
		if (error)
			continue;
		if (!edge_buffer_put(
			    &client->origin->socket.out, client->head.data, client->head.length))
			break;
		client->deadline_ms =
			dro_now_ms() + (client->origin->connecting
						       ? edge->options.times.connect
						       : edge->options.times.origin_answer);
		return;
	}
	edge_client_fail(edge, client, page_of(error), 0);
}

void edge_exchange_lost(struct edge *edge, struct edge_client *client, int error)
{
	bool reused = client->origin->reused;

	edge_origin_put(edge, client->origin, false);
	if (error) {
		client->tried++;
		attempt(edge, client, false, error);
	} else if (reused && client->repeatable && !client->body_moved) {
		attempt(edge, client, false, ECONNRESET);
	} else {
		edge_client_fail(edge, client, 520, 0);
	}
}

/* From the Host field, of which there must be one; the target is in origin form. */
static bool read_host(struct edge_client *client, const struct edge_head *head)
{
	const struct edge_field *field = edge_head_find(head, "host");
	struct edge_text host = field ? field->value : (struct edge_text){"", 0};
	char *colon;
	size_t i;

	for (i = 0; i < head->field_count; i++)
		if (&head->fields[i] != field && edge_text_is(head->fields[i].name, "host"))
			return false;
	if (host.length == 0 || host.length >= sizeof(client->host) ||
		(head->target.at[0] != '/' && !edge_text_is(head->target, "*")))
		return false;
	copy_text(client->host, sizeof(client->host), host);
	colon = strrchr(client->host, ':');
	if (colon)
		*colon = '\0';
	i = strlen(client->host);
	if (i && client->host[i - 1] == '.')
		client->host[i - 1] = '\0';
	return client->host[0] != '\0';
}

/* May it be sent a second time, when a kept connection turns out to be dead? */
static bool is_repeatable(const char *method)
{
	static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

void edge_exchange_begin(struct edge *edge, struct edge_client *client, struct edge_head *head)
{
	enum edge_found found;

	copy_text(client->method, sizeof(client->method), head->method);
	copy_text(client->target, sizeof(client->target), head->target);
	client->phase = EDGE_EXCHANGE;
	client->exchange_end_ms = dro_now_ms() + edge->options.times.exchange;
	client->head_only = strcmp(client->method, "HEAD") == 0;
	edge_body_begin(&client->request_body, head->framing, head->length);
	client->repeatable = is_repeatable(client->method) && client->request_body.done;
	client->keep = !head->close;
	client->minor = head->minor;
	client->tried = 0;
	client->route.count = 0;
	if (!read_host(client, head)) {
		edge_client_fail(edge, client, 400, 0);
		return;
	}
	if (edge_head_find(head, "cdn-loop")) { /* a record that points at the edge itself */
		edge_client_fail(edge, client, 403, 0);
		return;
	}
	found = edge_routes_find(edge->options.routes, client->host, dro_now_ms(), &client->route);
	if (found != EDGE_FOUND) {
		edge_client_fail(edge, client, found == EDGE_NO_ZONE ? 409 : 530, 0);
		return;
	}
	dro_buf_reset(&client->head);
	edge_head_request(&client->head, head, client);
	if (client->head.failed)
		edge_client_fail(edge, client, 431, 0);
	else
		attempt(edge, client, client->repeatable, 0);
}

/* The request's body on its way; false: it was malformed. */
static bool move_request(struct edge_client *client, bool *moved)
{
	struct edge_buffer *in = &client->socket.in, *out = &client->origin->socket.out;
	size_t room = edge_buffer_room(out), length = in->length < room ? in->length : room;
	ssize_t part;

	if (client->request_body.done || length == 0)
		return true;
	part = edge_body_scan(&client->request_body, in->data + in->start, length);
	if (part < 0 || !edge_buffer_put(out, in->data + in->start, (size_t)part))
		return false;
	edge_buffer_drop(in, (size_t)part);
	client->body_moved = true;
	*moved = true;
	return true;
}

/* The head of the answer, once it is there; false: it makes no sense. */
static bool move_head(struct edge_client *client, bool *moved)
{
	struct edge_buffer *in = &client->origin->socket.in, *out = &client->socket.out;
	struct dro_buf text = DRO_BUF_INIT(EDGE_BUFFER);
	struct edge_head head;
	size_t length, scanned = 0;
	bool fits;

	length = edge_head_length(in->data + in->start, in->length, &scanned);
	if (length == 0)
		return in->length <= EDGE_HEAD_MAX;
	if (length > EDGE_HEAD_MAX ||
		edge_response_parse(&head, in->data + in->start, length, client->head_only) < 0 ||
		head.status == 101)
		return false;
	if (edge_buffer_room(out) < length + ANSWER_EXTRA)
		return true; /* later: the client reads slowly */
	if (head.status >= 200) {
		client->answered = true;
		client->status = head.status;
		client->origin_closes = head.close || client->minor == 0;
		client->keep = client->keep && head.framing != EDGE_UNTIL_CLOSE;
		edge_body_begin(&client->answer_body, head.framing, head.length);
	}
	edge_head_answer(&text, &head, client);
	fits = !text.failed && (head.status >= 200 || client->minor > 0
					       ? edge_buffer_put(out, text.data, text.length)
					       : true);
	dro_buf_free(&text);
	edge_buffer_drop(in, length);
	*moved = true;
	return fits;
}

static bool move_answer(struct edge_client *client, bool *moved)
{
	struct edge_buffer *in = &client->origin->socket.in, *out = &client->socket.out;
	size_t room, length;
	ssize_t part;

	while (!client->answered && in->length) {
		size_t before = in->length;

		if (!move_head(client, moved))
			return false;
		if (in->length == before)
			return true;
	}
	room = edge_buffer_room(out);
	length = in->length < room ? in->length : room;
	if (!client->answered || client->answer_body.done || length == 0)
		return true;
	part = edge_body_scan(&client->answer_body, in->data + in->start, length);
	if (part < 0 || !edge_buffer_put(out, in->data + in->start, (size_t)part))
		return false;
	edge_buffer_drop(in, (size_t)part);
	*moved = true;
	return true;
}

/* Sends and receives on the origin's connection; true: bytes moved. */
static bool turn_origin(struct edge *edge, struct edge_client *client)
{
	struct edge_socket *origin = &client->origin->socket;
	bool moved = edge_socket_drain(origin);

	if (origin->failed) { /* it stopped reading; it may have said why */
		origin->failed = false;
		edge_buffer_drop(&origin->out, origin->out.length);
		client->request_body.done = true;
		client->keep = false;
	}
	moved |= edge_socket_fill(origin);
	origin->ended |= origin->failed;
	if (origin->ended) /* a dead socket would wake us for ever */
		edge_socket_hang_up(edge, origin);
	return moved;
}

/* The origin has no more to say. */
static void end_of_origin(struct edge *edge, struct edge_client *client)
{
	if (!client->answered && client->origin->socket.in.length == 0)
		edge_exchange_lost(edge, client, 0);
	else if (!client->answered || client->answer_body.framing != EDGE_UNTIL_CLOSE)
		edge_client_fail(edge, client, 520, 0);
	else
		client->answer_body.done = true;
}

bool edge_exchange_step(struct edge *edge, struct edge_client *client)
{
	bool moved = false;

	if (!client->origin || client->origin->connecting)
		return false;
	if (!move_request(client, &moved)) {
		edge_client_fail(edge, client, 400, 0);
		return true;
	}
	moved |= turn_origin(edge, client);
	if (!move_answer(client, &moved)) {
		edge_client_fail(edge, client, 520, 0);
		return true;
	}
	if (client->origin->socket.ended && !moved &&
		!(client->answered &&
			(client->answer_body.done || client->origin->socket.in.length))) {
		end_of_origin(edge, client);
		moved = true;
		if (!client->origin || !client->answered)
			return true;
	}
	if (client->answered && client->answer_body.done) {
		bool read = client->request_body.done && client->origin->socket.out.length == 0;

		edge_exchange_log(edge, client, "origin");
		client->keep = client->keep && client->request_body.done;
		edge_origin_put(edge, client->origin, read && !client->origin_closes);
		return true;
	}
	if (client->socket.ended && !client->request_body.done && client->socket.in.length == 0) {
		client->socket.failed = true; /* it hung up in the middle of its request */
		return true;
	}
	return moved;
}

void edge_exchange_timeout(struct edge *edge, struct edge_client *client)
{
	struct edge_origin *origin = client->origin;

	if (origin && origin->connecting)
		edge_exchange_lost(edge, client, ETIMEDOUT);
	else if (origin && !client->request_body.done && origin->socket.out.length == 0)
		edge_client_fail(edge, client, 408, 0);
	else
		edge_client_fail(edge, client, 524, 0);
}
