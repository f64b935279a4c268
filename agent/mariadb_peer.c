/* What a watch asks: may the local server be written to, and does a peer follow it? */
#include "agent/mariadb.h"

#include <stdlib.h>
#include <string.h>

/* ---- the local server --------------------------------------------------------------------- */

int agent_mariadb_look(
	void *arg, struct agent_look *out, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_error failure = DRO_ERROR_INIT;
	struct agent_mariadb *db = arg;
	int64_t value = 0;
	int rc;

	out->away = false;
	out->writable = true;
	if ((rc = agent_mariadb_begin(db, deadline_ms, &failure)) < 0 ||
		(rc = agent_mariadb_int(db, &value,
			 "SELECT @@global.read_only * 4294967296 + @@global.server_id", deadline_ms,
			 &failure)) < 0) {
		out->away = agent_mariadb_away(&failure);
		out->writable = !out->away;
		return dro_fail(err, failure.code, "%s", failure.message);
	}
	out->writable = value >> 32 == 0;
	out->id = value & 0xffffffff;
	return 0;
}

/* ---- a peer ------------------------------------------------------------------------------- */

struct peer {
	struct agent_mariadb db; /* first: `close` frees it as such */
	/*
	 * By what name the peer calls the server `id`: as it did while it was connected to it. The
	 * id alone is that of whom it reached last, also when it was told to follow another since.
	 */
	char host[256];
	int64_t port;
};

int agent_mariadb_open_peer(void **out, const struct agent_database *config, const char *host,
	int port, struct dro_error *err)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	peer->db.config = config;
	peer->db.host = host;
	peer->db.port = port;
	*out = peer;
	return 0;
}

int agent_mariadb_confirms(
	void *arg, int64_t id, bool *yes, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_replica replica;
	struct peer *peer = arg;
	int rc;

	*yes = false;
	if ((rc = agent_mariadb_begin(&peer->db, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_replica(&peer->db, &replica, deadline_ms, err)) < 0)
		return rc;
	if (!replica.configured || replica.primary_id != id)
		return 0;
	if (replica.io) {
		memcpy(peer->host, replica.host, sizeof(peer->host));
		peer->port = replica.port;
	}
	/* One that was stopped has withdrawn its word. */
	*yes = replica.io || (replica.connecting && replica.port == peer->port &&
				     strcmp(replica.host, peer->host) == 0);
	return 0;
}
