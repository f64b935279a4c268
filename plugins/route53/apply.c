/*
 * A change: what is there is compared with what is wanted, and only the difference goes out. The
 * record sets of one name and the marks beside it are one unit, deletes first. A repeated apply
 * therefore finds everything as wanted and changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rdata.h"
#include "plugins/route53/route53.h"

#define LOOKS 3 /* at what is there, when it changed in between */
#define LOOK_AGAIN_MS 500
#define TTL_NEW 60 /* where nothing is said, and nothing is there */
#define VALUE_MAX 65536

/* One of the sets that were given; the name as ours are compared. */
struct ref {
	char *name;
	const struct dro_record *record;
	bool del;
};

struct change {
	struct r53 *r53;
	const char *zone;
	struct ref *refs; /* by name, type, set_id */
	size_t ref_count;
	struct r53_sets there;
	struct r53_batch batch;
	struct dro_error *err;
};

static int no_memory(struct change *change)
{
	return r53_no_memory(change->r53, change->err);
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = strcmp(x->record->type, y->record->type);
	return order ? order : strcmp(x->record->set_id, y->record->set_id);
}

static int check_put(const struct change *change, const struct dro_record *set)
{
	const struct dro_host *host = change->r53->host;

	if (!dro_rdata_known(set->type))
		return host->fail(change->err, DRO_EUNSUPPORTED, NULL,
			"%s: this plugin cannot write records of type %s", set->name, set->type);
	if (set->proxied)
		return host->fail(change->err, DRO_EUNSUPPORTED, NULL,
			"%s %s: Route 53 has no proxy", set->name, set->type);
	if (!set->value_count)
		return host->fail(change->err, DRO_EINVAL, NULL, "%s %s without a value", set->name,
			set->type);
	if (set->weight > 255 || (set->weight && !*set->set_id))
		return host->fail(change->err, DRO_EINVAL, NULL,
			"%s %s: a weight is 0..255 and belongs to a set with an identifier",
			set->name, set->type);
	if (!r53_owner_valid(set->owner))
		return host->fail(change->err, DRO_EINVAL, NULL,
			"%s %s: an ownership mark is ASCII without comma, quote and backslash",
			set->name, set->type);
	return 0;
}

static int add_refs(
	struct change *change, const struct dro_record *const *sets, size_t count, bool del)
{
	struct dro_buf name = DRO_BUF_INIT(R53_NAME_MAX);
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		struct ref *ref = &change->refs[change->ref_count];

		if (!del && (rc = check_put(change, sets[i])) < 0)
			break;
		dro_buf_reset(&name);
		r53_name_read(&name, sets[i]->name);
		*ref = (struct ref){.record = sets[i], .del = del};
		if (!dro_name_in_zone(dro_buf_str(&name), change->zone))
			rc = change->r53->host->fail(change->err, DRO_EINVAL, NULL,
				"%s is not in zone %s", sets[i]->name, change->zone);
		else if (name.failed || !(ref->name = strdup(dro_buf_str(&name))))
			rc = no_memory(change);
		else
			change->ref_count++;
	}
	dro_buf_free(&name);
	return rc;
}

static int gather(struct change *change, const struct dro_record *const *put, size_t put_count,
	const struct dro_record *const *del, size_t del_count)
{
	size_t i;
	int rc;

	change->refs = calloc(put_count + del_count, sizeof(*change->refs));
	if (!change->refs)
		return no_memory(change);
	if ((rc = add_refs(change, put, put_count, false)) < 0 ||
		(rc = add_refs(change, del, del_count, true)) < 0)
		return rc;
	qsort(change->refs, change->ref_count, sizeof(*change->refs), compare);
	for (i = 1; i < change->ref_count; i++)
		if (compare(&change->refs[i - 1], &change->refs[i]) == 0)
			return change->r53->host->fail(change->err, DRO_EINVAL, NULL,
				"%s %s is given twice", change->refs[i].name,
				change->refs[i].record->type);
	return 0;
}

/* ---- one set --------------------------------------------------------------------------------- */

static bool holds(char *const *values, size_t count, const char *value)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(values[i], value) == 0)
			return true;
	return false;
}

