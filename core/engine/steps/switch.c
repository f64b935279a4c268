/*
 * traffic.switch {traffic, addresses, page, previous, previous_page, from, owner} -> {path,
 * provider}: points the name at the new site, its addresses or its page, by the first of its paths
 * whose provider takes the change. Setting a record to what it is already changes nothing, so a
 * repeat is harmless.
 */
#include "engine/steps/traffic.h"

#include <stdlib.h>
#include <string.h>

/* Addresses, or a page, by their keys in the inputs. The strings of `addresses` are freed by the
 * caller; `page` is where goal->page may point. */
static int read_goal(struct step_goal *goal, const char ***addresses, struct dro_page_place *page,
	const struct dro_step_context *context, const char *addresses_key, const char *page_key,
	struct dro_error *err)
{
	const cJSON *json = cJSON_GetObjectItemCaseSensitive(context->inputs, page_key);
	int rc;

	if ((rc = dro_step_strings(context, addresses_key, addresses, &goal->count, err)) < 0)
		return rc;
	goal->values = *addresses;
	if (!json)
		return 0;
	goal->page = page;
	return dro_page_place_read(page, json, err);
}

int dro_step_switch(struct dro_step_context *context, struct dro_error *err)
{
	struct step_goal goal = {.site = context->plan->to};
	const struct dro_traffic *traffic;
	const char **addresses = NULL;
	struct dro_page_place page;
	size_t i;
	int rc;

	if ((rc = dro_step_traffic(context, &traffic, err)) < 0 ||
		(rc = read_goal(&goal, &addresses, &page, context, "addresses", "page", err)) < 0)
		goto out;
	if (goal.count == 0 && !goal.page) {
		rc = dro_fail(
			err, DRO_ESAFETY, "there is no address to point %s at", traffic->name);
		goto out;
	}
	rc = dro_fail(err, DRO_EINVAL, "%s has no path", traffic->name);
	for (i = 0; i < traffic->path_count; i++) {
		rc = dro_step_put_traffic(context, traffic, &traffic->paths[i], &goal, err);
		if (rc == 0 || rc == DRO_EBUSY || rc == DRO_ENOMEM)
			break;
		dro_buf_printf(
			&context->note, "%s: %.160s; ", traffic->paths[i].provider, err->message);
	}
	if (rc < 0)
		goto out;
	dro_step_output(context, "provider", cJSON_CreateString(traffic->paths[i].provider));
	dro_step_output(context, "path", cJSON_CreateNumber((double)i));
	dro_buf_printf(&context->note, "%s points at %s%s by %s", traffic->name,
		goal.page ? page.host : addresses[0], goal.count > 1 ? ", …" : "",
		traffic->paths[i].provider);
out:
	free(addresses);
	return rc;
}

/* ---- undo ---------------------------------------------------------------------------------- */

static bool same_values(const struct dro_record *record, const char *const *values, size_t count)
{
	size_t i, j, found = 0;

	if (record->value_count != count)
		return false;
	for (i = 0; i < count; i++)
		for (j = 0; j < count; j++)
			if (strcmp(record->values[i], values[j]) == 0) {
				found++;
				break;
			}
	return found == count;
}

static bool leads_to(const struct dro_record *record, const struct step_goal *goal)
{
	return goal->page ? dro_page_leads(record, goal->page)
			  : !*record->alias && same_values(record, goal->values, goal->count);
}

/* *there: does the path's record lead there now? */
static int points_at(bool *there, const struct dro_step_context *context,
	const struct dro_traffic *traffic, const struct dro_path *path,
	const struct step_goal *goal, struct dro_error *err)
{
	struct dro_record_query query = {.size = sizeof(query),
		.zone = path->zone,
		.name = traffic->name,
		.type = goal->page ? "" : traffic->type};
	struct dro_record_list list = {0};
	struct dro_provider *provider;
	size_t i;
	int rc;

	if ((rc = dro_accounts_get(context->world->accounts, path->provider, &provider, err)) == 0)
		rc = dro_provider_list_records(provider, &query, &list, &context->call, err);
	*there = false;
	for (i = 0; i < list.count; i++)
		*there = *there || leads_to(list.items[i], goal);
	dro_record_list_free(&list);
	return rc;
}

/* Traffic goes back only to a site that answers: otherwise it stays where it is. A page always
 * does. */
static int put_back(struct dro_step_context *context, const struct dro_traffic *traffic,
	const struct dro_path *path, struct dro_error *err)
{
	struct step_goal goal = {0};
	const struct dro_site *from;
	const char **previous = NULL;
	struct dro_page_place page;
	char heard[256];
	int rc;

	if ((rc = dro_step_site(context, "from", &from, NULL, err)) < 0 ||
		(rc = read_goal(
			 &goal, &previous, &page, context, "previous", "previous_page", err)) < 0)
		goto out;
	goal.site = from->name;
	if (!goal.page &&
		!dro_step_any_well(context, from, previous, goal.count, heard, sizeof(heard)))
		rc = dro_fail(err, DRO_ESAFETY, "%s stays where it is: %s does not answer (%.160s)",
			traffic->name, from->name, heard);
	else
		rc = dro_step_put_traffic(context, traffic, path, &goal, err);
	if (rc == 0)
		dro_buf_printf(&context->note, "%s points at %s again", traffic->name, from->name);
out:
	free(previous);
	return rc;
}

int dro_step_unswitch(struct dro_step_context *context, struct dro_error *err)
{
	struct step_goal goal = {.site = context->plan->to};
	const struct dro_traffic *traffic;
	const char **addresses = NULL;
	struct dro_page_place page;
	size_t i;
	bool there;
	int rc;

	/* Before the addresses were known nothing was switched. */
	if ((rc = dro_step_traffic(context, &traffic, err)) < 0 ||
		(rc = read_goal(&goal, &addresses, &page, context, "addresses", "page", err)) < 0)
		goto out;
	/* Its outcome may be unknown: the records tell. */
	for (i = 0; i < traffic->path_count && rc == 0; i++) {
		if ((rc = points_at(&there, context, traffic, &traffic->paths[i], &goal, err)) ==
				0 &&
			there)
			rc = put_back(context, traffic, &traffic->paths[i], err);
	}
out:
	free(addresses);
	return rc;
}
