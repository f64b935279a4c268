/* The files of reconcile share this; nobody else includes it. */
#ifndef DRORCH_PLAN_DIFFER_H
#define DRORCH_PLAN_DIFFER_H

#include "plan/build.h"
#include "plan/reconcile.h"

/* The plan and its differences being made. As with a build, the first failure stays. */
struct differ {
	struct dro_build base;
	const struct dro_reconcile_facts *facts;
	struct dro_diff *diff;
	struct differ_pointer *pointers; /* reconcile_used.c's, made when first asked for */
	size_t pointer_count;
};

/* ---- reconcile.c ----------------------------------------------------------------------------- */

/* A step that may fail without the others, unless all are to be rolled back. NULL: failed. */
struct dro_step *differ_step(struct differ *differ, const char *kind, const char *target,
	int64_t timeout_ms, const char *id);
/* Notes a difference; `like` has thing, action, step (or NULL) and the flags, texts are copied. */
void differ_change(struct differ *differ, const struct dro_change *like);
void differ_finding(struct differ *differ, enum dro_finding_kind kind, const char *target,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
void differ_no_memory(struct differ *differ);

/* ---- reconcile_instances.c ------------------------------------------------------------------- */

void differ_instances(struct differ *differ);

/*
 * Where the site's traffic group is: its running instances' addresses, sorted; or the reference to
 * what a step of this plan brings up. Neither: nowhere, or not known (*unknown).
 */
struct differ_addresses {
	const char **items; /* malloc'd; the strings are the instances' */
	size_t count;
	char reference[300]; /* "${boot-….addresses}", or "" */
	char step[200];	     /* that gives it */
	bool unknown;
};
void differ_addresses_of(
	struct differ *differ, const struct dro_site *site, struct differ_addresses *out);

/* ---- reconcile_pages.c ----------------------------------------------------------------------- */

/* Before the records: what leads to a page comes after it. */
void differ_pages(struct differ *differ);
/* Where the site's page is shown; NULL: it is none, or that is not known. */
const struct dro_page_place *differ_page_of(
	const struct differ *differ, const struct dro_site *site);

/* ---- reconcile_resize.c ---------------------------------------------------------------------- */

/* Gives the standby's instance that type; where it holds a replica, so that the primary goes on. */
void differ_resize(struct differ *differ, const struct dro_site *site,
	const struct dro_instance *instance, const char *type);
/* Of the instance that has the site's database; "" where it has none that was looked at. */
const char *differ_data_host_id(const struct differ *differ, const struct dro_site *site);

/* ---- reconcile_used.c ------------------------------------------------------------------------ */

/* A record of any zone that leads to it, or a zone that could not be read, so that nobody can tell.
 * NULL: nothing does. */
const char *differ_used_by(struct differ *differ, const struct dro_instance *instance);

/* ---- reconcile_checks.c ---------------------------------------------------------------------- */

void differ_checks(struct differ *differ);
/* Those not needed any more, after the records. */
void differ_unchecks(struct differ *differ);
/* The check of that site at that provider for a record to name: its id, or the reference to a step
 * that makes it (then *step is its id, else ""). "" where there is none. false: not known. */
bool differ_check_of(struct differ *differ, const char *provider, const struct dro_site *site,
	char id[300], char step[200]);

/* ---- reconcile_records.c and what follows ---------------------------------------------------- */

void differ_records(struct differ *differ);
void differ_images(struct differ *differ);
void differ_backups(struct differ *differ);
void differ_databases(struct differ *differ);
/* The spec's word on the replication between the two, whichever way round it runs now. */
const struct dro_replication *differ_replication(
	const struct dro_site *active, const struct dro_site *site);

/* ---- wanted.c: the records that the spec and the state ask for ------------------------------- */

/* An entry of the spec is a record. What leads to a site is JSON, in which references may stand. */
struct wanted {
	const struct dro_record *record;  /* of the list below, or NULL */
	cJSON *json;			  /* as model/record.h has it; NULL: not made yet */
	const char *name, *type, *set_id; /* inside of them */
	char *after[2];			  /* steps that a reference in it needs, or NULL */
};

struct wanted_list {
	struct wanted *items; /* by name, type, set_id */
	size_t count, capacity;
	struct dro_record_list records; /* that items point to */
	/* Names whose records are ours to keep but cannot be told now: "NAME TYPE". */
	char **kept;
	size_t kept_count;
};

/* Of one zone at one provider. */
void differ_wanted(
	struct differ *differ, const struct dro_seen_zone *zone, struct wanted_list *out);
void differ_wanted_free(struct wanted_list *list);
/* Its JSON, which belongs to it. NULL: out of memory. */
cJSON *differ_wanted_json(struct wanted *wanted);

/* The zone seen at the provider that the name belongs to: the longest that fits of those that the
 * spec names. NULL: none. */
const struct dro_seen_zone *dro_seen_zone_of(
	const struct dro_observed *seen, const char *provider, const char *name);

#endif
