/*
 * Reading instances.
 *   https://techdocs.akamai.com/linode-api/reference/get-linode-instances
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/answer.h"
#include "plugins/common/when.h"
#include "plugins/linode/linode.h"

uint32_t li_instance_state(const char *native)
{
	static const struct dro_word states[] = {
		{"provisioning", DRO_INSTANCE_PENDING},
		{"booting", DRO_INSTANCE_PENDING},
		{"rebooting", DRO_INSTANCE_PENDING},
		{"rebuilding", DRO_INSTANCE_PENDING},
		{"restoring", DRO_INSTANCE_PENDING},
		{"resizing", DRO_INSTANCE_PENDING},
		{"running", DRO_INSTANCE_RUNNING},
		{"shutting_down", DRO_INSTANCE_STOPPING},
		{"offline", DRO_INSTANCE_STOPPED},
		{"stopped", DRO_INSTANCE_STOPPED},
		{"billing_suspension", DRO_INSTANCE_STOPPED},
		{"deleting", DRO_INSTANCE_TERMINATING},
		/* busy, cloning, migrating: it may run or not. */
		{NULL, DRO_INSTANCE_UNKNOWN},
	};

	return (uint32_t)dro_word_code(states, native);
}

/* 192.168.128.0/17 is Linode's network of private addresses. */
static bool is_private(const char *address)
{
	struct in_addr in;

	return inet_pton(AF_INET, address, &in) == 1 && (ntohl(in.s_addr) >> 15) == 0xc0a880u >> 7;
}

static void read_addresses(const cJSON *item, struct dro_instance *instance)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, "ipv4"), *one;

	instance->public_ipv4 = instance->private_ipv4 = "";
	cJSON_ArrayForEach(one, list)
	{
		const char **to;

		if (!cJSON_IsString(one))
			continue;
		to = is_private(one->valuestring) ? &instance->private_ipv4
						  : &instance->public_ipv4;
		if (!**to)
			*to = one->valuestring;
	}
}

int li_emit_instance(const struct li *li, const cJSON *item, dro_emit_instance emit, void *arg,
	struct dro_error *err)
{
	struct dro_pair *tags = NULL;
	char id[LI_ID_MAX];
	struct dro_instance instance = {.size = sizeof(instance),
		.id = id,
		.name = dro_json_text(item, "label"),
		.type = dro_json_text(item, "type"),
		.image = dro_json_text(item, "image"),
		.region = dro_json_text(item, "region"),
		.zone = "",
		.native_state = dro_json_text(item, "status"),
		.created_ms = dro_when_iso(dro_json_text(item, "created"))};
	int rc;

	li_id(id, item, "id");
	if (!*id)
		return li_nonsense(li, LI_READ, "an instance without a number", err);
	instance.state = li_instance_state(instance.native_state);
	read_addresses(item, &instance);
	if ((rc = li_tags_read(li, item, &tags, &instance.tag_count, err)) < 0)
		return rc;
	instance.tags = tags;
	rc = emit(arg, &instance);
	free(tags);
	return rc;
}

int li_get_instance(const struct li *li, const char *id, cJSON **out, const struct dro_call *call,
	struct dro_error *err)
{
	const struct li_ask ask = {
		.kind = LI_READ, .method = "GET", .path = {"linode", "instances", id}};
	int rc;

	if ((rc = li_check_id(li, id, err)) < 0)
		return rc;
	return li_ask(li, &ask, out, call, err);
}

static int list_by_id(const struct li *li, const struct dro_instance_query *query,
	dro_emit_instance emit, void *arg, const struct dro_call *call, struct dro_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < query->id_count && rc == 0; i++) {
		cJSON *item = NULL;

		if ((rc = li_get_instance(li, query->ids[i], &item, call, err)) == 0)
			rc = li_emit_instance(li, item, emit, arg, err);
		cJSON_Delete(item);
	}
	return rc;
}

/* A list under way: what is wanted, and who gets it. */
struct listing {
	const struct li *li;
	const char *region;
	const char **tags; /* as Linode has them */
	size_t tag_count;
	dro_emit_instance emit;
	void *arg;
};

/* A filter that the provider did not know is one that it did not use. */
static int take(void *arg, const cJSON *item, struct dro_error *err)
{
	const struct listing *listing = arg;
	size_t i;

	if (*listing->region && strcmp(dro_json_text(item, "region"), listing->region) != 0)
		return 0;
	for (i = 0; i < listing->tag_count; i++)
		if (!li_has_tag(item, listing->tags[i]))
			return 0;
	return li_emit_instance(listing->li, item, listing->emit, listing->arg, err);
}

/* {"+and":[{"region":"eu-west"},{"tags":"a=b"},…]} */
static void put_filter(struct dro_buf *out, const struct listing *listing)
{
	const char *comma = "";
	size_t i;

	dro_buf_puts(out, "{\"+and\":[");
	if (*listing->region) {
		dro_buf_puts(out, "{\"region\":");
		dro_json_quote(out, listing->region);
		dro_buf_puts(out, "}");
		comma = ",";
	}
	for (i = 0; i < listing->tag_count; i++) {
		dro_buf_printf(out, "%s{\"tags\":", comma);
		dro_json_quote(out, listing->tags[i]);
		dro_buf_puts(out, "}");
		comma = ",";
	}
	dro_buf_puts(out, "]}");
}

static int read_tags(
	struct listing *listing, const struct dro_instance_query *query, struct dro_error *err)
{
	struct dro_buf tag = DRO_BUF_INIT(256);
	size_t i;
	int rc = 0;

	listing->tags = calloc(query->tag_count + 1, sizeof(*listing->tags));
	if (!listing->tags)
		return li_no_memory(listing->li, err);
	for (i = 0; i < query->tag_count && rc == 0; i++) {
		if ((rc = li_tag(listing->li, &tag, &query->tags[i], LI_TAG_MAX, err)) < 0)
			break;
		listing->tags[i] = strdup(dro_buf_str(&tag));
		if (!listing->tags[i])
			rc = li_no_memory(listing->li, err);
		else
			listing->tag_count++;
	}
	dro_buf_free(&tag);
	return rc;
}

int li_list_instances(void *account, const struct dro_instance_query *query, dro_emit_instance emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct li_ask ask = {.kind = LI_READ, .method = "GET", .path = {"linode", "instances"}};
	const struct li *li = account;
	struct listing listing = {
		.li = li, .region = li_region(li, query->region), .emit = emit, .arg = arg};
	struct dro_buf filter = DRO_BUF_INIT(8192);
	int rc;

	if (query->id_count)
		return list_by_id(li, query, emit, arg, call, err);
	if ((rc = read_tags(&listing, query, err)) < 0)
		goto out;
	put_filter(&filter, &listing);
	if ((rc = dro_buf_check(&filter, err)) < 0)
		goto out;
	if (*listing.region || listing.tag_count)
		ask.filter = dro_buf_str(&filter);
	rc = li_list(li, &ask, take, &listing, call, err);
out:
	while (listing.tag_count)
		free((void *)(uintptr_t)listing.tags[--listing.tag_count]);
	free(listing.tags);
	dro_buf_free(&filter);
	return rc;
}
