/*
 * A health check's settings: read from the documented elements in their order, judged, completed.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/route53_health.h"
#include "plugins/common/xml.h"

enum kind { TEXT, NUMBER, BOOLEAN, LIST };

/* In the order in which they must stand. */
static const struct member {
	const char *name;
	enum kind kind;
	long min, max;	  /* of the number, the text's length, or how many */
	bool fixed;	  /* once created */
	const char *item; /* of a list */
} members[] = {
	{"IPAddress", TEXT, 1, 45, false, NULL},
	{"Port", NUMBER, 1, 65535, false, NULL},
	{"Type", TEXT, 1, 64, true, NULL},
	{"ResourcePath", TEXT, 0, 255, false, NULL},
	{"FullyQualifiedDomainName", TEXT, 1, 255, false, NULL},
	{"SearchString", TEXT, 1, 255, false, NULL},
	{"RequestInterval", NUMBER, 10, 30, true, NULL},
	{"FailureThreshold", NUMBER, 1, 10, false, NULL},
	{"MeasureLatency", BOOLEAN, 0, 0, true, NULL},
	{"Inverted", BOOLEAN, 0, 0, false, NULL},
	{"Disabled", BOOLEAN, 0, 0, false, NULL},
	{"HealthThreshold", NUMBER, 0, 256, false, NULL},
	{"ChildHealthChecks", LIST, 0, 256, false, "ChildHealthCheck"},
	{"EnableSNI", BOOLEAN, 0, 0, false, NULL},
	{"Regions", LIST, 3, 64, false, "Region"},
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static const char *const types[] = {
	"HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP", "CALCULATED", NULL};
static const char *const regions[] = {"us-east-1", "us-west-1", "us-west-2", "eu-west-1",
	"ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1", NULL};
static const char *const resettable[] = {
	"FullyQualifiedDomainName", "Regions", "ResourcePath", "ChildHealthChecks", NULL};

static bool is_listed(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static bool has(const cJSON *config, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(config, name) != NULL;
}

bool route53_health_is_calculated(const cJSON *config)
{
	return strcmp(dro_json_text(config, "Type"), "CALCULATED") == 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_list(cJSON *config, const struct member *member, const struct dro_xml_node *node,
	struct dro_buf *why)
{
	cJSON *list = cJSON_CreateArray();
	const struct dro_xml_node *child;

	cJSON_DeleteItemFromObjectCaseSensitive(config, member->name);
	cJSON_AddItemToObject(config, member->name, list);
	for (child = node->children; child; child = child->sibling) {
		if (strcmp(child->name, member->item) != 0) {
			dro_buf_printf(
				why, "Unexpected element %.64s in %s", child->name, member->name);
			return false;
		}
		cJSON_AddItemToArray(list, cJSON_CreateString(child->text));
	}
	if (cJSON_GetArraySize(list) < member->min || cJSON_GetArraySize(list) > member->max)
		dro_buf_printf(
			why, "%s holds %ld to %ld of them", member->name, member->min, member->max);
	return !why->length;
}

static bool read_scalar(cJSON *config, const struct member *member, const struct dro_xml_node *node,
	struct dro_buf *why)
{
	const char *text = node->text;
	long length = (long)strlen(text), number;
	char *end;

	if (member->kind == NUMBER) {
		number = strtol(text, &end, 10);
		if (*text < '0' || *text > '9' || *end || number < member->min ||
			number > member->max)
			dro_buf_printf(why, "Invalid parameter: %s is between %ld and %ld",
				member->name, member->min, member->max);
	} else if (member->kind == BOOLEAN) {
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			dro_buf_printf(why, "Invalid parameter: %s is true or false", member->name);
	} else if (length < member->min || length > member->max) {
		dro_buf_printf(why, "Invalid parameter: %s has %ld to %ld characters", member->name,
			member->min, member->max);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(config, member->name);
	cJSON_AddStringToObject(config, member->name, text);
	return !why->length;
}

/* Takes the members from `node` on; *rest is what follows them. false: *why. */
static bool read_members(cJSON *config, const struct dro_xml_node *node, bool update,
	const struct dro_xml_node **rest, struct dro_buf *why)
{
	size_t i = 0;

	for (; node; node = node->sibling, i++) {
		while (i < MEMBERS &&
			(strcmp(members[i].name, node->name) != 0 || (update && members[i].fixed)))
			i++;
		if (i == MEMBERS)
			break;
		if (members[i].kind == LIST ? !read_list(config, &members[i], node, why)
					    : !read_scalar(config, &members[i], node, why))
			return false;
	}
	*rest = node;
	return true;
}

/* ---- judging --------------------------------------------------------------------------------- */

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static void judge_calculated(
	struct route53_health *health, const cJSON *config, struct dro_buf *why)
{
	static const char *const others[] = {"IPAddress", "Port", "ResourcePath",
		"FullyQualifiedDomainName", "SearchString", "RequestInterval", "FailureThreshold",
		"EnableSNI", "Regions", NULL};
	const cJSON *child;
	size_t i;

	for (i = 0; others[i] && !why->length; i++)
		if (has(config, others[i]))
			dro_buf_printf(
				why, "Invalid parameter: %s with Type CALCULATED", others[i]);
	cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(config, "ChildHealthChecks"))
	{
		if (!why->length && !route53_health_find(health, child->valuestring))
			dro_buf_printf(why, "Invalid parameter: there is no health check %.64s",
				child->valuestring);
	}
	if (!why->length && !has(config, "HealthThreshold"))
		dro_buf_puts(why, "Invalid parameter: a calculated check needs HealthThreshold");
}

static void judge_endpoint(const cJSON *config, struct dro_buf *why)
{
	const char *type = dro_json_text(config, "Type");
	const char *address = dro_json_text(config, "IPAddress");
	const char *name = dro_json_text(config, "FullyQualifiedDomainName");
	const char *path = dro_json_text(config, "ResourcePath");
	bool match = strstr(type, "_STR_MATCH") != NULL, tcp = strcmp(type, "TCP") == 0;
	char stored[ROUTE53_NAME];

	if (has(config, "HealthThreshold") || has(config, "ChildHealthChecks"))
		dro_buf_printf(why, "Invalid parameter: children with Type %s", type);
	else if (!*address && !*name)
		dro_buf_puts(why, "Invalid parameter: one of IPAddress and "
				  "FullyQualifiedDomainName is needed");
	else if (*address && !is_address(address))
		dro_buf_printf(why, "Invalid parameter: %.45s is no IP address", address);
	else if (*name && !route53_name(stored, name))
		dro_buf_printf(why, "Invalid parameter: %.200s is no domain name", name);
	else if (tcp && !has(config, "Port"))
		dro_buf_puts(why, "Invalid parameter: Port is needed with Type TCP");
	else if (tcp && has(config, "ResourcePath"))
		dro_buf_puts(why, "Invalid parameter: ResourcePath with Type TCP");
	else if (match != has(config, "SearchString"))
		dro_buf_printf(why, "Invalid parameter: SearchString %s with Type %s",
			match ? "is needed" : "cannot be", type);
	else if (has(config, "EnableSNI") && strncmp(type, "HTTPS", 5) != 0 &&
		 strcmp(dro_json_text(config, "EnableSNI"), "true") == 0)
		dro_buf_printf(why, "Invalid parameter: EnableSNI with Type %s", type);
	else if (strpbrk(path, " \t\r\n"))
		dro_buf_puts(why, "Invalid parameter: ResourcePath has blanks");
}

static void judge_regions(const cJSON *config, struct dro_buf *why)
{
	const cJSON *region, *other;

	cJSON_ArrayForEach(region, cJSON_GetObjectItemCaseSensitive(config, "Regions"))
	{
		if (!is_listed(regions, region->valuestring))
			dro_buf_printf(why, "Invalid parameter: no region %.64s of checkers",
				region->valuestring);
		for (other = region->next; other && !why->length; other = other->next)
			if (strcmp(other->valuestring, region->valuestring) == 0)
				dro_buf_printf(why, "Invalid parameter: region %s twice",
					region->valuestring);
		if (why->length)
			return;
	}
}

static bool judge(struct route53_health *health, const cJSON *config, struct dro_buf *why)
{
	const char *type = dro_json_text(config, "Type");
	const char *interval = dro_json_text(config, "RequestInterval");

	if (!is_listed(types, type))
		dro_buf_printf(why,
			strcmp(type, "CLOUDWATCH_METRIC") == 0 ||
					strcmp(type, "RECOVERY_CONTROL") == 0
				? "Invalid parameter: the lab has nothing that a check of "
				  "Type %.64s could follow"
				: "1 validation error detected: Value '%.64s' at "
				  "'healthCheckConfig.type' failed to satisfy constraint: Member "
				  "must satisfy enum value set",
			type);
	else if (*interval && strcmp(interval, "10") != 0 && strcmp(interval, "30") != 0)
		dro_buf_puts(why, "Invalid parameter: RequestInterval is 10 or 30");
	else if (route53_health_is_calculated(config))
		judge_calculated(health, config, why);
	else
		judge_endpoint(config, why);
	if (!why->length)
		judge_regions(config, why);
	return !why->length;
}

/* ---- whole ----------------------------------------------------------------------------------- */

/* Every member where the API shows it, with what it is by default. */
static cJSON *complete(const cJSON *config)
{
	const char *type = dro_json_text(config, "Type");
	bool calculated = route53_health_is_calculated(config);
	const struct {
		const char *name, *value;
	} defaults[] = {
		{"Port", calculated || strcmp(type, "TCP") == 0 ? NULL
			 : strncmp(type, "HTTPS", 5) == 0	? "443"
								: "80"},
		{"RequestInterval", calculated ? NULL : "30"},
		{"FailureThreshold", calculated ? NULL : "3"},
		{"MeasureLatency", calculated ? NULL : "false"},
		{"Inverted", "false"},
		{"Disabled", "false"},
		{"EnableSNI", calculated		       ? NULL
			      : strncmp(type, "HTTPS", 5) == 0 ? "true"
							       : "false"},
	};
	cJSON *whole = cJSON_CreateObject();
	size_t i, k;

	for (i = 0; i < MEMBERS; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(config, members[i].name);

		if (item)
			cJSON_AddItemToObject(whole, members[i].name, cJSON_Duplicate(item, true));
		for (k = 0; !item && k < sizeof(defaults) / sizeof(defaults[0]); k++)
			if (strcmp(defaults[k].name, members[i].name) == 0 && defaults[k].value)
				cJSON_AddStringToObject(whole, members[i].name, defaults[k].value);
	}
	return whole;
}

cJSON *route53_health_config(
	struct route53_health *health, const struct dro_xml_node *node, struct dro_buf *why)
{
	cJSON *config = cJSON_CreateObject(), *whole = NULL;
	const struct dro_xml_node *rest = NULL;

	if (!node)
		dro_buf_puts(why, "HealthCheckConfig is needed");
	else if (read_members(config, node->children, false, &rest, why) && rest)
		dro_buf_printf(why,
			"Unexpected element %.64s in HealthCheckConfig, or not in its place",
			rest->name);
	if (!why->length && judge(health, config, why))
		whole = complete(config);
	cJSON_Delete(config);
	return whole;
}

static void reset(cJSON *config, const struct dro_xml_node *node, struct dro_buf *why)
{
	const struct dro_xml_node *child;

	for (child = node->children; child && !why->length; child = child->sibling) {
		if (strcmp(child->name, "ResettableElementName") != 0 ||
			!is_listed(resettable, child->text))
			dro_buf_printf(
				why, "Invalid parameter: %.64s cannot be reset", child->text);
		else
			cJSON_DeleteItemFromObjectCaseSensitive(config, child->text);
	}
}

cJSON *route53_health_updated(struct route53_health *health, const cJSON *config,
	const struct dro_xml_node *request, struct dro_buf *why)
{
	cJSON *changed = cJSON_Duplicate(config, true), *whole = NULL;
	const struct dro_xml_node *node = request->children, *rest = NULL;

	if (node && strcmp(node->name, "HealthCheckVersion") == 0)
		node = node->sibling;
	if (read_members(changed, node, true, &rest, why) && rest &&
		strcmp(rest->name, "ResetElements") == 0) {
		reset(changed, rest, why);
		rest = rest->sibling;
	}
	if (!why->length && rest)
		dro_buf_printf(why,
			"Unexpected element %.64s in UpdateHealthCheckRequest, or not in its place",
			rest->name);
	if (!why->length && has(changed, "IPAddress") && !has(config, "IPAddress"))
		dro_buf_puts(why, "Invalid parameter: an update cannot add IPAddress");
	if (!why->length && judge(health, changed, why))
		whole = complete(changed);
	cJSON_Delete(changed);
	return whole;
}

void route53_health_config_write(struct dro_buf *out, const cJSON *config)
{
	const cJSON *item, *part;
	size_t i;

	dro_buf_puts(out, "<HealthCheckConfig>");
	for (i = 0; i < MEMBERS; i++) {
		item = cJSON_GetObjectItemCaseSensitive(config, members[i].name);
		if (cJSON_IsString(item))
			lab_xml_element(out, members[i].name, item->valuestring);
		if (!cJSON_IsArray(item))
			continue;
		dro_buf_printf(out, "<%s>", members[i].name);
		cJSON_ArrayForEach(part, item)
			lab_xml_element(out, members[i].item, part->valuestring);
		dro_buf_printf(out, "</%s>", members[i].name);
	}
	dro_buf_puts(out, "</HealthCheckConfig>");
}
