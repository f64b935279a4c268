/*
 * Static pages at their providers; and what is remembered of one that was ready, for the day its
 * store does not answer: a fact of the service, "page SITE",
 *
 *   {"at_ms":N,"sha256":"…","bucket":"…"}
 */
#ifndef DRORCH_OBSERVE_PAGES_H
#define DRORCH_OBSERVE_PAGES_H

#include "model/page.h"
#include "observe/accounts.h"
#include "store/store.h"

#define DRO_FACT_BEHIND "behind-page" /* the site that was active before a page was put up */

/* Where the site's page is shown. Asks nobody. DRO_EUNSUPPORTED: its provider shows none. */
int dro_page_find(struct dro_page_place *out, struct dro_accounts *accounts,
	const struct dro_site *site, struct dro_error *err);
/* Where it is shown, and how it is there. After a failure of the look the place is known all the
 * same, where there is one. */
int dro_page_look(struct dro_page_seen *out, struct dro_accounts *accounts,
	const struct dro_site *site, const struct dro_call *call, struct dro_error *err);
/* Puts the page of the spec at hand. As put_page of the provider. */
int dro_page_put(struct dro_accounts *accounts, const char *service, const struct dro_site *site,
	const struct dro_call *call, struct dro_error *err);

/* It was seen ready. Written where that is news, or was long ago. */
int dro_page_remember(struct dro_store *store, const struct dro_service *service,
	const struct dro_site *site, int64_t now_ms, struct dro_error *err);
/* When this very page was seen ready last; 0: never. */
int64_t dro_page_known(
	struct dro_store *store, const struct dro_service *service, const struct dro_site *site);

/* The same of whatever page the site had then, for who has no spec at hand. */
int dro_page_seen_ready(int64_t *at_ms, struct dro_store *store, const char *service,
	const char *site, struct dro_error *err);

/* Which site was active before a page was put up; the primary where nobody remembers. *out is
 * malloc'd. */
int dro_page_behind(char **out, struct dro_store *store, const struct dro_service *service,
	struct dro_error *err);
int dro_page_behind_set(struct dro_store *store, const struct dro_lease *lease, const char *site,
	struct dro_error *err);

#endif
