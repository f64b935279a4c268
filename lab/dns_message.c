/* From the bytes of a query to those of its answer; ldns reads and writes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/dns_internal.h"

#define HEADER 12
#define UDP_SIZE 512   /* without EDNS: RFC 1035 */
#define EDNS_SIZE 1232 /* what goes through without fragments */
#define MESSAGE_MAX 65535

struct message {
	struct dns_zones *zones;
	ldns_pkt *query, *reply;
	const ldns_rr *question; /* the query's */
	struct dns_answer found;
};

/* An answer's header for a query; `rcode` may be of EDNS's longer ones. NULL: out of memory. */
static ldns_pkt *new_reply(const ldns_pkt *query, unsigned rcode)
{
	ldns_pkt *reply = ldns_pkt_new();

	if (!reply)
		return NULL;
	ldns_pkt_set_id(reply, ldns_pkt_id(query));
	ldns_pkt_set_qr(reply, true);
	ldns_pkt_set_opcode(reply, ldns_pkt_get_opcode(query));
	ldns_pkt_set_rd(reply, ldns_pkt_rd(query));
	ldns_pkt_set_rcode(reply, (uint8_t)(rcode & 15));
	if (ldns_pkt_edns(query)) {
		ldns_pkt_set_edns_udp_size(reply, EDNS_SIZE);
		ldns_pkt_set_edns_do(reply, ldns_pkt_edns_do(query));
		ldns_pkt_set_edns_extended_rcode(reply, (uint8_t)(rcode >> 4));
	}
	return reply;
}

static bool push(ldns_pkt *reply, ldns_pkt_section section, ldns_rr_list *list)
{
	ldns_rr *rr;
	size_t i, count = ldns_rr_list_rr_count(list);

	for (i = 0; i < count; i++) {
		rr = ldns_rr_clone(ldns_rr_list_rr(list, i));
		if (!rr || !ldns_pkt_push_rr(reply, section, rr)) {
			ldns_rr_free(rr);
			return false;
		}
	}
	return true;
}

static bool push_question(struct message *m)
{
	ldns_rr *rr = m->question ? ldns_rr_clone(m->question) : NULL;

	if (!m->question)
		return true;
	if (rr && ldns_pkt_push_rr(m->reply, LDNS_SECTION_QUESTION, rr))
		return true;
	ldns_rr_free(rr);
	return false;
}

/* ---- answers ill on purpose ------------------------------------------------------------------ */

/* Who does not know the zone sends the asker back to the root. */
static void refer_upwards(struct dns_answer *out)
{
	ldns_rr *rr = dns_record(".", "NS", 518400, "a.root-servers.net.");

	out->authoritative = false;
	if (rr && !ldns_rr_list_push_rr(out->authority, rr))
		ldns_rr_free(rr);
}

static void lie(const struct dns_zones *zones, struct dns_answer *out)
{
	size_t i;

	for (i = 0; i < ldns_rr_list_rr_count(out->answer); i++) {
		ldns_rr *rr = ldns_rr_list_rr(out->answer, i);
		ldns_rdf *address;

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_A)
			continue;
		address = ldns_rdf_new_frm_str(LDNS_RDF_TYPE_A, zones->lie);
		if (address)
			ldns_rdf_deep_free(ldns_rr_set_rdf(rr, address, 0));
	}
}

/* ---- an answer ------------------------------------------------------------------------------- */

/* What there is to say to a well-formed query. */
static void find(struct message *m, ldns_rr_type type)
{
	char name[ROUTE53_NAME];

	pthread_mutex_lock(&m->zones->lock);
	if (m->zones->fault == DNS_SERVFAIL || !dns_name_text(name, ldns_rr_owner(m->question)))
		m->found.rcode = LDNS_RCODE_SERVFAIL;
	else if (m->zones->fault == DNS_LAME)
		refer_upwards(&m->found);
	else
		dns_answer_find(m->zones, name, type, &m->found);
	if (m->zones->fault == DNS_LIE)
		lie(m->zones, &m->found);
	pthread_mutex_unlock(&m->zones->lock);
}

/* The code of a query that is not looked up at all, or NOERROR. */
static unsigned refusal(const ldns_pkt *query, const ldns_rr *question)
{
	ldns_rr_type type;

	if (ldns_pkt_edns(query) && ldns_pkt_edns_version(query) != 0)
		return 16; /* BADVERS */
	if (ldns_pkt_get_opcode(query) != LDNS_PACKET_QUERY)
		return LDNS_RCODE_NOTIMPL;
	if (!question)
		return LDNS_RCODE_FORMERR;
	type = ldns_rr_get_type(question);
	if (ldns_rr_get_class(question) != LDNS_RR_CLASS_IN || type == LDNS_RR_TYPE_AXFR ||
		type == LDNS_RR_TYPE_IXFR)
		return LDNS_RCODE_REFUSED;
	return LDNS_RCODE_NOERROR;
}

