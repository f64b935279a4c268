#include "agent/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/bootfile.h"
#include "agent/guard.h"
#include "agent/heard.h"
#include "agent/peers.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "control/systemd.h"

#define LOCK_NAME "watch.lock"

struct watch {
	const struct agent_config *config;
	const struct agent_driver *driver;
	const struct dro_log *log;
	void *db;
	struct agent_peers *peers;
	struct dro_systemd *systemd;
	int lock, signals;
	int64_t heard_ms; /* the newest that is known, whatever becomes of the files */
	uint64_t closing; /* since when it should be read-only and is not; 0: it need not be */
	int64_t id;	  /* the server's, once it was seen */
	int64_t serial;	  /* in the lease, of the last fence of ours */
	char told[256];	  /* the last complaint, which is not repeated each tick */
};

/* ---- what keeps it open ------------------------------------------------------------------- */

static void complain(struct watch *watch, const char *what, const struct dro_error *err)
{
	if (strncmp(watch->told, err->message, sizeof(watch->told) - 1) == 0)
		return;
	snprintf(watch->told, sizeof(watch->told), "%s", err->message);
	dro_log(watch->log, DRO_LOG_WARNING, "%s: %s", what, err->message);
}

/* The newest word of a controller or a peer. `wait`: the peers have a last chance to say one. */
static int64_t heard(struct watch *watch, int64_t since_ms, bool wait)
{
	struct dro_error err = DRO_ERROR_INIT;
	int64_t controller = 0, peer;

	peer = agent_peers_confirmed(
		watch->peers, since_ms, wait ? dro_now_ms() + AGENT_WATCH_ASK_MS : 0);
	if (peer > watch->heard_ms &&
		agent_heard_touch(watch->config, AGENT_HEARD_PEER, peer, 0, &err) < 0)
		complain(watch, "what a peer said was not written down", &err);
	if (agent_guard_heard(&controller, watch->config, &err) < 0)
		complain(watch, "who was heard cannot be told", &err);
	/* A session may take back what it promised: so not the greatest of all that was seen. */
	watch->heard_ms = controller > peer ? controller : peer;
	return watch->heard_ms;
}

static bool overdue(struct watch *watch)
{
	int64_t after = watch->config->self_fence.after_ms;
	int64_t since = agent_boot_ms() - after;

	if (heard(watch, since, false) > since)
		return false;
	/* It is late, as after a freeze: whoever says so at once may still keep it open. */
	return heard(watch, since, true) <= agent_boot_ms() - after;
}

/* ---- closing ------------------------------------------------------------------------------ */

static void kill_server(struct watch *watch)
{
	struct dro_proc_result result = {0};
	struct dro_error err = DRO_ERROR_INIT;
	int rc = dro_proc_run(watch->config->database.server.kill, NULL, NULL, NULL, NULL,
		dro_now_ms() + AGENT_WATCH_KILL_MS, &result, &err);

	if (rc < 0)
		dro_log(watch->log, DRO_LOG_ERROR, "the server could not be killed: %s",
			err.message);
	else
		dro_log(watch->log, DRO_LOG_ERROR,
			"the server did not become read-only and was killed (status %d)",
			result.exit_code);
}

static int fence(struct watch *watch, struct agent_lease *lease, struct dro_error *err)
{
	uint64_t deadline_ms = watch->closing + AGENT_WATCH_FENCE_MS;
	struct agent_turn turn = {.config = watch->config, .role = lease->role, .cause = "watch"};
	struct agent_ask ask = {.position = "", .host = "", .turn = &turn};
	struct agent_facts facts;
	int rc;

	if ((rc = agent_lease_fence_self(lease, watch->config, deadline_ms, err)) < 0)
		return rc;
	turn.lease = *lease;
	watch->serial = lease->serial;
	/* A restart must find it, also where nothing below is done. */
	if ((rc = agent_boot_file_keep(&watch->config->database, NULL, err)) < 0)
		dro_log(watch->log, DRO_LOG_ERROR, "%s", err->message);
	agent_facts_init(&facts);
	rc = watch->driver->fence(watch->db, &ask, &facts, deadline_ms, err);
	agent_facts_fini(&facts);
	if (rc == 0)
		rc = agent_lease_end(lease, watch->config, dro_now_ms() + AGENT_WATCH_LOOK_MS, err);
	return rc;
}

static void close_down(struct watch *watch, struct agent_lease *lease)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if (!watch->closing) {
		watch->closing = dro_now_ms();
		dro_log(watch->log, DRO_LOG_WARNING,
			"neither a controller nor a peer was heard for %lld ms: this host fences "
			"itself",
			(long long)(agent_boot_ms() - watch->heard_ms));
	}
	rc = fence(watch, lease, &err);
	if (rc == 0) {
		dro_log(watch->log, DRO_LOG_WARNING, "this host is fenced");
		watch->closing = 0;
	} else if (rc == DRO_ESAFETY) {
		/* A session has begun a verb: its word counts. */
		dro_log(watch->log, DRO_LOG_WARNING, "%s", err.message);
		watch->closing = 0;
	} else {
		complain(watch, "the fence", &err);
		if (dro_now_ms() + AGENT_WATCH_TICK_MS < watch->closing + AGENT_WATCH_FENCE_MS)
			return;
		kill_server(watch);
		watch->closing = 0;
	}
}

/* A fence of ours that was not seen to its end, as where the server had to be killed, is done. */
static void end_fence(struct watch *watch, struct agent_lease *lease)
{
	struct dro_error err = DRO_ERROR_INIT;

	if (!*lease->pending || !watch->serial || lease->serial != watch->serial)
		return;
	if (agent_lease_end(lease, watch->config, dro_now_ms() + AGENT_WATCH_LOOK_MS, &err) == 0)
		*lease->pending = '\0';
	else
		complain(watch, "the lease", &err);
}

