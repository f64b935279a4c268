/* The verbs of a session: whose word counts, then the driver, then the record of it. */
#include "agent/session.h"

#include <stdio.h>
#include <string.h>

#include "agent/bootfile.h"
#include "agent/check.h"
#include "agent/files.h"
#include "agent/guard.h"
#include "agent/heard.h"
#include "agent/rejoin.h"
#include "agent/site.h"

#define PROTOCOL 1
#define SITE_MAX 256

/* ---- those that only look ----------------------------------------------------------------- */

static int hello(struct agent_session *session, struct agent_facts *facts, uint64_t deadline_ms,
	struct dro_error *err)
{
	const struct agent_config *config = session->config;
	struct dro_buf site = DRO_BUF_INIT(SITE_MAX);
	struct agent_lease lease;
	int rc;

	if ((rc = agent_site_read(&site, config, err)) < 0 ||
		(rc = agent_lease_read(&lease, config, deadline_ms, err)) < 0)
		goto out;
	agent_facts_int(facts, "protocol", PROTOCOL);
	agent_facts_text(facts, "version", DRORCH_VERSION);
	agent_facts_text(facts, "service", config->service);
	agent_facts_text(facts, "site", dro_buf_str(&site));
	agent_facts_text(facts, "database", session->driver ? session->driver->name : "");
	agent_facts_text(facts, "role", agent_role_name(lease.role));
	agent_facts_int(facts, "epoch", lease.epoch);
	agent_facts_text(facts, "pending", lease.pending);
	rc = agent_guard_facts(facts, config, &lease, err);
out:
	dro_buf_free(&site);
	return rc;
}

/* ---- those that change something ---------------------------------------------------------- */

static bool is(const struct agent_request *request, const char *name)
{
	return strcmp(request->verb->name, name) == 0;
}

static agent_driver_verb *driver_verb(
	const struct agent_driver *driver, const struct agent_request *request)
{
	const struct {
		const char *name;
		agent_driver_verb *run;
	} verbs[] = {{"position", driver->position}, {"wait", driver->wait},
		{"freeze", driver->freeze}, {"fence", driver->fence}, {"thaw", driver->thaw},
		{"promote", driver->promote}, {"follow", driver->follow},
		{"withdraw", driver->withdraw}, {"rejoin", driver->rejoin}};
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (is(request, verbs[i].name))
			return verbs[i].run;
	return NULL;
}

/* Do role and fence let it? */
static int may(
	const struct agent_request *request, const struct agent_lease *lease, struct dro_error *err)
{
	if (is(request, "thaw") && lease->role != AGENT_ROLE_PRIMARY)
		return dro_fail(err, DRO_ESAFETY, "this host is a replica: thaw opens a primary");
	if (is(request, "thaw") && lease->fenced && !request->unfence)
		return dro_fail(err, DRO_ESAFETY,
			"this host is fenced: \"unfence\" says that this is meant");
	if (is(request, "withdraw") && lease->role != AGENT_ROLE_REPLICA)
		return dro_fail(err, DRO_ESAFETY, "this host is a primary: it confirms none");
	if (is(request, "promote") && lease->fenced && lease->role == AGENT_ROLE_PRIMARY)
		return dro_fail(err, DRO_ESAFETY,
			"this host is a fenced primary: it follows another first");
	return 0;
}

static bool ends_fence(const struct agent_request *request)
{
	return is(request, "promote") || is(request, "follow") || is(request, "rejoin") ||
	       is(request, "thaw");
}

/*
 * What a rejoin has half done, only a rejoin ends. And a word that may have waited here, on a host
 * that was frozen, for so long that others count on it being closed, opens nothing.
 */
static int may_now(const struct agent_request *request, const struct agent_session *session,
	struct dro_error *err)
{
	const struct agent_config *config = session->config;
	struct agent_rejoin rejoin;
	int rc;

	if (config->self_fence.given && (is(request, "thaw") || is(request, "promote")) &&
		agent_boot_ms() - session->proven_ms > config->self_fence.after_ms)
		return dro_fail(err, DRO_EAGAIN,
			"this session was silent for longer than self_fence's after, so that this "
			"may have waited here: ask again");
	if (!ends_fence(request) || is(request, "rejoin"))
		return 0;
	if ((rc = agent_rejoin_read(&rejoin, config, err)) == 0 && rejoin.begun)
		rc = dro_fail(err, DRO_ESAFETY,
			"a rejoin has begun and has not ended: another rejoin goes on with it");
	return rc;
}

static enum agent_role role_after(const struct agent_request *request, enum agent_role now)
{
	if (is(request, "promote"))
		return AGENT_ROLE_PRIMARY;
	return is(request, "follow") || is(request, "rejoin") ? AGENT_ROLE_REPLICA : now;
}

/* What may have changed something stays on record; a refusal has ended it too. */
static bool changed_nothing(int rc)
{
	return rc == DRO_EAGAIN || rc == DRO_ESAFETY || rc == DRO_EINVAL || rc == DRO_EUNSUPPORTED;
}

