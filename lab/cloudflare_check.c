#include "cloudflare.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_LENGTH 255
#define LABEL_LENGTH 63
#define COMMENT_LENGTH 100
#define TXT_LENGTH 4096

bool cloudflare_is_name(const char *name, bool wildcard)
{
	size_t label = 0, i, length = strlen(name);

	if (length == 0 || length > NAME_LENGTH)
		return false;
	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c == '.' && (label == 0 || name[i - 1] == '-'))
			return false;
		if (c == '*' && !(wildcard && i == 0 && (name[1] == '.' || !name[1])))
			return false;
		if (!isalnum(c) && c < 0x80 && !strchr("-_.*", c))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_LENGTH || (c == '-' && label == 1))
			return false;
	}
	return label > 0;
}

static void set_text(cJSON *record, const char *key, const char *text)
{
	cJSON *item = cJSON_CreateString(text);

	if (cJSON_HasObjectItem(record, key))
		cJSON_ReplaceItemInObjectCaseSensitive(record, key, item);
	else
		cJSON_AddItemToObject(record, key, item);
}

static void set_item(cJSON *record, const char *key, cJSON *item)
{
	if (cJSON_HasObjectItem(record, key))
		cJSON_ReplaceItemInObjectCaseSensitive(record, key, item);
	else
		cJSON_AddItemToObject(record, key, item);
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

int cloudflare_check_name(cJSON *record, const char *zone, struct cloudflare_error *error)
{
	const char *given = dro_json_text(record, "name");
	size_t length = strlen(given), zone_length = strlen(zone);
	char name[2 * NAME_LENGTH + 2];

	if (length && given[length - 1] == '.')
		length--;
	if (length == 0 || length > NAME_LENGTH)
		return cloudflare_set_error(error, 400, 9000, "DNS name is invalid.");
	if (length == 1 && given[0] == '@')
		snprintf(name, sizeof(name), "%s", zone);
	else if (length >= zone_length &&
		 strncasecmp(given + length - zone_length, zone, zone_length) == 0 &&
		 (length == zone_length || given[length - zone_length - 1] == '.'))
		snprintf(name, sizeof(name), "%.*s", (int)length, given);
	else
		snprintf(name, sizeof(name), "%.*s.%s", (int)length, given, zone);
	lower(name);
	if (!cloudflare_is_name(name, true))
		return cloudflare_set_error(error, 400, 9000, "DNS name is invalid.");
	set_text(record, "name", name);
	return 0;
}

static int check_address(cJSON *record, bool six, struct cloudflare_error *error)
{
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];
	int family = six ? AF_INET6 : AF_INET;

	if (inet_pton(family, dro_json_text(record, "content"), bytes) != 1)
		return six ? cloudflare_set_error(error, 400, 9006,
				     "Content for AAAA record must be a valid IPv6 address.")
			   : cloudflare_set_error(error, 400, 9005,
				     "Content for A record must be a valid IPv4 address.");
	inet_ntop(family, bytes, text, sizeof(text));
	if (!six && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(record, "proxied")) &&
		(bytes[0] == 0 || bytes[0] >= 224))
		return cloudflare_set_error(
			error, 400, 9003, "Target %s is not allowed for a proxied record.", text);
	set_text(record, "content", text);
	return 0;
}

/* The content of a record that names another host. */
static int check_target(cJSON *record, const char *type, int code, struct cloudflare_error *error)
{
	char target[NAME_LENGTH + 2];
	const char *given = dro_json_text(record, "content");
	size_t length = strlen(given);

	if (length && given[length - 1] == '.')
		length--;
	snprintf(target, sizeof(target), "%.*s", (int)length, given);
	lower(target);
	if (length > NAME_LENGTH || !cloudflare_is_name(target, false))
		return cloudflare_set_error(
			error, 400, code, "Content for %s record is invalid.", type);
	if (strcmp(type, "CNAME") == 0 && strcmp(target, dro_json_text(record, "name")) == 0)
		return cloudflare_set_error(
			error, 400, 9039, "CNAME content cannot reference itself.");
	set_text(record, "content", target);
	return 0;
}

/* Types with `data`: the members' values, in their order, are the content. */
static void content_of_data(cJSON *record)
{
	const cJSON *item, *data = cJSON_GetObjectItemCaseSensitive(record, "data");
	struct dro_buf text = DRO_BUF_INIT(TXT_LENGTH);

	cJSON_ArrayForEach(item, data)
	{
		if (text.length)
			dro_buf_puts(&text, " ");
		if (cJSON_IsString(item))
			dro_buf_puts(&text, item->valuestring);
		else
			dro_json_print(&text, item);
	}
	set_text(record, "content", dro_buf_str(&text));
	dro_buf_free(&text);
}

static int check_content(cJSON *record, const char *type, struct cloudflare_error *error)
{
	const char *content;

	if (cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(record, "data")))
		content_of_data(record);
	content = dro_json_text(record, "content");
	if (strcmp(type, "A") == 0 || strcmp(type, "AAAA") == 0)
		return check_address(record, type[1] != '\0', error);
	if (strcmp(type, "CNAME") == 0)
		return check_target(record, type, 9007, error);
	if (strcmp(type, "MX") == 0)
		return check_target(record, type, 9009, error);
	if (strcmp(type, "NS") == 0)
		return check_target(record, type, 9008, error);
	if (!*content || strlen(content) > TXT_LENGTH)
		return cloudflare_set_error(
			error, 400, 9010, "Content for %s record is invalid.", type);
	return 0;
}

