#include "observe/observer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/rdata.h"
#include "model/marks.h"
#include "observe/backups.h"
#include "observe/images.h"
#include "observe/launched.h"
#include "observe/snapshot.h"

#define AT_ONCE 16
#define KEY_MAX 700
#define ERROR_MAX 400

struct dro_observer {
	struct dro_snapshots *snapshots;
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
	struct dro_error err; /* the first want of memory */
	bool failed;
};

struct site_look {
	const struct dro_instance **instances;
	char **images;
	char error[ERROR_MAX], image_error[ERROR_MAX];
};

struct images_look {
	struct dro_image_list list;
	const struct dro_image **items;
	char error[ERROR_MAX];
};

struct backups_look {
	struct dro_backup_list list;
	char error[ERROR_MAX];
};

int dro_observer_new(struct dro_observer **out, bool shared, struct dro_error *err)
{
	struct dro_observer *observer = calloc(1, sizeof(*observer));
	int rc;

	if (!observer)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	observer->shared = shared;
	if ((rc = dro_snapshots_new(&observer->snapshots, err)) < 0) {
		free(observer);
		return rc;
	}
	*out = observer;
	return 0;
}

void dro_observer_free(struct dro_observer *observer)
{
	if (!observer)
		return;
	dro_snapshots_free(observer->snapshots);
	free(observer);
}

static struct dro_call call_of(const struct dro_look_at *at)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = at->deadline_ms,
		.trace = "observe"};
}

/* ---- lists that services share --------------------------------------------------------------- */

/* One of them: `region` is a zone's name, or a region. */
struct source {
	struct look *look;
	const char *provider, *region;
	const struct dro_snapshot *snapshot;
};

static int read_zone(void *arg, struct dro_snapshot *out, struct dro_error *err)
{
	const struct source *source = arg;
	const struct dro_look_at *at = source->look->at;
	struct dro_record_query query = {
		.size = sizeof(query), .zone = source->region, .name = "", .type = ""};
	struct dro_call call = call_of(at);
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_accounts_get(at->accounts, source->provider, &provider, err)) < 0)
		return rc;
	out->flags = dro_provider_dns_flags(provider);
	return dro_provider_list_records(provider, &query, &out->records, &call, err);
}

static int read_instances(void *arg, struct dro_snapshot *out, struct dro_error *err)
{
	const struct source *source = arg;
	const struct dro_look_at *at = source->look->at;
	const struct dro_pair tags[] = {{DRO_TAG_SERVICE, at->service->name}};
	struct dro_instance_query query = {.size = sizeof(query),
		.region = source->region,
		.tags = tags,
		.tag_count = source->look->observer->shared ? 0 : 1};
	struct dro_call call = call_of(at);
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_accounts_get(at->accounts, source->provider, &provider, err)) < 0)
		return rc;
	return dro_provider_list_instances(provider, &query, &out->instances, &call, err);
}

