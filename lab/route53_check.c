/* What Route 53 refuses, in its own words where they are known. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lab/route53_health.h"

#define WEIGHTED_MAX 100

static const char *const types[] = {"SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV",
	"SPF", "AAAA", "CAA", "DS", "TLSA", "SSHFP", "SVCB", "HTTPS", NULL};
static const char *const routings[] = {
	"Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", NULL};

static const char *routing_of(const cJSON *doc)
{
	size_t i;

	for (i = 0; routings[i]; i++)
		if (cJSON_GetObjectItemCaseSensitive(doc, routings[i]))
			return routings[i];
	return "";
}

static bool is_number(const char *text, long most)
{
	char *end;
	long number = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && number <= most;
}

static bool is_listed(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

/* "one" "two": every string quoted, none longer than 255 bytes. NULL: well. */
static const char *text_fault(const char *value)
{
	while (*(value += strspn(value, " \t"))) {
		size_t length = 0;

		if (*value++ != '"')
			return "InvalidCharacterString (Value should be enclosed in quotation "
			       "marks)";
		for (; *value != '"'; value++, length++) {
			if ((unsigned char)*value >= 127)
				return "InvalidCharacterString (Value contains characters that "
				       "must be escaped)";
			if (*value == '\\' && value[1])
				value += value[1] >= '0' && value[1] <= '3' && value[2] && value[3]
						 ? 3
						 : 1;
			if (!*value)
				return "InvalidCharacterString (Value should be enclosed in "
				       "quotation marks)";
		}
		if (length > 255)
			return "CharacterStringTooLong (Value is too long)";
		value++;
	}
	return NULL;
}

static bool is_host(const char *value)
{
	char name[ROUTE53_NAME];

	return !strpbrk(value, " \t\"") && (strcmp(value, ".") == 0 || route53_name(name, value));
}

/* Numbers and a host: MX and SRV. */
static bool is_numbered(const char *value, unsigned numbers)
{
	while (numbers--) {
		char *end;
		long number = strtol(value, &end, 10);

		if (end == value || *end != ' ' || number < 0 || number > 65535)
			return false;
		value = end + strspn(end, " ");
	}
	return is_host(value);
}

static const char *value_fault(const char *type, const char *value)
{
	unsigned char binary[16];

	if (strcmp(type, "A") == 0 && inet_pton(AF_INET, value, binary) != 1)
		return "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)";
	if (strcmp(type, "AAAA") == 0 && inet_pton(AF_INET6, value, binary) != 1)
		return "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)";
	if ((strcmp(type, "CNAME") == 0 || strcmp(type, "NS") == 0 || strcmp(type, "PTR") == 0) &&
		!is_host(value))
		return "DomainLabelIllegal (Value is not a valid domain name)";
	if (strcmp(type, "MX") == 0 && !is_numbered(value, 1))
		return "MXRRDATANotTwoFields (Value does not have exactly two fields)";
	if (strcmp(type, "SRV") == 0 && !is_numbered(value, 3))
		return "SRVRRDATANotFourFields (Value does not have exactly four fields)";
	if (strcmp(type, "TXT") == 0 || strcmp(type, "SPF") == 0)
		return text_fault(value);
	return *value ? NULL : "InvalidRRDATA (Value is empty)";
}

static bool check_values(const cJSON *doc, struct dro_buf *why)
{
	const cJSON *values = cJSON_GetObjectItemCaseSensitive(doc, "ResourceRecords"), *value;
	const char *type = dro_json_text(doc, "Type");

	cJSON_ArrayForEach(value, values)
	{
		const char *fault = value_fault(type, value->valuestring);
		const cJSON *other;

		if (fault)
			dro_buf_printf(why,
				"Invalid Resource Record: 'FATAL problem: %s encountered with "
				"'%.200s''",
				fault, value->valuestring);
		for (other = value->next; other && !why->length; other = other->next)
			if (strcmp(other->valuestring, value->valuestring) == 0)
				dro_buf_printf(why, "Duplicate Resource Record: '%.200s'",
					value->valuestring);
		if (why->length)
			return false;
	}
	if (strcmp(type, "CNAME") == 0 && cJSON_GetArraySize(values) > 1)
		dro_buf_printf(why, "CNAME RRSet with DNS name %s has more than one value",
			dro_json_text(doc, "Name"));
	return !why->length;
}

