/* Backups, images, drills and notices. */
#include <string.h>

#include "base/clock.h"
#include "spec/check.h"

static void check_source(struct dro_check *check, const struct dro_backup_policy *backup)
{
	const struct dro_site *source = dro_check_site(check, &backup->source, &backup->place);

	if (!source)
		return;
	if (source->strategy == DRO_STRATEGY_STATIC_PAGE)
		dro_check_complain(check, &backup->source, &backup->place,
			"site '%s' is a static page: there is nothing to back up", source->name);
	else if (strcmp(source->restores, backup->name) == 0)
		dro_check_complain(check, &backup->source, &backup->place,
			"site '%s' is the source of backup '%s' and is restored from it (line %d)",
			source->name, backup->name,
			dro_check_place(check, &source->restores, &source->place)->line);
}

static void check_times(struct dro_check *check, const struct dro_backup_policy *backup)
{
	char age[DRO_DURATION_TEXT], every[DRO_DURATION_TEXT];

	if (backup->keep_daily + backup->keep_weekly + backup->keep_monthly == 0)
		dro_check_complain(check, &backup->keep_daily, &backup->place,
			"backup '%s': the retention keeps nothing: at least one of daily, weekly, "
			"monthly is 1 or more",
			backup->name);
	if (backup->max_age_ms == DRO_UNSET || backup->every_ms == DRO_UNSET ||
		backup->max_age_ms >= backup->every_ms)
		return;
	dro_duration_format(age, backup->max_age_ms);
	dro_duration_format(every, backup->every_ms);
	dro_check_complain(check, &backup->max_age_ms, &backup->place,
		"backup '%s' would be too old before the next one: max_age is %s, and it is made "
		"every %s (line %d)",
		backup->name, age, every,
		dro_check_place(check, &backup->every_ms, &backup->place)->line);
}

void dro_check_backups(struct dro_check *check)
{
	size_t i;

	for (i = 0; i < check->service->backup_count; i++) {
		const struct dro_backup_policy *backup = &check->service->backups[i];

		dro_check_account(check, &backup->provider, &backup->place);
		check_source(check, backup);
		check_times(check, backup);
	}
}

/* Both playbooks are taken from one folder, with the roles and files that stand in it. */
static void check_bake(struct dro_check *check, const struct dro_image_policy *image)
{
	const char *slash = strrchr(image->playbook, '/'), *bake = strrchr(image->bake, '/');
	size_t length = slash ? (size_t)(slash - image->playbook) : 0;

	if (!*image->bake || ((bake ? (size_t)(bake - image->bake) : 0) == length &&
				     strncmp(image->bake, image->playbook, length) == 0))
		return;
	dro_check_complain(check, &image->bake, &image->place,
		"image '%s': bake is to stand in the folder of the playbook, which is %s",
		image->name, image->playbook);
}

void dro_check_images(struct dro_check *check)
{
	size_t i;

	for (i = 0; i < check->service->image_count; i++) {
		const struct dro_image_policy *image = &check->service->images[i];

		dro_check_account(check, &image->provider, &image->place);
		check_bake(check, image);
	}
}

void dro_check_drills(struct dro_check *check)
{
	size_t i;

	for (i = 0; i < check->service->drill_count; i++) {
		const struct dro_drill *drill = &check->service->drills[i];
		const struct dro_site *site = dro_check_site(check, &drill->site, &drill->place);

		if (site && site->role == DRO_ROLE_PRIMARY)
			dro_check_complain(check, &drill->site, &drill->place,
				"site '%s' is the primary: a drill rehearses a standby",
				site->name);
		if (drill->every_ms != DRO_UNSET && drill->ttl_ms >= drill->every_ms)
			dro_check_complain(check, &drill->ttl_ms, &drill->place,
				"drill '%s' would not be cleaned up before the next one: the ttl "
				"must be shorter than 'every'",
				drill->name);
	}
}

void dro_check_notify(struct dro_check *check)
{
	size_t i;

	for (i = 0; i < check->service->notify_count; i++) {
		const struct dro_notify *notify = &check->service->notify[i];
		bool webhook = dro_fill_place(check->fill, &notify->webhook);
		bool email = dro_fill_place(check->fill, &notify->to) ||
			     dro_fill_place(check->fill, &notify->server);

		if (webhook == email)
			dro_report_add(check->fill->report, &notify->place,
				"a notice goes to a webhook or by email: give %s",
				email ? "one of them, and the other in an entry of its own"
				      : "one of them");
	}
}
