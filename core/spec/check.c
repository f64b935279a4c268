#include "spec/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "spec/text.h"

const struct dro_place *dro_check_place(
	struct dro_check *check, const void *member, const struct dro_place *otherwise)
{
	const struct dro_place *place = dro_fill_place(check->fill, member);

	return place ? place : otherwise;
}

static void complain_reference(struct dro_check *check, char *const *member,
	const struct dro_place *otherwise, const char *what, const char *best)
{
	char word[DRO_WORD_TEXT], near[DRO_WORD_TEXT] = "";

	if (best)
		dro_word(near, best);
	dro_check_complain(check, member, otherwise, "there is no %s '%s'%s%s%s", what,
		dro_word(word, *member), best ? ": did you mean '" : "", near, best ? "'?" : "");
}

const struct dro_account *dro_check_account(
	struct dro_check *check, char *const *member, const struct dro_place *otherwise)
{
	const struct dro_account *account = dro_spec_account(check->spec, *member);
	struct dro_nearest nearest = {.word = *member};
	size_t i;

	if (account || !**member || !check->spec->account_count)
		return account;
	for (i = 0; i < check->spec->account_count; i++)
		dro_nearest_offer(&nearest, check->spec->accounts[i].name);
	complain_reference(
		check, member, otherwise, "provider in providers.yaml named", nearest.best);
	return NULL;
}

const struct dro_site *dro_check_site(
	struct dro_check *check, char *const *member, const struct dro_place *otherwise)
{
	const struct dro_site *site = dro_service_site(check->service, *member);
	struct dro_nearest nearest = {.word = *member};
	size_t i;

	if (site || !**member)
		return site;
	for (i = 0; i < check->service->site_count; i++)
		dro_nearest_offer(&nearest, check->service->sites[i].name);
	complain_reference(check, member, otherwise, "site", nearest.best);
	return NULL;
}

static const struct dro_backup_policy *check_backup(
	struct dro_check *check, char *const *member, const struct dro_place *otherwise)
{
	const struct dro_backup_policy *backup = dro_service_backup(check->service, *member);
	struct dro_nearest nearest = {.word = *member};
	size_t i;

	if (backup || !**member)
		return backup;
	for (i = 0; i < check->service->backup_count; i++)
		dro_nearest_offer(&nearest, check->service->backups[i].name);
	complain_reference(check, member, otherwise, "backup", nearest.best);
	return NULL;
}

/* A key that a strategy must have, may have, or cannot have. */
static void check_key(struct dro_check *check, const struct dro_site *site, const char *key,
	char *const *member, bool needed, bool allowed)
{
	const char *strategy = dro_strategy_name(site->strategy);

	if (needed && !dro_fill_place(check->fill, member))
		dro_check_complain(check, member, &site->place,
			"site '%s' is a %s site: '%s' is missing", site->name, strategy, key);
	else if (!allowed && **member)
		dro_check_complain(check, member, &site->place,
			"'%s' does not go with a %s site: leave it out", key, strategy);
}

static void check_strategy(struct dro_check *check, const struct dro_site *site)
{
	enum dro_strategy strategy = site->strategy;
	bool page = strategy == DRO_STRATEGY_STATIC_PAGE;
	bool restores = strategy == DRO_STRATEGY_BACKUP_RESTORE;
	/* A site that has no data of its own before it takes over is rebuilt: backup-restore. */
	bool replicates = strategy == DRO_STRATEGY_HOT_STANDBY || dro_strategy_grows(strategy);

	if (site->role == DRO_ROLE_PRIMARY && strategy != DRO_STRATEGY_NONE) {
		dro_check_complain(check, &site->strategy, &site->place,
			"the primary has no strategy: leave it out");
		return;
	}
	if (site->role == DRO_ROLE_STANDBY && strategy == DRO_STRATEGY_NONE) {
		if (check->clean)
			dro_check_complain(check, &site->strategy, &site->place,
				"site '%s' is a standby: say how it takes over, as in 'strategy: "
				"backup-restore'",
				site->name);
		return;
	}
	check_key(check, site, "follows", &site->follows, replicates,
		replicates || strategy == DRO_STRATEGY_MULTI_SITE);
	check_key(check, site, "restores", &site->restores, restores, restores);
	check_key(check, site, "bucket", &site->bucket, page, page);
	check_key(check, site, "page", &site->page, page, page);
	if (page && site->group_count)
		dro_check_complain(check, &site->groups, &site->place,
			"'instances' does not go with a static-page site: leave it out");
	if (!page && !site->group_count)
		dro_check_complain(check, &site->groups, &site->place,
			"site '%s' has no instances: add 'instances'", site->name);
	if (!page && !site->health.given)
		dro_report_add(check->fill->report, &site->place,
			"site '%s' has no 'health': without it nobody can tell whether it answers",
			site->name);
}

/* The first group holds the data, so one of it runs always; the others of a pilot light never do.
 */
