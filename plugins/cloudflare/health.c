/*
 * Health checks: monitors of the account, which look at the addresses of the pools that use them.
 *   https://developers.cloudflare.com/api/resources/load_balancers/subresources/monitors/
 *   https://developers.cloudflare.com/api/resources/load_balancers/subresources/pools/subresources/health/
 *
 * The description holds the owner, and behind it a mark of the call that made the monitor:
 * "drorch:shop/eu #4f2a90c1d8e3b765". A repeated call finds what an earlier one made by it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "plugins/cloudflare/balance.h"

#define MARK_DIGITS 16
#define TIMEOUT_S 5
#define RETRIES 2
#define EXPECTED "2xx"

static const struct kind {
	const char *type;
	uint32_t kind; /* enum dro_check_kind */
	uint32_t port; /* where none is given */
} kinds[] = {
	{"http", DRO_CHECK_HTTP, 80},
	{"https", DRO_CHECK_HTTPS, 443},
	{"tcp", DRO_CHECK_TCP, 0},
};

static const struct kind *kind_by(const char *type, uint32_t number)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (type ? strcmp(kinds[i].type, type) == 0 : kinds[i].kind == number)
			return &kinds[i];
	return NULL;
}

/* Where the mark of the maker begins, or the end. */
static size_t owner_length(const char *description)
{
	const char *mark = strrchr(description, '#');

	if (mark && mark > description && mark[-1] == ' ' &&
		strspn(mark + 1, "0123456789abcdef") == MARK_DIGITS && !mark[1 + MARK_DIGITS])
		return (size_t)(mark - 1 - description);
	return strlen(description);
}

/* ---- monitors as they are ---------------------------------------------------------------------
 */

static uint32_t number_of(const cJSON *monitor, const char *key)
{
	int64_t number = 0;

	if (dro_json_int(monitor, key, 0, &number, NULL) < 0 || number < 0 || number > INT32_MAX)
		return 0;
	return (uint32_t)number;
}

static const char *host_of(const cJSON *monitor)
{
	const cJSON *headers = cJSON_GetObjectItemCaseSensitive(monitor, "header"), *header;

	cJSON_ArrayForEach(header, headers)
	{
		const cJSON *first = cJSON_GetArrayItem(header, 0);

		if (strcasecmp(header->string, "host") == 0 && cJSON_IsString(first))
			return first->valuestring;
	}
	return "";
}

static int read_monitor(const cJSON *monitor, struct dro_health_check *out, struct dro_buf *owner)
{
	const struct kind *kind = kind_by(dro_json_text(monitor, "type"), 0);
	const char *description = dro_json_text(monitor, "description");
	uint32_t down = number_of(monitor, "consecutive_down");

	dro_buf_reset(owner);
	dro_buf_append(owner, description, owner_length(description));
	*out = (struct dro_health_check){
		.size = sizeof(*out),
		.kind = kind ? kind->kind : DRO_CHECK_OTHER,
		.id = dro_json_text(monitor, "id"),
		.version = "",
		.owner = dro_buf_str(owner),
		.address = "",
		.host = host_of(monitor),
		.path = dro_json_text(monitor, "path"),
		.port = number_of(monitor, "port"),
		.interval_s = number_of(monitor, "interval"),
		.fail_after = down ? down : 1,
		.state = DRO_HEALTH_UNKNOWN,
	};
	if (!out->port && kind)
		out->port = kind->port;
	if (kind && kind->kind == DRO_CHECK_TCP)
		out->path = "";
	return owner->failed;
}

static int monitors_read(struct cf *cf, cJSON **answer, const cJSON **list,
	const struct dro_call *call, struct dro_error *err)
{
	char account[CF_ID_MAX + 1];
	struct cf_ask ask = {
		.method = "GET", .path = {"accounts", account, "load_balancers", "monitors"}};
	int rc = cf_account_id(cf, "", account, call, err);

	return rc < 0 ? rc : cf_ask_list(cf, &ask, answer, list, call, err);
}

static int list_checks(void *account, dro_emit_check emit, void *arg, const struct dro_call *call,
	struct dro_error *err)
{
	struct cf *cf = account;
	struct dro_buf owner = DRO_BUF_INIT(4096);
	struct dro_health_check check;
	const cJSON *list, *monitor;
	cJSON *answer = NULL;
	int rc;

