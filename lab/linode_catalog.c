/* Regions, plans and the profile: a part of Linode's own, the same in every lab. */
#include <stdio.h>
#include <string.h>

#include "lab/linode.h"

static const struct {
	const char *id, *label, *country;
} regions[] = {
	{"ap-northeast", "Tokyo 2, JP", "jp"},
	{"ap-south", "Singapore, SG", "sg"},
	{"ap-west", "Mumbai, IN", "in"},
	{"ca-central", "Toronto, CA", "ca"},
	{"eu-central", "Frankfurt, DE", "de"},
	{"eu-west", "London, UK", "gb"},
	{"us-central", "Dallas, TX", "us"},
	{"us-east", "Newark, NJ", "us"},
	{"us-southeast", "Atlanta, GA", "us"},
	{"us-west", "Fremont, CA", "us"},
};
#define REGIONS (sizeof(regions) / sizeof(regions[0]))

static const struct plan {
	const char *id, *label, *class;
	int memory, disk, vcpus, transfer, network_out;
	double hourly, monthly;
} plans[] = {
	{"g6-nanode-1", "Nanode 1GB", "nanode", 1024, 25600, 1, 1000, 1000, 0.0075, 5},
	{"g6-standard-1", "Linode 2GB", "standard", 2048, 51200, 1, 2000, 2000, 0.018, 12},
	{"g6-standard-2", "Linode 4GB", "standard", 4096, 81920, 2, 4000, 4000, 0.036, 24},
	{"g6-standard-4", "Linode 8GB", "standard", 8192, 163840, 4, 5000, 5000, 0.072, 48},
	{"g6-standard-6", "Linode 16GB", "standard", 16384, 327680, 6, 8000, 6000, 0.144, 96},
	{"g6-dedicated-2", "Dedicated 4GB", "dedicated", 4096, 81920, 2, 4000, 4000, 0.054, 36},
	{"g6-dedicated-4", "Dedicated 8GB", "dedicated", 8192, 163840, 4, 5000, 5000, 0.108, 72},
};
#define PLANS (sizeof(plans) / sizeof(plans[0]))

static int find_region(const char *id)
{
	size_t i;

	for (i = 0; i < REGIONS; i++)
		if (strcmp(regions[i].id, id) == 0)
			return (int)i;
	return -1;
}

static const struct plan *find_plan(const char *id)
{
	size_t i;

	for (i = 0; i < PLANS; i++)
		if (strcmp(plans[i].id, id) == 0)
			return &plans[i];
	return NULL;
}

bool linode_region_is(const char *id)
{
	return find_region(id) >= 0;
}

const char *linode_region_at(size_t i)
{
	return i < REGIONS ? regions[i].id : NULL;
}

bool linode_type_is(const char *id)
{
	return find_plan(id) != NULL;
}

cJSON *linode_specs(const char *type)
{
	const struct plan *plan = find_plan(type);
	cJSON *specs = cJSON_CreateObject();

	cJSON_AddNumberToObject(specs, "disk", plan ? plan->disk : 0);
	cJSON_AddNumberToObject(specs, "memory", plan ? plan->memory : 0);
	cJSON_AddNumberToObject(specs, "vcpus", plan ? plan->vcpus : 0);
	cJSON_AddNumberToObject(specs, "transfer", plan ? plan->transfer : 0);
	cJSON_AddNumberToObject(specs, "gpus", 0);
	return specs;
}

/* ---- regions -------------------------------------------------------------------------------- */

static cJSON *region_doc(size_t i)
{
	static const char *const capabilities[] = {"Linodes", "Backups", "NodeBalancers",
		"Block Storage", "Object Storage", "Metadata", "Placement Group"};
	cJSON *doc = cJSON_CreateObject(), *part;
	size_t n;

	cJSON_AddStringToObject(doc, "id", regions[i].id);
	cJSON_AddStringToObject(doc, "label", regions[i].label);
	cJSON_AddStringToObject(doc, "country", regions[i].country);
	part = cJSON_AddArrayToObject(doc, "capabilities");
	for (n = 0; n < sizeof(capabilities) / sizeof(capabilities[0]); n++)
		cJSON_AddItemToArray(part, cJSON_CreateString(capabilities[n]));
	cJSON_AddStringToObject(doc, "status", "ok");
	part = cJSON_AddObjectToObject(doc, "resolvers");
	cJSON_AddStringToObject(part, "ipv4", "192.0.2.1,192.0.2.2");
	cJSON_AddStringToObject(part, "ipv6", "2001:db8::1,2001:db8::2");
	part = cJSON_AddObjectToObject(doc, "placement_group_limits");
	cJSON_AddNumberToObject(part, "maximum_pgs_per_customer", 10);
	cJSON_AddNumberToObject(part, "maximum_linodes_per_pg", 5);
	cJSON_AddStringToObject(doc, "site-type", "core");
	return doc;
}

void linode_list_regions(struct linode_call *c)
{
	static const char *const filterable[] = {"id", "label", "country", "status", NULL};
	cJSON *all = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < REGIONS; i++)
		cJSON_AddItemToArray(all, region_doc(i));
	linode_page(c, all, filterable);
}