static int read_checks(void *arg, struct dro_snapshot *out, struct dro_error *err)
{
	const struct source *source = arg;
	struct dro_call call = call_of(source->look->at);
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

static void fetch_zone(void *arg)
{
	struct source *source = arg;

	source->snapshot = get(source, "zone", "", read_zone);
}

static void fetch_instances(void *arg)
{
	struct source *source = arg;

	source->snapshot = get(source, "instances",
		source->look->observer->shared ? "" : source->look->at->service->name,
		read_instances);
}

static void fetch_checks(void *arg)
{
	struct source *source = arg;

	source->snapshot = get(source, "checks", "", read_checks);
}

static void no_memory(struct look *look)
{
	if (!look->failed)
		dro_fail(&look->err, DRO_ENOMEM, "out of memory");
	look->failed = true;
}

/* Keeps the source's list until the look is freed. "": it was read; else why not. */
static const char *hold(struct look *look, const struct source *source)
{
	if (look->held_count == look->held_capacity) {
		size_t capacity = look->held_capacity ? look->held_capacity * 2 : 16;
		const struct dro_snapshot **grown = realloc(look->held, capacity * sizeof(*grown));

		if (!grown) {
			dro_snapshots_let_go(look->observer->snapshots, source->snapshot);
			no_memory(look);
			return "out of memory";
		}
		look->held = grown;
		look->held_capacity = capacity;
	}
	if (!source->snapshot) {
		no_memory(look);
		return "out of memory";
	}
	look->held[look->held_count++] = source->snapshot;
	return source->snapshot->rc < 0 ? source->snapshot->error : "";
}

/* ---- zones ----------------------------------------------------------------------------------- */

static struct dro_seen_zone *add_zone(struct look *look, const char *provider, const char *zone)
{
	struct dro_observed *seen = &look->seen;
	struct dro_seen_zone *grown;
	size_t i;

	for (i = 0; i < seen->zone_count; i++)
		if (strcmp(seen->zones[i].provider, provider) == 0 &&
			strcmp(seen->zones[i].zone, zone) == 0)
			return &seen->zones[i];
	grown = realloc(seen->zones, (seen->zone_count + 1) * sizeof(*grown));
	if (!grown) {
		no_memory(look);
		return NULL;
	}
	seen->zones = grown;
	grown[seen->zone_count] = (struct dro_seen_zone){.provider = provider, .zone = zone};
	return &grown[seen->zone_count++];
}

static bool fits_one(const struct look *look, const char *provider, const char *name)
{
	size_t i;

	for (i = 0; i < look->seen.zone_count; i++)
		if (strcmp(look->seen.zones[i].provider, provider) == 0 &&
			dro_name_in_zone(name, look->seen.zones[i].zone))
			return true;
	return false;
}

/* The zone of a name that the spec gives none for: asked for from the name upwards. */
static void find_zone(struct look *look, const char *provider, const char *name)
{
	const char *zone;

	if (fits_one(look, provider, name))
		return;
	for (zone = name; zone && strchr(zone, '.'); zone = strchr(zone, '.') + 1) {
		struct source source = {look, provider, zone, NULL};
		bool found;

		fetch_zone(&source);
		if (!source.snapshot) {
			no_memory(look);
			return;
		}
		found = source.snapshot->rc != DRO_ENOTFOUND;
		dro_snapshots_let_go(look->observer->snapshots, source.snapshot);
		if (found) {
			add_zone(look, provider, zone);
			return;
		}
	}
	/* Read once more with the others, for the error it gives. */
	add_zone(look, provider, name);
}

static void list_zones(struct look *look)
{
	const struct dro_service *service = look->at->service;
	size_t i, j;

	for (i = 0; i < service->traffic_count; i++)
		for (j = 0; j < service->traffic[i].path_count; j++)
			add_zone(look, service->traffic[i].paths[j].provider,
				service->traffic[i].paths[j].zone);
	for (i = 0; i < service->dns_count; i++)
		for (j = 0; *service->dns[i].zone && j < service->dns[i].provider_count; j++)
			add_zone(look, service->dns[i].providers[j], service->dns[i].zone);
	for (i = 0; i < service->dns_count && !look->failed; i++)
		for (j = 0; !*service->dns[i].zone && j < service->dns[i].provider_count; j++)
			find_zone(look, service->dns[i].providers[j], service->dns[i].name);
}

static void take_zone(struct look *look, struct dro_seen_zone *zone, const struct source *source)
{
	const char *error = hold(look, source);

	zone->error = *error ? error : NULL;
	if (zone->error)
		return;
	zone->flags = source->snapshot->flags;
	zone->records = source->snapshot->records.items;
	zone->count = source->snapshot->records.count;
}

/* ---- instances ------------------------------------------------------------------------------- */

static bool of_site(const struct dro_instance *instance, const char *service, const char *site)
{
	const char *service_tag = dro_instance_tag(instance, DRO_TAG_SERVICE),
		   *site_tag = dro_instance_tag(instance, DRO_TAG_SITE);

	return service_tag && site_tag && strcmp(service_tag, service) == 0 &&
	       strcmp(site_tag, site) == 0;
}

static bool listed(const struct dro_instance_list *list, const char *id)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->items[i]->id, id) == 0)
			return true;
	return false;
}

static void take_site(struct look *look, size_t index, const struct source *source)
{
	struct dro_seen_site *seen = &look->seen.sites[index];
	struct site_look *mine = &look->sites[index];
	const char *service = look->at->service->name, *error = hold(look, source);
	const struct dro_instance_list *list;
	size_t i;

	snprintf(mine->error, sizeof(mine->error), "%s", error);
	seen->error = *mine->error ? mine->error : NULL;
	if (seen->error)
		return;
	list = &source->snapshot->instances;
	mine->instances = calloc(list->count + look->launched.count + 1, sizeof(*mine->instances));
	if (!mine->instances) {
		no_memory(look);
		return;
	}
	for (i = 0; i < list->count; i++)
		if (of_site(list->items[i], service, seen->site->name) &&
			list->items[i]->state != DRO_INSTANCE_TERMINATED &&
			list->items[i]->state != DRO_INSTANCE_TERMINATING)
			mine->instances[seen->count++] = list->items[i];
	for (i = 0; i < look->launched.count; i++)
		if (of_site(look->launched.items[i], service, seen->site->name) &&
			!listed(list, look->launched.items[i]->id))
			mine->instances[seen->count++] = look->launched.items[i];
	seen->instances = mine->instances;
}

