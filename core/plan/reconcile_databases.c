/* Databases: the active site's is open, and those of the sites that replicate follow it. */
#include <stdio.h>
#include <string.h>

#include "plan/differ.h"
#include "plan/replica.h"

#define OPEN_MS 30000
#define REJOIN_MS 120000

const struct dro_replication *differ_replication(
	const struct dro_site *active, const struct dro_site *site)
{
	return *site->follows ? &site->replication : &active->replication;
}

static void input_host(struct differ *differ, struct dro_step *step, const char *key,
	const struct dro_site *site, const struct dro_data_host *host, int port)
{
	dro_build_input_host(&differ->base, step, key, site, host, "", port);
}

static struct dro_step *add_step(struct differ *differ, const char *kind, const char *verb,
	const struct dro_site *site, const char *was, const char *wanted, int64_t timeout_ms)
{
	char id[300], text[300];
	struct dro_step *step;

	snprintf(text, sizeof(text), "%s-%s", verb, site->name);
	dro_build_id(id, sizeof(id), text);
	step = differ_step(differ, kind, site->name, timeout_ms, id);
	if (step)
		step->class = DRO_STEP_DATA_PLANE;
	differ_change(differ, &(struct dro_change){.thing = DRO_THING_DATABASE,
				      .action = DRO_ACTION_UPDATE,
				      .target = (char *)site->name,
				      .was = (char *)was,
				      .wanted = (char *)wanted,
				      .step = id,
				      .expected = true});
	return step;
}

/* Does any other site say, or fail to say, that it is the primary? Then the active one stays shut.
 */
static bool alone(const struct differ *differ, const struct dro_site *active)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i;

	for (i = 0; i < seen->site_count; i++) {
		const struct dro_data_host *host = &seen->databases[i];

		if (seen->sites[i].site != active && *host->name &&
			(!host->seen.answered || host->seen.primary))
			return false;
	}
	return true;
}

/*
 * The most that another site has received and the active one has not. A primary that died may have
 * dropped writes that its replica has, and guests were told of: it must not go on without them.
 */
static int64_t ahead_of(const struct differ *differ, const struct dro_data_host *active)
{
	const struct dro_observed *seen = differ->facts->seen;
	int64_t most = 0, missing;
	size_t i;

	for (i = 0; i < seen->site_count; i++) {
		const struct dro_database_seen *other = &seen->databases[i].seen;

		missing = dro_position_missing(*other->received ? other->received : other->position,
			active->seen.position);
		most = missing > most ? missing : most;
	}
	return most;
}

/* It booted, or was cut off and fenced itself: it opens when nobody else can be open. */
static void open_active(
	struct differ *differ, const struct dro_site *site, const struct dro_data_host *host)
{
	struct dro_step *step;
	int64_t ahead;

	if (!host->seen.primary) {
		differ_finding(differ, DRO_FINDING_LEFT, site->name,
			"is the active site, and its database is a replica: `drorch promote` makes "
			"another one active, or this one's agent is told by hand");
		return;
	}
	if (!host->seen.read_only && !host->seen.fenced)
		return;
	if (!alone(differ, site)) {
		differ_finding(differ, DRO_FINDING_LEFT, site->name,
			"takes no writes, and stays so: not every other site says that it is a "
			"replica");
		return;
	}
	ahead = ahead_of(differ, host);
	if (ahead > 0) {
		differ_finding(differ, DRO_FINDING_LEFT, site->name,
			"takes no writes, and stays so: it lacks %lld that a standby has. `drorch "
			"promote` "
			"the standby, then `drorch rejoin %s`",
			(long long)ahead, site->name);
		return;
	}
	step = add_step(differ, "database.thaw", "open", site,
		host->seen.fenced ? "fenced" : "read-only", "open", OPEN_MS);
	if (step)
		input_host(differ, step, "host", site, host, 3306);
}

/* Why the site's database is not the replica that it should be; "" : it is. */
static void fault_of(char *out, size_t size, const struct dro_data_host *active,
	const struct dro_data_host *host, const struct dro_replication *how)
{
	const struct dro_database_seen *seen = &host->seen;

	*out = '\0';
	if (seen->primary)
		snprintf(out, size, "a primary%s",
			seen->fenced	  ? ", fenced"
			: seen->read_only ? ", read-only"
					  : " that is OPEN");
	else if (strcmp(seen->follows, active->address) != 0 || seen->follows_port != how->port)
		snprintf(out, size, "follows %s", *seen->follows ? seen->follows : "nobody");
	else if (!seen->replicates)
		snprintf(out, size, "replication is broken%s%.200s", *seen->trouble ? ": " : "",
			seen->trouble);
	else if (how->mode == DRO_REPLICATION_SEMI_SYNC && !active->seen.semi_sync)
		snprintf(out, size, "follows, but writes do not wait for it");
}

static void follow(struct differ *differ, const struct dro_site *active,
	const struct dro_data_host *active_host, const struct dro_site *site,
	const struct dro_data_host *host)
{
	const struct dro_replication *how = differ_replication(active, site);
	char was[300], wanted[200];
	struct dro_step *step;

	fault_of(was, sizeof(was), active_host, host, how);
	if (!*was)
		return;
	if (!active_host->seen.answered || !active_host->seen.primary) {
		differ_finding(differ, DRO_FINDING_LEFT, site->name, "%s", was);
		return;
	}
	snprintf(wanted, sizeof(wanted), "follows %s", active->name);
	step = add_step(differ, "database.rejoin", "follow", site, was, wanted, REJOIN_MS);
	if (!step)
		return;
	input_host(differ, step, "host", site, host, how->port);
	input_host(differ, step, "primary", active, active_host, how->port);
	/* What throws writes away is for a person to ask for: `drorch rejoin`. */
	dro_build_input(&differ->base, step, "allow", "follow");
	dro_build_input_json(&differ->base, step, "semi_sync",
		cJSON_CreateBool(how->mode == DRO_REPLICATION_SEMI_SYNC));
}

/* Then it is made to follow at the end of that. */
static bool is_resized(const struct differ *differ, const struct dro_site *site)
{
	char id[200];

	snprintf(id, sizeof(id), "guard-%s", site->name);
	return dro_plan_step(differ->base.plan, id) != NULL;
}

void differ_databases(struct differ *differ)
{
	const struct dro_observed *seen = differ->facts->seen;
	const struct dro_data_host *active = NULL;
	const struct dro_site *active_site = NULL;
	size_t i;

	for (i = 0; seen->databases && i < seen->site_count; i++) {
		const struct dro_data_host *host = &seen->databases[i];

		if (*host->name && !host->seen.answered && strcmp(host->state, "running") == 0)
			differ_finding(differ, DRO_FINDING_UNKNOWN, seen->sites[i].site->name,
				"its database could not be asked: %s", host->seen.error);
		if (*host->name &&
			strcmp(seen->sites[i].site->name, dro_reconcile_data(differ->facts)) == 0) {
			active = host;
			active_site = seen->sites[i].site;
		}
	}
	if (!active)
		return;
	if (active->seen.answered)
		open_active(differ, active_site, active);
	for (i = 0; i < seen->site_count; i++)
		/* A cold one's hosts are ended. */
		if (seen->sites[i].site != active_site && seen->databases[i].seen.answered &&
			seen->sites[i].site->strategy != DRO_STRATEGY_BACKUP_RESTORE &&
			!is_resized(differ, seen->sites[i].site))
			follow(differ, active_site, active, seen->sites[i].site,
				&seen->databases[i]);
}
