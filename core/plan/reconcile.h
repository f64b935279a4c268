/*
 * Reconcile: from what is wanted and what was seen to the differences, and to the graph of steps
 * that ends them. Pure.
 *
 * Wanted is the spec *and* the state: which site is active decides where names lead and what runs
 * where, so that a commit never moves traffic. Only what carries our marks is changed or removed;
 * what stands in the way without them is a finding.
 */
#ifndef DRORCH_PLAN_RECONCILE_H
#define DRORCH_PLAN_RECONCILE_H

#include "model/graph.h"
#include "model/observed.h"

/* What is to be taken over although it carries no mark of ours. Nothing else is planned then. */
struct dro_adopt {
	/* "NAME TYPE" of records, which may carry another's mark; ids of instances and checks. */
	const char *const *things;
	size_t count;
	const char *site, *group; /* of the instances, where they do not tell; or NULL */
};

/* "NAME TYPE" of a record, and no id? */
bool dro_adopt_is_record(const char *thing);

struct dro_reconcile_facts {
	const struct dro_spec *spec;
	const struct dro_service *service;
	const char *active; /* site */
	bool active_given;  /* a promote made it so; else it is where the service starts its life */
	const char
		*behind; /* the active site is a page: the site that was active before it; or "" */
	const struct dro_observed *seen;
	const char *broken_run; /* the run before, which failed on its way back; or "" */
	int64_t now_ms;
	struct dro_adopt adopt;
};

enum dro_thing {
	DRO_THING_INSTANCE,
	DRO_THING_IMAGE,
	DRO_THING_RECORD,
	DRO_THING_CHECK,
	DRO_THING_BACKUP,
	DRO_THING_DATABASE,
	DRO_THING_PAGE,
};
/* Adopted: marked as ours, and changed where it differs. */
enum dro_action { DRO_ACTION_CREATE, DRO_ACTION_UPDATE, DRO_ACTION_ADOPT, DRO_ACTION_DELETE };

/* One difference that the plan ends. */
struct dro_change {
	enum dro_thing thing;
	enum dro_action action;
	char *target;	    /* "www.memphis.example A at cloudflare" */
	char *was, *wanted; /* what differs, for people; "" where there is nothing */
	char *step;	    /* of the plan */
	bool active;	    /* deleted: the active site uses it; created: the site lost all of it */
	bool expected;	    /* follows from the state (a site that is small in peace): no blast */
};

enum dro_finding_kind {
	DRO_FINDING_UNKNOWN, /* a source could not be read: what hangs on it is left as it is */
	DRO_FINDING_FOREIGN, /* in the way, and not ours */
	DRO_FINDING_STALE,   /* too old, and no plan can make it younger */
	DRO_FINDING_LEFT,    /* differs, and is left as it is */
};

/* What a person should know, and what no step changes. */
struct dro_finding {
	enum dro_finding_kind kind;
	char *target, *text;
};

struct dro_diff {
	struct dro_change *changes;
	size_t change_count;
	struct dro_finding *findings;
	size_t finding_count;
	size_t things; /* of the service that were seen: what blast is measured against */
	/* Of what is to be adopted: a thing that carries another's mark; a group that would have
	 * more instances than it is to have. For the rules; NULL: none. */
	char *marked, *surplus;
	bool wants_images; /* instances are to be launched, and seen has no images: look again */
};

/* facts->behind, "" where it is not given. */
static inline const char *dro_reconcile_behind(const struct dro_reconcile_facts *facts)
{
	return facts->behind ? facts->behind : "";
}

/* Which site holds the data: the active one, or the one behind the page. */
static inline const char *dro_reconcile_data(const struct dro_reconcile_facts *facts)
{
	return facts->behind && *facts->behind ? facts->behind : facts->active;
}

const char *dro_thing_name(enum dro_thing thing);	  /* "instance", … */
const char *dro_action_name(enum dro_action action);	  /* "create", … */
const char *dro_finding_name(enum dro_finding_kind kind); /* "unknown", … */

/*
 * *plan has no steps where nothing is to do. Both are given or none; DRO_EINVAL, DRO_ENOMEM.
 * Nothing of a plan depends on the order in which a provider lists.
 */
int dro_plan_reconcile(struct dro_plan **plan, struct dro_diff **diff,
	const struct dro_reconcile_facts *facts, struct dro_error *err);
void dro_diff_free(struct dro_diff *diff); /* NULL-safe */

#endif
