/*
 * What the spec named once and does not any more. It is looked at as long as something of ours is
 * left there: else the last record of a zone, and the checks of the last weighted name, would stay
 * for ever. Which zones and checks those are is a fact of the service, a line each.
 */
#include "observe/look.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/marks.h"

#define FACT "looked-at"
#define FACT_MAX (1u << 20)

/* Two accounts of one plugin may be the same one: what one leaves may be the other's to keep. */
static bool same_plugin(const struct look *look, const char *a, const char *b)
{
	const struct dro_account *x = dro_spec_account(look->at->spec, a),
				 *y = dro_spec_account(look->at->spec, b);

	return x && y && strcmp(x->plugin, y->plugin) == 0;
}

/* Where the zone of a name was asked for in vain, nobody knows what is wanted in this one. */
static void add_zone(struct look *look, const char *provider, const char *zone)
{
	struct dro_seen_zone *added;
	const char *error = NULL;
	size_t i;

	for (i = 0; i < look->seen.zone_count; i++) {
		if (strcmp(look->seen.zones[i].zone, zone) == 0 &&
			same_plugin(look, look->seen.zones[i].provider, provider))
			return;
		if (strcmp(look->seen.zones[i].provider, provider) == 0 &&
			look->seen.zones[i].error)
			error = "which names belong to it is not known";
	}
	added = look_add_zone(look, provider, zone);
	if (!added)
		return;
	added->left = true;
	added->error = error;
}

static void add_checks(struct look *look, const char *provider)
{
	struct dro_observed *seen = &look->seen;
	struct dro_seen_checks *grown;
	size_t i;

	for (i = 0; i < seen->check_count; i++)
		if (same_plugin(look, seen->checks[i].provider, provider))
			return;
	grown = realloc(seen->checks, (seen->check_count + 1) * sizeof(*grown));
	if (!grown) {
		look_no_memory(look);
		return;
	}
	seen->checks = grown;
	grown[seen->check_count++] = (struct dro_seen_checks){.provider = provider, .left = true};
}

/* "zone PROVIDER NAME" or "checks PROVIDER", cut in place. */
static void add_line(struct look *look, char *line)
{
	char *provider = strchr(line, ' '), *zone;

	if (!provider)
		return;
	*provider++ = '\0';
	zone = strchr(provider, ' ');
	if (zone)
		*zone++ = '\0';
	if (!dro_spec_account(look->at->spec, provider))
		return; /* nobody could be asked */
	if (zone)
		add_zone(look, provider, zone);
	else
		add_checks(look, provider);
}

void look_list_left(struct look *look)
{
	char *line, *end;

	if (dro_store_fact_get(
		    look->at->store, look->at->service->name, FACT, &look->left, NULL, NULL) < 0)
		return;
	for (line = look->left; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		add_line(look, line);
	}
}

static bool ours_in_zone(const struct look *look, const struct dro_seen_zone *zone)
{
	size_t i;

	for (i = 0; i < zone->count; i++)
		if (dro_owner_is(zone->records[i]->owner, look->at->service->name))
			return true;
	return false;
}

static bool ours_among(const struct look *look, const struct dro_seen_checks *checks)
{
	size_t i;

	for (i = 0; i < checks->count; i++)
		if (dro_owner_is(checks->checks[i]->owner, look->at->service->name))
			return true;
	return false;
}

void look_keep_left(struct look *look)
{
	const struct dro_observed *seen = &look->seen;
	struct dro_buf text = DRO_BUF_INIT(FACT_MAX);
	struct dro_error why = DRO_ERROR_INIT;
	char *before = NULL;
	size_t i;
	int rc;

	for (i = 0; i < seen->zone_count; i++)
		if (!seen->zones[i].left || seen->zones[i].error ||
			ours_in_zone(look, &seen->zones[i]))
			dro_buf_printf(&text, "zone %s %s\n", seen->zones[i].provider,
				seen->zones[i].zone);
	for (i = 0; i < seen->check_count; i++)
		if (!seen->checks[i].left || seen->checks[i].error ||
			ours_among(look, &seen->checks[i]))
			dro_buf_printf(&text, "checks %s\n", seen->checks[i].provider);
	rc = dro_store_fact_get(
		look->at->store, look->at->service->name, FACT, &before, NULL, NULL);
	if (dro_buf_check(&text, &why) < 0 ||
		((rc < 0 || strcmp(before, dro_buf_str(&text)) != 0) &&
			dro_store_fact_set(look->at->store, look->at->service->name, FACT,
				dro_buf_str(&text), &why) < 0))
		dro_log(look->at->log, DRO_LOG_WARNING, "what was looked at is not remembered: %s",
			why.message);
	dro_buf_free(&text);
	free(before);
}
