#include "model/service.h"

#include <stdlib.h>
#include <string.h>

static void free_strings(char **strings, size_t count)
{
	size_t i;

	for (i = 0; strings && i < count; i++)
		free(strings[i]);
	free(strings);
}

void dro_secret_ref_fini(struct dro_secret_ref *ref)
{
	size_t i;

	free(ref->value);
	for (i = 0; ref->argv && ref->argv[i]; i++)
		free(ref->argv[i]);
	free(ref->argv);
}

static void free_settings(struct dro_setting *settings, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(settings[i].name);
		free(settings[i].value);
	}
	free(settings);
}

static void account_fini(struct dro_account *account)
{
	size_t i;

	free(account->name);
	free(account->plugin);
	free_settings(account->settings, account->setting_count);
	for (i = 0; i < account->credential_count; i++) {
		free(account->credentials[i].name);
		dro_secret_ref_fini(&account->credentials[i].ref);
	}
	free(account->credentials);
}

bool dro_agent_has_session(const struct dro_agent *agent)
{
	return agent->given && *agent->known_hosts;
}

static void site_fini(struct dro_site *site)
{
	size_t i;

	free(site->name);
	free(site->provider);
	free(site->region);
	free(site->follows);
	free(site->restores);
	free(site->bucket);
	free(site->page);
	free(site->page_data);
	for (i = 0; i < site->group_count; i++) {
		struct dro_instance_group *group = &site->groups[i];

		free(group->name);
		free(group->type);
		free(group->standby.type);
		free(group->image);
		free_settings(group->options, group->option_count);
	}
	free(site->groups);
	free(site->agent.ssh_user);
	free(site->agent.known_hosts);
	dro_secret_ref_fini(&site->agent.identity);
	free(site->health.scheme);
	free(site->health.path);
	free(site->health.host);
	free(site->health.site_header);
}

static void backup_fini(struct dro_backup_policy *backup)
{
	free(backup->name);
	free(backup->source);
	free(backup->provider);
	free(backup->bucket);
	free(backup->prefix);
	free(backup->region);
	free(backup->at);
	dro_secret_ref_fini(&backup->encryption_key);
}

static void image_fini(struct dro_image_policy *image)
{
	free(image->name);
	free(image->provider);
	free(image->region);
	free(image->base);
	free(image->playbook);
	free(image->bake);
	free(image->type);
	free(image->ssh_user);
	free(image->known_hosts);
	dro_secret_ref_fini(&image->identity);
	free_settings(image->options, image->option_count);
	free_settings(image->vars, image->var_count);
}

static void traffic_fini(struct dro_traffic *traffic)
{
	size_t i;

	free(traffic->key);
	free(traffic->name);
	free(traffic->type);
	for (i = 0; i < traffic->weight_count; i++)
		free(traffic->weights[i].site);
	free(traffic->weights);
	for (i = 0; i < traffic->path_count; i++) {
		free(traffic->paths[i].provider);
		free(traffic->paths[i].zone);
	}
	free(traffic->paths);
	free(traffic->verify.scheme);
	free(traffic->verify.address);
}

static void dns_fini(struct dro_dns_entry *entry)
{
	free(entry->key);
	free(entry->name);
	free(entry->type);
	free_strings(entry->values, entry->value_count);
	free_strings(entry->providers, entry->provider_count);
	free(entry->zone);
}

static void service_fini(struct dro_service *service)
{
	size_t i;

	free(service->name);
	free(service->owner);
	free(service->environment);
	for (i = 0; i < service->site_count; i++)
		site_fini(&service->sites[i]);
	free(service->sites);
	for (i = 0; i < service->backup_count; i++)
		backup_fini(&service->backups[i]);
	free(service->backups);
	for (i = 0; i < service->image_count; i++)
		image_fini(&service->images[i]);
	free(service->images);
	for (i = 0; i < service->traffic_count; i++)
		traffic_fini(&service->traffic[i]);
	free(service->traffic);
	for (i = 0; i < service->dns_count; i++)
		dns_fini(&service->dns[i]);
	free(service->dns);
	for (i = 0; i < service->drill_count; i++) {
		free(service->drills[i].name);
		free(service->drills[i].site);
		free(service->drills[i].window);
	}
	free(service->drills);
	for (i = 0; i < service->notify_count; i++) {
		dro_secret_ref_fini(&service->notify[i].webhook);
		free_strings(service->notify[i].to, service->notify[i].to_count);
		free(service->notify[i].server);
	}
	free(service->notify);
}

void dro_spec_free(struct dro_spec *spec)
{
	size_t i;

	if (!spec)
		return;
	for (i = 0; i < spec->account_count; i++)
		account_fini(&spec->accounts[i]);
	free(spec->accounts);
	for (i = 0; i < spec->service_count; i++)
		service_fini(&spec->services[i]);
	free(spec->services);
	free_strings(spec->files, spec->file_count);
	free(spec->commit);
	free(spec);
}

