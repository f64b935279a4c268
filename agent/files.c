#include "agent/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/lock.h"
#include "agent/ssh.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"

#define LOCK "files.lock"     /* who fetches, or sees to it that nobody does */
#define RUNNING "files.rsync" /* held by each of rsync's processes, also by those that we left */
#define IN_USE 75	      /* flock's status where it is held */
#define WORDS_MAX 48
#define SOCKET_MAX 80 /* ssh adds to it, and a socket's path has 107 */
#define GRACE_MS 500  /* for rsync to put what has come so far where it finds it again */

/* What rsync has told so far. */
struct tally {
	int64_t files, bytes, deleted;
};

struct fetch {
	const struct agent_config *config;
	char host[256];
	struct dro_buf shell; /* rsync's -e */
	char *lock;	      /* RUNNING's path */
	int watch;	      /* can be read once a verb has begun */
	bool keep;	      /* the connection, for the next fetch */
	bool other;	      /* the last whole fetch was of another host, or there was none */
	uint64_t begun_ms, deadline_ms;
	struct tally tally;
};

/* ---- whose word ------------------------------------------------------------------------------ */

static int may(const struct agent_lease *lease, int64_t epoch, struct dro_error *err)
{
	if (epoch && epoch < lease->epoch)
		return dro_fail(err, DRO_ESAFETY,
			"epoch %lld is over: this host has heard of epoch %lld", (long long)epoch,
			(long long)lease->epoch);
	if (lease->role != AGENT_ROLE_REPLICA)
		return dro_fail(err, DRO_ESAFETY, "this host is a primary: it has its own files");
	/* What these have half done, they may go on with. */
	if (strcmp(lease->pending, "promote") == 0 || strcmp(lease->pending, "rejoin") == 0)
		return dro_fail(err, DRO_ESAFETY, "%s has begun and has not ended", lease->pending);
	return 0;
}

/* Whom the database follows; it need not do so well. */
static int find_host(struct agent_session *session, char *out, size_t size, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct agent_ask ask = {.position = "", .host = ""};
	const cJSON *replica = NULL;
	struct agent_facts facts;
	const char *host;
	int rc;

	agent_facts_init(&facts);
	if ((rc = session->driver->health(session->db, &ask, &facts, deadline_ms, err)) < 0)
		goto out;
	dro_json_object(facts.json, "replica", &replica, NULL);
	host = dro_json_text(replica, "host");
	if (!*host || strlen(host) >= size)
		rc = dro_fail(err, DRO_ECONFLICT, "the database follows nobody");
	else
		snprintf(out, size, "%s", host);
out:
	agent_facts_fini(&facts);
	return rc;
}

/* ---- rsync ----------------------------------------------------------------------------------- */

/* "%i %l": what was done to an entry, and its length. */
static void count(void *arg, const char *line, bool error)
{
	struct tally *tally = arg;
	const char *length = strrchr(line, ' ');

	if (error)
		return;
	if (strncmp(line, "*deleting", 9) == 0)
		tally->deleted++;
	if (strncmp(line, ">f", 2) != 0)
		return;
	tally->files++;
	tally->bytes += length ? strtoll(length, NULL, 10) : 0;
}

/* A word as rsync takes its -e apart. */
static void add_word(struct dro_buf *out, const char *word)
{
	dro_buf_puts(out, out->length ? " '" : "'");
	for (; *word; word++)
		dro_buf_printf(out, *word == '\'' ? "%c'" : "%c", *word);
	dro_buf_puts(out, "'");
}

/* A connection that is kept is one host's: ssh does not look whose it is. "" : too long a path. */
static void socket_path(char out[SOCKET_MAX], const struct fetch *fetch)
{
	char digest[DRO_SHA256_HEX] = "";

	*out = '\0';
	if (!fetch->keep || dro_sha256_hex(digest, fetch->host, strlen(fetch->host)) < 0)
		return;
	if (snprintf(out, SOCKET_MAX, "%s/ssh-%.8s", fetch->config->state, digest) >= SOCKET_MAX)
		*out = '\0';
}

