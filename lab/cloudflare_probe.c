/* Looks at origins, as a monitor does: connects, asks, and reads the beginning of the answer. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "cloudflare_balance.h"

#define AT_ONCE 64
#define ANSWER_MAX 10240 /* what Cloudflare reads of a body */
#define SLICE_MS 100	 /* how long the lab's end may wait for us */

struct probe {
	struct cloudflare_target *target;
	int fd; /* -1: over */
	bool connecting;
	size_t sent;
	uint64_t began_ms;
	struct dro_buf request;
	struct dro_buf answer;
};

static void end(struct probe *probe, bool healthy, const char *reason)
{
	struct cloudflare_target *target = probe->target;

	target->healthy = healthy;
	target->reason = reason;
	target->rtt_ms = (uint32_t)(dro_now_ms() - probe->began_ms);
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
}

static socklen_t read_address(struct sockaddr_storage *out, const char *text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	return 0;
}

static void begin(struct probe *probe, struct cloudflare_target *target)
{
	struct sockaddr_storage address;
	socklen_t length = read_address(&address, target->address, target->port);

	*probe = (struct probe){.target = target,
		.fd = -1,
		.connecting = true,
		.began_ms = dro_now_ms(),
		.request = DRO_BUF_INIT(4096),
		.answer = DRO_BUF_INIT(ANSWER_MAX + 4096)};
	dro_buf_printf(&probe->request,
		"%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (compatible; "
		"Cloudflare-Traffic-Manager/1.0; drorch-lab)\r\nConnection: close\r\n\r\n",
		target->method, target->path, *target->host ? target->host : target->address);
	if (length)
		probe->fd =
			socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0)
		end(probe, false, "DNS internal");
	else if (connect(probe->fd, (struct sockaddr *)&address, length) < 0 &&
		 errno != EINPROGRESS)
		end(probe, false, "TCP connection failed");
}

/* "2xx,301": is the status one of them? */
static bool is_expected(const char *codes, int status)
{
	char text[8];

	snprintf(text, sizeof(text), "%03d", status);
	for (; *codes; codes += strcspn(codes, ",")) {
		codes += strspn(codes, ", ");
		if (codes[0] == text[0] &&
			(strncmp(codes + 1, "xx", 2) == 0 || strncmp(codes + 1, text + 1, 2) == 0))
			return true;
	}
	return false;
}

static void judge(struct probe *probe)
{
	struct cloudflare_target *target = probe->target;
	const char *text = dro_buf_str(&probe->answer);

	if (strncmp(text, "HTTP/1.", 7) != 0 || strlen(text) < 12)
		end(probe, false, "Invalid HTTP response");
	else if (target->status = (int)strtol(text + 9, NULL, 10),
		!is_expected(target->codes, target->status))
		end(probe, false, "Response code mismatch error");
	else if (*target->body && !strcasestr(text, target->body))
		end(probe, false, "Response body mismatch error");
	else
		end(probe, true, "No failures");
}

static void on_connected(struct probe *probe)
{
	socklen_t length = sizeof(int);
	int error = 0;

	probe->connecting = false;
	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error)
		end(probe, false, "TCP connection failed");
	else if (!probe->target->http)
		end(probe, true, "No failures");
}

static void on_writable(struct probe *probe)
{
	ssize_t put = send(probe->fd, probe->request.data + probe->sent,
		probe->request.length - probe->sent, MSG_NOSIGNAL);

	if (put > 0)
		probe->sent += (size_t)put;
	else if (errno != EAGAIN && errno != EINTR)
		end(probe, false, "TCP connection failed");
}

static void on_readable(struct probe *probe)
{
	char chunk[2048];
	ssize_t got = recv(probe->fd, chunk, sizeof(chunk), 0);

	if (got > 0) {
		dro_buf_append(&probe->answer, chunk, (size_t)got);
		/* The status is enough, unless the body is looked at. */
		if (probe->answer.length >= ANSWER_MAX ||
			(!*probe->target->body && strstr(dro_buf_str(&probe->answer), "\r\n")))
			judge(probe);
	} else if (got == 0) {
		judge(probe);
	} else if (errno != EAGAIN && errno != EINTR) {
		end(probe, false, "TCP connection failed");
	}
}

static void step(struct probe *probe, short events)
{
	if (probe->connecting && (events & (POLLOUT | POLLERR | POLLHUP)))
		on_connected(probe);
	else if (probe->sent < probe->request.length && (events & POLLOUT))
		on_writable(probe);
	else if (events & (POLLIN | POLLERR | POLLHUP))
		on_readable(probe);
}

/* Until all are over; each has its time. */
static void run(struct lab *lab, struct probe *probes, size_t count)
{
	struct pollfd fds[AT_ONCE];
	size_t i, open;

	do {
		open = 0;
		for (i = 0; i < count; i++) {
			struct probe *probe = &probes[i];
			bool writes = probe->connecting || probe->sent < probe->request.length;

			if (probe->fd >= 0 &&
				dro_now_ms() - probe->began_ms >= probe->target->timeout_ms)
				end(probe, false,
					probe->connecting ? "TCP connection failed"
							  : "HTTP timeout occurred");
			fds[i] = (struct pollfd){probe->fd, writes ? POLLOUT : POLLIN, 0};
			open += probe->fd >= 0;
		}
		if (!open || poll(fds, count, SLICE_MS) < 0)
			continue;
		for (i = 0; i < count; i++)
			if (probes[i].fd >= 0 && fds[i].revents)
				step(&probes[i], fds[i].revents);
	} while (open && !lab_sleep(lab, 0));
}

void cloudflare_probe(struct lab *lab, struct cloudflare_target *targets, size_t count)
{
	struct probe *probes = calloc(AT_ONCE, sizeof(*probes));
	size_t done, part, i;

	for (done = 0; probes && done < count; done += part) {
		part = count - done < AT_ONCE ? count - done : AT_ONCE;
		for (i = 0; i < part; i++)
			begin(&probes[i], &targets[done + i]);
		run(lab, probes, part);
		for (i = 0; i < part; i++) {
			if (probes[i].fd >= 0)
				end(&probes[i], false, "ended");
			dro_buf_free(&probes[i].request);
			dro_buf_free(&probes[i].answer);
		}
	}
	free(probes);
}
