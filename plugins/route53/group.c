/*
 * The sets of one name and type, as they are and as they are to be. Route 53 lets no simple set
 * stand beside routed ones, no weighted beside failover ones, no weighted one with another TTL than
 * its sisters', no two primaries; and it goes through a batch one change after the other. So a set
 * whose part in its group changes is deleted and created: once all deletes are through, every set
 * that is left goes with every one that comes.
 */
#include <string.h>

#include "base/buf.h"
#include "plugins/route53/change.h"

#define TTL_NEW 60 /* where nothing is said, and nothing is there */
#define VALUE_MAX 65536

static int refuse(struct r53_change *change, const struct r53_ref *ref, const char *why)
{
	const struct dro_record *record = &ref->record;

	return change->r53->host->fail(change->err, DRO_ECONFLICT, NULL, "%s %s%s%s: %s",
		record->name, record->type, *record->set_id ? " " : "", record->set_id, why);
}

/* Does the mark beside it say that what is there is the caller's own? */
static bool is_own(const struct r53_change *change, const struct r53_ref *ref)
{
	return *ref->record.owner &&
	       strcmp(r53_owner_of(&change->there, ref->name, ref->record.type, ref->record.set_id),
		       ref->record.owner) == 0;
}

/* What a record cannot say could not be put back. Why the set is let alone, or NULL. */
static const char *kept_back(const struct r53_change *change, const struct r53_ref *ref)
{
	const struct r53_set *old = ref->old;

	if (dro_xml_child(old->node, "TrafficPolicyInstanceId"))
		return "it belongs to a traffic policy";
	if (ref->del)
		return r53_set_opaque(old) && !is_own(change, ref)
			       ? "its routing could not be put back, and it is not marked as ours"
			       : NULL;
	if (r53_set_opaque(old) && (ref->record.weight || ref->record.failover))
		return "it is neither weighted nor a failover set there, but routed another way";
	if (ref->older && dro_xml_child(old->node, "AliasTarget") && !is_own(change, ref))
		return "it is an alias and not marked as ours";
	if (ref->older && ref->record.weight && !dro_xml_child(old->node, "Weight"))
		return "it has no weight there, but another routing";
	return NULL;
}

/* What the record's own words, or those of what is there where it has none, make it. */
static enum r53_routing routing_of(struct r53_ref *ref)
{
	enum r53_routing there = ref->old ? r53_set_routing(ref->old) : R53_SIMPLE;

	if (ref->older) { /* of this look: the last one's texts are gone */
		ref->record.failover = ref->old ? r53_set_failover(ref->old) : DRO_FAILOVER_NONE;
		ref->record.health_check =
			ref->old ? dro_xml_text(ref->old->node, "HealthCheckId") : "";
	}
	if (there == R53_OTHER)
		return R53_OTHER;
	if (ref->record.failover)
		return R53_FAILOVER;
	return *ref->record.set_id ? R53_WEIGHTED : R53_SIMPLE;
}

/* ---- what stays beside them --------------------------------------------------------------------
 */

/* The sets of the group that are there: *first and how many. */
static const struct r53_set *sets_there(
	const struct r53_change *change, const struct r53_ref *ref, size_t *count)
{
	const struct r53_set *first =
		r53_sets_find(&change->there, ref->name, ref->record.type, NULL);
	const struct r53_set *end = change->there.items + change->there.count, *set;

	*count = 0;
	for (set = first; set && set < end && strcmp(set->name, first->name) == 0 &&
			  strcmp(set->type, first->type) == 0;
		set++)
		++*count;
	return first;
}

/* Does the set, which nobody named, go with those that are put? Why not, or NULL. */
static const char *stranger(
	const struct r53_set *set, const struct r53_ref *refs, size_t count, uint32_t ttl_s)
{
	enum r53_routing routing = r53_set_routing(set);
	size_t i;

	for (i = 0; i < count; i++) {
		if (refs[i].del)
			continue;
		if (refs[i].routing != routing)
			return "there is a set of another routing beside it that was not named";
		if (routing == R53_FAILOVER && r53_set_failover(set) == refs[i].record.failover)
			return "there is another set with that failover, which was not named";
		if (routing == R53_WEIGHTED && r53_set_number(set, "TTL") &&
			r53_set_number(set, "TTL") != ttl_s)
			return "weighted sets share one TTL, and one of them was not named";
	}
	return NULL;
}

/* The TTL of a weighted group: what is asked for, else that of any set which is there. */
static uint32_t common_ttl(
	const struct r53_change *change, const struct r53_ref *refs, size_t count)
{
	size_t there, i;
	const struct r53_set *set = sets_there(change, refs, &there);
	uint32_t ttl = 0;

	for (i = 0; i < count && !ttl; i++)
		if (!refs[i].del && !*refs[i].record.alias)
			ttl = refs[i].record.ttl_s;
	for (i = 0; i < there && !ttl; i++)
		ttl = r53_set_number(&set[i], "TTL");
	return ttl ? ttl : TTL_NEW;
}

static uint32_t ttl_of(const struct r53_ref *ref, uint32_t common)
{
	uint32_t ttl = ref->routing == R53_WEIGHTED ? common : ref->record.ttl_s;

	if (!ttl && ref->old)
		ttl = r53_set_number(ref->old, "TTL");
	return ttl ? ttl : common;
}

static bool must_be_made_anew(const struct r53_ref *ref)
{
	const struct r53_set *old = ref->old;

	if (!old)
		return false;
	if (r53_set_routing(old) != ref->routing)
		return true;
	if (ref->routing == R53_FAILOVER)
		return r53_set_failover(old) != ref->record.failover;
	return ref->routing == R53_WEIGHTED && r53_set_number(old, "TTL") &&
	       r53_set_number(old, "TTL") != ref->ttl_s;
}

/* Both are in the order of their identifiers. */
static int check_rest(
	struct r53_change *change, const struct r53_ref *refs, size_t count, uint32_t ttl_s)
{
	size_t there, i, j = 0;
	const struct r53_set *set = sets_there(change, refs, &there);
	const struct r53_ref *put = NULL;
	const char *why;

	for (i = 0; i < count; i++) {
		if (refs[i].del)
			continue;
		if (put && refs[i].routing != put->routing)
			return refuse(change, &refs[i], "its sisters are routed another way");
		put = &refs[i];
	}
	for (i = 0; i < there && put; i++) {
		while (j < count && strcmp(refs[j].record.set_id, set[i].set_id) < 0)
			j++;
		if (j < count && strcmp(refs[j].record.set_id, set[i].set_id) == 0)
			continue;
		why = stranger(&set[i], refs, count, ttl_s);
		if (why)
			return refuse(change, put, why);
	}
	return 0;
}

int r53_group_look(struct r53_change *change, struct r53_ref *refs, size_t count)
{
	uint32_t common;
	const char *why;
	size_t i;

	for (i = 0; i < count; i++) {
		struct r53_ref *ref = &refs[i];

		ref->old = r53_sets_find(
			&change->there, ref->name, ref->record.type, ref->record.set_id);
		why = ref->old ? kept_back(change, ref) : NULL;
		if (why)
			return refuse(change, ref, why);
		if (!ref->del)
			ref->routing = routing_of(ref);
	}
	common = common_ttl(change, refs, count);
	for (i = 0; i < count; i++) {
		if (refs[i].del)
			continue;
		refs[i].ttl_s = ttl_of(&refs[i], common);
		refs[i].anew = must_be_made_anew(&refs[i]);
	}
	return check_rest(change, refs, count, common);
}
