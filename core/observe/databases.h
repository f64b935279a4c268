/*
 * The sites' databases, asked through their agents; and what is remembered of them, as facts of the
 * service in the store: "recovery-point", what was last heard of the primary, and "databases", all
 * of them,
 *
 *   {"at_ms":N,"site":"main","position":"0-1-42","semi_sync":true,"self_fence_ms":0}
 *   {"at_ms":N,"sites":[{"site","host","error"}|{"site","host","role","fenced","open","position",…}]}
 */
#ifndef DRORCH_OBSERVE_DATABASES_H
#define DRORCH_OBSERVE_DATABASES_H

#include "model/database.h"
#include "observe/accounts.h"
#include "session/session.h"
#include "store/store.h"

/* Has the service a site that replicates another one's data? */
bool dro_service_replicates(const struct dro_service *service);

/* Where the site's data is. The provider is asked for a moment, else what is known of it counts;
 * DRO_ENOTFOUND where nothing is. `addresses` (may be NULL): an array that gets those of all of the
 * first group that run. */
int dro_data_host_find(struct dro_data_host *out, cJSON *addresses, struct dro_accounts *accounts,
	struct dro_store *store, const struct dro_service *service, const struct dro_site *site,
	uint64_t deadline_ms, struct dro_error *err);

/* The session's view of a data host. Its strings are the host's and the spec's. */
struct dro_session_host dro_data_host_session(const struct dro_data_host *host,
	const struct dro_service *service, const struct dro_site *site);

/* Fills host->seen. A host that does not answer is a result, not an error. */
void dro_database_look(struct dro_data_host *host, struct dro_sessions *sessions,
	const struct dro_service *service, const struct dro_site *site, uint64_t deadline_ms);

/*
 * Looks at those of all sites that have an agent, side by side: *out is beside service->sites, one
 * without a name has none. To be freed. NULL where the service replicates nothing.
 */
int dro_databases_look(struct dro_data_host **out, struct dro_sessions *sessions,
	struct dro_store *store, const struct dro_service *service, uint64_t deadline_ms,
	struct dro_error *err);

/* Remembers the primary as it was seen just now. */
int dro_recovery_point_set(struct dro_store *store, const struct dro_service *service,
	const struct dro_site *site, const struct dro_database_seen *seen, int64_t now_ms,
	struct dro_error *err);
/* All of `hosts`, which are beside service->sites; and the point of the active one, where it
 * answered and is a primary. */
int dro_databases_remember(struct dro_store *store, const struct dro_service *service,
	const struct dro_data_host *hosts, const char *active, int64_t now_ms,
	struct dro_error *err);
/* All zero where nothing is known, or what is known cannot be read. */
void dro_recovery_point_get(
	struct dro_recovery_point *out, struct dro_store *store, const struct dro_service *service);

#endif