void linode_get_region(struct linode_call *c)
{
	int i = find_region(c->id);

	if (i < 0)
		linode_refuse_with(c, 404, "Not found");
	else
		linode_send(c, region_doc((size_t)i));
}

static void add_availability(struct linode_call *c, cJSON *all, const char *region)
{
	const cJSON *one;
	size_t i;

	for (i = 0; i < PLANS; i++) {
		cJSON *row = cJSON_CreateObject();
		bool available = true;
		char name[96];

		snprintf(name, sizeof(name), "%s/%s", region, plans[i].id);
		cJSON_ArrayForEach(one, c->linode->short_of) available =
			available && strcmp(one->valuestring, name) != 0;
		cJSON_AddStringToObject(row, "region", region);
		cJSON_AddStringToObject(row, "plan", plans[i].id);
		cJSON_AddBoolToObject(row, "available", available);
		cJSON_AddItemToArray(all, row);
	}
}

void linode_list_availability(struct linode_call *c)
{
	static const char *const filterable[] = {"region", "plan", "available", NULL};
	cJSON *all = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < REGIONS; i++)
		add_availability(c, all, regions[i].id);
	linode_page(c, all, filterable);
}

/* A bare list: the one collection without pages. */
void linode_get_availability(struct linode_call *c)
{
	cJSON *all;

	if (!linode_region_is(c->id)) {
		linode_refuse_with(c, 404, "Not found");
		return;
	}
	all = cJSON_CreateArray();
	add_availability(c, all, c->id);
	linode_send(c, all);
}

/* ---- plans ---------------------------------------------------------------------------------- */

static cJSON *price(double hourly, double monthly)
{
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddNumberToObject(doc, "hourly", hourly);
	cJSON_AddNumberToObject(doc, "monthly", monthly);
	return doc;
}

static cJSON *plan_doc(const struct plan *plan)
{
	cJSON *doc = cJSON_CreateObject(), *backups;

	cJSON_AddStringToObject(doc, "id", plan->id);
	cJSON_AddStringToObject(doc, "label", plan->label);
	cJSON_AddStringToObject(doc, "class", plan->class);
	cJSON_AddNumberToObject(doc, "memory", plan->memory);
	cJSON_AddNumberToObject(doc, "disk", plan->disk);
	cJSON_AddNumberToObject(doc, "vcpus", plan->vcpus);
	cJSON_AddNumberToObject(doc, "gpus", 0);
	cJSON_AddNumberToObject(doc, "transfer", plan->transfer);
	cJSON_AddNumberToObject(doc, "network_out", plan->network_out);
	cJSON_AddItemToObject(doc, "price", price(plan->hourly, plan->monthly));
	cJSON_AddArrayToObject(doc, "region_prices");
	backups = cJSON_AddObjectToObject(cJSON_AddObjectToObject(doc, "addons"), "backups");
	cJSON_AddItemToObject(backups, "price", price(plan->hourly / 5, plan->monthly / 5));
	cJSON_AddArrayToObject(backups, "region_prices");
	cJSON_AddNullToObject(doc, "successor");
	return doc;
}

void linode_list_types(struct linode_call *c)
{
	static const char *const filterable[] = {"class", "disk", "gpus", "label", "memory",
		"network_out", "transfer", "vcpus", NULL};
	cJSON *all = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < PLANS; i++)
		cJSON_AddItemToArray(all, plan_doc(&plans[i]));
	linode_page(c, all, filterable);
}

void linode_get_type(struct linode_call *c)
{
	const struct plan *plan = find_plan(c->id);

	if (plan)
		linode_send(c, plan_doc(plan));
	else
		linode_refuse_with(c, 404, "Not found");
}

/* ---- profile -------------------------------------------------------------------------------- */

void linode_get_profile(struct linode_call *c)
{
	cJSON *doc = cJSON_CreateObject(), *referrals;

	cJSON_AddNumberToObject(doc, "uid", 1);
	cJSON_AddStringToObject(doc, "username", "lab");
	cJSON_AddStringToObject(doc, "email", "lab@example.org");
	cJSON_AddStringToObject(doc, "timezone", "GMT");
	cJSON_AddBoolToObject(doc, "email_notifications", false);
	cJSON_AddStringToObject(doc, "lish_auth_method", "keys_only");
	cJSON_AddStringToObject(doc, "authentication_type", "password");
	cJSON_AddBoolToObject(doc, "restricted", false);
	cJSON_AddBoolToObject(doc, "two_factor_auth", true);
	cJSON_AddBoolToObject(doc, "ip_whitelist_enabled", false);
	cJSON_AddNullToObject(doc, "authorized_keys");
	cJSON_AddNullToObject(doc, "verified_phone_number");
	referrals = cJSON_AddObjectToObject(doc, "referrals");
	cJSON_AddNumberToObject(referrals, "total", 0);
	cJSON_AddNumberToObject(referrals, "completed", 0);
	cJSON_AddNumberToObject(referrals, "pending", 0);
	cJSON_AddNumberToObject(referrals, "credit", 0);
	cJSON_AddStringToObject(referrals, "code", "0");
	cJSON_AddStringToObject(referrals, "url", "https://www.linode.com/?r=0");
	linode_send(c, doc);
}
