#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/ec2.h"

#define FINGERPRINT_MAX (128 * 1024)

const char *ec2_param(const struct ec2_call *c, const char *name)
{
	return lab_pairs_get(&c->params, name);
}

/* '#' stands for a number, a final '*' for anything. */
static bool name_matches(const char *pattern, const char *name)
{
	for (; *pattern; pattern++) {
		if (*pattern == '*')
			return true;
		if (*pattern == '#') {
			if (!isdigit((unsigned char)*name))
				return false;
			while (isdigit((unsigned char)*name))
				name++;
		} else if (*pattern != *name++) {
			return false;
		}
	}
	return !*name;
}

static bool is_known(const struct ec2_operation *operation, const char *name)
{
	static const char *const everywhere[] = {"Action", "Version", "DryRun"};
	size_t i;

	for (i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
		if (strcmp(everywhere[i], name) == 0)
			return true;
	for (i = 0; operation->parameters[i]; i++)
		if (name_matches(operation->parameters[i], name))
			return true;
	return false;
}

bool ec2_check_params(struct ec2_call *c, const struct ec2_operation *operation)
{
	size_t i;

	for (i = 0; i < c->params.count; i++) {
		if (is_known(operation, c->params.items[i].name))
			continue;
		ec2_error(c, 400, "UnknownParameter", "The parameter %.100s is not recognized",
			c->params.items[i].name);
		return false;
	}
	for (i = 0; i < 4 && operation->required[i]; i++) {
		const char *value = ec2_param(c, operation->required[i]);
		char name[64];

		if (value && *value)
			continue;
		snprintf(name, sizeof(name), "%s", operation->required[i]);
		name[strcspn(name, ".")] = '\0';
		ec2_error(c, 400, "MissingParameter", "The request must contain the parameter %s",
			name);
		return false;
	}
	return true;
}

bool ec2_bool(struct ec2_call *c, const char *name, bool *out)
{
	const char *value = ec2_param(c, name);

	*out = value && strcmp(value, "true") == 0;
	if (!value || *out || strcmp(value, "false") == 0)
		return true;
	ec2_error(c, 400, "InvalidParameterValue",
		"Invalid value '%.64s' for parameter %s. Expected a boolean.", value, name);
	return false;
}

bool ec2_int(struct ec2_call *c, const char *name, int64_t min, int64_t max, int64_t *out)
{
	const char *value = ec2_param(c, name);
	char *end = NULL;

	if (!value)
		return true;
	*out = strtoll(value, &end, 10);
	if (*value && !*end && *out >= min && *out <= max)
		return true;
	ec2_error(c, 400, "InvalidParameterValue",
		"Value ( %.64s ) for parameter %s is invalid. Expecting a value between %lld and "
		"%lld.",
		value, name, (long long)min, (long long)max);
	return false;
}

bool ec2_go(struct ec2_call *c)
{
	bool dry;

	if (!ec2_bool(c, "DryRun", &dry))
		return false;
	if (dry)
		ec2_error(c, 412, "DryRunOperation",
			"Request would have succeeded, but DryRun flag is set.");
	return !dry;
}

const char *ec2_each(const struct ec2_call *c, const char *name, size_t *at)
{
	size_t length = strlen(name);

	while (*at < c->params.count) {
		const struct dro_pair *param = &c->params.items[(*at)++];
		const char *rest = param->name + length;

		if (strncmp(param->name, name, length) != 0 || *rest++ != '.' || !*rest ||
			strspn(rest, "0123456789") != strlen(rest))
			continue;
		return param->value ? param->value : "";
	}
	return NULL;
}

const char *ec2_list(const struct ec2_call *c, const char *name, size_t n)
{
	const char *item;
	size_t at = 0;

	do
		item = ec2_each(c, name, &at);
	while (item && n-- > 0);
	return item;
}

bool ec2_is_asked_for(const struct ec2_call *c, const char *name, const char *text)
{
	const char *item;
	size_t n;

	for (n = 0; (item = ec2_list(c, name, n)); n++)
		if (strcmp(item, text) == 0)
			return true;
	return n == 0;
}

bool ec2_id_is(const char *id, const char *prefix)
{
	size_t length = strlen(prefix), digits;

	if (strncmp(id, prefix, length) != 0)
		return false;
	digits = strspn(id + length, "0123456789abcdef");
	return !id[length + digits] && (digits == 8 || digits == 17);
}

bool ec2_check_ids(struct ec2_call *c, const char *name, const char *prefix, const char *kind)
{
	size_t at = 0, count = 0;
	const char *id;

	for (; (id = ec2_each(c, name, &at)); count++) {
		if (ec2_id_is(id, prefix))
			continue;
		ec2_error(c, 400, kind, "Invalid id: \"%.64s\" (expecting \"%s...\")", id, prefix);
		return false;
	}
	if (count <= EC2_IDS_MAX)
		return true;
	ec2_error(c, 400, "RequestResourceCountExceeded", "More than %d of %s.", EC2_IDS_MAX, name);
	return false;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool ec2_ids_read(struct ec2_call *c, const char *name, struct ec2_ids *ids)
{
	const char *id;
	size_t at = 0;

	*ids = (struct ec2_ids){.items = calloc(c->params.count + 1, sizeof(*ids->items))};
	if (!ids->items) {
		ec2_error(c, 500, "InternalError", "out of memory");
		return false;
	}
	while ((id = ec2_each(c, name, &at)))
		ids->items[ids->count++] = id;
	qsort(ids->items, ids->count, sizeof(*ids->items), compare_ids);
	return true;
}

bool ec2_ids_ask_for(const struct ec2_ids *ids, const char *id)
{
	return !ids->count ||
	       bsearch(&id, ids->items, ids->count, sizeof(*ids->items), compare_ids) != NULL;
}

void ec2_ids_free(struct ec2_ids *ids)
{
	free(ids->items);
	*ids = (struct ec2_ids){0};
}

bool ec2_tags(struct ec2_call *c, const char *prefix, cJSON *tags)
{
	char name[96];
	int n;

	for (n = 1;; n++) {
		const char *key, *value;

		snprintf(name, sizeof(name), "%s.%d.Key", prefix, n);
		key = ec2_param(c, name);
		snprintf(name, sizeof(name), "%s.%d.Value", prefix, n);
		value = ec2_param(c, name);
		if (!key)
			break;
		if (!*key || strlen(key) > 127 || strncmp(key, "aws:", 4) == 0 ||
			(value && strlen(value) > 255)) {
			ec2_error(
				c, 400, "InvalidParameterValue", "Tag '%.140s' is not valid.", key);
			return false;
		}
		cJSON_DeleteItemFromObjectCaseSensitive(tags, key);
		cJSON_AddStringToObject(tags, key, value ? value : "");
	}
	if (cJSON_GetArraySize(tags) <= EC2_TAGS_MAX)
		return true;
	ec2_error(c, 400, "TagLimitExceeded", "More than %d tags on a resource.", EC2_TAGS_MAX);
	return false;
}

bool ec2_tag_specifications(struct ec2_call *c, const char *type, cJSON *tags)
{
	static const char *const types[] = {
		"instance", "volume", "network-interface", "image", "snapshot"};
	char name[64];
	int n;

	for (n = 1;; n++) {
		const char *given;
		size_t i;

		snprintf(name, sizeof(name), "TagSpecification.%d.ResourceType", n);
		given = ec2_param(c, name);
		if (!given)
			return true;
		for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (strcmp(types[i], given) == 0)
				break;
		if (i == sizeof(types) / sizeof(types[0])) {
			ec2_error(c, 400, "InvalidParameterValue",
				"'%.64s' is not a valid taggable resource type for this operation.",
				given);
			return false;
		}
		snprintf(name, sizeof(name), "TagSpecification.%d.Tag", n);
		if (strcmp(given, type) == 0 && !ec2_tags(c, name, tags))
			return false;
	}
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct dro_pair *)a)->name, ((const struct dro_pair *)b)->name);
}

