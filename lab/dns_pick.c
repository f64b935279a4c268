/*
 * Which sets of a group answer, as Route 53 chooses by weight, failover and health.
 *   https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lab/dns_internal.h"

#define GROUP_MAX 256
#define WEBSITE_TTL 60

/* Below `end`, every number as likely as the others. */
static size_t random_below(size_t end)
{
	uint64_t number = 0;

	if (end < 2 || getrandom(&number, sizeof(number), 0) != sizeof(number))
		return 0;
	return (size_t)(number % end);
}

static const cJSON *alias_of(const cJSON *set)
{
	return cJSON_GetObjectItemCaseSensitive(set, "AliasTarget");
}

static struct dns_group target_of(const struct dns_view *view, const cJSON *set)
{
	return dns_group_find(
		view, dro_json_text(alias_of(set), "DNSName"), dro_json_text(set, "Type"));
}

static bool is_healthy(const struct dns_view *view, const cJSON *set, unsigned depth)
{
	const char *check = dro_json_text(set, "HealthCheckId");
	struct dns_group target;
	size_t i;

	if (*check && view->zones->healthy &&
		!view->zones->healthy(view->zones->healthy_arg, check))
		return false;
	if (strcmp(dro_json_text(alias_of(set), "EvaluateTargetHealth"), "true") != 0)
		return true;
	if (depth == DNS_CHASE_MAX)
		return false;
	target = target_of(view, set);
	for (i = 0; i < target.count; i++)
		if (is_healthy(view, target.items[i].doc, depth + 1))
			return true;
	return false;
}

/* ---- the routings: indexes of the group, by *what counts* ------------------------------------ */

struct choice {
	const struct dns_view *view;
	struct dns_group group;
	bool healthy[GROUP_MAX];
	const cJSON *chosen[DNS_CHOSEN_MAX];
	size_t count;
};

static const cJSON *doc_of(const struct choice *c, size_t i)
{
	return c->group.items[i].doc;
}

static size_t weight_of(const struct choice *c, size_t i)
{
	return (size_t)strtoul(dro_json_text(doc_of(c, i), "Weight"), NULL, 10);
}

/* One of those that count, in proportion; false: none of them weighs anything. */
static bool draw(struct choice *c, bool all, bool weightless)
{
	size_t total = 0, at, i;

	for (i = 0; i < c->group.count; i++)
		if (all || c->healthy[i])
			total += weightless ? 1 : weight_of(c, i);
	if (!total)
		return false;
	at = random_below(total);
	for (i = 0; i < c->group.count; i++) {
		size_t weight = weightless ? 1 : weight_of(c, i);

		if (!all && !c->healthy[i])
			continue;
		if (at < weight) {
			c->chosen[c->count++] = doc_of(c, i);
			return true;
		}
		at -= weight;
	}
	return false;
}

/* Healthy ones with a weight, then healthy ones without, then all as if they were healthy. */
static void choose_weighted(struct choice *c)
{
	if (draw(c, false, false) || draw(c, false, true) || draw(c, true, false))
		return;
	draw(c, true, true);
}

/* The primary where it is healthy, or where the secondary is neither. */
static void choose_failover(struct choice *c)
{
	size_t i, primary = c->group.count, secondary = c->group.count;

	for (i = 0; i < c->group.count; i++)
		*(strcmp(dro_json_text(doc_of(c, i), "Failover"), "PRIMARY") == 0 ? &primary
										  : &secondary) = i;
	if (primary == c->group.count ||
		(secondary < c->group.count && !c->healthy[primary] && c->healthy[secondary]))
		primary = secondary;
	c->chosen[c->count++] = doc_of(c, primary);
}

/* Up to eight, from a random one on: the healthy ones, or all where none is. */
static void choose_values(struct choice *c)
{
	size_t begin = random_below(c->group.count), i;
	bool any = false;

	for (i = 0; i < c->group.count; i++)
		any = any || c->healthy[i];
	for (i = 0; i < c->group.count && c->count < DNS_CHOSEN_MAX; i++) {
		size_t at = (begin + i) % c->group.count;

		if (c->healthy[at] || !any)
			c->chosen[c->count++] = doc_of(c, at);
	}
}

/* Latency and location: the lab cannot tell where an asker is, so the first that is healthy. */
static void choose_first(struct choice *c)
{
	size_t i;

	for (i = 0; i < c->group.count; i++)
		if (c->healthy[i])
			break;
	c->chosen[c->count++] = doc_of(c, i < c->group.count ? i : 0);
}

static void choose(struct choice *c)
{
	const cJSON *first = doc_of(c, 0);
	size_t i;

	if (c->group.count > GROUP_MAX)
		c->group.count = GROUP_MAX;
	for (i = 0; i < c->group.count; i++)
		c->healthy[i] = is_healthy(c->view, doc_of(c, i), 0);
	if (cJSON_GetObjectItemCaseSensitive(first, "Weight"))
		choose_weighted(c);
	else if (cJSON_GetObjectItemCaseSensitive(first, "Failover"))
		choose_failover(c);
	else if (cJSON_GetObjectItemCaseSensitive(first, "MultiValueAnswer"))
		choose_values(c);
	else
		choose_first(c);
}

/* Another vendor's load balancer: who made it says what it answers now. */
static void add_balanced(const struct dns_view *view, const cJSON *set, const char *name,
	const char *owner, ldns_rr_list *out)
{
	cJSON *now = cJSON_Duplicate(set, true);
	cJSON *values = cJSON_GetObjectItemCaseSensitive(now, "ResourceRecords");

	if (values && view->zones->balance)
		view->zones->balance(
			view->zones->balance_arg, name, dro_json_text(set, "Type"), values);
	dns_records_of(now, owner, out);
	cJSON_Delete(now);
}

/* An alias out of the zone leads to the websites of S3, which are here. */
static void add_website(const char *owner, ldns_rr_list *out)
{
	ldns_rr *rr = dns_record(owner, "A", WEBSITE_TTL, "127.0.0.1");

	if (rr && !ldns_rr_list_push_rr(out, rr))
		ldns_rr_free(rr);
}

static void pick(const struct dns_view *view, struct dns_group group, const char *owner,
	unsigned depth, ldns_rr_list *out)
{
	struct choice c = {.view = view, .group = group};
	size_t i;

	if (!group.count)
		return;
	choose(&c);
	for (i = 0; i < c.count; i++) {
		const char *balancer = dro_json_text(c.chosen[i], DNS_BALANCER);

		if (*balancer)
			add_balanced(view, c.chosen[i], balancer, owner, out);
		else if (!alias_of(c.chosen[i]))
			dns_records_of(c.chosen[i], owner, out);
		else if (strncmp(dro_json_text(alias_of(c.chosen[i]), "DNSName"), "s3-website",
				 10) == 0)
			add_website(owner, out);
		else if (depth < DNS_CHASE_MAX)
			pick(view, target_of(view, c.chosen[i]), owner, depth + 1, out);
	}
}

void dns_pick(
	const struct dns_view *view, struct dns_group group, const char *owner, ldns_rr_list *out)
{
	pick(view, group, owner, 0, out);
}