static int check_type(const cJSON *record, const char **type, struct cloudflare_error *error)
{
	static const char *const types[] = {"A", "AAAA", "CNAME", "TXT", "MX", "NS", "SRV", "CAA",
		"PTR", "CERT", "DNSKEY", "DS", "HTTPS", "LOC", "NAPTR", "OPENPGPKEY", "SMIMEA",
		"SSHFP", "SVCB", "TLSA", "URI"};
	size_t i;

	*type = dro_json_text(record, "type");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(*type, types[i]) == 0)
			return 0;
	cloudflare_set_error(error, 400, 1004, "type is not a known record type");
	error->chain = 9001;
	return DRO_EINVAL;
}

/* A whole number, or `fallback` where it was not sent. */
static int read_whole(const cJSON *record, const char *key, double fallback, double *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(record, key);

	*out = fallback;
	if (!item || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsNumber(item) || item->valuedouble != (double)(int64_t)item->valuedouble)
		return DRO_EINVAL;
	*out = item->valuedouble;
	return 0;
}

static int check_proxy_and_ttl(cJSON *record, const char *type, struct cloudflare_error *error)
{
	const cJSON *proxied = cJSON_GetObjectItemCaseSensitive(record, "proxied");
	bool proxiable =
		strcmp(type, "A") == 0 || strcmp(type, "AAAA") == 0 || strcmp(type, "CNAME") == 0;
	double ttl;

	if (proxied && !cJSON_IsBool(proxied) && !cJSON_IsNull(proxied))
		return cloudflare_set_error(
			error, 400, 9003, "Invalid 'proxied' value, must be a boolean");
	if (cJSON_IsTrue(proxied) && !proxiable)
		return cloudflare_set_error(
			error, 400, 9004, "This record type cannot be proxied.");
	if (read_whole(record, "ttl", 1, &ttl) < 0 || (ttl != 1 && (ttl < 60 || ttl > 86400)))
		return cloudflare_set_error(error, 400, 9021,
			"Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.");
	/* A proxied record answers with the edge's own addresses, at the edge's own time to live.
	 */
	set_item(record, "ttl", cJSON_CreateNumber(cJSON_IsTrue(proxied) ? 1 : ttl));
	set_item(record, "proxied", cJSON_CreateBool(cJSON_IsTrue(proxied)));
	set_item(record, "proxiable", cJSON_CreateBool(proxiable));
	return 0;
}

static int check_extras(cJSON *record, const char *type, struct cloudflare_error *error)
{
	const cJSON *comment = cJSON_GetObjectItemCaseSensitive(record, "comment");
	const cJSON *tags = cJSON_GetObjectItemCaseSensitive(record, "tags");
	double priority;

	if (comment && !cJSON_IsNull(comment) &&
		(!cJSON_IsString(comment) || strlen(comment->valuestring) > COMMENT_LENGTH ||
			strpbrk(comment->valuestring, "\r\n"))) {
		cloudflare_set_error(error, 400, 1004,
			"comment must be at most %d characters, without line breaks",
			COMMENT_LENGTH);
		error->chain = 9000;
		return DRO_EINVAL;
	}
	if (!comment || (cJSON_IsString(comment) && !*comment->valuestring))
		set_item(record, "comment", cJSON_CreateNull());
	if (tags && !cJSON_IsNull(tags) && !cJSON_IsArray(tags))
		return cloudflare_set_error(error, 400, 1004, "tags must be an array");
	if (!cJSON_IsArray(tags))
		set_item(record, "tags", cJSON_CreateArray());
	if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(record, "settings")))
		set_item(record, "settings", cJSON_CreateObject());
	if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(record, "meta")))
		set_item(record, "meta", cJSON_CreateObject());
	if (read_whole(record, "priority", -1, &priority) < 0 || priority > 65535 ||
		(strcmp(type, "MX") == 0 && priority < 0))
		return cloudflare_set_error(
			error, 400, 9101, "priority must be a number between 0 and 65535.");
	return 0;
}

int cloudflare_check_record(cJSON *record, const char *zone, struct cloudflare_error *error)
{
	const char *type;
	int rc;

	if ((rc = check_type(record, &type, error)) < 0 ||
		(rc = cloudflare_check_name(record, zone, error)) < 0 ||
		(rc = check_content(record, type, error)) < 0 ||
		(rc = check_proxy_and_ttl(record, type, error)) < 0 ||
		(rc = check_extras(record, type, error)) < 0)
		return rc;
	return 0;
}

static bool is_address_type(const char *type)
{
	return strcmp(type, "A") == 0 || strcmp(type, "AAAA") == 0;
}

int cloudflare_check_conflict(
	const cJSON *records, const cJSON *record, struct cloudflare_error *error)
{
	const char *type = dro_json_text(record, "type"), *name = dro_json_text(record, "name");
	const cJSON *other;

	cJSON_ArrayForEach(other, records)
	{
		const char *other_type;
		bool cname;

		/* The name first: a zone may hold thousands of others. */
		if (strcmp(dro_json_text(other, "name"), name) != 0 ||
			strcmp(dro_json_text(other, "id"), dro_json_text(record, "id")) == 0)
			continue;
		other_type = dro_json_text(other, "type");
		cname = strcmp(other_type, "CNAME") == 0;
		if (strcmp(type, other_type) == 0 && strcmp(dro_json_text(other, "content"),
							     dro_json_text(record, "content")) == 0)
			return cloudflare_set_error(
				error, 400, 81058, "An identical record already exists.");
		if (strcmp(type, "CNAME") == 0 && (cname || is_address_type(other_type)))
			return cloudflare_set_error(error, 400, 81053,
				"An A, AAAA, or CNAME record with that host already exists.");
		if (is_address_type(type) && cname)
			return cloudflare_set_error(
				error, 400, 81054, "A CNAME record with that host already exists.");
	}
	return 0;
}