const struct dro_account *dro_spec_account(const struct dro_spec *spec, const char *name)
{
	size_t i;

	for (i = 0; i < spec->account_count; i++)
		if (strcmp(spec->accounts[i].name, name) == 0)
			return &spec->accounts[i];
	return NULL;
}

static int compare_name(const void *name, const void *service)
{
	return strcmp(name, ((const struct dro_service *)service)->name);
}

const struct dro_service *dro_spec_service(const struct dro_spec *spec, const char *name)
{
	if (!spec->service_count)
		return NULL;
	return bsearch(
		name, spec->services, spec->service_count, sizeof(*spec->services), compare_name);
}

const struct dro_site *dro_service_site(const struct dro_service *service, const char *name)
{
	size_t i;

	for (i = 0; i < service->site_count; i++)
		if (strcmp(service->sites[i].name, name) == 0)
			return &service->sites[i];
	return NULL;
}

const struct dro_site *dro_service_primary(const struct dro_service *service)
{
	size_t i;

	for (i = 0; i < service->site_count; i++)
		if (service->sites[i].role == DRO_ROLE_PRIMARY)
			return &service->sites[i];
	return NULL;
}

static int listed_weight(const struct dro_traffic *traffic, const char *site)
{
	size_t i;

	for (i = 0; i < traffic->weight_count; i++)
		if (strcmp(traffic->weights[i].site, site) == 0)
			return traffic->weights[i].weight;
	return -1;
}

int dro_traffic_share(const struct dro_service *service, const struct dro_traffic *traffic,
	const char *site, const char *active)
{
	const struct dro_site *primary = dro_service_primary(service);
	int own = listed_weight(traffic, site), share;

	if (!primary || strcmp(primary->name, active) == 0)
		return own;
	if (strcmp(site, primary->name) == 0)
		return own < 0 ? own : 0;
	if (strcmp(site, active) != 0)
		return own;
	share = listed_weight(traffic, primary->name);
	share = (own < 0 ? 0 : own) + (share < 0 ? 0 : share);
	return share > 255 ? 255 : share;
}

const struct dro_backup_policy *dro_service_backup(
	const struct dro_service *service, const char *name)
{
	size_t i;

	for (i = 0; i < service->backup_count; i++)
		if (strcmp(service->backups[i].name, name) == 0)
			return &service->backups[i];
	return NULL;
}

const struct dro_image_policy *dro_service_image(
	const struct dro_service *service, const char *name)
{
	size_t i;

	for (i = 0; i < service->image_count; i++)
		if (strcmp(service->images[i].name, name) == 0)
			return &service->images[i];
	return NULL;
}

bool dro_strategy_grows(enum dro_strategy strategy)
{
	return strategy == DRO_STRATEGY_PILOT_LIGHT || strategy == DRO_STRATEGY_WARM_STANDBY;
}

int dro_standby_count(const struct dro_site *site, size_t group)
{
	int all = site->groups[group].count,
	    some = site->groups[group].standby.given ? site->groups[group].standby.count : 1;

	switch (site->strategy) {
	case DRO_STRATEGY_HOT_STANDBY:
	case DRO_STRATEGY_MULTI_SITE:
		return all;
	case DRO_STRATEGY_WARM_STANDBY:
		return all < some ? all : some;
	case DRO_STRATEGY_PILOT_LIGHT: /* the group that holds the data */
		return group > 0 ? 0 : all < some ? all : some;
	case DRO_STRATEGY_BACKUP_RESTORE:
		return 0;
	case DRO_STRATEGY_NONE: /* yesterday's primary: fenced, and put in order by people */
	case DRO_STRATEGY_STATIC_PAGE:
		break;
	}
	return -1;
}

const char *dro_standby_type(const struct dro_site *site, size_t group)
{
	const struct dro_instance_group *of = &site->groups[group];

	return dro_strategy_grows(site->strategy) && of->standby.given && *of->standby.type
		       ? of->standby.type
		       : of->type;
}

const char *dro_strategy_name(enum dro_strategy strategy)
{
	switch (strategy) {
	case DRO_STRATEGY_NONE:
		return "primary";
	case DRO_STRATEGY_BACKUP_RESTORE:
		return "backup-restore";
	case DRO_STRATEGY_PILOT_LIGHT:
		return "pilot-light";
	case DRO_STRATEGY_WARM_STANDBY:
		return "warm-standby";
	case DRO_STRATEGY_HOT_STANDBY:
		return "hot-standby";
	case DRO_STRATEGY_MULTI_SITE:
		return "multi-site";
	case DRO_STRATEGY_STATIC_PAGE:
		return "static-page";
	}
	return "?";
}
