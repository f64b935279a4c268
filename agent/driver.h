/*
 * Database drivers: what a session's verbs ask of a database on this host.
 *
 * A handle keeps one connection, opened when a verb needs it and again after it broke. Every call
 * ends by `deadline_ms` (CLOCK_MONOTONIC), also where the server hangs. Codes:
 *   DRO_EAGAIN    nothing was changed: the server is away, or what runs there did not let us
 *   DRO_ETIMEDOUT the outcome is not known: look (status) or repeat, every call may be repeated
 *   DRO_ECONFLICT the database is in another state; DRO_ESAFETY: writes would be lost or doubled
 *   DRO_EAUTH     the account is refused, or lacks a grant
 * `out` gets what was found, also beside an error. A call that changes something ends what an
 * earlier session of the agent left running in the server before it begins, so that a late
 * statement of a killed one cannot undo it. Calls of one handle: one thread at a time.
 */
#ifndef AGENT_DRIVER_H
#define AGENT_DRIVER_H

#include "agent/config.h"
#include "agent/facts.h"
#include "agent/roles.h"

/* How far a rejoin may go; each is harder on the host than the one before. */
enum agent_way { AGENT_FOLLOW, AGENT_FLASHBACK, AGENT_RESEED };
const char *agent_way_name(enum agent_way way);

/* What a verb was told; "" and 0 where it was not. */
struct agent_ask {
	const char *position; /* GTIDs that must be there: wait, promote */
	const char *host;     /* whom to follow */
	int port;
	bool semi_sync; /* promote: commits wait for a replica, once one is attached */
	enum agent_way allow;
	const struct agent_turn *turn; /* of a verb that changes something */
};

/* What a watch looks at, each second. */
struct agent_look {
	bool away;     /* no server runs: it accepts nothing; else the look failed or counts */
	bool writable; /* true as well where it could not be told */
	int64_t id;    /* by which a peer knows this server; 0: not known */
};

typedef int agent_driver_verb(void *db, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err);

struct agent_driver {
	const char *name; /* `kind` of the configuration's database */
	/* Makes no call. `config` must outlive the handle. */
	int (*open)(void **out, const struct agent_database *config, struct dro_error *err);
	void (*close)(void *db); /* NULL-safe */

	agent_driver_verb *status;   /* roles, positions, replication, semi-sync */
	agent_driver_verb *freeze;   /* no write is accepted any more; connections of others end */
	agent_driver_verb *position; /* what was written here: "position" */
	agent_driver_verb *wait;     /* until this replica has applied `position` */
	agent_driver_verb *promote; /* a replica that has applied all it received becomes primary */
	agent_driver_verb *follow;  /* becomes, or stays, the replica of host:port */
	agent_driver_verb *thaw;    /* accepts writes again */
	agent_driver_verb *fence;   /* as freeze, but cuts what runs instead of waiting for it */
	/* "connections" (used, max) and "replica" as in status. */
	agent_driver_verb *health;
	/* A replica receives nothing more, so that it confirms no primary (`confirms`). */
	agent_driver_verb *withdraw;
	/* Becomes the replica of host:port by the gentlest way up to `allow`; "way", "why". */
	agent_driver_verb *rejoin;

	/* What a watch asks. */
	int (*look)(void *db, struct agent_look *out, uint64_t deadline_ms, struct dro_error *err);
	/* A handle of a peer's server, for `confirms` and `close` alone; `host` is not copied. */
	int (*open_peer)(void **out, const struct agent_database *config, const char *host,
		int port, struct dro_error *err);
	/* Does it follow the server `id`? Its name may be looked up, without any deadline. */
	int (*confirms)(
		void *peer, int64_t id, bool *yes, uint64_t deadline_ms, struct dro_error *err);
};

/* The driver of that name; NULL: none. */
const struct agent_driver *agent_driver_find(const char *name);

#endif
