/*
 * What a service's last look read, asked for before the spec that names it is read: that takes as
 * long as a call or two where a service has thousands of records. The sources are a fact of the
 * service, a line each: "zone PROVIDER NAME", "instances PROVIDER REGION", "checks PROVIDER".
 */
#include "observe/look.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/pool.h"

#define FACT "looked-from"
#define FACT_MAX 65536u
#define SOURCES_MAX 32u

struct asked {
	struct source source;
	void (*fetch)(void *arg);
};

/* A look of which there is only what sources ask of one. */
struct look_early {
	struct look look;
	struct dro_look_at at;
	struct dro_service service;
	char *name, *text; /* `text`: the lines, cut in place */
	struct asked asked[SOURCES_MAX];
	size_t count;
	struct dro_pool *pool;
};

static void work(void *arg)
{
	struct asked *asked = arg;
	struct look *look = asked->source.look;

	asked->fetch(&asked->source);
	if (asked->source.snapshot)
		dro_snapshots_let_go(look->observer->snapshots, asked->source.snapshot);
}

static void add_line(struct look_early *early, char *line)
{
	static const struct {
		const char *kind;
		void (*fetch)(void *arg);
	} kinds[] = {{"zone", look_fetch_zone}, {"instances", look_fetch_instances},
		{"checks", look_fetch_checks}};
	const char *kind = strsep(&line, " "), *provider = strsep(&line, " ");
	size_t i;

	for (i = 0; provider && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0 && early->count < SOURCES_MAX)
			early->asked[early->count++] =
				(struct asked){.source = {.look = &early->look,
						       .provider = provider,
						       .region = line ? line : ""},
					.fetch = kinds[i].fetch};
}

static int read_sources(struct look_early *early, struct dro_store *store)
{
	char *line, *rest;

	if (dro_store_fact_get(store, early->name, FACT, &early->text, NULL, NULL) < 0)
		return DRO_ENOTFOUND;
	for (rest = early->text; (line = strsep(&rest, "\n"));)
		add_line(early, line);
	return early->count ? 0 : DRO_ENOTFOUND;
}

void dro_observe_early(struct dro_observer *observer, struct dro_accounts *accounts,
	struct dro_store *store, const char *service, uint64_t deadline_ms)
{
	struct look_early *early = observer->early ? NULL : calloc(1, sizeof(*early));
	size_t i;

	if (!early)
		return;
	early->name = strdup(service);
	early->service.name = early->name;
	early->at = (struct dro_look_at){
		.accounts = accounts, .service = &early->service, .deadline_ms = deadline_ms};
	early->look.observer = observer;
	early->look.at = &early->at;
	if (!early->name || read_sources(early, store) < 0 ||
		dro_pool_new(&early->pool, early->count, NULL) < 0) {
		look_early_free(early);
		return;
	}
	for (i = 0; i < early->count; i++)
		if (dro_pool_submit(early->pool, work, &early->asked[i], NULL) < 0)
			break; /* the look asks for it then */
	observer->early = early;
}

void look_early_free(struct look_early *early)
{
	if (!early)
		return;
	dro_pool_free(early->pool);
	free(early->text);
	free(early->name);
	free(early);
}

void look_keep_sources(struct look *look)
{
	const char *service = look->at->service->name;
	const struct dro_observed *seen = &look->seen;
	struct dro_buf text = DRO_BUF_INIT(FACT_MAX);
	char *before = NULL;
	size_t i;

	/* What the spec names no more was asked for a last time, perhaps. */
	for (i = 0; i < seen->zone_count; i++)
		if (!seen->zones[i].left)
			dro_buf_printf(&text, "zone %s %s\n", seen->zones[i].provider,
				seen->zones[i].zone);
	for (i = 0; i < seen->site_count; i++) {
		const struct dro_site *site = seen->sites[i].site;

		if (site->strategy != DRO_STRATEGY_STATIC_PAGE)
			dro_buf_printf(&text, "instances %s %s\n", site->provider,
				look_region(look, site->provider, site->region));
	}
	for (i = 0; i < seen->check_count; i++)
		if (!seen->checks[i].left)
			dro_buf_printf(&text, "checks %s\n", seen->checks[i].provider);
	/* Without it the next look begins a little later. */
	if (!text.failed &&
		(dro_store_fact_get(look->at->store, service, FACT, &before, NULL, NULL) < 0 ||
			strcmp(before, dro_buf_str(&text)) != 0))
		dro_store_fact_set(look->at->store, service, FACT, dro_buf_str(&text), NULL);
	dro_buf_free(&text);
	free(before);
}
