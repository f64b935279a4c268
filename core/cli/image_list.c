/* drorch image list [SERVICE]: which images there are, and whether they are fresh. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "model/marks.h"
#include "observe/images.h"

#define LIST_MS 60000

struct shown {
	struct dro_cli *cli;
	struct dro_table *table;
	cJSON *json;
};

static const char *tag_of(const struct dro_image *image, const char *name)
{
	const char *tag = dro_image_tag(image, name);

	return tag ? tag : "";
}

static void show_one(struct shown *shown, const struct dro_service *service,
	const struct dro_image_policy *policy, const struct dro_image *image, bool stale)
{
	const char *playbook = tag_of(image, DRO_TAG_PLAYBOOK);
	char age[DRO_DURATION_TEXT] = "?";
	const char *state = stale ? "to be made anew" : image->native_state;

	if (shown->cli->json) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddStringToObject(json, "service", service->name);
		cJSON_AddStringToObject(json, "image", policy->name);
		cJSON_AddStringToObject(json, "id", image->id);
		cJSON_AddStringToObject(json, "name", image->name);
		cJSON_AddStringToObject(json, "region", image->region);
		cJSON_AddStringToObject(json, "state", image->native_state);
		cJSON_AddBoolToObject(json, "available", image->state == DRO_IMAGE_AVAILABLE);
		cJSON_AddBoolToObject(json, "stale", stale);
		cJSON_AddNumberToObject(json, "created_ms", (double)image->created_ms);
		cJSON_AddStringToObject(json, "playbook_sha256", playbook);
		cJSON_AddStringToObject(json, "base", tag_of(image, DRO_TAG_BASE));
		cJSON_AddStringToObject(json, "run", tag_of(image, DRO_TAG_RUN));
		cJSON_AddItemToArray(shown->json, json);
		return;
	}
	if (image->created_ms)
		dro_duration_format(age, dro_wall_ms() - image->created_ms);
	dro_table_cell(shown->table, "%s", service->name);
	dro_table_cell(shown->table, "%s", policy->name);
	dro_table_cell(shown->table, "%s", image->id);
	dro_table_cell(shown->table, "%s", image->name);
	dro_table_cell(shown->table, "%s", age);
	dro_table_cell(shown->table, "%.12s", playbook);
	dro_table_cell(shown->table, "%s", state);
}

static int newest_first(const void *a, const void *b)
{
	const struct dro_image *x = *(const struct dro_image *const *)a,
			       *y = *(const struct dro_image *const *)b;

	return x->created_ms > y->created_ms ? -1 : x->created_ms < y->created_ms;
}

/* The newest that can be used is the one whose age counts. */
static int show_policy(struct shown *shown, const struct dro_setup *setup,
	const struct dro_service *service, const struct dro_image_policy *policy,
	struct dro_error *err)
{
	struct dro_image_query query = {
		.size = sizeof(query), .region = policy->region, .name = ""};
	struct dro_call call = {
		.size = sizeof(call), .deadline_ms = dro_now_ms() + LIST_MS, .trace = "image"};
	struct dro_image_list list = {0};
	struct dro_provider *provider;
	bool judged = policy->refresh_ms == DRO_UNSET;
	size_t i;
	int rc;

	if ((rc = dro_accounts_get(setup->accounts, policy->provider, &provider, err)) == 0)
		rc = dro_provider_list_images(provider, &query, &list, &call, err);
	if (rc == 0 && list.count > 1)
		qsort(list.items, list.count, sizeof(*list.items), newest_first);
	for (i = 0; i < list.count && rc == 0; i++) {
		const struct dro_image *image = list.items[i];
		bool newest = !judged && image->state == DRO_IMAGE_AVAILABLE;

		if (!dro_image_is_of(image, policy->name))
			continue;
		judged = judged || newest;
		show_one(shown, service, policy, image,
			newest && image->created_ms &&
				dro_wall_ms() - image->created_ms > policy->refresh_ms);
	}
	dro_image_list_free(&list);
	return rc;
}

int dro_cmd_image_list(struct dro_cli *cli)
{
	static const char *const columns[] = {
		"SERVICE", "IMAGE", "ID", "NAME", "AGE", "PLAYBOOK", "STATE", NULL};
	struct shown shown = {.cli = cli};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	size_t i, j;
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_PROVIDERS)) != 0)
		goto out;
	if (cli->arg_count && !dro_setup_service(&setup, cli, cli->args[0], &rc))
		goto out;
	shown.table = dro_table_new(columns);
	shown.json = cJSON_CreateArray();
	for (i = 0; i < setup.spec->service_count; i++) {
		const struct dro_service *service = &setup.spec->services[i];

		if (cli->arg_count && strcmp(service->name, cli->args[0]) != 0)
			continue;
		for (j = 0; j < service->image_count; j++)
			if (show_policy(&shown, &setup, service, &service->images[j], &err) < 0)
				rc = dro_cli_error(cli, &err); /* the others are shown */
	}
	if (cli->json) {
		dro_print_json_list(stdout, "images", shown.json);
		shown.json = NULL;
	} else {
		dro_table_print(shown.table, stdout);
	}
out:
	cJSON_Delete(shown.json);
	dro_table_free(shown.table);
	dro_setup_free(&setup);
	return rc;
}
