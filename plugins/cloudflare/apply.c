/*
 * A change: groups of routed sets become load balancers, the others DNS records. A balancer hides
 * the records of its name, so it comes before they go and goes after they came: the name is never
 * without an answer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rdata.h"
#include "plugins/cloudflare/balance.h"
#include "plugins/cloudflare/cloudflare.h"
#include "plugins/common/record.h"

#define LOOKS 6		   /* at a list that is behind: half a minute in all */
#define LOOK_AGAIN_MS 1000 /* doubled each time */
#define SET_ID_MAX 128

/* What is to be put or to go, in whole records: `all` holds them, the lists point to them. */
struct wish {
	struct dro_record *all;
	struct cf_sets simple;
	struct cf_sets routed; /* by name, type, set_id */
};

struct change {
	struct cf *cf;
	const char *zone;
	struct wish put, del;
	const struct dro_call *call;
	struct dro_error *err;
};

static void wish_free(struct wish *wish)
{
	free(wish->all);
	free(wish->simple.items);
	free(wish->routed.items);
}

static int compare(const void *a, const void *b)
{
	const struct dro_record *x = *(const struct dro_record *const *)a;
	const struct dro_record *y = *(const struct dro_record *const *)b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = strcmp(x->type, y->type);
	return order ? order : strcmp(x->set_id, y->set_id);
}

/* ---- what cannot be ----------------------------------------------------------------------------
 */

static int check_routed(const struct change *change, const struct dro_record *set)
{
	const struct dro_host *host = change->cf->host;

	if (cf_kind(set->type) < 0)
		return host->fail(change->err, DRO_EUNSUPPORTED, NULL,
			"%s %s: a load balancer has A, AAAA and CNAME sets", set->name, set->type);
	if (strlen(set->set_id) > SET_ID_MAX)
		return host->fail(change->err, DRO_EINVAL, NULL,
			"%s: a set's identifier has at most %d characters", set->name, SET_ID_MAX);
	if (set->weight > CF_WEIGHT_MAX || set->failover > DRO_FAILOVER_SECONDARY ||
		(set->failover && set->weight))
		return host->fail(change->err, DRO_EINVAL, NULL,
			"%s %s: a set has a weight of 0..%d, or is primary or secondary", set->name,
			set->set_id, CF_WEIGHT_MAX);
	if (!set->value_count)
		return host->fail(change->err, DRO_EINVAL, NULL, "%s %s without an address",
			set->name, set->set_id);
	return 0;
}

static int check_put(const struct change *change, const struct dro_record *set)
{
	const struct dro_host *host = change->cf->host;

	if (*set->alias)
		return host->fail(change->err, DRO_EUNSUPPORTED, NULL,
			"%s: Cloudflare has no aliases", set->name);
	if (!dro_rdata_known(set->type))
		return host->fail(change->err, DRO_EUNSUPPORTED, NULL,
			"%s: this plugin cannot write records of type %s", set->name, set->type);
	if (set->proxied && !cf_type_proxied(set->type))
		return host->fail(change->err, DRO_EINVAL, NULL,
			"%s %s: only A, AAAA and CNAME can be proxied", set->name, set->type);
	if (strpbrk(set->owner, "\r\n"))
		return host->fail(change->err, DRO_EINVAL, NULL,
			"%s %s: an ownership mark is one line", set->name, set->type);
	if (*set->set_id)
		return check_routed(change, set);
	if (set->weight || set->failover || *set->health_check)
		return host->fail(change->err, DRO_EINVAL, NULL,
			"%s %s: weight, failover and health check belong to a set with an "
			"identifier",
			set->name, set->type);
	return 0;
}

