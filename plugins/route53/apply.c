/*
 * A change: what is there is compared with what is wanted, and only the difference goes out. The
 * record sets of one name and the marks beside it are one unit, deletes first: so a name goes from
 * one set to a routed group, or back, in one transaction. A repeated apply therefore finds
 * everything as wanted and changes nothing.
 */
#include <string.h>

#include "base/buf.h"
#include "plugins/route53/change.h"

#define LOOKS 3 /* at what is there, when it changed in between */
#define LOOK_AGAIN_MS 500
#define NAMES_ALONE 8 /* so many names are asked for one by one; for more the zone is read */

/* ---- one set --------------------------------------------------------------------------------- */

/* Does the alias that is there lead where the record says? */
static bool same_alias(const struct r53_set *old, const struct r53_put *put)
{
	const struct dro_xml_node *target = dro_xml_child(old->node, "AliasTarget");
	struct dro_buf there = DRO_BUF_INIT(R53_NAME_MAX), wanted = DRO_BUF_INIT(R53_NAME_MAX);
	bool evaluate = strcmp(dro_xml_text(target, "EvaluateTargetHealth"), "true") == 0;
	bool same = target && strcmp(dro_xml_text(target, "HostedZoneId"), put->alias_zone) == 0 &&
		    evaluate == (put->record->evaluate_health != 0);

	r53_name_read(&there, dro_xml_text(target, "DNSName"));
	r53_name_read(&wanted, put->record->alias);
	same = same && strcmp(dro_buf_str(&there), dro_buf_str(&wanted)) == 0;
	dro_buf_free(&there);
	dro_buf_free(&wanted);
	return same;
}

static bool as_wanted(const struct r53_set *old, const struct r53_put *put)
{
	if (strcmp(dro_xml_text(old->node, "HealthCheckId"), put->record->health_check) != 0 ||
		(put->routing == R53_WEIGHTED &&
			r53_set_number(old, "Weight") != put->record->weight))
		return false;
	if (*put->record->alias)
		return same_alias(old, put);
	return !dro_xml_child(old->node, "AliasTarget") &&
	       r53_set_number(old, "TTL") == put->ttl_s &&
	       r53_values_same(old, put->values, put->count);
}

static int put_set(
	struct r53_change *change, const struct r53_ref *ref, const struct dro_call *call)
{
	const char *zone = r53_id(ref->record.alias_zone, "/hostedzone/");
	char own[R53_ID_MAX + 1], **values = NULL;
	struct r53_put put = {.record = &ref->record,
		.old = ref->anew ? NULL : ref->old,
		.routing = ref->routing,
		.ttl_s = ref->ttl_s,
		.alias_zone = zone ? zone : own};
	int rc;

	if (*ref->record.alias && !zone &&
		(rc = r53_zone_id(change->r53, change->zone, own, call, change->err)) < 0)
		return rc;
	if ((rc = r53_values_clean(change->r53, &ref->record, &values, &put.count, change->err)) <
		0)
		return rc;
	put.values = values;
	if (!put.old || !as_wanted(put.old, &put))
		r53_batch_put(&change->batch, &put);
	r53_values_free(values, put.count);
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int change_name(
	struct r53_change *change, struct r53_ref *refs, size_t count, const struct dro_call *call)
{
	size_t i, same;
	int rc;

	for (i = 0; i < count; i += same) {
		same = r53_wanted_group(&refs[i], count - i);
		if ((rc = r53_group_look(change, &refs[i], same)) < 0)
			return rc;
	}
	for (i = 0; i < count; i++)
		if (refs[i].old && (refs[i].del || refs[i].anew))
			r53_batch_delete(&change->batch, refs[i].old);
	for (i = 0; i < count; i++)
		if (!refs[i].del && (rc = put_set(change, &refs[i], call)) < 0)
			return rc;
	if ((rc = r53_marks_put(change, refs, count)) < 0)
		return rc;
	return r53_batch_unit(&change->batch, change->err);
}

static int read_there(struct r53_change *change, const struct dro_call *call)
{
	const struct r53_ref *refs = change->refs;
	size_t count = change->ref_count, names = 0, i;
	int rc = 0;

	for (i = 0; i < count; i += r53_wanted_name(&refs[i], count - i))
		names++;
	if (names > NAMES_ALONE)
		return r53_sets_read(
			change->r53, &change->there, change->zone, "", call, change->err);
	for (i = 0; i < count && rc == 0; i += r53_wanted_name(&refs[i], count - i))
		rc = r53_sets_read(
			change->r53, &change->there, change->zone, refs[i].name, call, change->err);
	return rc;
}

/* One look at what is there, and the batches that the difference takes. */
static int try_apply(struct r53_change *change, const struct dro_call *call)
{
	struct r53_ref *refs = change->refs;
	size_t count = change->ref_count, i, same;
	int rc;

	r53_batch_init(&change->batch, change->r53, change->zone, call);
	rc = read_there(change, call);
	for (i = 0; i < count && rc == 0; i += same) {
		same = r53_wanted_name(&refs[i], count - i);
		rc = change_name(change, &refs[i], same, call);
	}
	if (rc == 0)
		rc = r53_batch_send(&change->batch, change->err);
	if (rc == DRO_ENOTFOUND || rc == DRO_EAUTH)
		dro_zones_forget(&change->r53->zones, change->zone);
	r53_sets_free(&change->there);
	r53_batch_fini(&change->batch);
	return rc;
}

/* Refused because what is there is no longer what was read. Nothing was changed. */
static bool was_stale(int rc, const struct dro_error *err)
{
	return rc == DRO_ECONFLICT &&
	       (strstr(err->message, "already exists") || strstr(err->message, "was not found") ||
		       strstr(err->message, "do not match the current"));
}

int r53_apply(void *account, const char *zone, const struct dro_record *const *put,
	size_t put_count, const struct dro_record *const *del, size_t del_count, char *operation,
	size_t operation_size, const struct dro_call *call, struct dro_error *err)
{
	struct dro_error last = DRO_ERROR_INIT;
	struct r53_change change = {.r53 = account, .zone = zone, .err = &last};
	const struct dro_host *host = change.r53->host;
	int rc, tries;

	if (operation && operation_size)
		operation[0] = '\0';
	if (put_count + del_count == 0)
		return 0;
	rc = r53_wanted_read(&change, put, put_count, del, del_count);
	for (tries = 1; rc == 0; tries++) {
		rc = try_apply(&change, call);
		if (rc == 0 || tries == LOOKS || !was_stale(rc, &last) ||
			host->sleep_ms(host, LOOK_AGAIN_MS, call->deadline_ms, NULL) < 0)
			break;
		rc = 0;
	}
	/* An identifier is never cut: who has no room for it does not follow the change. */
	if (rc == 0 && operation && strlen(change.batch.operation) < operation_size)
		memcpy(operation, change.batch.operation, strlen(change.batch.operation) + 1);
	r53_wanted_free(&change);
	if (rc < 0 && err)
		*err = last;
	return rc;
}