static int make_shell(struct fetch *fetch, struct dro_error *err)
{
	char control[SOCKET_MAX];
	struct agent_ssh_line ssh;
	size_t i;
	int rc;

	socket_path(control, fetch);
	if ((rc = agent_ssh_line(&ssh, &fetch->config->files.ssh, control, err)) < 0)
		return rc;
	for (i = 0; ssh.words[i]; i++)
		add_word(&fetch->shell, ssh.words[i]);
	return dro_buf_check(&fetch->shell, err);
}

/* What rsync's end means: `rc` and `status` as agent_child_run has them. */
static int judge(const struct fetch *fetch, int rc, int status, struct dro_error *err)
{
	static const int unreachable[] = {5, 10, 12, 30, 35, 255};
	size_t i;

	if (rc == DRO_ECANCELLED)
		return dro_fail(err, DRO_EAGAIN, "another verb has begun meanwhile");
	if (rc == DRO_ETIMEDOUT)
		return dro_fail(err, DRO_ETIMEDOUT, "not all files came in time");
	if (rc == DRO_EIO && status == 24) /* some went while it ran: at the other host, too */
		return 0;
	if (rc == DRO_EIO && status == IN_USE)
		return dro_fail(err, DRO_EAGAIN, "an earlier fetch has not ended");
	for (i = 0; rc == DRO_EIO && i < sizeof(unreachable) / sizeof(unreachable[0]); i++)
		if (status == unreachable[i])
			rc = err ? (err->code = DRO_EAGAIN) : DRO_EAGAIN;
	return rc < 0 ? dro_error_context(err, "the files of %s", fetch->host) : 0;
}

/* Two versions of one second differ in their nanoseconds, and may in nothing else that is seen. */
static int run(struct fetch *fetch, const char *from, const char *to, const char *old,
	struct dro_error *err)
{
	const char *argv[WORDS_MAX] = {"flock", "--no-fork", "--nonblock", "--conflict-exit-code",
		"75", fetch->lock, "rsync", "--archive", "--delete-delay", "--modify-window=-1",
		"--partial-dir=.drorch-partial", "--timeout=10", "--outbuf=L", "--out-format=%i %l",
		"-e", fetch->shell.data, fetch->other ? "--backup" : "--no-backup",
		fetch->other ? old : "--no-backup", "--", from, to, NULL};
	uint64_t now = dro_now_ms(), left = fetch->deadline_ms - now;
	struct agent_child child = {.argv = argv,
		.line = count,
		.arg = &fetch->tally,
		.stop = fetch->watch,
		.grace_ms = GRACE_MS};
	int rc, status = -1;

	if (now >= fetch->deadline_ms)
		return judge(fetch, DRO_ETIMEDOUT, status, err);
	child.status = &status;
	child.deadline_ms = fetch->deadline_ms - (left > 2 * GRACE_MS ? GRACE_MS : left / 2);
	rc = agent_child_run(&child, err);
	return judge(fetch, rc, status, err);
}

static int fetch_directory(
	struct fetch *fetch, const struct agent_directory *directory, struct dro_error *err)
{
	const struct agent_ssh *ssh = &fetch->config->files.ssh;
	const char *there = *directory->from ? directory->from : directory->path;
	bool numeric = strchr(fetch->host, ':') != NULL;
	char *from = NULL, *to = NULL, *old = NULL;
	int rc;

	if (asprintf(&from, "%s@%s%s%s:%s%s", ssh->user, numeric ? "[" : "", fetch->host,
		    numeric ? "]" : "", there, there[strlen(there) - 1] == '/' ? "" : "/") < 0)
		from = NULL;
	if (asprintf(&to, "%s/", directory->path) < 0)
		to = NULL;
	if (asprintf(&old, "--backup-dir=%s.drorch-old", directory->path) < 0)
		old = NULL;
	rc = from && to && old ? run(fetch, from, to, old, err)
			       : dro_fail(err, DRO_ENOMEM, "out of memory");
	free(from);
	free(to);
	free(old);
	return rc;
}