/* What each group would be launched from now. */
static void fetch_site_images(struct look *look, size_t index)
{
	struct dro_seen_site *seen = &look->seen.sites[index];
	struct site_look *mine = &look->sites[index];
	const struct dro_site *site = seen->site;
	struct dro_error err = DRO_ERROR_INIT;
	size_t i;

	mine->images = calloc(site->group_count + 1, sizeof(*mine->images));
	if (!mine->images)
		return; /* as if it had not been asked */
	for (i = 0; i < site->group_count; i++)
		if (dro_image_resolve(&mine->images[i], look->at->accounts, look->at->store,
			    look->at->log, look->at->service, site, &site->groups[i],
			    look->at->deadline_ms, &err) < 0)
			snprintf(mine->image_error, sizeof(mine->image_error), "%s", err.message);
	seen->images = (const char *const *)mine->images;
	seen->image_error = *mine->image_error ? mine->image_error : NULL;
}

/* ---- images and backups ---------------------------------------------------------------------- */

static const char *region_of(struct look *look, const char *provider, const char *region)
{
	struct dro_provider *account;

	if (*region || dro_accounts_get(look->at->accounts, provider, &account, NULL) < 0)
		return region;
	return dro_provider_option(account, "region");
}

/* Does a site boot the newest image of that policy's name in another region of its provider? */
static void list_images(struct look *look)
{
	const struct dro_service *service = look->at->service;
	struct dro_observed *seen = &look->seen;
	size_t i, j, k, first;

	seen->images =
		calloc(service->image_count * (service->site_count + 1) + 1, sizeof(*seen->images));
	if (!seen->images) {
		no_memory(look);
		return;
	}
	for (i = 0; i < service->image_count; i++) {
		const struct dro_image_policy *policy = &service->images[i];

		first = seen->image_count;
		seen->images[seen->image_count++] = (struct dro_seen_images){.policy = policy,
			.region = region_of(look, policy->provider, policy->region),
			.home = true};
		for (j = 0; j < service->site_count; j++) {
			const struct dro_site *site = &service->sites[j];
			const char *region = region_of(look, site->provider, site->region);
			bool boots = false;

			for (k = 0; k < site->group_count; k++)
				boots = boots ||
					(site->groups[k].image_newest &&
						strcmp(site->groups[k].image, policy->name) == 0);
			for (k = first; k < seen->image_count; k++)
				boots = boots && strcmp(seen->images[k].region, region) != 0;
			if (boots && strcmp(site->provider, policy->provider) == 0)
				seen->images[seen->image_count++] = (struct dro_seen_images){
					.policy = policy, .region = region};
		}
	}
}

static int newest_image_first(const void *a, const void *b)
{
	const struct dro_image *x = *(const struct dro_image *const *)a,
			       *y = *(const struct dro_image *const *)b;

	if (x->created_ms != y->created_ms)
		return x->created_ms > y->created_ms ? -1 : 1;
	return strcmp(y->id, x->id);
}

static void fetch_images(struct look *look, size_t index)
{
	struct dro_seen_images *seen = &look->seen.images[index];
	struct images_look *mine = &look->images[index];
	struct dro_image_query query = {.size = sizeof(query), .region = seen->region, .name = ""};
	struct dro_call call = call_of(look->at);
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_provider *provider;
	size_t i;

	if (dro_accounts_get(look->at->accounts, seen->policy->provider, &provider, &err) < 0 ||
		dro_provider_list_images(provider, &query, &mine->list, &call, &err) < 0) {
		snprintf(mine->error, sizeof(mine->error), "%s", err.message);
		seen->error = mine->error;
		return;
	}
	mine->items = calloc(mine->list.count + 1, sizeof(*mine->items));
	if (!mine->items) {
		seen->error = "out of memory";
		return;
	}
	for (i = 0; i < mine->list.count; i++)
		if (dro_image_is_of(mine->list.items[i], seen->policy->name))
			mine->items[seen->count++] = mine->list.items[i];
	if (seen->count)
		qsort(mine->items, seen->count, sizeof(*mine->items), newest_image_first);
	seen->images = mine->items;
}

