#include "lab/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/process.h"

static void exec_boot(void *arg, const sigset_t *before)
{
	char *const argv[] = {arg, NULL};

	sigprocmask(SIG_SETMASK, before, NULL);
	execv(argv[0], argv);
	dprintf(2, "drorch-lab: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* In the child: never returns. `alive` hangs up with the keeper, also in another PID namespace. */
static void run_child(void (*start)(void *arg, const sigset_t *before), void *arg, int alive,
	const sigset_t *before)
{
	struct pollfd keeper = {alive, 0, 0};
	int null = open("/dev/null", O_RDWR);

	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&keeper, 1, 0) != 0)
		_exit(127);
	close(alive);
	dup2(null, 0);
	start(arg, before);
	_exit(127);
}

/* What the lab says; false: it is gone. */
static bool read_word(char *word)
{
	ssize_t got = read(0, word, 1);

	return got == 1 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Reaps everything that ended; true: the boot program was among it. */
static bool reap(pid_t boot, int *status)
{
	bool ended = false;
	int one;
	pid_t pid;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
		if (pid != boot)
			continue;
		*status = one;
		ended = true;
	}
	return ended;
}

/* Until the boot program ended or must be killed. */
static void watch(pid_t boot, int signal_fd, int grace_ms, int *status)
{
	uint64_t kill_at = 0;

	for (;;) {
		struct pollfd fds[2] = {{0, POLLIN, 0}, {signal_fd, POLLIN, 0}};
		uint64_t now = dro_now_ms();
		struct signalfd_siginfo info;
		char word = 0;

		if (kill_at && now >= kill_at)
			return;
		if (poll(fds, 2, kill_at ? (int)(kill_at - now) : -1) < 0 && errno != EINTR)
			return;
		now = dro_now_ms(); /* it lived a while */
		if (fds[1].revents && read(signal_fd, &info, sizeof(info)) > 0 &&
			reap(boot, status))
			return;
		if (!fds[0].revents)
			continue;
		if (!read_word(&word) || word == LAB_KEEPER_KILL)
			return;
		if ((word == LAB_KEEPER_STOP || word == LAB_KEEPER_STOP_DEAF) && !kill_at) {
			/* It has no group yet when it has just begun. */
			if (kill(-boot, SIGTERM) < 0)
				kill(boot, SIGTERM);
			kill_at = now + (uint64_t)grace_ms;
		}
		/* Also one that was asked before it hung. */
		if (word == LAB_KEEPER_STOP_DEAF && kill_at > now + LAB_KEEPER_DEAF_MS)
			kill_at = now + LAB_KEEPER_DEAF_MS;
	}
}

int lab_keeper_run(
	void (*start)(void *arg, const sigset_t *before), void *arg, bool apart, int grace_ms)
{
	sigset_t mask, stop, before;
	pid_t keeper = getpid(), child;
	int signal_fd, own_fd, status = 0, alive[2];

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &before);
	/* Only the lab decides: a terminal's or a user's signals go past. But a SIGTERM for a boot
	 * program that has not begun yet must wait for it, and not be lost. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	own_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (signal_fd < 0 || pipe2(alive, O_CLOEXEC) < 0 || (apart && unshare(CLONE_NEWPID) < 0))
		return 127;
	child = fork();
	/* The namespace takes no more processes when that one is dead: later ones are here again.
	 */
	if (child > 0 && apart && setns(own_fd, CLONE_NEWPID) < 0)
		dprintf(2, "drorch-lab: %s\n", strerror(errno));
	if (child < 0)
		return 127;
	if (child == 0) {
		close(alive[1]);
		run_child(start, arg, alive[0], &before);
	}
	close(alive[0]);
	signal(SIGTERM, SIG_IGN);
	watch(child, signal_fd, grace_ms, &status);
	kill(-child, SIGKILL);
	lab_process_kill_below(keeper);
	reap(child, &status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int lab_keeper_main(char *boot)
{
	return lab_keeper_run(exec_boot, boot, false, LAB_KEEPER_GRACE_MS);
}