static int fetch_all(struct fetch *fetch, struct dro_error *err)
{
	const struct agent_files *files = &fetch->config->files;
	size_t i;
	int rc = make_shell(fetch, err);

	fetch->lock = dro_path_join(fetch->config->state, RUNNING);
	if (rc == 0 && !fetch->lock)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; rc == 0 && i < files->count; i++)
		rc = fetch_directory(fetch, &files->directories[i], err);
	return rc;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void tell(struct agent_facts *facts, const struct fetch *fetch,
	const struct agent_files_last *before, int64_t at_ms)
{
	agent_facts_text(facts, "from", fetch->host);
	agent_facts_int(facts, "files", fetch->tally.files);
	agent_facts_int(facts, "bytes", fetch->tally.bytes);
	agent_facts_int(facts, "deleted", fetch->tally.deleted);
	agent_facts_bool(facts, "kept", fetch->other);
	agent_facts_int(facts, "ms", (int64_t)(dro_now_ms() - fetch->begun_ms));
	if (before->at_ms)
		agent_facts_int(facts, "last_age_ms", at_ms - before->at_ms);
	else
		agent_facts_null(facts, "last_age_ms");
}

/* Under the lock. */
static int fetch_now(struct agent_session *session, struct fetch *fetch, int64_t epoch,
	struct agent_facts *facts, struct dro_error *err)
{
	const struct agent_config *config = session->config;
	struct agent_files_last before, last = {0};
	struct agent_lease lease;
	int rc;

	/* Watched before it is read: no verb begins in between. */
	if ((rc = fetch->watch = agent_lease_watch(config, err)) < 0 ||
		(rc = agent_lease_read(&lease, config, fetch->deadline_ms, err)) < 0 ||
		(rc = may(&lease, epoch, err)) < 0 ||
		(rc = find_host(
			 session, fetch->host, sizeof(fetch->host), fetch->deadline_ms, err)) < 0 ||
		(rc = agent_files_last_read(&before, config, err)) < 0)
		return rc;
	fetch->other = !before.at_ms || strcmp(before.from, fetch->host) != 0;
	last.at_ms = dro_wall_ms();
	rc = fetch_all(fetch, err);
	tell(facts, fetch, &before, last.at_ms);
	if (rc < 0)
		return rc;
	last.files = fetch->tally.files;
	last.bytes = fetch->tally.bytes;
	snprintf(last.from, sizeof(last.from), "%s", fetch->host);
	return agent_files_last_write(&last, config, err);
}

int agent_files_fetch(struct agent_session *session, int64_t epoch, struct agent_facts *facts,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct fetch fetch = {.config = session->config,
		.shell = DRO_BUF_INIT(16384),
		.watch = -1,
		.keep = epoch != 0,
		.begun_ms = dro_now_ms(),
		.deadline_ms = deadline_ms};
	int lock, rc;

	if (!session->config->files.given || !session->driver)
		return dro_fail(err, DRO_EUNSUPPORTED, "the configuration names no files");
	lock = agent_lock(session->config, LOCK, deadline_ms, err);
	rc = lock < 0 ? lock : fetch_now(session, &fetch, epoch, facts, err);
	if (fetch.watch >= 0)
		close(fetch.watch);
	if (lock >= 0)
		close(lock);
	free(fetch.lock);
	dro_buf_free(&fetch.shell);
	return rc;
}

int agent_files_stop(const struct agent_config *config, uint64_t deadline_ms, struct dro_error *err)
{
	static const char *const names[] = {LOCK, RUNNING};
	int fd, rc = 0;
	size_t i;

	for (i = 0; config->files.given && rc == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		fd = agent_lock(config, names[i], deadline_ms, err);
		if (fd < 0)
			rc = dro_error_context(err, "a fetch of files goes on");
		else
			close(fd);
	}
	return rc;
}
