#include "model/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/marks.h"

const char *dro_page_content_type(const char *path)
{
	static const struct {
		const char *end, *type;
	} rows[] = {
		{".html", "text/html; charset=utf-8"},
		{".htm", "text/html; charset=utf-8"},
		{".txt", "text/plain; charset=utf-8"},
	};
	size_t length = strlen(path), i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t end = strlen(rows[i].end);

		if (length > end && strcasecmp(path + length - end, rows[i].end) == 0)
			return rows[i].type;
	}
	return NULL;
}

bool dro_page_serves(
	const struct dro_page_place *place, const struct dro_site *site, const char *name)
{
	return !place->by_name || strcasecmp(site->bucket, name) == 0;
}

bool dro_service_has_page(const struct dro_service *service)
{
	size_t i;

	for (i = 0; i < service->site_count; i++)
		if (service->sites[i].strategy == DRO_STRATEGY_STATIC_PAGE)
			return true;
	return false;
}

bool dro_traffic_has_type(const struct dro_traffic *traffic, const char *type)
{
	return strcmp(type, traffic->type) == 0 || strcmp(type, "CNAME") == 0;
}

/* What no one may put right but a person; "" where it is nothing. */
static void name_obstacle(const struct dro_page_seen *seen, const char *owner,
	const struct dro_site *site, char text[DRO_PAGE_TEXT])
{
	*text = '\0';
	if (seen->there && strcmp(seen->owner, owner) != 0)
		snprintf(text, DRO_PAGE_TEXT,
			"%s in bucket %s %s%.100s: it is left as it is; remove it, or give the "
			"page a bucket of its own",
			DRO_PAGE_KEY, site->bucket, *seen->owner ? "is marked " : "carries no mark",
			seen->owner);
	else if (seen->other)
		snprintf(text, DRO_PAGE_TEXT,
			"the website of bucket %s shows something else: remove its website "
			"configuration, or give the page a bucket of its own",
			site->bucket);
}

static bool is_current(const struct dro_page_seen *seen, const struct dro_site *site)
{
	const char *type = dro_page_content_type(site->page);

	return seen->there && type && strcmp(seen->sha256, site->page_sha256) == 0 &&
	       strcmp(seen->content_type, type) == 0;
}

enum dro_page_verdict dro_page_judge(const struct dro_page_seen *seen, const char *service,
	const struct dro_site *site, char text[DRO_PAGE_TEXT])
{
	char *owner;

	if (!*site->page_sha256) {
		snprintf(text, DRO_PAGE_TEXT,
			"there is no file %s in the spec's repository: add it, or take the site "
			"out",
			site->page);
		return DRO_PAGE_BLOCKED;
	}
	owner = dro_owner_mark(service, site->name);
	name_obstacle(seen, owner ? owner : "", site, text);
	free(owner);
	if (*text)
		return DRO_PAGE_BLOCKED;
	if (!is_current(seen, site) || !seen->shown) {
		snprintf(text, DRO_PAGE_TEXT, "%s in bucket %s",
			!seen->there		  ? "the page is not"
			: !is_current(seen, site) ? "another version of the page is"
						  : "the website does not show the page that is",
			site->bucket);
		return DRO_PAGE_TO_PUT;
	}
	if (!seen->public) {
		snprintf(text, DRO_PAGE_TEXT,
			"not everybody may read the page in bucket %s: allow it by a bucket policy "
			"(s3:GetObject for \"*\"), and see that public access is not blocked",
			site->bucket);
		return DRO_PAGE_BLOCKED;
	}
	return DRO_PAGE_READY;
}

void dro_page_record(struct dro_record *record, const char **value,
	const struct dro_page_place *place, unsigned dns_flags)
{
	if ((dns_flags & DRO_DNS_ALIAS) && *place->alias && *place->alias_zone) {
		record->type = "A";
		record->values = NULL;
		record->value_count = 0;
		record->alias = place->alias;
		record->alias_zone = place->alias_zone;
		record->ttl_s = 0;
		return;
	}
	*value = place->host;
	record->type = "CNAME";
	record->values = value;
	record->value_count = 1;
}

bool dro_page_leads(const struct dro_record *record, const struct dro_page_place *place)
{
	if (*record->alias)
		return strcasecmp(record->alias, place->alias) == 0;
	return strcmp(record->type, "CNAME") == 0 && record->value_count == 1 &&
	       strcasecmp(record->values[0], place->host) == 0;
}

cJSON *dro_page_place_json(const struct dro_page_place *place)
{
	cJSON *json = cJSON_CreateObject();

	if (cJSON_AddBoolToObject(json, "by_name", place->by_name) &&
		cJSON_AddStringToObject(json, "host", place->host) &&
		cJSON_AddStringToObject(json, "alias", place->alias) &&
		cJSON_AddStringToObject(json, "alias_zone", place->alias_zone))
		return json;
	cJSON_Delete(json);
	return NULL;
}

int dro_page_place_read(struct dro_page_place *out, const cJSON *json, struct dro_error *err)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} rows[] = {
		{"host", out->host, sizeof(out->host)},
		{"alias", out->alias, sizeof(out->alias)},
		{"alias_zone", out->alias_zone, sizeof(out->alias_zone)},
	};
	size_t i;

	*out = (struct dro_page_place){
		.by_name = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "by_name"))};
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = dro_json_text(json, rows[i].key);

		if (strlen(text) >= rows[i].size)
			return dro_fail(err, DRO_EPROTO, "a page's %s is too long", rows[i].key);
		memcpy(rows[i].to, text, strlen(text) + 1);
	}
	return *out->host ? 0 : dro_fail(err, DRO_EINVAL, "no page is named");
}
