#include "cloudflare.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/cloudflare_balance.h"
#include "lab/internal.h"

#define STATE_PREFIX "cloudflare-zone-"

static const char *zone_text(const cJSON *entry, const char *key)
{
	return dro_json_text(cJSON_GetObjectItemCaseSensitive(entry, "zone"), key);
}

/* Saves the zone in a file of its own, and tells the edge and the name servers. */
static int save(struct cloudflare *cf, const cJSON *entry, bool gone, struct dro_error *err)
{
	uint64_t due_ms = dro_now_ms() + lab_config(cf->lab)->edge_delay_ms;
	char name[sizeof(STATE_PREFIX) + CLOUDFLARE_ID];
	int rc;

	snprintf(name, sizeof(name), STATE_PREFIX "%s", zone_text(entry, "id"));
	rc = gone ? lab_state_remove(cf->lab, name, err)
		  : lab_state_save(cf->lab, name, entry, err);
	if (rc < 0)
		return rc;
	return cloudflare_publish(cf, entry, gone, due_ms, err);
}

/* In its place by age, as they were made. */
static int load_zone(void *arg, const cJSON *json, struct dro_error *err)
{
	struct cloudflare *cf = arg;
	cJSON *zone = cJSON_Duplicate(json, true);
	const cJSON *entry;
	int place = 0;

	if (strlen(zone_text(zone, "id")) != CLOUDFLARE_ID - 1 ||
		!cJSON_HasObjectItem(zone, "records") ||
		!cJSON_HasObjectItem(zone, "load_balancers")) {
		cJSON_Delete(zone);
		return dro_fail(err, DRO_ECORRUPT, "no zone of cloudflare");
	}
	cJSON_ArrayForEach(entry, cf->zones) place +=
		strcmp(zone_text(entry, "created_on"), zone_text(zone, "created_on")) <= 0;
	cJSON_InsertItemInArray(cf->zones, place, zone);
	return 0;
}

int cloudflare_load(struct cloudflare *cf, struct dro_error *err)
{
	int rc;

	cf->zones = cJSON_CreateArray();
	if ((rc = lab_state_load(cf->lab, "cloudflare_account", &cf->account, err)) < 0 ||
		(rc = lab_state_each(cf->lab, STATE_PREFIX, load_zone, cf, err)) < 0)
		return rc;
	if (!cf->account) {
		cf->account = cJSON_CreateObject();
		cJSON_AddArrayToObject(cf->account, "pools");
		cJSON_AddArrayToObject(cf->account, "monitors");
	}
	if (!cJSON_IsObject(cf->account))
		return dro_fail(err, DRO_ECORRUPT, "the state of cloudflare has another form");
	return cloudflare_publish_all(cf, 0, err);
}

int cloudflare_commit(
	struct cloudflare *cf, cJSON *entry, const char *key, cJSON *list, struct dro_error *err)
{
	cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(entry, key);
	int rc;

	cJSON_AddItemToObject(entry, key, list);
	rc = save(cf, entry, false, err);
	if (rc < 0) { /* back to what is on disk */
		cJSON_ReplaceItemInObjectCaseSensitive(entry, key, old);
		return rc;
	}
	cJSON_Delete(old);
	return 0;
}

int cloudflare_commit_account(struct cloudflare *cf, cJSON *account, struct dro_error *err)
{
	cJSON *old = cf->account;
	int rc = lab_state_save(cf->lab, "cloudflare_account", account, err);

	if (rc < 0) {
		cJSON_Delete(account);
		return rc;
	}
	cf->account = account;
	cJSON_Delete(old);
	cloudflare_health_changed(cf);
	return cloudflare_publish_edge(cf, dro_now_ms() + lab_config(cf->lab)->edge_delay_ms, err);
}

static cJSON *find_zone(const struct cloudflare *cf, const char *key, const char *value)
{
	cJSON *entry;

	cJSON_ArrayForEach(
		entry, cf->zones) if (strcmp(zone_text(entry, key), value) == 0) return entry;
	return NULL;
}

cJSON *cloudflare_zone_need(const struct cloudflare_call *c)
{
	cJSON *entry = find_zone(c->cf, "id", c->ids[0]);
	size_t hex = strspn(c->ids[0], "0123456789abcdef");

	if (entry)
		return entry;
	if (hex != 32 || c->ids[0][hex])
		cloudflare_refuse_with(c->reply, 404, 7003,
			"Could not route to %s, perhaps your object identifier is invalid?",
			c->request->raw_path);
	else if (c->request->segment_count == 4)
		cloudflare_refuse_with(c->reply, 404, 1001, "Invalid zone identifier");
	else
		cloudflare_refuse_with(c->reply, 403, 10000, "Authentication error");
	return NULL;
}

static cJSON *account_object(const struct cloudflare *cf)
{
	cJSON *account = cJSON_CreateObject();

	cJSON_AddStringToObject(account, "id", cf->account_id);
	cJSON_AddStringToObject(account, "name", "Lab");
	return account;
}

