#include "observe/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/marks.h"

#define PLACE_MS 5000
#define FACT_MAX 4096
#define OFTEN_MS 3600000 /* how old the word on an unchanged page may become */

static const char *region_of(struct dro_provider *provider, const struct dro_site *site)
{
	return *site->region ? site->region : dro_provider_option(provider, "region");
}

int dro_page_find(struct dro_page_place *out, struct dro_accounts *accounts,
	const struct dro_site *site, struct dro_error *err)
{
	const struct dro_call call = {
		.size = sizeof(call), .deadline_ms = dro_now_ms() + PLACE_MS, .trace = "page"};
	struct dro_provider *provider;
	int rc;

	*out = (struct dro_page_place){0};
	if ((rc = dro_accounts_get(accounts, site->provider, &provider, err)) < 0)
		return rc;
	rc = dro_provider_find_website(
		provider, region_of(provider, site), site->bucket, out, &call, err);
	return rc == DRO_EUNSUPPORTED
		       ? dro_fail(err, rc, "%s: its plugin cannot show a page", site->provider)
		       : rc;
}

int dro_page_look(struct dro_page_seen *out, struct dro_accounts *accounts,
	const struct dro_site *site, const struct dro_call *call, struct dro_error *err)
{
	struct dro_object_ref ref = {
		.size = sizeof(ref), .bucket = site->bucket, .key = DRO_PAGE_KEY};
	struct dro_provider *provider;
	int rc;

	*out = (struct dro_page_seen){0};
	if ((rc = dro_page_find(&out->place, accounts, site, err)) < 0 ||
		(rc = dro_accounts_get(accounts, site->provider, &provider, err)) < 0)
		return rc;
	ref.region = region_of(provider, site);
	return dro_provider_get_page(provider, &ref, out, call, err);
}

int dro_page_put(struct dro_accounts *accounts, const char *service, const struct dro_site *site,
	const struct dro_call *call, struct dro_error *err)
{
	char *owner = dro_owner_mark(service, site->name);
	struct dro_provider *provider;
	struct dro_page page = {.size = sizeof(page),
		.bucket = site->bucket,
		.key = DRO_PAGE_KEY,
		.content_type = dro_page_content_type(site->page),
		.owner = owner,
		.sha256 = site->page_sha256};
	int rc;

	if (!owner || !page.content_type || !site->page_data) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = dro_accounts_get(accounts, site->provider, &provider, err)) < 0)
		goto out;
	page.region = region_of(provider, site);
	rc = dro_provider_put_page(provider, &page, site->page_data, site->page_length, call, err);
out:
	free(owner);
	return rc;
}

/* ---- what is remembered ---------------------------------------------------------------------- */

/* *out is NULL where there is none, or none that can be read. */
static int get_fact(cJSON **out, struct dro_store *store, const char *service, const char *site,
	struct dro_error *err)
{
	char key[300], *text = NULL;
	int rc;

	*out = NULL;
	snprintf(key, sizeof(key), "page %s", site);
	rc = dro_store_fact_get(store, service, key, &text, NULL, err);
	if (rc == 0)
		dro_json_parse(out, text, strlen(text), FACT_MAX, NULL);
	free(text);
	return rc == DRO_ENOTFOUND ? 0 : rc;
}

int dro_page_seen_ready(int64_t *at_ms, struct dro_store *store, const char *service,
	const char *site, struct dro_error *err)
{
	cJSON *json;
	int rc = get_fact(&json, store, service, site, err);

	*at_ms = 0;
	dro_json_int(json, "at_ms", 0, at_ms, NULL);
	cJSON_Delete(json);
	return rc;
}

int64_t dro_page_known(
	struct dro_store *store, const struct dro_service *service, const struct dro_site *site)
{
	cJSON *json = NULL;
	int64_t at = 0;

	if (get_fact(&json, store, service->name, site->name, NULL) == 0 &&
		strcmp(dro_json_text(json, "sha256"), site->page_sha256) == 0 &&
		strcmp(dro_json_text(json, "bucket"), site->bucket) == 0)
		dro_json_int(json, "at_ms", 0, &at, NULL);
	cJSON_Delete(json);
	return at;
}

int dro_page_remember(struct dro_store *store, const struct dro_service *service,
	const struct dro_site *site, int64_t now_ms, struct dro_error *err)
{
	int64_t before = dro_page_known(store, service, site);
	struct dro_buf text = DRO_BUF_INIT(FACT_MAX);
	char key[300];
	int rc;

	if (before && now_ms - before < OFTEN_MS)
		return 0;
	snprintf(key, sizeof(key), "page %s", site->name);
	dro_buf_printf(&text, "{\"at_ms\":%lld,\"sha256\":\"%s\",\"bucket\":", (long long)now_ms,
		site->page_sha256);
	dro_json_quote(&text, site->bucket);
	dro_buf_puts(&text, "}");
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_store_fact_set(store, service->name, key, dro_buf_str(&text), err);
	dro_buf_free(&text);
	return rc;
}

/* ---- the site behind it ---------------------------------------------------------------------- */

int dro_page_behind(char **out, struct dro_store *store, const struct dro_service *service,
	struct dro_error *err)
{
	const struct dro_site *primary = dro_service_primary(service);
	int rc = dro_store_fact_get(store, service->name, DRO_FACT_BEHIND, out, NULL, err);

	if (rc != DRO_ENOTFOUND)
		return rc;
	*out = strdup(primary ? primary->name : "");
	return *out ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
}

int dro_page_behind_set(struct dro_store *store, const struct dro_lease *lease, const char *site,
	struct dro_error *err)
{
	return dro_store_fact_commit(store, lease, DRO_FACT_BEHIND, site, err);
}