	if ((rc = monitors_read(cf, &answer, &list, call, err)) < 0)
		goto out;
	cJSON_ArrayForEach(monitor, list)
	{
		if (read_monitor(monitor, &check, &owner) < 0) {
			rc = cf_no_memory(cf, err);
			break;
		}
		if ((rc = emit(arg, &check)) != 0)
			break;
	}
out:
	dro_buf_free(&owner);
	cJSON_Delete(answer);
	return rc;
}

/* ---- put --------------------------------------------------------------------------------------
 */

/* A monitor has no address: it looks at those of the sets that use it, whatever is given. */
static int check_put_check(
	struct cf *cf, const struct dro_health_check *check, struct dro_error *err)
{
	const struct kind *kind = kind_by(NULL, check->kind);

	if (!kind)
		return cf->host->fail(
			err, DRO_EUNSUPPORTED, NULL, "a monitor is http, https or tcp");
	if (check->port > 65535 || (!check->port && !kind->port))
		return cf->host->fail(err, DRO_EINVAL, NULL, "a tcp check needs a port");
	if (strpbrk(check->owner, "\r\n"))
		return cf->host->fail(err, DRO_EINVAL, NULL, "an ownership mark is one line");
	return 0;
}

static bool set_text(cJSON *body, const char *key, const char *text)
{
	cJSON_DeleteItemFromObjectCaseSensitive(body, key);
	return cJSON_AddStringToObject(body, key, text) != NULL;
}

static bool set_number(cJSON *body, const char *key, uint32_t number)
{
	cJSON_DeleteItemFromObjectCaseSensitive(body, key);
	return cJSON_AddNumberToObject(body, key, number) != NULL;
}

/* The Host header beside whatever else is sent. */
static bool set_host(cJSON *body, const char *host)
{
	cJSON *headers = cJSON_GetObjectItemCaseSensitive(body, "header"), *list, *item;

	if (!cJSON_IsObject(headers)) {
		cJSON_DeleteItemFromObjectCaseSensitive(body, "header");
		headers = cJSON_AddObjectToObject(body, "header");
	}
	cJSON_DeleteItemFromObject(headers, "Host"); /* in any case */
	if (!*host)
		return headers != NULL;
	list = headers ? cJSON_AddArrayToObject(headers, "Host") : NULL;
	item = list ? cJSON_CreateString(host) : NULL;
	return item && cJSON_AddItemToArray(list, item);
}

/* A look and its repeats must fit between two. */
static bool set_times(cJSON *body, uint32_t interval_s)
{
	uint32_t timeout = TIMEOUT_S, retries = RETRIES;

	if (interval_s <= TIMEOUT_S * (RETRIES + 1)) {
		retries = 0;
		timeout = interval_s / 2 < TIMEOUT_S ? interval_s / 2 : TIMEOUT_S;
	}
	return set_number(body, "interval", interval_s) &&
	       set_number(body, "timeout", timeout ? timeout : 1) &&
	       set_number(body, "retries", retries);
}

static bool fill(cJSON *body, const struct dro_health_check *check, const char *description)
{
	const struct kind *kind = kind_by(NULL, check->kind);
	bool http = kind->kind != DRO_CHECK_TCP;
	uint32_t after = check->fail_after ? check->fail_after : 1;

	return set_text(body, "type", kind->type) && set_text(body, "description", description) &&
	       set_number(body, "port", check->port ? check->port : kind->port) &&
	       (number_of(body, "interval") == check->interval_s ||
		       set_times(body, check->interval_s)) &&
	       set_number(body, "consecutive_down", after) &&
	       set_number(body, "consecutive_up", after) &&
	       (!http || (set_text(body, "path", *check->path ? check->path : "/") &&
				 set_host(body, check->host) &&
				 (*dro_json_text(body, "method") ||
					 set_text(body, "method", "GET")) &&
				 (*dro_json_text(body, "expected_codes") ||
					 set_text(body, "expected_codes", EXPECTED))));
}

