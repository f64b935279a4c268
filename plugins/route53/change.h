/* The parts of one apply: what is asked for, and how it goes with what is there. */
#ifndef DRORCH_PLUGINS_ROUTE53_CHANGE_H
#define DRORCH_PLUGINS_ROUTE53_CHANGE_H

#include "plugins/route53/route53.h"

/* One of the sets that were given. */
struct r53_ref {
	char *name;		  /* as ours are compared */
	struct dro_record record; /* whole */
	bool del;
	bool older; /* its host knows no failover, health check and alias: they stay as they are */
	/* Of the last look, by r53_group_look: */
	const struct r53_set *old; /* what is there under its name, type and set_id, or NULL */
	enum r53_routing routing;  /* that it is put with */
	bool anew;		   /* put: deleted and created, since an UPSERT cannot make it */
	uint32_t ttl_s;
};

struct r53_change {
	struct r53 *r53;
	const char *zone;
	struct r53_ref *refs; /* by name, type, set_id */
	size_t ref_count;
	struct r53_sets there;
	struct r53_batch batch;
	struct dro_error *err;
};

/* ---- wanted.c: what is asked for --------------------------------------------------------------
 */

/*
 * Checks and sorts the sets that were given, before anything is asked of Route 53. DRO_EINVAL and
 * DRO_EUNSUPPORTED where they make no sense. Frees nothing on failure: r53_wanted_free.
 */
int r53_wanted_read(struct r53_change *change, const struct dro_record *const *put,
	size_t put_count, const struct dro_record *const *del, size_t del_count);
void r53_wanted_free(struct r53_change *change);
/* How many refs from the first on have its name (and type). */
size_t r53_wanted_name(const struct r53_ref *refs, size_t count);
size_t r53_wanted_group(const struct r53_ref *refs, size_t count);

/* ---- group.c: the sets of one name and type ----------------------------------------------------
 */

/*
 * Fills in what the refs of a group are there and become. DRO_ECONFLICT where that would destroy
 * what a record cannot say, or cannot stand beside the sets that nobody named.
 */
int r53_group_look(struct r53_change *change, struct r53_ref *refs, size_t count);

#endif