static bool make_reply(struct message *m)
{
	unsigned code;

	if (ldns_pkt_qdcount(m->query) == 1)
		m->question = ldns_rr_list_rr(ldns_pkt_question(m->query), 0);
	code = refusal(m->query, m->question);
	if (code == LDNS_RCODE_NOERROR) {
		find(m, ldns_rr_get_type(m->question));
		code = (unsigned)m->found.rcode;
	}
	m->reply = new_reply(m->query, code);
	if (!m->reply)
		return false;
	ldns_pkt_set_aa(m->reply, m->found.authoritative);
	return push_question(m) && push(m->reply, LDNS_SECTION_ANSWER, m->found.answer) &&
	       push(m->reply, LDNS_SECTION_AUTHORITY, m->found.authority) &&
	       push(m->reply, LDNS_SECTION_ADDITIONAL, m->found.additional);
}

/* Nothing but the question, and the mark that there is more: the asker comes again over TCP. */
static bool cut(struct message *m)
{
	ldns_pkt *whole = m->reply;

	m->reply = new_reply(m->query, ldns_pkt_get_rcode(whole));
	if (m->reply) {
		ldns_pkt_set_aa(m->reply, ldns_pkt_aa(whole));
		ldns_pkt_set_tc(m->reply, true);
	}
	ldns_pkt_free(whole);
	return m->reply && push_question(m);
}

static bool write_reply(struct message *m, bool udp, uint8_t **out, size_t *length)
{
	size_t most = MESSAGE_MAX, asked;

	if (udp) {
		asked = ldns_pkt_edns(m->query) ? ldns_pkt_edns_udp_size(m->query) : UDP_SIZE;
		most = asked > EDNS_SIZE ? EDNS_SIZE : asked < UDP_SIZE ? UDP_SIZE : asked;
	}
	if (ldns_pkt2wire(out, m->reply, length) != LDNS_STATUS_OK)
		return false;
	if (*length <= most)
		return true;
	free(*out);
	*out = NULL;
	return cut(m) && ldns_pkt2wire(out, m->reply, length) == LDNS_STATUS_OK;
}

/* To what is a query by its header, and then nonsense: the header back, as a format error. */
static bool format_error(const uint8_t *query, uint8_t **out, size_t *length)
{
	*out = calloc(1, HEADER);
	if (!*out)
		return false;
	memcpy(*out, query, 2);
	(*out)[2] = (uint8_t)(0x80 | (query[2] & 0x79)); /* an answer; opcode and RD as asked */
	(*out)[3] = LDNS_RCODE_FORMERR;
	*length = HEADER;
	return true;
}

bool dns_zones_reply(struct dns_zones *zones, const uint8_t *query, size_t length, bool udp,
	uint8_t **out, size_t *out_length)
{
	struct message m = {.zones = zones};
	bool good = false, silent;

	*out = NULL;
	pthread_mutex_lock(&zones->lock);
	silent = zones->fault == DNS_SILENT;
	pthread_mutex_unlock(&zones->lock);
	/* An answer to an answer would go round for ever. */
	if (silent || length < HEADER || query[2] & 0x80)
		return false;
	if (ldns_wire2pkt(&m.query, query, length) != LDNS_STATUS_OK)
		return format_error(query, out, out_length);
	m.found.answer = ldns_rr_list_new();
	m.found.authority = ldns_rr_list_new();
	m.found.additional = ldns_rr_list_new();
	if (m.found.answer && m.found.authority && m.found.additional)
		good = make_reply(&m) && write_reply(&m, udp, out, out_length);
	ldns_rr_list_deep_free(m.found.answer);
	ldns_rr_list_deep_free(m.found.authority);
	ldns_rr_list_deep_free(m.found.additional);
	ldns_pkt_free(m.reply);
	ldns_pkt_free(m.query);
	return good;
}

bool dns_zones_address(struct dns_zones *zones, const char *name, char out[LAB_ADDRESS], int *rcode)
{
	struct dns_answer found = {.answer = ldns_rr_list_new(),
		.authority = ldns_rr_list_new(),
		.additional = ldns_rr_list_new()};
	char stored[ROUTE53_NAME], *text;
	bool got = false;
	size_t i;

	*rcode = LDNS_RCODE_NXDOMAIN;
	if (found.answer && found.authority && found.additional && route53_name(stored, name)) {
		pthread_mutex_lock(&zones->lock);
		dns_answer_find(zones, stored, LDNS_RR_TYPE_A, &found);
		pthread_mutex_unlock(&zones->lock);
		*rcode = (int)found.rcode;
	}
	for (i = 0; i < ldns_rr_list_rr_count(found.answer) && !got; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(found.answer, i);

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_A ||
			!(text = ldns_rdf2str(ldns_rr_rdf(rr, 0))))
			continue;
		snprintf(out, LAB_ADDRESS, "%s", text);
		free(text);
		got = true;
	}
	ldns_rr_list_deep_free(found.answer);
	ldns_rr_list_deep_free(found.authority);
	ldns_rr_list_deep_free(found.additional);
	return got;
}
