/*
 * drorch inventory: what is known of the instances, as Ansible's dynamic inventory. From the store
 * alone, so that it answers while every provider and git are away.
 *
 * Ansible takes variables for templates. What a provider says (and whoever may tag instances there
 * with it) must never become one: names are made of letters, digits and few signs, and a value with
 * others is left out.
 */
#include <ctype.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "observe/known.h"
#include "observe/pages.h"

#define SUMMARY_MAX (4u << 20)

/* What is being printed. */
struct inventory {
	cJSON *groups, *hosts; /* by name */
	cJSON *owners;	       /* of a group's name: whose it is, "site memphis main" */
	void *names;	       /* of the hosts: a tree of tsearch over the keys of `hosts` */
	const struct dro_log *log;
};

/* Where an instance is, for its groups and variables. */
struct place {
	const char *service, *site, *group, *provider, *region;
	const cJSON *ssh;
	bool active;
};

/* ---- names and values ------------------------------------------------------------------------ */

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("._-:/@+=,", *text))
			return false;
	return true;
}

/* Left out where it is empty, or says what no host of ours would. */
static void add_plain(cJSON *vars, const char *name, const char *value)
{
	if (*value && is_plain(value))
		cJSON_AddStringToObject(vars, name, value);
}

/* As Ansible wants the names of groups: letters, digits, '_', and no digit first. */
static void group_name(struct dro_buf *out, const char *const *parts, const char *between)
{
	size_t i, part;

	dro_buf_reset(out);
	for (part = 0; parts[part]; part++)
		dro_buf_printf(out, "%s%s", part ? between : "", parts[part]);
	if (isdigit((unsigned char)*dro_buf_str(out))) {
		dro_buf_reset(out);
		dro_buf_puts(out, "_");
		for (part = 0; parts[part]; part++)
			dro_buf_printf(out, "%s%s", part ? between : "", parts[part]);
	}
	for (i = 0; i < out->length; i++)
		if (!isalnum((unsigned char)out->data[i]))
			out->data[i] = '_';
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* May `owner` have the group? The first who asks for a name has it. */
static bool owns(struct inventory *inventory, const char *name, const char *owner)
{
	const char *now = dro_json_text(inventory->owners, name);

	if (!*now)
		cJSON_AddStringToObject(inventory->owners, name, owner);
	return !*now || strcmp(now, owner) == 0;
}

/*
 * Puts the host into the group that `parts` (which end with NULL) name. "a" of "b-c" and "a-b" of
 * "c" would be one name, and a play for the one would run on the other: the second of them gets
 * "__" between its parts, which no name has within.
 */
static int join(struct inventory *inventory, const char *host, const char *kind,
	const char *const *parts, struct dro_error *err)
{
	struct dro_buf name = DRO_BUF_INIT(1024), owner = DRO_BUF_INIT(1024);
	cJSON *group, *hosts;
	size_t i;
	int rc;

	dro_buf_puts(&owner, kind);
	for (i = 0; parts[i]; i++)
		dro_buf_printf(&owner, " %s", parts[i]);
	group_name(&name, parts, "_");
	if ((rc = dro_buf_check(&name, err)) < 0 || (rc = dro_buf_check(&owner, err)) < 0)
		goto out;
	if (!owns(inventory, name.data, owner.data)) {
		group_name(&name, parts, "__");
		if ((rc = dro_buf_check(&name, err)) < 0)
			goto out;
		if (!owns(inventory, name.data, owner.data)) {
			rc = dro_fail(err, DRO_ECONFLICT,
				"\"%s\" and \"%s\" would be one group, %s: rename one of them",
				dro_json_text(inventory->owners, name.data), owner.data, name.data);
			goto out;
		}
	}
	group = cJSON_GetObjectItemCaseSensitive(inventory->groups, name.data);
	if (!group)
		group = cJSON_AddObjectToObject(inventory->groups, name.data);
	hosts = cJSON_GetObjectItemCaseSensitive(group, "hosts");
	if (!hosts)
		hosts = cJSON_AddArrayToObject(group, "hosts");
	cJSON_AddItemToArray(hosts, cJSON_CreateString(host));
out:
	dro_buf_free(&name);
	dro_buf_free(&owner);
	return rc;
}

static int join_all(struct inventory *inventory, const char *host, const struct place *place,
	struct dro_error *err)
{
	const struct {
		const char *kind, *parts[4];
	} groups[] = {
		{"role", {place->active ? "active" : "standby", NULL}},
		{"service", {"service", place->service, NULL}},
		{"provider", {"provider", place->provider, NULL}},
		{"region", {"region", place->region, NULL}},
		{"site", {place->service, place->site, NULL}},
		{"group", {place->service, place->site, place->group, NULL}},
	};
	size_t count = sizeof(groups) / sizeof(groups[0]) - !*place->group, i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++)
		rc = join(inventory, host, groups[i].kind, groups[i].parts, err);
	return rc;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static void add_ssh(cJSON *vars, const cJSON *ssh, const char *host)
{
	const char *known_hosts = dro_json_text(ssh, "known_hosts");
	struct dro_buf text = DRO_BUF_INIT(8192);

	add_plain(vars, "ansible_user", dro_json_text(ssh, "user"));
	add_plain(vars, "ansible_ssh_private_key_file", dro_json_text(ssh, "identity"));
	if (*known_hosts && is_plain(known_hosts)) {
		dro_buf_printf(&text,
			"-o UserKnownHostsFile=%s -o HostKeyAlias=%s -o StrictHostKeyChecking=yes",
			known_hosts, host);
		cJSON_AddStringToObject(vars, "ansible_ssh_common_args", dro_buf_str(&text));
	}
	dro_buf_free(&text);
}

static cJSON *make_vars(const cJSON *entry, const char *address, const struct place *place)
{
	cJSON *vars = cJSON_CreateObject();

	add_plain(vars, "ansible_host", address);
	add_ssh(vars, place->ssh, dro_json_text(entry, "host"));
	cJSON_AddBoolToObject(vars, "drorch_active", place->active);
	add_plain(vars, "drorch_group", place->group);
	add_plain(vars, "drorch_instance_id", dro_json_text(entry, "id"));
	add_plain(vars, "drorch_instance_type", dro_json_text(entry, "type"));
	add_plain(vars, "drorch_private_ipv4", dro_json_text(entry, "private_ipv4"));
	add_plain(vars, "drorch_provider", place->provider);
	add_plain(vars, "drorch_public_ipv4", dro_json_text(entry, "public_ipv4"));
	add_plain(vars, "drorch_region", place->region);
	add_plain(vars, "drorch_role", place->active ? "active" : "standby");
	add_plain(vars, "drorch_service", place->service);
	add_plain(vars, "drorch_site", place->site);
	add_plain(vars, "drorch_state", dro_json_text(entry, "state"));
	return vars;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* What is powered off, or has no address yet, cannot be logged in to. */
static bool can_be_reached(const cJSON *entry, const char *address)
{
	const char *state = dro_json_text(entry, "state");

	return *address && strcmp(state, "stopped") != 0 && strcmp(state, "stopping") != 0;
}

static int add_host(
	struct inventory *inventory, const cJSON *entry, struct place *place, struct dro_error *err)
{
	const char *address = dro_json_text(entry, "public_ipv4");
	struct dro_buf host = DRO_BUF_INIT(2048);
	cJSON *vars;
	int rc;

	if (!*address)
		address = dro_json_text(entry, "private_ipv4");
	if (!can_be_reached(entry, address))
		return 0;
	place->group = dro_json_text(entry, "group");
	place->provider = dro_json_text(entry, "provider");
	place->region = dro_json_text(entry, "region");
	dro_buf_puts(&host, dro_json_text(entry, "host"));
	/* Within a service they differ; "a-b" of "c" and "a" of "b-c" may not. */
	if (tfind(dro_buf_str(&host), &inventory->names, by_name))
		dro_buf_printf(&host, "-%s", dro_json_text(entry, "id"));
	if ((rc = dro_buf_check(&host, err)) < 0)
		goto out;
	if (!*dro_buf_str(&host) || !is_plain(host.data) ||
		tfind(host.data, &inventory->names, by_name)) {
		dro_log(inventory->log, DRO_LOG_WARNING, "%s of %s is left out: it has no name",
			dro_json_text(entry, "id"), place->service);
		goto out;
	}
	vars = make_vars(entry, address, place);
	if (!cJSON_AddItemToObject(inventory->hosts, host.data, vars) ||
		!tsearch(vars->string, &inventory->names, by_name))
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else
		rc = join_all(inventory, host.data, place, err);
out:
	dro_buf_free(&host);
	return rc;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static const cJSON *find_site(const cJSON *service, const char *name)
{
	const cJSON *site;

	cJSON_ArrayForEach(site, cJSON_GetObjectItemCaseSensitive(service, "sites"))
	{
		if (strcmp(dro_json_text(site, "name"), name) == 0)
			return site;
	}
	return NULL;
}

/* The name of the site that the service's hosts serve: the active one, or the one behind a page.
 * NULL: its primary. malloc'd. */
static int find_active(
	char **out, struct dro_store *store, const cJSON *service, struct dro_error *err)
{
	const char *name = dro_json_text(service, "name");
	int rc = dro_store_fact_get(store, name, "active-site", out, NULL, err);

	if (rc == 0 &&
		strcmp(dro_json_text(find_site(service, *out), "strategy"), "static-page") == 0) {
		free(*out);
		*out = NULL;
		rc = dro_store_fact_get(store, name, DRO_FACT_BEHIND, out, NULL, err);
	}
	return rc == DRO_ENOTFOUND ? 0 : rc;
}

/* Also where a host's site has left the spec meanwhile: it may still run, as a standby. */
static int add_service(struct inventory *inventory, struct dro_store *store, const cJSON *service,
	struct dro_error *err)
{
	struct place place = {.service = dro_json_text(service, "name")};
	const cJSON *entry, *site;
	char *active = NULL;
	cJSON *known = NULL;
	int rc;

	rc = dro_known_instances_get(&known, store, place.service, err);
	if (rc == DRO_ENOTFOUND)
		return 0;
	if (rc == 0)
		rc = find_active(&active, store, service, err);
	if (rc < 0)
		goto out;
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(known, "instances"))
	{
		place.site = dro_json_text(entry, "site");
		site = find_site(service, place.site);
		place.ssh = cJSON_GetObjectItemCaseSensitive(site, "ssh");
		place.active =
			active ? strcmp(active, place.site) == 0
			       : cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(site, "primary"));
		if ((rc = add_host(inventory, entry, &place, err)) < 0)
			break;
	}
out:
	cJSON_Delete(known);
	free(active);
	return rc;
}

static int read_inventory(
	struct inventory *inventory, struct dro_store *store, struct dro_error *err)
{
	cJSON *summary = NULL;
	const cJSON *service;
	char *text = NULL;
	int rc = DRO_ENOTFOUND;

	if (store)
		rc = dro_store_fact_get(store, "", "spec-summary", &text, NULL, err);
	if (rc == DRO_ENOTFOUND) {
		dro_log(inventory->log, DRO_LOG_WARNING,
			"no spec was read yet: is this the state folder?");
		return 0;
	}
	if (rc == 0)
		rc = dro_json_parse(&summary, text, strlen(text), SUMMARY_MAX, err);
	if (rc < 0)
		goto out;
	cJSON_ArrayForEach(service, cJSON_GetObjectItemCaseSensitive(summary, "services"))
	{
		if ((rc = add_service(inventory, store, service, err)) < 0)
			break;
	}
out:
	cJSON_Delete(summary);
	free(text);
	return rc;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

/* Sorts the members of an object; without memory they stay as they are. */
static void sort_members(cJSON *object)
{
	size_t count = (size_t)cJSON_GetArraySize(object), i;
	cJSON **items = calloc(count + 1, sizeof(*items));

	if (!items)
		return;
	for (i = 0; i < count; i++)
		items[i] = cJSON_DetachItemViaPointer(object, object->child);
	qsort(items, count, sizeof(*items), by_key);
	for (i = 0; i < count; i++)
		cJSON_AddItemToObject(object, items[i]->string, items[i]);
	free(items);
}

static void print_list(struct inventory *inventory)
{
	cJSON *meta = cJSON_CreateObject();

	sort_members(inventory->hosts);
	cJSON_AddItemToObject(meta, "hostvars", inventory->hosts);
	cJSON_AddItemToObject(inventory->groups, "_meta", meta);
	inventory->hosts = NULL;
	sort_members(inventory->groups);
	dro_print_json(stdout, inventory->groups);
}

/* A host that is not known has no variables: so Ansible wants it. */
static void print_host(const struct inventory *inventory, const char *name)
{
	cJSON *none = cJSON_CreateObject();
	const cJSON *vars = cJSON_GetObjectItemCaseSensitive(inventory->hosts, name);

	dro_print_json(stdout, vars ? vars : none);
	cJSON_Delete(none);
}

static void nothing(void *node)
{
	(void)node;
}

int dro_cmd_inventory(struct dro_cli *cli)
{
	struct inventory inventory = {
		cJSON_CreateObject(), cJSON_CreateObject(), cJSON_CreateObject(), NULL, &cli->log};
	const char *host = dro_cli_value(cli, "host");
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	int rc;

	if (dro_cli_flag(cli, "list") == (host != NULL)) {
		rc = dro_cli_usage(cli, "inventory needs one of --list and --host NAME");
		goto out;
	}
	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE_READ)) != 0)
		goto out;
	if (read_inventory(&inventory, setup.store, &err) < 0)
		rc = dro_cli_error(cli, &err);
	else if (host)
		print_host(&inventory, host);
	else
		print_list(&inventory);
out:
	tdestroy(inventory.names, nothing);
	cJSON_Delete(inventory.groups);
	cJSON_Delete(inventory.hosts);
	cJSON_Delete(inventory.owners);
	dro_setup_free(&setup);
	return rc;
}
