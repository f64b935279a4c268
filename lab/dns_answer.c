/* RFC 1034, 4.3.2, for servers that answer from their own zones only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/dns_internal.h"

#define WILD "\\052."

/* The name above; "" above the last label. */
static const char *parent_of(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? dot + 1 : "";
}

/* How long "there is nothing" may be kept: RFC 2308. */
static void add_soa(const struct dns_view *view, struct dns_answer *out)
{
	struct dns_group group = dns_group_find(view, view->name, "SOA");
	size_t count = ldns_rr_list_rr_count(out->authority);
	ldns_rr *soa;
	uint32_t minimum;

	dns_pick(view, group, view->name, out->authority);
	if (ldns_rr_list_rr_count(out->authority) == count)
		return;
	soa = ldns_rr_list_rr(out->authority, count);
	minimum = ldns_rdf2native_int32(ldns_rr_rdf(soa, 6));
	if (minimum < ldns_rr_ttl(soa))
		ldns_rr_set_ttl(soa, minimum);
}

static void add_glue(const struct dns_view *view, struct dns_answer *out)
{
	size_t i;

	for (i = 0; i < ldns_rr_list_rr_count(out->authority); i++) {
		char name[ROUTE53_NAME];

		if (!dns_name_text(name, ldns_rr_rdf(ldns_rr_list_rr(out->authority, i), 0)))
			continue;
		dns_pick(view, dns_group_find(view, name, "A"), name, out->additional);
		dns_pick(view, dns_group_find(view, name, "AAAA"), name, out->additional);
	}
}

/* Is the name at or below a cut of the zone? Then the answer is who to ask. */
static bool refer(const struct dns_view *view, const char *name, struct dns_answer *out)
{
	const char *cut = NULL, *at;
	size_t zone = strlen(view->name);

	for (at = name; strlen(at) > zone; at = parent_of(at))
		if (dns_group_find(view, at, "NS").count)
			cut = at; /* the one nearest to the apex counts */
	if (!cut)
		return false;
	dns_pick(view, dns_group_find(view, cut, "NS"), cut, out->authority);
	add_glue(view, out);
	out->authoritative = ldns_rr_list_rr_count(out->answer) > 0;
	return true;
}

/* The name itself, or the wildcard that stands for it. false: there is neither. */
static bool find_node(const struct dns_view *view, const char *name, char node[ROUTE53_NAME])
{
	const char *encloser = name;

	snprintf(node, ROUTE53_NAME, "%s", name);
	if (dns_name_exists(view, name))
		return true;
	while (strlen(encloser) > strlen(view->name) && !dns_name_exists(view, encloser))
		encloser = parent_of(encloser);
	if (strlen(encloser) + sizeof(WILD) > ROUTE53_NAME)
		return false;
	snprintf(node, ROUTE53_NAME, WILD "%.*s", ROUTE53_NAME - 16, encloser);
	return dns_first_type(view, node) != NULL;
}

struct chase {
	struct dns_zones *zones;
	ldns_rr_type type;
	char name[ROUTE53_NAME];  /* what is looked up now */
	char owner[ROUTE53_NAME]; /* whose the records found are */
	bool flat;		  /* a CNAME at an apex was followed without saying so */
	struct dns_answer *out;
};

static bool wants_address(ldns_rr_type type)
{
	return type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA;
}

/* Goes on at the target of a CNAME; false: it leads nowhere. */
static bool follow(struct chase *c, const struct dns_view *view, const char *node)
{
	size_t before = ldns_rr_list_rr_count(c->out->answer);
	ldns_rr *cname;

	dns_pick(view, dns_group_find(view, node, "CNAME"), c->owner, c->out->answer);
	if (ldns_rr_list_rr_count(c->out->answer) == before)
		return false;
	cname = ldns_rr_list_rr(c->out->answer, before);
	if (!dns_name_text(c->name, ldns_rr_rdf(cname, 0)))
		return false;
	if (strcmp(node, view->name) == 0) { /* a vendor flattens it: an apex has no CNAME */
		ldns_rr_free(ldns_rr_list_pop_rr(c->out->answer));
		c->flat = true;
	} else {
		memcpy(c->owner, c->name, sizeof(c->owner));
	}
	return true;
}

/* One name of the chain; true: go on with the next. */
static bool step(struct chase *c)
{
	struct dns_answer *out = c->out;
	struct dns_view view;
	char node[ROUTE53_NAME], *type = NULL;
	const char *wanted;
	size_t before = ldns_rr_list_rr_count(out->answer);
	bool cname;

	if (!dns_view_find(c->zones, c->name, dro_now_ms(), &view)) {
		if (c->flat) /* its address is unknown here */
			out->rcode = LDNS_RCODE_SERVFAIL;
		else if (!before) {
			out->rcode = LDNS_RCODE_REFUSED;
			out->authoritative = false;
		}
		return false;
	}
	if (refer(&view, c->name, out))
		return false;
	if (!find_node(&view, c->name, node)) {
		out->rcode = LDNS_RCODE_NXDOMAIN;
		add_soa(&view, out);
		return false;
	}
	cname = c->type != LDNS_RR_TYPE_CNAME && dns_group_find(&view, node, "CNAME").count &&
		(wants_address(c->type) || strcmp(node, view.name) != 0);
	if (cname)
		return follow(c, &view, node);
	type = ldns_rr_type2str(c->type);
	/* RFC 8482: one of the sets is answer enough to "any". */
	wanted = c->type == LDNS_RR_TYPE_ANY ? dns_first_type(&view, node) : type;
	if (wanted)
		dns_pick(&view, dns_group_find(&view, node, wanted), c->owner, out->answer);
	if (ldns_rr_list_rr_count(out->answer) == before)
		add_soa(&view, out);
	free(type);
	return false;
}

void dns_answer_find(
	struct dns_zones *zones, const char *name, ldns_rr_type type, struct dns_answer *out)
{
	struct chase c = {.zones = zones, .type = type, .out = out};
	unsigned depth = 0;

	snprintf(c.name, sizeof(c.name), "%s", name);
	memcpy(c.owner, c.name, sizeof(c.owner));
	out->rcode = LDNS_RCODE_NOERROR;
	out->authoritative = true;
	while (step(&c) && depth++ < DNS_CHASE_MAX)
		;
}
