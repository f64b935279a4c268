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
	struct differ_adopted *adopted; /* reconcile_adopt.c's: instances that are to be ours */
	size_t adopted_count;
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
/* How many of the group there are to be, now that the active site is which it is; <0: none of our
 * business. And of which type. */
int differ_group_count(const struct differ *differ, const struct dro_site *site, size_t group);
const char *differ_group_type(
	const struct differ *differ, const struct dro_site *site, size_t group);

/* ---- reconcile_addresses.c ------------------------------------------------------------------- */

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

/* ---- reconcile_adopt.c ----------------------------------------------------------------------- */

struct differ_adopted {
	const struct dro_seen_site *seen; /* where it is */
	size_t group;
	const struct dro_instance *instance;
};

/* Marks the instances that facts->adopt names. */
void differ_adopt(struct differ *differ);
/* Does it name that thing? Records? Health checks? */
bool differ_adopts(const struct differ *differ, const char *thing);
bool differ_adopts_records(const struct differ *differ);
bool differ_adopts_checks(const struct differ *differ);
/* For a rule: the first text stays. */
void differ_keep_text(struct differ *differ, char **out, const char *text);

/* ---- reconcile_alike.c ----------------------------------------------------------------------- */

/* Is it marked as nobody's? */
bool differ_is_unmarked(const struct dro_instance *instance);
/* The group of the site that the instance looks like one of: by its name, or since a name of the
 * service leads there. <0: none. *why: a clause that says by what; may be NULL. */
int differ_looks_like(struct differ *differ, const struct dro_seen_site *seen,
	const struct dro_instance *instance, const char **why);
/* Of `missing` instances of the group, how many are not to be launched: that many are there without
 * our marks, it seems, and are findings. */
size_t differ_alike(
	struct differ *differ, const struct dro_seen_site *seen, size_t group, size_t missing);

/* ---- reconcile_used.c ------------------------------------------------------------------------ */

/* A record of any zone that leads to it, or a zone that could not be read, so that nobody can tell.
 * NULL: nothing does. */
const char *differ_used_by(struct differ *differ, const struct dro_instance *instance);
/* The service's name that leads to it; NULL: none that was read. */
const char *differ_name_of(struct differ *differ, const struct dro_instance *instance);

/* ---- reconcile_checks.c ---------------------------------------------------------------------- */

void differ_checks(struct differ *differ);
/* Is it the id of one that was seen? */
bool differ_is_check(const struct differ *differ, const char *id);
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