/* Whole copies, parted into the two lists; what is there twice is a mistake. */
static int gather(struct change *change, struct wish *wish, const struct dro_record *const *sets,
	size_t count, bool del)
{
	const struct dro_record **sorted = calloc(count + 1, sizeof(*sorted));
	size_t i;
	int rc = 0;

	wish->all = calloc(count + 1, sizeof(*wish->all));
	wish->simple.items = calloc(count + 1, sizeof(*wish->simple.items));
	wish->routed.items = calloc(count + 1, sizeof(*wish->routed.items));
	if (!sorted || !wish->all || !wish->simple.items || !wish->routed.items)
		rc = cf_no_memory(change->cf, change->err);
	for (i = 0; i < count && rc == 0; i++) {
		struct dro_record *set = &wish->all[i];
		struct cf_sets *list;

		*set = dro_record_whole(sets[i]);
		sorted[i] = set;
		list = *set->set_id ? &wish->routed : &wish->simple;
		list->items[list->count++] = set;
		if (!dro_name_in_zone(set->name, change->zone))
			rc = change->cf->host->fail(change->err, DRO_EINVAL, NULL,
				"%s is not in zone %s", set->name, change->zone);
		else if (!del)
			rc = check_put(change, set);
	}
	if (rc == 0 && count) {
		qsort(sorted, count, sizeof(*sorted), compare);
		qsort(wish->routed.items, wish->routed.count, sizeof(*sorted), compare);
	}
	for (i = 1; i < count && rc == 0; i++)
		if (compare(&sorted[i - 1], &sorted[i]) == 0)
			rc = change->cf->host->fail(change->err, DRO_EINVAL, NULL,
				"%s %s is given twice", sorted[i]->name, sorted[i]->type);
	free(sorted);
	return rc;
}

/* ---- one look, and what it takes ------------------------------------------------------------- */

static int try_apply(struct change *change)
{
	struct cf_balance balance = {
		.cf = change->cf, .zone = change->zone, .call = change->call, .err = change->err};
	int rc = 0;

	if (change->put.routed.count + change->del.routed.count &&
		((rc = cf_balance_begin(&balance, &change->put.routed, &change->del.routed)) < 0 ||
			(rc = cf_balance_put(&balance)) < 0))
		goto out;
	rc = cf_batch_apply(change->cf, change->zone, &change->put.simple, &change->del.simple,
		change->call, change->err);
	if (rc == 0)
		rc = cf_balance_remove(&balance);
out:
	cf_balance_end(&balance);
	return rc;
}

/*
 * Refused because the list was not what is there: something of an earlier try that does not show
 * yet, or that somebody took away in between. Looking again settles it.
 */
static bool list_was_stale(int rc, const struct dro_error *err)
{
	static const char *const twins[] = {"81057", "81058", "1003"};
	size_t i;

	for (i = 0; i < sizeof(twins) / sizeof(twins[0]); i++)
		if (rc == DRO_ECONFLICT && strcmp(err->provider_code, twins[i]) == 0)
			return true;
	return rc == DRO_ENOTFOUND && strcmp(err->provider_code, "81044") == 0;
}

int cf_apply(void *account, const char *zone, const struct dro_record *const *put, size_t put_count,
	const struct dro_record *const *del, size_t del_count, char *operation_id,
	size_t operation_size, const struct dro_call *call, struct dro_error *err)
{
	struct dro_error last = DRO_ERROR_INIT;
	struct change change = {.cf = account, .zone = zone, .call = call, .err = &last};
	const struct dro_host *host = change.cf->host;
	uint64_t pause_ms = LOOK_AGAIN_MS;
	int rc, tries;

	if (operation_id && operation_size)
		operation_id[0] = '\0'; /* what was answered is done */
	if (put_count + del_count == 0)
		return 0;
	if ((rc = gather(&change, &change.put, put, put_count, false)) < 0 ||
		(rc = gather(&change, &change.del, del, del_count, true)) < 0)
		goto out;
	for (tries = 1;; tries++) {
		rc = try_apply(&change);
		if (tries == LOOKS || !list_was_stale(rc, &last) ||
			host->sleep_ms(host, pause_ms, call->deadline_ms, NULL) < 0)
			break;
		pause_ms *= 2;
	}
out:
	wish_free(&change.put);
	wish_free(&change.del);
	if (rc < 0 && err)
		*err = last;
	return rc;
}