void ec2_fingerprint(const struct ec2_call *c, char out[DRO_SHA256_HEX])
{
	static const char *const left_out[] = {"Action", "Version", "DryRun", "ClientToken"};
	struct dro_buf text = DRO_BUF_INIT(FINGERPRINT_MAX);
	struct dro_pair *sorted = calloc(c->params.count + 1, sizeof(*sorted));
	size_t i, j;

	*out = '\0';
	if (!sorted)
		return;
	memcpy(sorted, c->params.items, c->params.count * sizeof(*sorted));
	qsort(sorted, c->params.count, sizeof(*sorted), compare_pairs);
	for (i = 0; i < c->params.count; i++) {
		for (j = 0; j < 4 && strcmp(sorted[i].name, left_out[j]) != 0; j++)
			;
		if (j == 4)
			dro_buf_printf(&text, "%s=%s\n", sorted[i].name,
				sorted[i].value ? sorted[i].value : "");
	}
	dro_sha256_hex(out, dro_buf_str(&text), text.length);
	dro_buf_free(&text);
	free(sorted);
}

bool ec2_check_token(struct ec2_call *c)
{
	const char *token = ec2_param(c, "ClientToken"), *at;

	if (!token)
		return true;
	snprintf(c->reply->token, sizeof(c->reply->token), "%s", token);
	for (at = token; *at > 0x20 && *at < 0x7f; at++)
		;
	if (!*at && *token && strlen(token) <= EC2_TOKEN_MAX)
		return true;
	ec2_error(c, 400, "InvalidParameterValue", "ClientToken must be 1 to %d ASCII characters.",
		EC2_TOKEN_MAX);
	return false;
}
