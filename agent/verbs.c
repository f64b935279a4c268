/* The verbs of a session: whose word counts, then the driver, then the record of it. */
#include "agent/session.h"

#include <stdio.h>
#include <string.h>

#include "agent/check.h"
#include "agent/lease.h"
#include "agent/site.h"
#include "base/file.h"

#define PROTOCOL 1
#define BOOT_FILE_MAX 4096
#define SITE_MAX 256

static const char boot_text[] =
	"# Written by drorch-agent: this host boots fenced, and opens when it is told to.\n"
	"[mariadbd]\n"
	"read_only=ON\n";

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
	agent_facts_bool(facts, "fenced", lease.fenced);
	agent_facts_int(facts, "epoch", lease.epoch);
	agent_facts_text(facts, "pending", lease.pending);
out:
	dro_buf_free(&site);
	return rc;
}

/* ---- those that change something ---------------------------------------------------------- */

/* From the first verb on, a restart of the server leaves it read-only. */
static int keep_boot_file(const struct agent_config *config, struct dro_error *err)
{
	const char *path = config->database.boot_file;
	struct dro_buf now = DRO_BUF_INIT(BOOT_FILE_MAX);
	int rc = 0;

	if (*path &&
		(dro_file_read(&now, path, NULL) < 0 || strcmp(dro_buf_str(&now), boot_text) != 0))
		rc = dro_file_write(path, boot_text, strlen(boot_text), 0644, err);
	dro_buf_free(&now);
	return rc;
}

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
	} verbs[] = {{"status", driver->status}, {"position", driver->position},
		{"wait", driver->wait}, {"freeze", driver->freeze}, {"fence", driver->fence},
		{"thaw", driver->thaw}, {"promote", driver->promote}, {"follow", driver->follow}};
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
	if (is(request, "promote") && lease->fenced && lease->role == AGENT_ROLE_PRIMARY)
		return dro_fail(err, DRO_ESAFETY,
			"this host is a fenced primary: it follows another first");
	return 0;
}

static void note(const struct agent_request *request, struct agent_lease *lease)
{
	if (is(request, "promote"))
		lease->role = AGENT_ROLE_PRIMARY;
	if (is(request, "follow"))
		lease->role = AGENT_ROLE_REPLICA;
	if (is(request, "promote") || is(request, "follow") || is(request, "thaw"))
		lease->fenced = false;
}

static int change(struct agent_session *session, const struct agent_request *request,
	struct agent_facts *facts, uint64_t deadline_ms, struct dro_error *err)
{
	const struct agent_config *config = session->config;
	struct agent_lease lease;
	int rc;

	if ((rc = agent_lease_begin(&lease, config, request->epoch, request->verb->name,
		     is(request, "fence"), deadline_ms, err)) < 0)
		return rc;
	/* Where the server cannot be asked, a fence is at least one for its next start. */
	if ((rc = keep_boot_file(config, err)) < 0)
		return rc;
	agent_facts_int(facts, "epoch", lease.epoch);
	agent_facts_bool(facts, "boots_fenced", *config->database.boot_file != '\0');
	if ((rc = may(request, &lease, err)) == 0)
		rc = driver_verb(session->driver, request)(
			session->db, &request->ask, facts, deadline_ms, err);
	if (rc == 0) {
		note(request, &lease);
		return agent_lease_end(&lease, config, deadline_ms, err);
	}
	/* A refusal has ended it too; what may have changed something stays on record. */
	if (rc == DRO_EAGAIN || rc == DRO_ESAFETY || rc == DRO_EINVAL || rc == DRO_EUNSUPPORTED)
		agent_lease_end(&lease, config, deadline_ms, NULL);
	return rc;
}

int agent_verb_run(struct agent_session *session, const struct agent_request *request,
	struct agent_facts *facts, uint64_t deadline_ms, struct dro_error *err)
{
	if (is(request, "hello"))
		return hello(session, facts, deadline_ms, err);
	if (is(request, "check"))
		return agent_check(session, facts, deadline_ms, err);
	if (!session->driver)
		return dro_fail(err, DRO_EUNSUPPORTED, "the configuration names no database");
	if (request->verb->needs & AGENT_EPOCH)
		return change(session, request, facts, deadline_ms, err);
	return driver_verb(session->driver, request)(
		session->db, &request->ask, facts, deadline_ms, err);
}
