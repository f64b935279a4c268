/*
 * What one pass saw of the providers, for one service. Filled by observe/, judged by plan/; a test
 * fills one by hand. All of it is read-only and belongs to whoever filled it. What could not be
 * read has `error` set: nothing may be concluded from what is not in it.
 */
#ifndef DRORCH_MODEL_OBSERVED_H
#define DRORCH_MODEL_OBSERVED_H

#include "model/backup.h"
#include "model/database.h"
#include "model/inventory.h"
#include "model/page.h"
#include "model/service.h"

/* A zone at a provider: every record set in it, ours or not. */
struct dro_seen_zone {
	const char *provider, *zone;
	bool left;	   /* the spec does not name it any more; something of ours may be there */
	const char *error; /* NULL: it was read */
	unsigned flags;	   /* enum dro_dns_flag of the provider */
	struct dro_record *const *records;
	size_t count;
};

/* A site's instances: those with the marks of this service and site that are not terminated, and
 * what its newest runs launched though no list shows it yet (state PENDING; an id that begins with
 * '?' is that of a launch whose answer was not heard: it may be there or not). */
struct dro_seen_site {
	const struct dro_site *site;
	const char *error;
	const struct dro_instance *const *instances;
	size_t count;
	/* What else lives in its region, with other marks or none. Asked where something is to be
	 * launched or adopted; NULL: not asked. */
	const struct dro_instance *const *others;
	size_t other_count;
	/* Beside site->groups: the image that an instance would be launched from now. NULL array:
	 * not asked; NULL item: there is none, and image_error says why. */
	const char *const *images;
	const char *image_error;
	/* Of a static page. Where page_error says that it could not be looked at, its place is
	 * known all the same, but for one that is "". */
	const struct dro_page_seen *page;
	const char *page_error;
};

/* A provider's health checks, ours or not. */
struct dro_seen_checks {
	const char *provider;
	bool left; /* no weighted name is there any more */
	const char *error;
	const uint32_t *intervals; /* seconds, as dro_health_checks has them; NULL: any */
	struct dro_health_check *const *checks;
	size_t count;
};

/* Images of a policy (by our mark, else by name), newest first, in one region. */
struct dro_seen_images {
	const struct dro_image_policy *policy;
	const char *region;
	bool home; /* the policy's own region: else one that a site boots from */
	const char *error;
	const struct dro_image *const *images;
	size_t count;
};

/* Backups of a policy, newest first; the newest complete one was read. */
struct dro_seen_backups {
	const struct dro_backup_policy *policy;
	const char *error;
	const struct dro_backup_list *list;
};

struct dro_observed {
	struct dro_seen_zone *zones;
	size_t zone_count;
	struct dro_seen_site *sites; /* beside service->sites */
	size_t site_count;
	const struct dro_data_host *databases; /* beside sites; NULL: not asked */
	struct dro_seen_checks *checks;
	size_t check_count;
	struct dro_seen_images *images;
	size_t image_count;
	struct dro_seen_backups *backups; /* beside service->backups */
	size_t backup_count;
};

#endif
