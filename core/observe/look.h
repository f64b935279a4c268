/* What the files of a look share; nobody else includes it. */
#ifndef DRORCH_OBSERVE_LOOK_H
#define DRORCH_OBSERVE_LOOK_H

#include "observe/observer.h"
#include "observe/snapshot.h"

#define LOOK_ERROR_MAX 400

struct dro_observer {
	struct dro_snapshots *snapshots;
	struct look_early *early; /* or NULL */
	bool shared;
};

/* What is seen, and what its pointers point to. `seen` comes first: it is what callers have. */
struct look {
	struct dro_observed seen;
	struct dro_observer *observer;
	const struct dro_look_at *at;
	const struct dro_snapshot **held; /* let go at the end */
	size_t held_count, held_capacity;
	struct site_look *sites;
	struct images_look *images;
	struct backups_look *backups;
	struct dro_instance_list launched;
	char *left;	      /* text of look_left.c's zones and checks */
	struct dro_error err; /* the first want of memory */
	bool failed;
};

struct site_look {
	const struct dro_instance **instances, **others;
	char **images;
	struct dro_page_seen page;
	char error[LOOK_ERROR_MAX], image_error[LOOK_ERROR_MAX];
};

struct images_look {
	struct dro_image_list list;
	const struct dro_image **items;
	char error[LOOK_ERROR_MAX];
};

struct backups_look {
	struct dro_backup_list list;
	char error[LOOK_ERROR_MAX];
};

/* The first want of memory; the look has failed. */
void look_no_memory(struct look *look);
struct dro_call look_call(const struct look *look);
/* The account's region where none is given. */
const char *look_region(struct look *look, const char *provider, const char *region);

/* ---- look_sources.c: lists that services share ----------------------------------------------- */

/* One of them: `region` is a zone's name, or a region. */
struct source {
	struct look *look;
	const char *provider, *region;
	uint64_t deadline_ms; /* monotonic; 0: the whole look's */
	const struct dro_snapshot *snapshot;
};

/* On a worker: fills source->snapshot (`arg` is the source). */
void look_fetch_zone(void *arg);
void look_fetch_instances(void *arg);
void look_fetch_checks(void *arg);
/* Keeps the source's list until the look is freed. "" : it was read; else why not. */
const char *look_hold(struct look *look, const struct source *source);

/* ---- look_zones.c ---------------------------------------------------------------------------- */

/* Adds it, or finds it. NULL: out of memory. */
struct dro_seen_zone *look_add_zone(struct look *look, const char *provider, const char *zone);
/* Which zones are to be read; asks for those that the spec does not name. */
void look_list_zones(struct look *look);
void look_take_zone(struct look *look, size_t index, const struct source *source);

/* ---- look_left.c ----------------------------------------------------------------------------- */

/* Adds the zones and checks that the spec does not name any more, after those that it names. */
void look_list_left(struct look *look);
/* Remembers what is to be looked at the next time as well. */
void look_keep_left(struct look *look);

/* ---- look_early.c ---------------------------------------------------------------------------- */

/* Waits for what was asked; NULL-safe. */
void look_early_free(struct look_early *early);
/* Remembers what was asked, for dro_observe_early. */
void look_keep_sources(struct look *look);

/* ---- look_sites.c ---------------------------------------------------------------------------- */

void look_take_site(struct look *look, size_t index, const struct source *source);
/* What each group would be launched from now. */
void look_site_images(struct look *look, size_t index);
/* The page of a site that is one. */
void look_site_page(struct look *look, size_t index);

/* ---- look_images.c --------------------------------------------------------------------------- */

/* The policies' regions, and those where sites boot the newest image of a policy's name. */
void look_list_images(struct look *look);
void look_images(struct look *look, size_t index);
void look_backups(struct look *look, size_t index);

#endif