/* The form of the request: what fails here is InvalidInput, whatever the zone holds. */
static bool check_form(const cJSON *doc, struct dro_buf *why)
{
	const cJSON *alias = cJSON_GetObjectItemCaseSensitive(doc, "AliasTarget");
	const cJSON *records = cJSON_GetObjectItemCaseSensitive(doc, "ResourceRecords");
	const char *type = dro_json_text(doc, "Type"), *set = dro_json_text(doc, "SetIdentifier");
	const char *ttl = dro_json_text(doc, "TTL"), *weight = dro_json_text(doc, "Weight");
	const char *failover = dro_json_text(doc, "Failover");
	const char *evaluate = dro_json_text(alias, "EvaluateTargetHealth");
	const char *many = dro_json_text(doc, "MultiValueAnswer");
	const cJSON *item;
	size_t routing = 0, i;

	for (i = 0; routings[i]; i++)
		routing += cJSON_GetObjectItemCaseSensitive(doc, routings[i]) != NULL;
	item = cJSON_GetObjectItemCaseSensitive(doc, "Weight");
	if (!is_listed(types, type))
		dro_buf_printf(why,
			"1 validation error detected: Value '%.32s' at 'type' failed to satisfy "
			"constraint: Member must satisfy enum value set",
			type);
	else if (!alias == !records || (alias && *ttl) || (!alias && !*ttl) ||
		 (records && !records->child))
		dro_buf_puts(why, "Invalid request: Expected exactly one of [AliasTarget, all of "
				  "[TTL, and ResourceRecords], or TrafficPolicyInstanceId]");
	else if (alias && cJSON_GetArraySize(alias) != 3)
		dro_buf_puts(why, "Invalid request: an AliasTarget is HostedZoneId, DNSName and "
				  "EvaluateTargetHealth");
	else if (alias && strcmp(evaluate, "true") != 0 && strcmp(evaluate, "false") != 0)
		dro_buf_printf(why, "EvaluateTargetHealth %.20s is not true or false", evaluate);
	else if (*many && (alias || strcmp(many, "true") != 0))
		dro_buf_puts(why, "Invalid request: MultiValueAnswer is true, and never an alias");
	else if (routing > 1 || (*set && !routing))
		dro_buf_puts(why, "Invalid request: Expected exactly one of [Weight, Region, "
				  "Failover, GeoLocation, MultiValueAnswer] in a set with "
				  "SetIdentifier");
	else if (routing && !*set)
		dro_buf_puts(why, "Invalid request: Missing field 'SetIdentifier' in Change");
	else if ((*ttl && !is_number(ttl, INT32_MAX)) || strlen(set) > 128)
		dro_buf_puts(why, "Invalid request: TTL or SetIdentifier out of range");
	else if (item && !is_number(weight, 255))
		dro_buf_printf(why, "Weight %.20s is not between 0 and 255", weight);
	else if (*failover && strcmp(failover, "PRIMARY") != 0 &&
		 strcmp(failover, "SECONDARY") != 0)
		dro_buf_printf(why, "Failover %.20s is not PRIMARY or SECONDARY", failover);
	return !why->length;
}

static bool in_zone(const char *name, const char *zone)
{
	size_t length = strlen(name), tail = strlen(zone);

	return length >= tail && strcmp(name + length - tail, zone) == 0 &&
	       (length == tail || name[length - tail - 1] == '.');
}

bool route53_check_set(const char *zone, const cJSON *doc, const char **code, struct dro_buf *why)
{
	const char *name = dro_json_text(doc, "Name");
	const char *health = dro_json_text(doc, "HealthCheckId");

	*code = "InvalidInput";
	if (!check_form(doc, why))
		return false;
	*code = "InvalidChangeBatch";
	if (!in_zone(name, zone))
		dro_buf_printf(
			why, "RRSet with DNS name %s is not permitted in zone %s", name, zone);
	else if (strcmp(dro_json_text(doc, "Type"), "CNAME") == 0 && strcmp(name, zone) == 0)
		dro_buf_printf(why,
			"RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s",
			name, zone);
	else if (strcmp(dro_json_text(doc, "Failover"), "PRIMARY") == 0 && !*health &&
		 !cJSON_GetObjectItemCaseSensitive(doc, "AliasTarget"))
		dro_buf_puts(why, "A non-alias primary ResourceRecordSet must have an associated "
				  "health check.");
	else
		check_values(doc, why);
	return !why->length;
}

