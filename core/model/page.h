/*
 * Static pages: where one is shown, what was seen of it, and what is to be said of that. The page
 * itself is the site's (model/service.h). Pure.
 */
#ifndef DRORCH_MODEL_PAGE_H
#define DRORCH_MODEL_PAGE_H

#include <stdbool.h>

#include "base/json.h"
#include "drorch/provider.h"
#include "model/service.h"

/* Its key in the bucket: one name, whatever the file is called, so that none is left behind. */
#define DRO_PAGE_KEY "drorch-page"
#define DRO_PAGE_HOST 254
#define DRO_PAGE_TEXT 700

/* dro_website, copied. */
struct dro_page_place {
	bool by_name; /* the bucket is found by the name that is asked for */
	char host[DRO_PAGE_HOST];
	char alias[DRO_PAGE_HOST]; /* "" : none */
	char alias_zone[64];
};

/* dro_page, copied, and its place. */
struct dro_page_seen {
	struct dro_page_place place;
	bool there, shown, public, other;
	char content_type[128], owner[300], sha256[DRO_SHA256_HEX];
};

enum dro_page_verdict {
	DRO_PAGE_READY,
	DRO_PAGE_TO_PUT,  /* missing, or another version: we put it */
	DRO_PAGE_BLOCKED, /* a person must do something first */
};

/* `text` says what is wrong, and what to do about it; "" where nothing is. */
enum dro_page_verdict dro_page_judge(const struct dro_page_seen *seen, const char *service,
	const struct dro_site *site, char text[DRO_PAGE_TEXT]);
/* Can the site's bucket answer for that name? */
bool dro_page_serves(
	const struct dro_page_place *place, const struct dro_site *site, const char *name);

/* Is one of its sites a page, so that a name of it may be a CNAME? */
bool dro_service_has_page(const struct dro_service *service);
/* May the name's record be of that type: its own, or, where it leads to a page, a CNAME? */
bool dro_traffic_has_type(const struct dro_traffic *traffic, const char *type);

/* "text/html; charset=utf-8", by the file's name; NULL: that is no page. */
const char *dro_page_content_type(const char *path);

/*
 * Makes `record`, which has all but type and content, lead to the page: by an alias where
 * `dns_flags` (enum dro_dns_flag) and the place have one, which keeps the record's type, else a
 * CNAME. `value` is the caller's, for record->values.
 */
void dro_page_record(struct dro_record *record, const char **value,
	const struct dro_page_place *place, unsigned dns_flags);

/* Does the record lead there? */
bool dro_page_leads(const struct dro_record *record, const struct dro_page_place *place);

/* As it stands in plans: {"by_name","host","alias","alias_zone"}. */
cJSON *dro_page_place_json(const struct dro_page_place *place);
int dro_page_place_read(struct dro_page_place *out, const cJSON *json, struct dro_error *err);

#endif
