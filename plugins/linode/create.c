/*
 * Making instances. Linode knows no idempotency token: the label is one. It is made of the name and
 * the call's key, is unique in an account, and is looked up before anything is made.
 *   https://techdocs.akamai.com/linode-api/reference/post-linode-instance
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "plugins/linode/linode.h"

#define LABEL_MAX 64
#define HASH_CHARS 12
#define NAME_MAX_CHARS 40 /* of the name in a label: leaves room for hash and number */
#define COUNT_MAX 100
#define USER_DATA_MAX 65535 /* in base64 */
#define PASSWORD_CHARS 48

struct label {
	char text[LABEL_MAX + 1];
};

/* "memphis-tier2-web-0123456789ab": letters first, no two marks in a row. */
static int make_stem(const struct li *li, const struct dro_instance_spec *spec,
	const struct dro_call *call, struct label *stem, struct dro_error *err)
{
	char hash[DRO_SHA256_HEX];
	const char *c;
	size_t n = 0;

	if (dro_sha256_hex(hash, call->idem_key, strlen(call->idem_key)) < 0)
		return li_no_memory(li, err);
	for (c = spec->name; *c && n < NAME_MAX_CHARS; c++) {
		if (isalpha((unsigned char)*c) || (n && isdigit((unsigned char)*c)))
			stem->text[n++] = *c;
		else if (n && isalnum((unsigned char)stem->text[n - 1]))
			stem->text[n++] = *c == '.' || *c == '_' ? *c : '-';
	}
	if (n && !isalnum((unsigned char)stem->text[n - 1]))
		n--;
	snprintf(stem->text + n, sizeof(stem->text) - n, "%s%.*s", n ? "-" : "drorch-", HASH_CHARS,
		hash);
	return 0;
}

static struct label label_of(const struct label *stem, uint32_t count, uint32_t index)
{
	struct label label = *stem;
	size_t length = strlen(label.text);

	if (count > 1)
		snprintf(label.text + length, sizeof(label.text) - length, "-%u", index + 1);
	return label;
}

/* ---- what is there already ------------------------------------------------------------------ */

struct lookup {
	const struct li *li;
	const struct dro_instance_spec *spec;
	const struct label *stem;
	const char *region;
	dro_emit_instance emit;
	void *arg;
	bool *made; /* [spec->count] */
};

static int look_at(void *arg, const cJSON *item, struct dro_error *err)
{
	struct lookup *lookup = arg;
	uint32_t i;

	for (i = 0; i < lookup->spec->count; i++) {
		struct label label = label_of(lookup->stem, lookup->spec->count, i);

		if (lookup->made[i] || strcmp(label.text, dro_json_text(item, "label")) != 0 ||
			li_instance_state(dro_json_text(item, "status")) ==
				DRO_INSTANCE_TERMINATING)
			continue;
		if (strcmp(dro_json_text(item, "region"), lookup->region) != 0)
			return lookup->li->host->fail(err, DRO_ECONFLICT, NULL,
				"%s is there already, in %.32s", label.text,
				dro_json_text(item, "region"));
		lookup->made[i] = true;
		return li_emit_instance(lookup->li, item, lookup->emit, lookup->arg, err);
	}
	return 0;
}

/* Emits what an earlier call made. */
static int look_up(struct lookup *lookup, const struct dro_call *call, struct dro_error *err)
{
	char filter[128];
	const struct li_ask ask = {.kind = LI_READ,
		.method = "GET",
		.path = {"linode", "instances"},
		.filter = filter};

	snprintf(filter, sizeof(filter), "{\"label\":{\"+contains\":\"%s\"}}", lookup->stem->text);
	return li_list(lookup->li, &ask, look_at, lookup, call, err);
}

/* ---- the request ---------------------------------------------------------------------------- */

/* "a, b": an array of texts between `marks`. */
static int add_list(const struct li *li, cJSON *body, const char *name, const char *list,
	const char *marks, struct dro_error *err)
{
	cJSON *array = cJSON_AddArrayToObject(body, name);

	while (*list) {
		char *one;
		size_t length;

		list += strspn(list, marks);
		list += strspn(list, " ");
		length = strcspn(list, marks);
		if (!length)
			continue;
		one = strndup(list, length);
		if (!one || !cJSON_AddItemToArray(array, cJSON_CreateString(one))) {
			free(one);
			return li_no_memory(li, err);
		}
		free(one);
		list += length;
	}
	return 0;
}

static int add_option(
	const struct li *li, cJSON *body, const struct dro_pair *option, struct dro_error *err)
{
	if (strcmp(option->name, "authorized_keys") == 0)
		return add_list(li, body, option->name, option->value, "\n,", err);
	if (strcmp(option->name, "authorized_users") == 0)
		return add_list(li, body, option->name, option->value, ", ", err);
	if (strcmp(option->name, "firewall_id") == 0) {
		if (li_check_id(li, option->value, err) < 0)
			return DRO_EINVAL;
		cJSON_AddNumberToObject(body, option->name, strtod(option->value, NULL));
		return 0;
	}
	if (strcmp(option->name, "private_ip") == 0 || strcmp(option->name, "backups") == 0) {
		cJSON_AddBoolToObject(body, *option->name == 'b' ? "backups_enabled" : option->name,
			strcmp(option->value, "true") == 0);
		return 0;
	}
	return li->host->fail(err, DRO_EINVAL, NULL,
		"linode knows no instance option \"%.60s\" (authorized_keys, authorized_users, "
		"firewall_id, private_ip, backups)",
		option->name);
}

