/* Promote: from what is known to the graph of steps. Pure. */
#ifndef DRORCH_PLAN_PROMOTE_H
#define DRORCH_PLAN_PROMOTE_H

#include "model/backup.h"
#include "model/database.h"
#include "model/graph.h"
#include "model/page.h"
#include "model/service.h"

enum dro_promote_mode {
	DRO_PROMOTE_COLD,	/* rebuilt from a backup */
	DRO_PROMOTE_SWITCHOVER, /* both sites are well: nothing is lost */
	DRO_PROMOTE_FAILOVER,	/* the old one is gone: what the new one has is what there is */
	DRO_PROMOTE_TRAFFIC,	/* no data moves: to a page, or from it to the site behind it */
};

const char *dro_promote_mode_name(enum dro_promote_mode mode);

/* What one of the service's names points at before the promote. */
struct dro_traffic_seen {
	const struct dro_traffic *traffic;
	char **values; /* what the record holds now */
	size_t value_count;
	char *owner; /* the mark it carries, or "" */
	bool there;  /* it is there, an address or not: `values` are addresses alone */
	bool known;  /* its provider could be asked */
};

/* An instance of the new site, as its provider told last. */
struct dro_site_member {
	const char *id, *group, *type; /* "" where it is not known */
	bool stopped;
};

/* What was observed before anything moves. All of it belongs to the caller. */
struct dro_promote_facts {
	const struct dro_spec *spec;
	const struct dro_service *service;
	const struct dro_site *from, *to; /* `from` has the data: the active site, or, while that is
					     a page, the one behind it */
	const struct dro_site *shown;	  /* that page; NULL: none */
	struct dro_page_place shown_at;
	const char *const *from_addresses; /* while it is shown: those of `from`, for no name
					      leads there */
	size_t from_address_count;
	enum dro_promote_mode mode;
	const struct dro_traffic_seen *traffic; /* beside service->traffic */
	bool from_answers;			/* the old site passes its health check */
	const char *from_heard;			/* what it said */
	int64_t last_promote_ms;		/* wall clock; 0: never */
	int64_t now_ms;
	int64_t epoch; /* the run's lease will have this one, or a later one; 0: not known */

	/* cold */
	const struct dro_backup_policy *policy;
	const struct dro_backup *backup;
	bool backup_stale;
	/* beside to->groups: the provider's image ids; where the site grows NULL for one that is
	 * not known */
	const char *const *images;

	/* switchover, failover */
	struct dro_data_host from_host, to_host;
	struct dro_recovery_point last; /* what was heard of the old primary last */
	const char *const *addresses;	/* of the new site's first group */
	size_t address_count;
	const struct dro_site_member *members; /* of a site that grows */
	size_t member_count;
	bool as_is; /* it does not: it takes over with what runs */

	/* traffic, to a page */
	struct dro_page_seen page;
	const char *page_error; /* why it could not be looked at, or "" */
	int64_t page_known_ms;	/* when it was seen ready last; 0: never */

	bool failback; /* back to where the service lives: the old primary is put in order first */
	const char *allow; /* how far that may go: "follow", "flashback", "reseed" */
};

/* The run that does it. DRO_EUNSUPPORTED names what cannot be promoted in this way. */
int dro_plan_promote(
	struct dro_plan **out, const struct dro_promote_facts *facts, struct dro_error *err);

/* Makes the database of `to` a replica of the active site's, `from`, and moves nothing. */
int dro_plan_rejoin(
	struct dro_plan **out, const struct dro_promote_facts *facts, struct dro_error *err);

/* Is the new site one that runs small, and grows before it takes over? */
bool dro_promote_grows(const struct dro_promote_facts *facts);
/* How many writes the old primary is known to have had that the new site has not; *certain: there
 * are no others. */
int64_t dro_promote_loss(const struct dro_promote_facts *facts, bool *certain);
/* How the new site's page is, or was when it was seen last; `text` says what is to be said of it.
 */
enum dro_page_verdict dro_promote_page(
	const struct dro_promote_facts *facts, char text[DRO_PAGE_TEXT]);
/* Can the name be moved to the new site: does its page, where it is one, answer for it? */
bool dro_promote_serves(const struct dro_promote_facts *facts, const struct dro_traffic *traffic);
/* Whose replica the data comes by: the spec's word on it, whichever way round it runs now. */
const struct dro_replication *dro_promote_replication(const struct dro_promote_facts *facts);

#endif