/* The monitor of that id among the account's; else (id "") the one that `mark` made. */
static const cJSON *find_monitor(const cJSON *list, const char *id, const char *mark)
{
	const cJSON *monitor;

	cJSON_ArrayForEach(monitor, list)
	{
		const char *description = dro_json_text(monitor, "description");

		if (*id ? strcmp(dro_json_text(monitor, "id"), id) == 0
			: strcmp(description + owner_length(description), mark) == 0)
			return monitor;
	}
	return NULL;
}

/* What only the server says. */
static cJSON *editable(const cJSON *monitor)
{
	cJSON *body = monitor ? cJSON_Duplicate(monitor, true) : cJSON_CreateObject();

	cJSON_DeleteItemFromObjectCaseSensitive(body, "id");
	cJSON_DeleteItemFromObjectCaseSensitive(body, "created_on");
	cJSON_DeleteItemFromObjectCaseSensitive(body, "modified_on");
	return body;
}

static int send_monitor(struct cf *cf, const struct dro_health_check *check, const cJSON *there,
	const char *mark, char *id, const struct dro_call *call, struct dro_error *err)
{
	const char *old = dro_json_text(there, "description");
	struct dro_buf description = DRO_BUF_INIT(4096);
	char account[CF_ID_MAX + 1], made[CF_ID_MAX + 1];
	struct cf_ask ask = {.method = there ? "PUT" : "POST",
		.path = {"accounts", account, "load_balancers", "monitors",
			there ? check->id : NULL}};
	cJSON *body = editable(there), *as_it_is = editable(there);
	int rc;

	dro_buf_puts(&description, check->owner);
	dro_buf_puts(&description, there ? old + owner_length(old) : mark);
	if ((rc = dro_buf_check(&description, err)) < 0)
		goto out;
	if (!body || !as_it_is || !fill(body, check, dro_buf_str(&description))) {
		rc = cf_no_memory(cf, err);
		goto out;
	}
	if (there && cJSON_Compare(body, as_it_is, true)) {
		snprintf(id, CF_ID_MAX + 1, "%s", check->id);
		goto out;
	}
	if ((rc = cf_account_id(cf, "", account, call, err)) < 0)
		goto out;
	rc = cf_send(cf, &ask, body, made, call, err);
	body = NULL;
	if (rc == 0)
		snprintf(id, CF_ID_MAX + 1, "%s", made);
out:
	cJSON_Delete(body);
	cJSON_Delete(as_it_is);
	dro_buf_free(&description);
	return rc;
}

static int put_check(void *account, const struct dro_health_check *check, char *id, size_t id_size,
	const struct dro_call *call, struct dro_error *err)
{
	struct cf *cf = account;
	char hash[DRO_SHA256_HEX], mark[MARK_DIGITS + 3], made[CF_ID_MAX + 1] = "";
	const char *key = call->idem_key ? call->idem_key : "";
	const cJSON *list, *there;
	cJSON *answer = NULL;
	int rc;

	if ((rc = check_put_check(cf, check, err)) < 0)
		return rc;
	if (dro_sha256_hex(hash, key, strlen(key)) < 0)
		return cf->host->fail(err, DRO_EIO, NULL, "SHA-256 failed");
	snprintf(mark, sizeof(mark), " #%.*s", MARK_DIGITS, hash);
	if ((rc = monitors_read(cf, &answer, &list, call, err)) < 0)
		goto out;
	there = find_monitor(list, check->id, mark);
	if (*check->id && !there)
		rc = cf->host->fail(err, DRO_ENOTFOUND, NULL, "no monitor %s", check->id);
	else if (!*check->id && there)
		snprintf(made, sizeof(made), "%s", dro_json_text(there, "id"));
	else
		rc = send_monitor(cf, check, there, mark, made, call, err);
	if (rc == 0 && snprintf(id, id_size, "%s", made) >= (int)id_size)
		rc = cf->host->fail(err, DRO_EINVAL, NULL, "no room for the id %s", made);
out:
	cJSON_Delete(answer);
	return rc;
}