/* The values in their one spelling, each once. */
static int clean_values(
	struct change *change, const struct dro_record *record, char ***out, size_t *count)
{
	char **values = calloc(record->value_count + 1, sizeof(*values));
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX);
	size_t i;
	int rc = values ? 0 : no_memory(change);

	*count = 0;
	for (i = 0; i < record->value_count && rc == 0; i++) {
		rc = dro_rdata_clean(&value, record->type, record->values[i], change->err);
		if (rc < 0 || holds(values, *count, dro_buf_str(&value)))
			continue;
		values[*count] = strdup(dro_buf_str(&value));
		if (!values[*count])
			rc = no_memory(change);
		else
			++*count;
	}
	dro_buf_free(&value);
	if (rc < 0 && values) {
		r53_values_free(values, *count);
		values = NULL;
	}
	*out = values;
	return rc;
}

/* Are the stored values these, in any order? */
static bool same_values(const struct r53_set *set, char *const *values, size_t count)
{
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX);
	const struct dro_xml_node *record =
		dro_xml_child(set->node, "ResourceRecords/ResourceRecord");
	size_t found = 0;
	bool same = record;

	for (; record && same; record = dro_xml_next(record)) {
		r53_value_read(&value, set->type, dro_xml_text(record, "Value"));
		same = holds(values, count, dro_buf_str(&value));
		found++;
	}
	dro_buf_free(&value);
	return same && found == count;
}

/*
 * May the set be put? Route 53 itself refuses what cannot stand side by side. What a record cannot
 * say (an alias) is replaced only where the mark beside it is the caller's own: it could not be
 * put back.
 */
static int check_there(struct change *change, const struct dro_record *record,
	const struct ref *ref, const struct r53_set *old)
{
	struct dro_buf scratch = DRO_BUF_INIT(VALUE_MAX);
	const char *why = NULL;

	if (old && dro_xml_child(old->node, "TrafficPolicyInstanceId"))
		why = "it belongs to a traffic policy";
	else if (old && r53_set_opaque(old) &&
		 (!*record->owner || strcmp(r53_owner_of(&change->there, ref->name, record->type,
						    record->set_id, &scratch),
					     record->owner) != 0))
		why = "it is an alias and not marked as ours";
	else if (old && record->weight && !dro_xml_child(old->node, "Weight"))
		why = "it has no weight there, but another routing";
	dro_buf_free(&scratch);
	if (!why)
		return 0;
	return change->r53->host->fail(change->err, DRO_ECONFLICT, NULL, "%s %s%s%s: %s",
		record->name, record->type, *record->set_id ? " " : "", record->set_id, why);
}

/* The TTL where the record leaves it open: of the set or one of its sisters, else our own. */
static uint32_t ttl_of(const struct change *change, const struct ref *ref)
{
	const struct r53_set *sister =
		r53_sets_find(&change->there, ref->name, ref->record->type, NULL);
	uint32_t ttl = ref->record->ttl_s;

	if (!ttl && sister)
		ttl = r53_set_number(sister, "TTL");
	return ttl ? ttl : TTL_NEW;
}

static int put_set(struct change *change, const struct ref *ref)
{
	const struct dro_record *record = ref->record;
	const struct r53_set *old =
		r53_sets_find(&change->there, ref->name, record->type, record->set_id);
	uint32_t ttl = ttl_of(change, ref);
	char **values = NULL;
	size_t count = 0;
	int rc;

	if ((rc = check_there(change, record, ref, old)) < 0 ||
		(rc = clean_values(change, record, &values, &count)) < 0)
		return rc;
	if (!old || r53_set_opaque(old) || r53_set_number(old, "TTL") != ttl ||
		r53_set_number(old, "Weight") != record->weight || !same_values(old, values, count))
		r53_batch_put(&change->batch, old, record, values, count, ttl);
	r53_values_free(values, count);
	return 0;
}

/* ---- the marks of one name ------------------------------------------------------------------- */

/* Does this value say whose one of the given sets is? It is then said anew, or no more. */
static bool speaks_of(
	const char *value, const struct ref *refs, size_t count, struct dro_buf *scratch)
{
	struct r53_mark mark;
	size_t i;

	if (!r53_owner_parse(value, scratch, &mark))
		return false;
	for (i = 0; i < count; i++)
		if (strcmp(refs[i].record->type, mark.type) == 0 &&
			strcmp(refs[i].record->set_id, mark.set_id) == 0)
			return true;
	return false;
}

static int add_value(struct change *change, char **values, size_t *count, const char *value)
{
	values[*count] = strdup(value);
	if (!values[*count])
		return no_memory(change);
	++*count;
	return 0;
}

