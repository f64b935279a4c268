#include "observe/observer.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "observe/backups.h"
#include "observe/launched.h"
#include "observe/look.h"

#define AT_ONCE 16

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
	look_early_free(observer->early);
	dro_snapshots_free(observer->snapshots);
	free(observer);
}

struct dro_call look_call(const struct look *look)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = look->at->deadline_ms,
		.trace = "observe"};
}

void look_no_memory(struct look *look)
{
	if (!look->failed)
		dro_fail(&look->err, DRO_ENOMEM, "out of memory");
	look->failed = true;
}

const char *look_region(struct look *look, const char *provider, const char *region)
{
	struct dro_provider *account;

	if (*region || dro_accounts_get(look->at->accounts, provider, &account, NULL) < 0)
		return region;
	return dro_provider_option(account, "region");
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
				seen->checks[seen->check_count++] = (struct dro_seen_checks){
					.provider = name,
					.intervals = dro_provider_check_intervals(provider)};
		}
	}
	if (!seen->checks)
		look_no_memory(look);
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
		add_shared(jobs, look, seen->zones[i].provider, seen->zones[i].zone, i,
			look_fetch_zone);
	for (i = 0; i < seen->site_count; i++)
		if (has_instances(seen->sites[i].site))
			add_shared(jobs, look, seen->sites[i].site->provider,
				look_region(look, seen->sites[i].site->provider,
					seen->sites[i].site->region),
				i, look_fetch_instances);
		else
			add_own(jobs, look, i, look_site_page);
	for (i = 0; i < seen->check_count; i++)
		add_shared(jobs, look, seen->checks[i].provider, "", i, look_fetch_checks);
	for (i = 0; i < seen->image_count; i++)
		add_own(jobs, look, i, look_images);
	for (i = 0; i < seen->backup_count; i++)
		add_own(jobs, look, i, look_backups);
	for (i = 0; look->at->launching && i < seen->site_count; i++)
		if (has_instances(seen->sites[i].site))
			add_own(jobs, look, i, look_site_images);
}

static void take(struct look *look, const struct job *job)
{
	if (job->fetch == look_fetch_zone) {
		look_take_zone(look, job->index, &job->source);
	} else if (job->fetch == look_fetch_instances) {
		look_take_site(look, job->index, &job->source);
	} else if (job->fetch == look_fetch_checks) {
		struct dro_seen_checks *checks = &look->seen.checks[job->index];
		const char *error = look_hold(look, &job->source);

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
	look_list_zones(look);
	list_checks(look);
	look_list_left(look);
	look_list_images(look);
	look->images = calloc(seen->image_count + 1, sizeof(*look->images));
	if (!look->images)
		look_no_memory(look);
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
	look_keep_left(look);
	if (!observer->shared)
		look_keep_sources(look);
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
		free(look->sites[i].others);
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
	free(look->left);
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