static cJSON *new_zone(const struct cloudflare *cf, const char *name)
{
	static const char *const empty[] = {
		"original_name_servers", "original_registrar", "original_dnshost"};
	cJSON *zone = cJSON_CreateObject(), *owner, *plan, *servers;
	char id[CLOUDFLARE_ID];
	size_t i;

	cloudflare_new_id(id);
	cJSON_AddStringToObject(zone, "id", id);
	cJSON_AddStringToObject(zone, "name", name);
	cJSON_AddStringToObject(zone, "status", "active");
	cJSON_AddBoolToObject(zone, "paused", false);
	cJSON_AddStringToObject(zone, "type", "full");
	cJSON_AddNumberToObject(zone, "development_mode", 0);
	servers = cJSON_AddArrayToObject(zone, "name_servers");
	cJSON_AddItemToArray(servers, cJSON_CreateString("bob.ns.cloudflare.com"));
	cJSON_AddItemToArray(servers, cJSON_CreateString("lola.ns.cloudflare.com"));
	for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		cJSON_AddNullToObject(zone, empty[i]);
	cJSON_AddItemToObject(zone, "created_on", cloudflare_now());
	cJSON_AddItemToObject(zone, "modified_on", cloudflare_now());
	cJSON_AddItemToObject(zone, "activated_on", cloudflare_now());
	cJSON_AddItemToObject(zone, "meta", cJSON_CreateObject());
	owner = cJSON_AddObjectToObject(zone, "owner");
	cJSON_AddNullToObject(owner, "id");
	cJSON_AddStringToObject(owner, "type", "user");
	cJSON_AddNullToObject(owner, "email");
	cJSON_AddItemToObject(zone, "account", account_object(cf));
	plan = cJSON_AddObjectToObject(zone, "plan");
	cJSON_AddStringToObject(plan, "name", "Free Website");
	return zone;
}

int cloudflare_zone_add(
	struct cloudflare *cf, const char *name, cJSON **zone, struct cloudflare_error *error)
{
	struct dro_error err = DRO_ERROR_INIT;
	char lower[256] = "";
	cJSON *entry;
	size_t i;

	for (i = 0; name[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	if (!cloudflare_is_name(name, false) || !strchr(name, '.') || strlen(name) > 253)
		return cloudflare_set_error(
			error, 400, 1097, "%s is not a valid zone name.", lower);
	if (find_zone(cf, "name", lower))
		return cloudflare_set_error(error, 400, 1061, "%s already exists", lower);
	entry = cJSON_CreateObject();
	*zone = new_zone(cf, lower);
	cJSON_AddItemToObject(entry, "zone", *zone);
	cJSON_AddArrayToObject(entry, "records");
	cJSON_AddArrayToObject(entry, "load_balancers");
	cJSON_AddItemToArray(cf->zones, entry);
	if (save(cf, entry, false, &err) < 0) {
		cJSON_Delete(cJSON_DetachItemViaPointer(cf->zones, entry));
		return cloudflare_set_error(error, 500, 1000, "%s", err.message);
	}
	return 0;
}

static bool is_listed(const struct cloudflare_call *c, const cJSON *zone)
{
	static const char *const keys[] = {"name", "status"};
	const char *account = lab_query(c->request, "account.id");
	int64_t made;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *wanted = lab_query(c->request, keys[i]);

		if (wanted && strcmp(wanted, dro_json_text(zone, keys[i])) != 0)
			return false;
	}
	if (account && strcmp(account, c->cf->account_id) != 0)
		return false;
	return dro_time_parse(dro_json_text(zone, "created_on"), &made) < 0 ||
	       made + c->call->lag_ms <= dro_wall_ms();
}

void cloudflare_zones_list(const struct cloudflare_call *c)
{
	cJSON *all = cJSON_CreateArray(), *entry;

	cJSON_ArrayForEach(entry, c->cf->zones)
	{
		const cJSON *zone = cJSON_GetObjectItemCaseSensitive(entry, "zone");

		if (is_listed(c, zone))
			cJSON_AddItemToArray(all, cJSON_Duplicate(zone, true));
	}
	cloudflare_page(c, all, 20, 5, 50);
}

void cloudflare_zones_create(const struct cloudflare_call *c)
{
	struct cloudflare_error error;
	cJSON *body = NULL, *zone = NULL;

	if (!c->request->body || dro_json_parse(&body, c->request->body, c->request->body_length,
					 LAB_BODY_MEMORY, NULL) < 0)
		cloudflare_refuse_with(c->reply, 400, 6007, "Malformed JSON in request body");
	else if (cloudflare_zone_add(c->cf, dro_json_text(body, "name"), &zone, &error) < 0)
		cloudflare_refuse(c->reply, &error);
	else {
		lab_reply_id(c->reply, dro_json_text(zone, "id"));
		cloudflare_result(c->reply, cJSON_Duplicate(zone, true), NULL);
	}
	cJSON_Delete(body);
}

void cloudflare_zones_get(const struct cloudflare_call *c)
{
	const cJSON *entry = cloudflare_zone_need(c);

	if (entry)
		cloudflare_result(c->reply,
			cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(entry, "zone"), true),
			NULL);
}

void cloudflare_zones_delete(const struct cloudflare_call *c)
{
	cJSON *entry = cloudflare_zone_need(c), *result;
	struct dro_error err = DRO_ERROR_INIT;

	if (!entry)
		return;
	cJSON_DetachItemViaPointer(c->cf->zones, entry);
	if (save(c->cf, entry, true, &err) < 0) {
		cJSON_AddItemToArray(c->cf->zones, entry);
		cloudflare_refuse_with(c->reply, 500, 1000, "%s", err.message);
		return;
	}
	cJSON_Delete(entry);
	lab_reply_id(c->reply, c->ids[0]);
	result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "id", c->ids[0]);
	cloudflare_result(c->reply, result, NULL);
}