/* ---- ticks -------------------------------------------------------------------------------- */

static void tick(struct watch *watch)
{
	struct agent_look look = {.writable = true};
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_lease lease = {0};
	uint64_t deadline_ms = dro_now_ms() + AGENT_WATCH_LOOK_MS;
	int known, rc;

	known = agent_lease_read(&lease, watch->config, deadline_ms, &err);
	if (known < 0)
		complain(watch, "the lease", &err);
	rc = watch->driver->look(watch->db, &look, deadline_ms, &err);
	if (rc < 0)
		complain(watch, "the server", &err);
	else
		watch->id = look.id;
	agent_peers_ask(watch->peers, watch->id);
	if (known == 0 && rc == 0 && !look.writable)
		end_fence(watch, &lease);
	/* A server that is away may be back the next moment: it is no word that it is closed. */
	if (known == 0 && rc == 0 &&
		agent_roles_found(watch->config, &lease, look.writable,
			dro_now_ms() + AGENT_WATCH_LOOK_MS, &err) < 0 &&
		err.code != DRO_ESAFETY)
		complain(watch, "the role log", &err);
	if (watch->config->self_fence.given && look.writable && overdue(watch))
		close_down(watch, &lease);
	else
		watch->closing = 0;
	if (known == 0 && rc == 0 && !watch->closing)
		*watch->told = '\0';
	agent_heard_touch(watch->config, AGENT_HEARD_WATCH, agent_boot_ms(), 0, NULL);
	dro_systemd_tell(watch->systemd, NULL, "WATCHDOG=1\nSTATUS=%s",
		look.away	? "no server"
		: rc < 0	? "the server does not answer"
		: look.writable ? "open"
		: lease.fenced	? "fenced"
				: "read-only");
}

static int loop(struct watch *watch, struct dro_error *err)
{
	struct pollfd fd = {.fd = watch->signals, .events = POLLIN};
	uint64_t next = dro_now_ms();

	tick(watch);
	dro_systemd_tell(watch->systemd, NULL, "READY=1");
	for (;;) {
		uint64_t now = dro_now_ms();
		int ready;

		next = next + AGENT_WATCH_TICK_MS > now ? next + AGENT_WATCH_TICK_MS : now;
		ready = poll(&fd, 1, (int)(next - now));
		if (ready > 0)
			break;
		if (ready < 0 && errno != EINTR)
			return dro_fail_errno(err, "poll");
		tick(watch);
	}
	dro_systemd_tell(watch->systemd, NULL, "STOPPING=1");
	return 0;
}

/* ---- begin and end ------------------------------------------------------------------------ */

static void fill_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

void agent_watch_block_signals(void)
{
	sigset_t set;

	fill_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int lock(struct watch *watch, struct dro_error *err)
{
	char *path = dro_path_join(watch->config->state, LOCK_NAME);
	int rc = 0;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_dir_make(watch->config->state, 0700, err)) < 0)
		goto out;
	watch->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (watch->lock < 0)
		rc = dro_fail_errno(err, "%s", path);
	else if (flock(watch->lock, LOCK_EX | LOCK_NB) < 0)
		rc = dro_fail(err, DRO_EBUSY, "another watch runs: it holds %s", path);
out:
	free(path);
	return rc;
}

/* The first watch of a boot gives everybody `after` to be heard; one that comes after a crash of
 * another does not give it again. */
static int give_grace(struct watch *watch, struct dro_error *err)
{
	int64_t begun;
	int rc = agent_heard_read(&begun, watch->config, AGENT_HEARD_GRACE, err);

	if (rc == 0 && !begun)
		rc = agent_heard_touch(watch->config, AGENT_HEARD_GRACE, agent_boot_ms(), 0, err);
	return rc;
}

static int open_all(struct watch *watch, struct dro_error *err)
{
	const struct agent_database *database = &watch->config->database;
	sigset_t set;
	int rc;

	if (!database->given)
		return dro_fail(err, DRO_EUNSUPPORTED, "the configuration names no database");
	if (watch->config->self_fence.given && !*database->boot_file)
		return dro_fail(err, DRO_EINVAL, "self_fence needs the database's boot_file");
	if (watch->config->self_fence.peer_count && !*database->replication_user)
		return dro_fail(
			err, DRO_EINVAL, "self_fence's peers are asked as replication.user");
	watch->driver = agent_driver_find(database->kind);
	if (!watch->driver)
		return dro_fail(err, DRO_EUNSUPPORTED, "no driver for %.64s", database->kind);
	if ((rc = dro_systemd_open(&watch->systemd, err)) < 0 || (rc = lock(watch, err)) < 0 ||
		(rc = give_grace(watch, err)) < 0 ||
		(rc = watch->driver->open(&watch->db, database, err)) < 0 ||
		(rc = agent_peers_start(
			 &watch->peers, watch->config, watch->driver, watch->log, err)) < 0)
		return rc;
	fill_signals(&set);
	watch->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return watch->signals < 0 ? dro_fail_errno(err, "signalfd") : 0;
}

int agent_watch(const struct agent_config *config, const struct dro_log *log, struct dro_error *err)
{
	struct watch watch = {.config = config, .log = log, .lock = -1, .signals = -1};
	int rc;

	if ((rc = open_all(&watch, err)) == 0)
		rc = loop(&watch, err);
	agent_peers_stop(watch.peers);
	if (watch.db)
		watch.driver->close(watch.db);
	if (watch.signals >= 0)
		close(watch.signals);
	dro_systemd_close(watch.systemd);
	if (watch.lock >= 0)
		close(watch.lock);
	return rc;
}
