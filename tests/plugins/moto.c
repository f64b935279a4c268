#include "plugins/moto.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define START_MS 60000
#define SKIP 77

static int connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* moto takes no port 0: one that the kernel gave a moment ago. */
static int free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -1;
	close(fd);
	return ntohs(address.sin_port);
}

static pid_t start_moto(int port)
{
	char text[16];
	pid_t pid;

	snprintf(text, sizeof(text), "%d", port);
	pid = fork();
	if (pid != 0)
		return pid;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		_exit(126);
	execlp("moto_server", "moto_server", "-H", "127.0.0.1", "-p", text, (char *)NULL);
	_exit(127);
}

/* 0 once it listens; SKIP where there is no moto; 1 for anything else. */
static int wait_for_moto(pid_t pid, int port)
{
	uint64_t end = dro_now_ms() + START_MS;
	int status, fd;

	while (dro_now_ms() < end) {
		fd = connect_to(port);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? SKIP : 1;
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return 1;
}

int moto_run(int *port, int (*tests)(void))
{
	pid_t pid;
	int rc;

	*port = free_port();
	pid = start_moto(*port);
	rc = *port > 0 && pid > 0 ? wait_for_moto(pid, *port) : 1;
	if (rc == SKIP)
		fprintf(stderr, "SKIPPED: there is no moto_server on this machine\n");
	else if (rc)
		fprintf(stderr, "moto_server does not come up\n");
	else
		rc = tests();
	if (pid > 0) {
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return rc;
}
