#include "lab/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64

struct errand {
	int fd; /* -1: into a new one, and here it is then */
	int (*work)(void *arg, struct dro_error *err);
	void *arg;
	int rc;
	struct dro_error *err;
};

static void *go(void *arg)
{
	struct errand *errand = arg;

	if (errand->fd < 0) {
		if (unshare(CLONE_NEWNET) == 0)
			errand->fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (errand->fd < 0)
			errand->rc = dro_fail_errno(errand->err, "a network namespace");
	} else if (setns(errand->fd, CLONE_NEWNET) < 0) {
		errand->rc = dro_fail_errno(errand->err, "into a network namespace");
	}
	if (errand->rc == 0 && errand->work)
		errand->rc = errand->work(errand->arg, errand->err);
	return NULL;
}

static int send_out(struct errand *errand, struct dro_error *err)
{
	pthread_t thread;

	errand->err = err;
	if (pthread_create(&thread, NULL, go, errand) != 0)
		return dro_fail(err, DRO_EAGAIN, "no thread for the network");
	pthread_join(thread, NULL);
	return errand->rc;
}

int lab_netns_new(int *fd, struct dro_error *err)
{
	struct errand errand = {.fd = -1};
	int rc = send_out(&errand, err);

	if (rc == 0)
		*fd = errand.fd;
	return rc;
}

int lab_netns_run(
	int fd, int (*work)(void *arg, struct dro_error *err), void *arg, struct dro_error *err)
{
	struct errand errand = {.fd = fd, .work = work, .arg = arg};

	return send_out(&errand, err);
}

struct wish {
	struct sockaddr_in to;
	int flags;
	int fd;
};

static int listen_there(void *arg, struct dro_error *err)
{
	struct wish *wish = arg;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | wish->flags, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
		bind(fd, (struct sockaddr *)&wish->to, sizeof(wish->to)) == 0 &&
		listen(fd, BACKLOG) == 0) {
		wish->fd = fd;
		return 0;
	}
	dro_fail_errno(err, "port %u", ntohs(wish->to.sin_port));
	if (fd >= 0)
		close(fd);
	return DRO_EIO;
}

int lab_netns_listen(
	int fd, const char *address, uint16_t port, int flags, int *out, struct dro_error *err)
{
	struct wish wish = {
		.to = {.sin_family = AF_INET, .sin_port = htons(port)}, .flags = flags, .fd = -1};
	int rc;

	if (inet_pton(AF_INET, address, &wish.to.sin_addr) != 1)
		return dro_fail(err, DRO_EINVAL, "not an address: %s", address);
	if ((rc = lab_netns_run(fd, listen_there, &wish, err)) == 0)
		*out = wish.fd;
	return rc;
}
