#include "observe/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"

#define KEY_MAX 700

static int read_zone(void *arg, struct dro_snapshot *out, struct dro_error *err)
{
	const struct source *source = arg;
	const struct dro_look_at *at = source->look->at;
	struct dro_record_query query = {
		.size = sizeof(query), .zone = source->region, .name = "", .type = ""};
	struct dro_call call = look_call(source->look);
	struct dro_provider *provider;
	int rc;

	if (source->deadline_ms)
		call.deadline_ms = source->deadline_ms;
	if ((rc = dro_accounts_get(at->accounts, source->provider, &provider, err)) < 0)
		return rc;
	out->flags = dro_provider_dns_flags(provider);
	return dro_provider_list_records(provider, &query, &out->records, &call, err);
}

/* Only those with the service's mark, where that is all that is asked for. */
static bool reads_all(const struct look *look)
{
	return look->observer->shared || look->at->launching;
}

static int read_instances(void *arg, struct dro_snapshot *out, struct dro_error *err)
{
	const struct source *source = arg;
	const struct dro_look_at *at = source->look->at;
	const struct dro_pair tags[] = {{DRO_TAG_SERVICE, at->service->name}};
	struct dro_instance_query query = {.size = sizeof(query),
		.region = source->region,
		.tags = tags,
		.tag_count = reads_all(source->look) ? 0 : 1};
	struct dro_call call = look_call(source->look);
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_accounts_get(at->accounts, source->provider, &provider, err)) < 0)
		return rc;
	return dro_provider_list_instances(provider, &query, &out->instances, &call, err);
}

static int read_checks(void *arg, struct dro_snapshot *out, struct dro_error *err)
{
	const struct source *source = arg;
	struct dro_call call = look_call(source->look);
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_accounts_get(source->look->at->accounts, source->provider, &provider, err)) <
		0)
		return rc;
	return dro_provider_list_checks(provider, &out->checks, &call, err);
}

static const struct dro_snapshot *get(struct source *source, const char *kind, const char *owner,
	int (*read)(void *arg, struct dro_snapshot *out, struct dro_error *err))
{
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "%s/%s/%s/%s", kind, source->provider, source->region, owner);
	return dro_snapshots_get(
		source->look->observer->snapshots, key, source->look->at->fresh_ms, read, source);
}

void look_fetch_zone(void *arg)
{
	struct source *source = arg;

	source->snapshot = get(source, "zone", "", read_zone);
}

void look_fetch_instances(void *arg)
{
	struct source *source = arg;

	source->snapshot = get(source, "instances",
		reads_all(source->look) ? "" : source->look->at->service->name, read_instances);
}

void look_fetch_checks(void *arg)
{
	struct source *source = arg;

	source->snapshot = get(source, "checks", "", read_checks);
}

/* Keeps the source's list until the look is freed. "": it was read; else why not. */
const char *look_hold(struct look *look, const struct source *source)
{
	if (look->held_count == look->held_capacity) {
		size_t capacity = look->held_capacity ? look->held_capacity * 2 : 16;
		const struct dro_snapshot **grown = realloc(look->held, capacity * sizeof(*grown));

		if (!grown) {
			dro_snapshots_let_go(look->observer->snapshots, source->snapshot);
			look_no_memory(look);
			return "out of memory";
		}
		look->held = grown;
		look->held_capacity = capacity;
	}
	if (!source->snapshot) {
		look_no_memory(look);
		return "out of memory";
	}
	look->held[look->held_count++] = source->snapshot;
	return source->snapshot->rc < 0 ? source->snapshot->error : "";
}