/* A request that could not be counted is served all the same. */
static void heard(struct agent_session *session, int64_t at_ms, int64_t instead_of)
{
	struct dro_error err = DRO_ERROR_INIT;

	if (agent_heard_touch(session->config, AGENT_HEARD_CONTROLLER, at_ms, instead_of, &err) < 0)
		dro_log(session->log, DRO_LOG_WARNING, "a request was not counted: %s",
			err.message);
}

static int run_change(struct agent_session *session, const struct agent_request *request,
	struct agent_turn *turn, struct agent_facts *facts, uint64_t deadline_ms,
	struct dro_error *err)
{
	const struct agent_config *config = session->config;
	struct agent_ask ask = request->ask;
	int rc;

	/* Where the server cannot be asked, a fence is at least one for its next start. */
	if ((rc = agent_boot_file_keep(&config->database, NULL, err)) < 0)
		return rc;
	agent_facts_int(facts, "epoch", turn->lease.epoch);
	agent_facts_bool(facts, "boots_fenced", *config->database.boot_file != '\0');
	ask.turn = turn;
	if ((rc = may(request, &turn->lease, err)) == 0 &&
		(rc = may_now(request, session, err)) == 0 && is(request, "promote"))
		rc = agent_files_stop(config, deadline_ms, err);
	if (rc == 0)
		rc = driver_verb(session->driver, request)(
			session->db, &ask, facts, deadline_ms, err);
	if (rc < 0) {
		if (changed_nothing(rc))
			agent_lease_end(&turn->lease, config, deadline_ms, NULL);
		return rc;
	}
	turn->lease.role = turn->role;
	if (ends_fence(request)) {
		turn->lease.fenced = false;
		turn->lease.self_fenced_ms = 0;
	}
	return agent_lease_end(&turn->lease, config, deadline_ms, err);
}

static int change(struct agent_session *session, const struct agent_request *request,
	struct agent_facts *facts, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_turn turn = {.config = session->config, .cause = request->verb->name};
	int64_t until = session->proven_ms, now;
	int rc;

	/* Whoever asks for it counts on this host for so long as he lets it take. Written before
	 * the verb has begun, so that no watch fences in between. */
	if (!(request->verb->takes & AGENT_LONG))
		until += request->deadline_ms;
	if ((rc = agent_lease_read(&turn.lease, session->config, deadline_ms, err)) < 0)
		return rc;
	if (request->epoch >= turn.lease.epoch)
		heard(session, until, 0);
	if ((rc = agent_lease_begin(&turn.lease, session->config, request->epoch,
		     request->verb->name, is(request, "fence"), deadline_ms, err)) < 0)
		return rc;
	turn.role = role_after(request, turn.lease.role);
	rc = run_change(session, request, &turn, facts, deadline_ms, err);
	now = agent_boot_ms();
	if (now < until)
		heard(session, now, until);
	return rc;
}

/* Only looks: where it says an epoch, an older one does not count. */
static int count_look(struct agent_session *session, const struct agent_request *request,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_lease lease = {0};
	int rc = 0;

	if (request->epoch)
		rc = agent_lease_read(&lease, session->config, deadline_ms, err);
	if (rc == 0 && (!request->epoch || request->epoch >= lease.epoch))
		heard(session, session->proven_ms, 0);
	return rc;
}

static int status(struct agent_session *session, const struct agent_request *request,
	struct agent_facts *facts, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_lease lease;
	int rc;

	if ((rc = agent_lease_read(&lease, session->config, deadline_ms, err)) < 0 ||
		(rc = agent_guard_facts(facts, session->config, &lease, err)) < 0 ||
		(rc = agent_files_facts(facts, session->config, err)) < 0)
		return rc;
	return session->driver->status(session->db, &request->ask, facts, deadline_ms, err);
}

int agent_verb_run(struct agent_session *session, const struct agent_request *request,
	struct agent_facts *facts, uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	/* The database stays as it is: it takes no turn from the verbs that change it. */
	if (is(request, "sync-files"))
		return (rc = count_look(session, request, deadline_ms, err)) < 0
			       ? rc
			       : agent_files_fetch(
					 session, request->epoch, facts, deadline_ms, err);
	if (request->verb->needs & AGENT_EPOCH) {
		if (!session->driver)
			return dro_fail(
				err, DRO_EUNSUPPORTED, "the configuration names no database");
		return change(session, request, facts, deadline_ms, err);
	}
	if ((rc = count_look(session, request, deadline_ms, err)) < 0)
		return rc;
	if (is(request, "hello"))
		return hello(session, facts, deadline_ms, err);
	if (is(request, "check"))
		return agent_check(session, facts, deadline_ms, err);
	if (!session->driver)
		return dro_fail(err, DRO_EUNSUPPORTED, "the configuration names no database");
	if (is(request, "status"))
		return status(session, request, facts, deadline_ms, err);
	return driver_verb(session->driver, request)(
		session->db, &request->ask, facts, deadline_ms, err);
}