static int delete_check(
	void *account, const char *id, const struct dro_call *call, struct dro_error *err)
{
	struct cf *cf = account;
	char owner[CF_ID_MAX + 1];
	struct cf_ask ask = {.method = "DELETE",
		.path = {"accounts", owner, "load_balancers", "monitors", id},
		.mutation = true};
	cJSON *answer = NULL;
	int rc = cf_account_id(cf, "", owner, call, err);

	if (rc == 0)
		rc = cf_ask(cf, &ask, &answer, call, err);
	cJSON_Delete(answer);
	return rc == DRO_ENOTFOUND ? 0 : rc;
}

/* ---- status -----------------------------------------------------------------------------------
 */

/* The first thing that is wrong at an origin: "192.0.2.1: HTTP timeout occurred". */
static void say_why(struct dro_buf *out, const cJSON *place)
{
	const cJSON *entry, *origin;

	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(place, "origins"))
	{
		cJSON_ArrayForEach(origin, entry)
		{
			const char *reason = dro_json_text(origin, "failure_reason");

			if (!cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(origin, "healthy")))
				continue;
			dro_buf_printf(out, "%.64s: %.128s", origin->string, reason);
			return;
		}
	}
}

/* One emit a place: "Amsterdam, NL (POOL)". */
static int emit_places(const cJSON *health, const char *pool, dro_emit_vantage emit, void *arg)
{
	const cJSON *place;
	struct dro_buf name = DRO_BUF_INIT(1024), text = DRO_BUF_INIT(1024);
	int rc = 0;

	cJSON_ArrayForEach(place, cJSON_GetObjectItemCaseSensitive(health, "pop_health"))
	{
		const cJSON *healthy = cJSON_GetObjectItemCaseSensitive(place, "healthy");
		struct dro_vantage vantage = {.size = sizeof(vantage),
			.state = cJSON_IsTrue(healthy)	  ? DRO_HEALTHY
				 : cJSON_IsFalse(healthy) ? DRO_UNHEALTHY
							  : DRO_HEALTH_UNKNOWN};

		dro_buf_reset(&name);
		dro_buf_reset(&text);
		dro_buf_printf(&name, "%.128s (%.512s)", place->string, pool);
		say_why(&text, place);
		vantage.name = dro_buf_str(&name);
		vantage.text = dro_buf_str(&text);
		if ((rc = emit(arg, &vantage)) != 0)
			break;
	}
	dro_buf_free(&name);
	dro_buf_free(&text);
	return rc;
}

static int pool_status(struct cf *cf, const cJSON *pool, dro_emit_vantage emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	char owner[CF_ID_MAX + 1];
	struct cf_ask ask = {.method = "GET",
		.path = {"accounts", owner, "load_balancers", "pools", dro_json_text(pool, "id"),
			"health"}};
	cJSON *answer = NULL;
	int rc = cf_account_id(cf, "", owner, call, err);

	if (rc == 0 && (rc = cf_ask(cf, &ask, &answer, call, err)) == 0)
		rc = emit_places(cJSON_GetObjectItemCaseSensitive(answer, "result"),
			dro_json_text(pool, "name"), emit, arg);
	cJSON_Delete(answer);
	return rc == DRO_ENOTFOUND ? 0 : rc; /* it went in between */
}

static int check_status(void *account, const char *id, dro_emit_vantage emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	struct cf *cf = account;
	const cJSON *pools, *pool;
	cJSON *answer = NULL;
	int rc = cf_pools_read(cf, "", &answer, &pools, call, err);

	if (rc == 0)
		cJSON_ArrayForEach(pool, pools)
		{
			if (strcmp(dro_json_text(pool, "monitor"), id) == 0 &&
				(rc = pool_status(cf, pool, emit, arg, call, err)) != 0)
				break;
		}
	cJSON_Delete(answer);
	return rc;
}

/*
 * Any number from 15 to 3600 is taken, or from 10 on where the plan is Enterprise; what is below is
 * refused. These are some of what every plan has.
 *   https://developers.cloudflare.com/load-balancing/reference/limitations/
 */
static const uint32_t intervals[] = {15, 30, 60, 120, 300, 600, 1800, 3600, 0};

const struct dro_health_checks cf_health = {
	.size = sizeof(cf_health),
	.list_checks = list_checks,
	.put_check = put_check,
	.delete_check = delete_check,
	.check_status = check_status,
	.intervals = intervals,
};
