#include "observe/databases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/pool.h"
#include "model/marks.h"
#include "observe/known.h"

#define PROVIDER_MS 3000 /* one that is gone must not hold up a promote */

bool dro_service_replicates(const struct dro_service *service)
{
	size_t i;

	for (i = 0; i < service->site_count; i++)
		if (*service->sites[i].follows)
			return true;
	return false;
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

/* ---- where the data is ----------------------------------------------------------------------- */

/* What the provider says now goes to what is known, so that there is one place to read. */
static void refresh(struct dro_accounts *accounts, struct dro_store *store,
	const struct dro_service *service, const struct dro_site *site, uint64_t deadline_ms)
{
	const struct dro_pair tags[] = {
		{DRO_TAG_SERVICE, service->name}, {DRO_TAG_SITE, site->name}};
	struct dro_instance_query query = {
		.size = sizeof(query), .region = site->region, .tags = tags, .tag_count = 2};
	struct dro_known_scope scope = {.service = service, .site = site->name};
	uint64_t soon = dro_now_ms() + PROVIDER_MS;
	struct dro_call call = {.size = sizeof(call),
		.deadline_ms = soon < deadline_ms ? soon : deadline_ms,
		.trace = "precheck"};
	struct dro_known_entry *entries = NULL;
	struct dro_instance_list list = {0};
	struct dro_provider *provider;
	size_t i;

	if (dro_accounts_get(accounts, site->provider, &provider, NULL) == 0 &&
		dro_provider_list_instances(provider, &query, &list, &call, NULL) == 0 &&
		(entries = calloc(list.count + 1, sizeof(*entries)))) {
		for (i = 0; i < list.count; i++)
			entries[i] = (struct dro_known_entry){site, list.items[i]};
		dro_known_instances_set(store, &scope, entries, list.count, NULL);
	}
	free(entries);
	dro_instance_list_free(&list);
}

static const char *address_of(const cJSON *entry)
{
	const char *address = dro_json_text(entry, "public_ipv4");

	return *address ? address : dro_json_text(entry, "private_ipv4");
}

static bool holds_data(const cJSON *entry, const struct dro_site *site)
{
	return strcmp(dro_json_text(entry, "site"), site->name) == 0 && site->group_count > 0 &&
	       strcmp(dro_json_text(entry, "group"), site->groups[0].name) == 0;
}

/* From what is known: the first host of the first group; nothing is asked. */
static int known_host(struct dro_data_host *out, cJSON *addresses, struct dro_store *store,
	const struct dro_service *service, const struct dro_site *site, struct dro_error *err)
{
	const cJSON *entry;
	cJSON *known = NULL;
	int rc;

	*out = (struct dro_data_host){.seen.lag_s = -1};
	rc = dro_known_instances_get(&known, store, service->name, err);
	if (rc < 0 && rc != DRO_ENOTFOUND)
		return rc;
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(known, "instances"))
	{
		if (!holds_data(entry, site))
			continue;
		if (addresses && strcmp(dro_json_text(entry, "state"), "running") == 0)
			cJSON_AddItemToArray(addresses, cJSON_CreateString(address_of(entry)));
		if (*out->name)
			continue;
		copy(out->name, sizeof(out->name), dro_json_text(entry, "host"));
		copy(out->id, sizeof(out->id), dro_json_text(entry, "id"));
		copy(out->state, sizeof(out->state), dro_json_text(entry, "state"));
		copy(out->address, sizeof(out->address), address_of(entry));
	}
	cJSON_Delete(known);
	return 0;
}

int dro_data_host_find(struct dro_data_host *out, cJSON *addresses, struct dro_accounts *accounts,
	struct dro_store *store, const struct dro_service *service, const struct dro_site *site,
	uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	refresh(accounts, store, service, site, deadline_ms);
	if ((rc = known_host(out, addresses, store, service, site, err)) < 0 || *out->name)
		return rc;
	return dro_fail(err, DRO_ENOTFOUND,
		"no instance of %s of %s is known: `drorch plan %s` tells what is missing",
		site->name, service->name, service->name);
}

struct dro_session_host dro_data_host_session(const struct dro_data_host *host,
	const struct dro_service *service, const struct dro_site *site)
{
	return (struct dro_session_host){.name = host->name,
		.address = host->address,
		.service = service->name,
		.site = site->name,
		.agent = &site->agent};
}

/* ---- what its agent says --------------------------------------------------------------------- */