static int add_user_data(const struct li *li, cJSON *body, const struct dro_instance_spec *spec,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(4 * USER_DATA_MAX);
	int rc = 0;

	if (!spec->user_data_length)
		return 0;
	dro_base64(&text, spec->user_data, spec->user_data_length);
	if (text.failed || text.length > USER_DATA_MAX)
		rc = li->host->fail(err, DRO_EINVAL, NULL,
			"user data is at most %d bytes in base64, not those of %zu", USER_DATA_MAX,
			spec->user_data_length);
	else if (!cJSON_AddStringToObject(cJSON_AddObjectToObject(body, "metadata"), "user_data",
			 dro_buf_str(&text)))
		rc = li_no_memory(li, err);
	dro_buf_free(&text);
	return rc;
}

/* Images from Linode's own templates want one; nobody is to log in with it. */
static void add_password(cJSON *body)
{
	char password[PASSWORD_CHARS + 8];

	dro_random_id(password, PASSWORD_CHARS);
	memcpy(password + PASSWORD_CHARS, "-Aa1", 5);
	cJSON_AddStringToObject(body, "root_pass", password);
	explicit_bzero(password, sizeof(password));
}

/* *out: the body without its label and password. */
static int describe(const struct li *li, const struct dro_instance_spec *spec, const char *region,
	cJSON **out, struct dro_error *err)
{
	cJSON *body = cJSON_CreateObject();
	size_t i;
	int rc;

	if (!body)
		return li_no_memory(li, err);
	cJSON_AddStringToObject(body, "region", region);
	cJSON_AddStringToObject(body, "type", spec->type);
	cJSON_AddStringToObject(body, "image", spec->image);
	cJSON_AddBoolToObject(body, "booted", true);
	rc = li_tags_write(li, cJSON_AddArrayToObject(body, "tags"), spec->tags, spec->tag_count,
		LI_TAG_MAX, err);
	for (i = 0; i < spec->option_count && rc == 0; i++)
		rc = add_option(li, body, &spec->options[i], err);
	if (rc == 0)
		rc = add_user_data(li, body, spec, err);
	if (rc < 0)
		cJSON_Delete(body);
	else
		*out = body;
	return rc;
}

/* ---- making --------------------------------------------------------------------------------- */

static int pass_on(const struct li *li, const struct dro_error *from, struct dro_error *err)
{
	li->host->fail(err, from->code, *from->provider_code ? from->provider_code : NULL, "%s",
		from->message);
	if (err) {
		err->http_status = from->http_status;
		err->retry_after_ms = from->retry_after_ms;
	}
	return from->code;
}

/*
 * Makes one. Where the answer was lost, or says that the label is taken, the instance may be there:
 * it is looked up, and emitted as if its answer had come.
 */
static int make_one(struct lookup *lookup, uint32_t index, const cJSON *body,
	const struct dro_call *call, struct dro_error *err)
{
	struct label label = label_of(lookup->stem, lookup->spec->count, index);
	struct li_ask ask = {.kind = LI_ONCE, .method = "POST", .path = {"linode", "instances"}};
	struct dro_error why = DRO_ERROR_INIT, other = DRO_ERROR_INIT;
	const struct li *li = lookup->li;
	cJSON *own = cJSON_Duplicate(body, true), *answer = NULL;
	int rc;

	if (!own)
		return li_no_memory(li, err);
	cJSON_AddStringToObject(own, "label", label.text);
	add_password(own);
	rc = li_send(li, &ask, own, &answer, call, &why);
	if (rc == 0) {
		lookup->made[index] = true;
		rc = li_emit_instance(li, answer, lookup->emit, lookup->arg, &other);
		if (rc < 0)
			rc = li_nonsense(li, LI_ONCE, other.message, err);
	} else if (rc == DRO_ETIMEDOUT || li_is_taken(&why)) {
		if (look_up(lookup, call, &other) == 0 && lookup->made[index])
			rc = 0;
		else
			rc = pass_on(li, &why, err);
	} else {
		rc = pass_on(li, &why, err);
	}
	cJSON_Delete(answer);
	return rc;
}

static int check(const struct li *li, const struct dro_instance_spec *spec, const char *region,
	const struct dro_call *call, struct dro_error *err)
{
	if (!call->idem_key || !*call->idem_key || strlen(call->idem_key) > 64)
		return li->host->fail(err, DRO_EINVAL, NULL,
			"making an instance needs a key of 1..64 characters");
	if (!spec->count || spec->count > COUNT_MAX || !*spec->type || !*spec->image || !*region)
		return li->host->fail(err, DRO_EINVAL, NULL,
			"instances need a count of 1..%d, a region, a type and an image",
			COUNT_MAX);
	if (spec->zone && *spec->zone)
		return li->host->fail(
			err, DRO_EINVAL, NULL, "Linode has no zones (\"%.40s\")", spec->zone);
	return 0;
}

int li_create_instances(void *account, const struct dro_instance_spec *spec, dro_emit_instance emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	const struct li *li = account;
	const char *region = li_region(li, spec->region);
	bool made[COUNT_MAX] = {false};
	struct label stem;
	struct lookup lookup = {.li = li,
		.spec = spec,
		.stem = &stem,
		.region = region,
		.emit = emit,
		.arg = arg,
		.made = made};
	cJSON *body = NULL;
	uint32_t i;
	int rc;

	if ((rc = check(li, spec, region, call, err)) < 0 ||
		(rc = make_stem(li, spec, call, &stem, err)) < 0 ||
		(rc = describe(li, spec, region, &body, err)) < 0 ||
		(rc = look_up(&lookup, call, err)) < 0)
		goto out;
	for (i = 0; i < spec->count && rc == 0; i++)
		if (!made[i])
			rc = make_one(&lookup, i, body, call, err);
out:
	cJSON_Delete(body);
	return rc;
}