bool route53_check_health(struct route53 *r53, const cJSON *doc, struct dro_buf *why)
{
	const char *id = dro_json_text(doc, "HealthCheckId");
	bool there;

	if (!*id)
		return true;
	pthread_mutex_lock(&r53->health->lock);
	there = route53_health_find(r53->health, id) != NULL;
	pthread_mutex_unlock(&r53->health->lock);
	if (!there)
		dro_buf_printf(why, "The specified health check does not exist: %.64s", id);
	return there;
}

/* Two sets of one name and type. */
static void check_pair(const cJSON *doc, const cJSON *other, struct dro_buf *why)
{
	const char *name = dro_json_text(doc, "Name"), *type = dro_json_text(doc, "Type");
	const char *set = dro_json_text(doc, "SetIdentifier");
	const char *routing = routing_of(doc), *failover = dro_json_text(doc, "Failover");
	const char *ttl = dro_json_text(doc, "TTL"), *others = dro_json_text(other, "TTL");

	if (strcmp(routing, routing_of(other)) != 0)
		dro_buf_printf(why,
			"RRSet with DNS name %s, type %s%s%s cannot be created as other RRSets "
			"exist with the same name and type.",
			name, type, *set ? ", SetIdentifier " : "", set);
	else if (*failover && strcmp(failover, dro_json_text(other, "Failover")) == 0)
		dro_buf_printf(why,
			"RRSet with DNS name %s, type %s, SetIdentifier %s, and failover %s cannot "
			"be created as a set with that failover already exists",
			name, type, set, failover);
	else if (strcmp(routing, "Weight") == 0 && *ttl && *others && strcmp(ttl, others) != 0)
		dro_buf_printf(why,
			"RRSet with DNS name %s, type %s, SetIdentifier %s has TTL %s, but all "
			"weighted RRSets of a name and type must have the same TTL, which is %s",
			name, type, set, ttl, others);
}

bool route53_check_name(
	const char *zone, const struct route53_sets *draft, const cJSON *doc, struct dro_buf *why)
{
	const char *name = dro_json_text(doc, "Name"), *type = dro_json_text(doc, "Type");
	char *key = route53_key(name, "", "");
	bool found;
	size_t i, sets = 0;

	if (!key)
		return false;
	for (i = route53_sets_find(draft, key, &found); i < draft->count && !why->length; i++) {
		const cJSON *other = draft->items[i].doc;
		const char *its = dro_json_text(other, "Type");
		bool same = strcmp(its, type) == 0;

		if (strcmp(dro_json_text(other, "Name"), name) != 0)
			break;
		if (same && ++sets > WEIGHTED_MAX &&
			cJSON_GetObjectItemCaseSensitive(doc, "Weight"))
			dro_buf_printf(why,
				"RRSet with DNS name %s, type %s cannot have more than 100 "
				"weighted sets",
				name, type);
		else if (same && strcmp(dro_json_text(other, "SetIdentifier"),
					 dro_json_text(doc, "SetIdentifier")) != 0)
			check_pair(doc, other, why);
		else if (!same && strcmp(type, "CNAME") == 0)
			dro_buf_printf(why,
				"RRSet of type CNAME with DNS name %s is not permitted as it "
				"conflicts with other records with the same DNS name in zone %s",
				name, zone);
		else if (!same && strcmp(its, "CNAME") == 0)
			dro_buf_printf(why,
				"RRSet of type %s with DNS name %s is not permitted because a "
				"conflicting RRSet of type CNAME with the same DNS name already "
				"exists in zone %s",
				type, name, zone);
	}
	free(key);
	return !why->length;
}