static void fetch_backups(struct look *look, size_t index)
{
	struct dro_seen_backups *seen = &look->seen.backups[index];
	struct backups_look *mine = &look->backups[index];
	struct dro_call call = call_of(look->at);
	struct dro_error err = DRO_ERROR_INIT;

	seen->list = &mine->list;
	if (dro_backups_find(&mine->list, look->at->accounts, look->at->service, seen->policy, 1,
		    look->at->store, &call, &err) < 0) {
		snprintf(mine->error, sizeof(mine->error), "%s", err.message);
		seen->error = mine->error;
	}
}

/* ---- all of them, side by side --------------------------------------------------------------- */

/* One question on a worker; what is shared has a source. */
struct job {
	struct source source;
	void (*fetch)(void *arg);
	void (*own)(struct look *look, size_t index);
	size_t index;
};

static void work(void *arg)
{
	struct job *job = arg;

	if (job->fetch)
		job->fetch(&job->source);
	else
		job->own(job->source.look, job->index);
}

struct jobs {
	struct job *items;
	size_t count;
};

static struct job *add_job(struct jobs *jobs, struct look *look)
{
	struct job *job = &jobs->items[jobs->count++];

	*job = (struct job){.source = {.look = look, .region = ""}};
	return job;
}

static void add_shared(struct jobs *jobs, struct look *look, const char *provider,
	const char *region, size_t index, void (*fetch)(void *arg))
{
	struct job *job = add_job(jobs, look);

	job->source.provider = provider;
	job->source.region = region;
	job->fetch = fetch;
	job->index = index;
}

static void add_own(struct jobs *jobs, struct look *look, size_t index,
	void (*own)(struct look *look, size_t index))
{
	struct job *job = add_job(jobs, look);

	job->own = own;
	job->index = index;
}

/* Providers of weighted names that have health checks at all. */
static void list_checks(struct look *look)
{
	const struct dro_service *service = look->at->service;
	struct dro_observed *seen = &look->seen;
	size_t i, j, k, most = 0;

	for (i = 0; i < service->traffic_count; i++)
		most += service->traffic[i].path_count;
	seen->checks = calloc(most + 1, sizeof(*seen->checks));
	for (i = 0; seen->checks && i < service->traffic_count; i++) {
		const struct dro_traffic *traffic = &service->traffic[i];

		for (j = 0; j < traffic->path_count; j++) {
			const char *name = traffic->paths[j].provider;
			struct dro_provider *provider;

			for (k = 0; k < seen->check_count; k++)
				if (strcmp(seen->checks[k].provider, name) == 0)
					break;
			if (k < seen->check_count ||
				dro_accounts_get(look->at->accounts, name, &provider, NULL) < 0 ||
				!(dro_provider_capabilities(provider) & DRO_CAP_HEALTH))
				continue;
			if (traffic->policy == DRO_POLICY_WEIGHTED)
				seen->checks[seen->check_count++].provider = name;
		}
	}
	if (!seen->checks)
		no_memory(look);
}

static bool has_instances(const struct dro_site *site)
{
	return site->strategy != DRO_STRATEGY_STATIC_PAGE;
}

static void list_jobs(struct jobs *jobs, struct look *look)
{
	struct dro_observed *seen = &look->seen;
	size_t i;

	for (i = 0; i < seen->zone_count; i++)
		add_shared(jobs, look, seen->zones[i].provider, seen->zones[i].zone, i, fetch_zone);
	for (i = 0; i < seen->site_count; i++)
		if (has_instances(seen->sites[i].site))
			add_shared(jobs, look, seen->sites[i].site->provider,
				region_of(look, seen->sites[i].site->provider,
					seen->sites[i].site->region),
				i, fetch_instances);
	for (i = 0; i < seen->check_count; i++)
		add_shared(jobs, look, seen->checks[i].provider, "", i, fetch_checks);
	for (i = 0; i < seen->image_count; i++)
		add_own(jobs, look, i, fetch_images);
	for (i = 0; i < seen->backup_count; i++)
		add_own(jobs, look, i, fetch_backups);
	for (i = 0; look->at->images && i < seen->site_count; i++)
		if (has_instances(seen->sites[i].site))
			add_own(jobs, look, i, fetch_site_images);
}