/* What is to stand beside the name: the old values of other sets, and those of the put ones. */
static int wanted_marks(struct change *change, const struct r53_set *old, const struct ref *refs,
	size_t ref_count, char ***out, size_t *count)
{
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX), scratch = DRO_BUF_INIT(VALUE_MAX);
	const struct dro_xml_node *first =
		old ? dro_xml_child(old->node, "ResourceRecords/ResourceRecord") : NULL;
	const struct dro_xml_node *record;
	size_t room = ref_count + 1, i;
	int rc = 0;

	for (record = first; record; record = dro_xml_next(record))
		room++;
	*count = 0;
	*out = calloc(room, sizeof(**out));
	if (!*out)
		return no_memory(change);
	for (record = first; record && rc == 0; record = dro_xml_next(record)) {
		r53_value_read(&value, "TXT", dro_xml_text(record, "Value"));
		if (!speaks_of(dro_buf_str(&value), refs, ref_count, &scratch))
			rc = add_value(change, *out, count, dro_buf_str(&value));
	}
	for (i = 0; i < ref_count && rc == 0; i++) {
		if (refs[i].del || !*refs[i].record->owner)
			continue;
		dro_buf_reset(&value);
		r53_owner_print(&value, refs[i].record);
		rc = value.failed ? dro_buf_check(&value, change->err)
				  : add_value(change, *out, count, dro_buf_str(&value));
	}
	dro_buf_free(&value);
	dro_buf_free(&scratch);
	return rc;
}

static int put_marks(struct change *change, const struct ref *refs, size_t ref_count)
{
	struct dro_buf name = DRO_BUF_INIT(R53_NAME_MAX);
	struct dro_record record = {
		.size = sizeof(record), .type = "TXT", .id = "", .set_id = "", .owner = ""};
	const struct r53_set *old;
	char **values = NULL;
	size_t count = 0;
	int rc;

	dro_buf_printf(&name, R53_OWNER_PREFIX "%s", refs->name);
	if ((rc = dro_buf_check(&name, change->err)) < 0)
		goto out;
	record.name = dro_buf_str(&name);
	old = r53_sets_find(&change->there, record.name, "TXT", "");
	if ((rc = wanted_marks(change, old, refs, ref_count, &values, &count)) < 0)
		goto out;
	if (count == 0 && old)
		r53_batch_delete(&change->batch, old);
	else if (count > 0 && (!old || !same_values(old, values, count)))
		r53_batch_put(&change->batch, old, &record, values, count, R53_OWNER_TTL);
out:
	if (values)
		r53_values_free(values, count);
	dro_buf_free(&name);
	return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int change_name(struct change *change, const struct ref *refs, size_t count)
{
	const struct r53_set *old;
	size_t i;
	int rc;

	for (i = 0; i < count; i++) {
		old = refs[i].del ? r53_sets_find(&change->there, refs[i].name,
					    refs[i].record->type, refs[i].record->set_id)
				  : NULL;
		if (old)
			r53_batch_delete(&change->batch, old);
	}
	for (i = 0; i < count; i++)
		if (!refs[i].del && (rc = put_set(change, &refs[i])) < 0)
			return rc;
	if ((rc = put_marks(change, refs, count)) < 0)
		return rc;
	return r53_batch_unit(&change->batch, change->err);
}

/* One look at what is there, and the batches that the difference takes. */
static int try_apply(struct change *change, const struct dro_call *call)
{
	const struct ref *refs = change->refs;
	size_t count = change->ref_count, i, same;
	bool one = strcmp(refs[0].name, refs[count - 1].name) == 0;
	int rc;

	r53_batch_init(&change->batch, change->r53, change->zone, call);
	rc = r53_sets_read(change->r53, &change->there, change->zone, one ? refs[0].name : "", call,
		change->err);
	for (i = 0; i < count && rc == 0; i += same) {
		for (same = 1; i + same < count; same++)
			if (strcmp(refs[i + same].name, refs[i].name) != 0)
				break;
		rc = change_name(change, &refs[i], same);
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

static void free_refs(struct change *change)
{
	size_t i;

	for (i = 0; i < change->ref_count; i++)
		free(change->refs[i].name);
	free(change->refs);
}

int r53_apply(void *account, const char *zone, const struct dro_record *const *put,
	size_t put_count, const struct dro_record *const *del, size_t del_count, char *operation,
	size_t operation_size, const struct dro_call *call, struct dro_error *err)
{
	struct dro_error last = DRO_ERROR_INIT;
	struct change change = {.r53 = account, .zone = zone, .err = &last};
	const struct dro_host *host = change.r53->host;
	int rc, tries;

	if (operation && operation_size)
		operation[0] = '\0';
	if (put_count + del_count == 0)
		return 0;
	rc = gather(&change, put, put_count, del, del_count);
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
	free_refs(&change);
	if (rc < 0 && err)
		*err = last;
	return rc;
}