static void check_standby(struct dro_check *check, const struct dro_site *site)
{
	size_t i;

	for (i = 0; i < site->group_count; i++) {
		const struct dro_instance_group *group = &site->groups[i];

		if (!group->standby.given)
			continue;
		if (!dro_strategy_grows(site->strategy))
			dro_check_complain(check, &group->standby, &group->place,
				"'standby' does not go with a %s site: leave it out",
				dro_strategy_name(site->strategy));
		else if (i > 0 && site->strategy == DRO_STRATEGY_PILOT_LIGHT)
			dro_check_complain(check, &group->standby, &group->place,
				"of a pilot-light site only the first group runs in peace, '%s': "
				"leave it out, or make the site a warm-standby",
				site->groups[0].name);
		else if (group->standby.count > group->count)
			dro_check_complain(check, &group->standby.count, &group->place,
				"more in peace (%d) than when the site is active (%d)",
				group->standby.count, group->count);
		else if (i == 0 && group->standby.count < 1)
			dro_check_complain(check, &group->standby.count, &group->place,
				"'%s' holds the data: at least one of it runs", group->name);
	}
}

/* Follows the chain from `site`; said once for a cycle, at the site that is first in the file. */
static void check_follows(struct dro_check *check, const struct dro_site *site)
{
	const struct dro_site *at = dro_check_site(check, &site->follows, &site->place);
	const struct dro_site *first = site;
	size_t steps;

	if (at == site) {
		dro_check_complain(check, &site->follows, &site->place, "site '%s' follows itself",
			site->name);
		return;
	}
	for (steps = 0; at && at != site && steps < check->service->site_count; steps++) {
		if (at < first)
			first = at;
		at = dro_service_site(check->service, at->follows);
	}
	if (at == site && first == site)
		dro_check_complain(check, &site->follows, &site->place,
			"a circle: site '%s' follows '%s', which in the end follows '%s'",
			site->name, site->follows, site->name);
}

/* The oldest backup that there can be is as old as the time between two. */
static void check_rpo(struct dro_check *check, const struct dro_site *site,
	const struct dro_backup_policy *backup)
{
	const int64_t *rpo = site->objectives.rpo_ms != DRO_UNSET
				     ? &site->objectives.rpo_ms
				     : &check->service->objectives.rpo_ms;
	char wanted[DRO_DURATION_TEXT], every[DRO_DURATION_TEXT];
	const struct dro_place *place;

	if (*rpo == DRO_UNSET || backup->every_ms == DRO_UNSET || *rpo >= backup->every_ms)
		return;
	place = dro_check_place(check, &backup->every_ms, &backup->place);
	dro_duration_format(wanted, *rpo);
	dro_duration_format(every, backup->every_ms);
	dro_check_complain(check, rpo, &site->place,
		"site '%s' cannot keep the RPO of %s: its backup '%s' is made every %s (%s:%d:%d); "
		"back up more often, or give the site an objective of its own",
		site->name, wanted, backup->name, every, place->file, place->line, place->column);
}

static void check_site(struct dro_check *check, const struct dro_site *site)
{
	const struct dro_backup_policy *backup;

	dro_check_account(check, &site->provider, &site->place);
	check_strategy(check, site);
	check_standby(check, site);
	check_follows(check, site);
	backup = check_backup(check, &site->restores, &site->place);
	if (backup && site->strategy == DRO_STRATEGY_BACKUP_RESTORE)
		check_rpo(check, site, backup);
}

static void check_primary(struct dro_check *check)
{
	const struct dro_service *service = check->service;
	const struct dro_site *first = NULL;
	size_t i;

	if (!dro_fill_place(check->fill, &service->sites))
		return;
	for (i = 0; i < service->site_count; i++) {
		const struct dro_site *site = &service->sites[i];

		if (site->role != DRO_ROLE_PRIMARY)
			continue;
		if (first)
			dro_check_complain(check, &site->role, &site->place,
				"a second primary: site '%s' is one already (line %d)", first->name,
				first->place.line);
		else
			first = site;
	}
	if (!first && check->clean)
		dro_check_complain(check, &service->sites, &service->place,
			"no site is the primary: give one 'role: primary'");
}

static void check_service(struct dro_check *check)
{
	size_t i;

	check_primary(check);
	for (i = 0; i < check->service->site_count; i++)
		check_site(check, &check->service->sites[i]);
	dro_check_backups(check);
	dro_check_images(check);
	dro_check_traffic(check);
	dro_check_dns(check);
	dro_check_drills(check);
	dro_check_notify(check);
}

void dro_check_spec(struct dro_fill *fill, const struct dro_spec *spec, bool clean)
{
	struct dro_check check = {.spec = spec, .fill = fill, .clean = clean};
	size_t i;

	for (i = 0; i < spec->service_count; i++) {
		check.service = &spec->services[i];
		check_service(&check);
	}
	check.service = NULL;
	dro_check_claims(&check);
}