static void take(struct look *look, const struct job *job)
{
	if (job->fetch == fetch_zone) {
		take_zone(look, &look->seen.zones[job->index], &job->source);
	} else if (job->fetch == fetch_instances) {
		take_site(look, job->index, &job->source);
	} else if (job->fetch == fetch_checks) {
		struct dro_seen_checks *checks = &look->seen.checks[job->index];
		const char *error = hold(look, &job->source);

		checks->error = *error ? error : NULL;
		if (!checks->error) {
			checks->checks = job->source.snapshot->checks.items;
			checks->count = job->source.snapshot->checks.count;
		}
	}
}

static int run_jobs(struct look *look, struct dro_error *err)
{
	const struct dro_observed *seen = &look->seen;
	struct jobs jobs = {0};
	struct dro_pool *pool;
	size_t i;
	int rc;

	jobs.items = calloc(seen->zone_count + 2 * seen->site_count + seen->check_count +
				    seen->image_count + seen->backup_count + 1,
		sizeof(*jobs.items));
	if (!jobs.items)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	list_jobs(&jobs, look);
	if ((rc = dro_pool_new(&pool, jobs.count < AT_ONCE ? jobs.count + 1 : AT_ONCE, err)) < 0)
		goto out;
	for (i = 0; i < jobs.count && rc == 0; i++)
		rc = dro_pool_submit(pool, work, &jobs.items[i], err);
	dro_pool_free(pool);
	for (i = 0; i < jobs.count; i++)
		take(look, &jobs.items[i]);
out:
	free(jobs.items);
	return rc;
}

static int prepare(struct look *look, struct dro_error *err)
{
	const struct dro_service *service = look->at->service;
	struct dro_observed *seen = &look->seen;
	size_t i;

	seen->sites = calloc(service->site_count + 1, sizeof(*seen->sites));
	look->sites = calloc(service->site_count + 1, sizeof(*look->sites));
	seen->backups = calloc(service->backup_count + 1, sizeof(*seen->backups));
	look->backups = calloc(service->backup_count + 1, sizeof(*look->backups));
	if (!seen->sites || !look->sites || !seen->backups || !look->backups)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < service->site_count; i++)
		seen->sites[seen->site_count++].site = &service->sites[i];
	for (i = 0; i < service->backup_count; i++)
		seen->backups[seen->backup_count++].policy = &service->backups[i];
	list_zones(look);
	list_checks(look);
	list_images(look);
	look->images = calloc(seen->image_count + 1, sizeof(*look->images));
	if (!look->images)
		no_memory(look);
	if (look->failed) {
		*err = look->err;
		return DRO_ENOMEM;
	}
	return dro_launched_lately(&look->launched, look->at->store, service, err);
}

int dro_observe(struct dro_observed **out, struct dro_observer *observer,
	const struct dro_look_at *at, struct dro_error *err)
{
	struct look *look = calloc(1, sizeof(*look));
	int rc;

	if (!look)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	look->observer = observer;
	look->at = at;
	look->err = (struct dro_error)DRO_ERROR_INIT;
	if ((rc = prepare(look, err)) == 0 && (rc = run_jobs(look, err)) == 0 && look->failed) {
		*err = look->err;
		rc = DRO_ENOMEM;
	}
	if (rc < 0) {
		dro_observed_free(&look->seen);
		return rc;
	}
	*out = &look->seen;
	return 0;
}

void dro_observed_free(struct dro_observed *observed)
{
	struct look *look = (struct look *)observed;
	size_t i, j;

	if (!look)
		return;
	for (i = 0; i < look->held_count; i++)
		dro_snapshots_let_go(look->observer->snapshots, look->held[i]);
	for (i = 0; look->sites && i < look->seen.site_count; i++) {
		free(look->sites[i].instances);
		for (j = 0; look->sites[i].images && j < look->seen.sites[i].site->group_count; j++)
			free(look->sites[i].images[j]);
		free(look->sites[i].images);
	}
	for (i = 0; look->images && i < look->seen.image_count; i++) {
		free(look->images[i].items);
		dro_image_list_free(&look->images[i].list);
	}
	for (i = 0; look->backups && i < look->seen.backup_count; i++)
		dro_backup_list_free(&look->backups[i].list);
	dro_instance_list_free(&look->launched);
	free(look->held);
	free(look->sites);
	free(look->images);
	free(look->backups);
	free(look->seen.zones);
	free(look->seen.sites);
	free(look->seen.checks);
	free(look->seen.images);
	free(look->seen.backups);
	free(look);
}
