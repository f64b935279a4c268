/* What a change is asked to make, as far as it can be judged without a look at what is there. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rdata.h"
#include "plugins/common/record.h"
#include "plugins/route53/change.h"

#define SET_ID_MAX 128

static int compare(const void *a, const void *b)
{
	const struct r53_ref *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = strcmp(x->record.type, y->record.type);
	return order ? order : strcmp(x->record.set_id, y->record.set_id);
}

size_t r53_wanted_name(const struct r53_ref *refs, size_t count)
{
	size_t same = 1;

	while (same < count && strcmp(refs[same].name, refs->name) == 0)
		same++;
	return same;
}

size_t r53_wanted_group(const struct r53_ref *refs, size_t count)
{
	size_t same = 1;

	while (same < count && strcmp(refs[same].name, refs->name) == 0 &&
		strcmp(refs[same].record.type, refs->record.type) == 0)
		same++;
	return same;
}

/* ---- one set --------------------------------------------------------------------------------- */

/* What is wrong with what the set says of its routing, or NULL. */
static const char *routing_fault(const struct dro_record *set)
{
	if (set->weight > 255 || (set->weight && !*set->set_id))
		return "a weight is 0..255 and belongs to a set with an identifier";
	if (set->failover > DRO_FAILOVER_SECONDARY || (set->failover && !*set->set_id))
		return "a failover is PRIMARY or SECONDARY and belongs to a set with an identifier";
	if (set->failover && set->weight)
		return "a failover set has no weight";
	if (strlen(set->set_id) > SET_ID_MAX)
		return "a set's identifier has 128 bytes at most";
	if (*set->health_check && !r53_check_id_valid(set->health_check))
		return "that is no id of a health check";
	return NULL;
}

static const char *content_fault(const struct dro_record *set)
{
	if (!*set->alias && !set->value_count)
		return "it has no value";
	if (*set->alias && set->value_count)
		return "an alias has no values of its own";
	if (*set->alias && *set->alias_zone && !r53_id(set->alias_zone, "/hostedzone/"))
		return "the zone of an alias is the id of a hosted zone";
	if (!r53_owner_valid(set->owner))
		return "an ownership mark is ASCII without comma, quote and backslash";
	return NULL;
}

static int check_put(const struct r53_change *change, const struct dro_record *set)
{
	const struct dro_host *host = change->r53->host;
	const char *fault;

	if (!dro_rdata_known(set->type))
		return host->fail(change->err, DRO_EUNSUPPORTED, NULL,
			"%s: this plugin cannot write records of type %s", set->name, set->type);
	if (set->proxied)
		return host->fail(change->err, DRO_EUNSUPPORTED, NULL,
			"%s %s: Route 53 has no proxy", set->name, set->type);
	fault = routing_fault(set);
	if (!fault)
		fault = content_fault(set);
	if (!fault && *set->alias && !*set->alias_zone &&
		!dro_name_in_zone(set->alias, change->zone))
		fault = "an alias out of the zone needs the id of its target's zone";
	if (!fault)
		return 0;
	return host->fail(change->err, DRO_EINVAL, NULL, "%s %s%s%s: %s", set->name, set->type,
		*set->set_id ? " " : "", set->set_id, fault);
}

static int add_refs(
	struct r53_change *change, const struct dro_record *const *sets, size_t count, bool del)
{
	const struct dro_host *host = change->r53->host;
	struct dro_buf name = DRO_BUF_INIT(R53_NAME_MAX);
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		struct r53_ref *ref = &change->refs[change->ref_count];

		*ref = (struct r53_ref){.record = dro_record_whole(sets[i]),
			.del = del,
			.older = sets[i]->size < sizeof(struct dro_record)};
		if (!del && (rc = check_put(change, &ref->record)) < 0)
			break;
		dro_buf_reset(&name);
		r53_name_read(&name, ref->record.name);
		if (!dro_name_in_zone(dro_buf_str(&name), change->zone))
			rc = host->fail(change->err, DRO_EINVAL, NULL, "%s is not in zone %s",
				ref->record.name, change->zone);
		else if (name.failed || !(ref->name = strdup(dro_buf_str(&name))))
			rc = r53_no_memory(change->r53, change->err);
		else
			change->ref_count++;
	}
	dro_buf_free(&name);
	return rc;
}

/* ---- the sets of one name and type -------------------------------------------------------------
 */

/* Two put sets of one group, the earlier of which is the group's first. What is wrong, or NULL. */
static const char *pair_fault(const struct r53_ref *first, const struct r53_ref *other)
{
	const struct dro_record *one = &first->record, *two = &other->record;

	if (!*one->set_id)
		return "a set without an identifier stands alone: it and routed ones cannot be put "
		       "together";
	if (first->older || other->older)
		return NULL;
	if (!one->failover != !two->failover)
		return "of its sets all or none have a failover";
	if (!one->failover && one->ttl_s && two->ttl_s && one->ttl_s != two->ttl_s &&
		!*one->alias && !*two->alias)
		return "weighted sets of a name share one TTL";
	return NULL;
}

static int check_group(const struct r53_change *change, const struct r53_ref *refs, size_t count)
{
	const struct r53_ref *first = NULL, *ttl = NULL;
	size_t roles[DRO_FAILOVER_SECONDARY + 1] = {0}, i;
	const char *fault = NULL;

	for (i = 0; i < count && !fault; i++) {
		if (refs[i].del)
			continue;
		if (first)
			fault = pair_fault(first, &refs[i]);
		if (ttl && !fault)
			fault = pair_fault(ttl, &refs[i]);
		if (refs[i].record.failover && ++roles[refs[i].record.failover] > 1)
			fault = "it has one primary and one secondary at most";
		if (!first)
			first = &refs[i];
		if (!ttl && refs[i].record.ttl_s && !*refs[i].record.alias)
			ttl = &refs[i];
	}
	if (!fault)
		return 0;
	return change->r53->host->fail(change->err, DRO_EINVAL, NULL, "%s %s: %s",
		refs->record.name, refs->record.type, fault);
}

int r53_wanted_read(struct r53_change *change, const struct dro_record *const *put,
	size_t put_count, const struct dro_record *const *del, size_t del_count)
{
	size_t i, same;
	int rc;

	change->refs = calloc(put_count + del_count, sizeof(*change->refs));
	if (!change->refs)
		return r53_no_memory(change->r53, change->err);
	if ((rc = add_refs(change, put, put_count, false)) < 0 ||
		(rc = add_refs(change, del, del_count, true)) < 0)
		return rc;
	qsort(change->refs, change->ref_count, sizeof(*change->refs), compare);
	for (i = 1; i < change->ref_count; i++)
		if (compare(&change->refs[i - 1], &change->refs[i]) == 0)
			return change->r53->host->fail(change->err, DRO_EINVAL, NULL,
				"%s %s is given twice", change->refs[i].name,
				change->refs[i].record.type);
	for (i = 0; i < change->ref_count && rc == 0; i += same) {
		same = r53_wanted_group(&change->refs[i], change->ref_count - i);
		rc = check_group(change, &change->refs[i], same);
	}
	return rc;
}

void r53_wanted_free(struct r53_change *change)
{
	size_t i;

	for (i = 0; i < change->ref_count; i++)
		free(change->refs[i].name);
	free(change->refs);
}