static bool flag(const cJSON *json, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static int64_t number(const cJSON *json, const char *key, int64_t fallback)
{
	int64_t value;

	return dro_json_int(json, key, fallback, &value, NULL) == 0 ? value : fallback;
}

static void take_hello(struct dro_database_seen *seen, const cJSON *hello)
{
	seen->primary = strcmp(dro_json_text(hello, "role"), "primary") == 0;
	seen->fenced = flag(hello, "fenced");
	seen->epoch = number(hello, "epoch", 0);
	seen->self_fence_ms = number(hello, "self_fence_within_ms", 0);
}

static void take_status(struct dro_database_seen *seen, const cJSON *status)
{
	const cJSON *replica = cJSON_GetObjectItemCaseSensitive(status, "replica"),
		    *files = cJSON_GetObjectItemCaseSensitive(status, "files");
	const char *io = dro_json_text(replica, "io_error"),
		   *sql = dro_json_text(replica, "sql_error");

	seen->read_only = flag(status, "read_only");
	seen->semi_sync =
		flag(status, "semi_sync_master_on") && number(status, "semi_sync_clients", 0) > 0;
	copy(seen->position, sizeof(seen->position), dro_json_text(status, "gtid_binlog_pos"));
	seen->lag_s = number(replica, "lag_s", -1);
	seen->replicates = cJSON_IsObject(replica) && !flag(replica, "broken");
	seen->follows_port = number(replica, "port", 0);
	copy(seen->follows, sizeof(seen->follows), dro_json_text(replica, "host"));
	copy(seen->received, sizeof(seen->received), dro_json_text(replica, "seen"));
	copy(seen->trouble, sizeof(seen->trouble), *sql ? sql : io);
	seen->files = cJSON_IsObject(files);
	seen->files_age_ms = number(files, "age_ms", -1);
}

void dro_database_look(struct dro_data_host *host, struct dro_sessions *sessions,
	const struct dro_service *service, const struct dro_site *site, uint64_t deadline_ms)
{
	struct dro_session_host at = dro_data_host_session(host, service, site);
	struct dro_error err = DRO_ERROR_INIT;
	cJSON *hello = NULL, *status = NULL;

	host->seen = (struct dro_database_seen){.lag_s = -1};
	if (dro_session_ask(&hello, sessions, &at, "hello", NULL, deadline_ms, &err) < 0 ||
		dro_session_ask(&status, sessions, &at, "status", NULL, deadline_ms, &err) < 0) {
		snprintf(host->seen.error, sizeof(host->seen.error), "%.390s", err.message);
	} else {
		host->seen.answered = true;
		take_hello(&host->seen, hello);
		take_status(&host->seen, status);
	}
	cJSON_Delete(hello);
	cJSON_Delete(status);
}

/* One of several looked at side by side. */
struct looking {
	struct dro_data_host *host;
	struct dro_sessions *sessions;
	const struct dro_service *service;
	const struct dro_site *site;
	uint64_t deadline_ms;
};

static void look(void *arg)
{
	struct looking *looking = arg;

	dro_database_look(looking->host, looking->sessions, looking->service, looking->site,
		looking->deadline_ms);
}

/* A cold site has one while it stands in for the others; it need not be one that can be asked. */
static bool has_database(const struct dro_site *site)
{
	if (site->strategy == DRO_STRATEGY_BACKUP_RESTORE)
		return dro_agent_has_session(&site->agent);
	return site->agent.given && (*site->follows || site->role == DRO_ROLE_PRIMARY);
}

int dro_databases_look(struct dro_data_host **out, struct dro_sessions *sessions,
	struct dro_store *store, const struct dro_service *service, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct dro_data_host *hosts = calloc(service->site_count + 1, sizeof(*hosts));
	struct looking *lookings = calloc(service->site_count + 1, sizeof(*lookings));
	struct dro_pool *pool = NULL;
	size_t i;
	int rc = 0;

	*out = NULL;
	if (!dro_service_replicates(service))
		goto out;
	if (!hosts || !lookings) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = dro_pool_new(&pool, service->site_count < 8 ? service->site_count : 8, err)) < 0)
		goto out;
	for (i = 0; i < service->site_count && rc == 0; i++) {
		const struct dro_site *site = &service->sites[i];

		if (!has_database(site) ||
			(rc = known_host(&hosts[i], NULL, store, service, site, err)) < 0 ||
			!*hosts[i].name)
			continue;
		lookings[i] = (struct looking){&hosts[i], sessions, service, site, deadline_ms};
		if (strcmp(hosts[i].state, "running") == 0)
			rc = dro_pool_submit(pool, look, &lookings[i], err);
		else
			snprintf(hosts[i].seen.error, sizeof(hosts[i].seen.error),
				"its instance is %s", hosts[i].state);
	}
	dro_pool_free(pool);
	if (rc == 0) {
		*out = hosts;
		hosts = NULL;
	}
out:
	free(lookings);
	free(hosts);
	return rc;
}
