#include "agent/gtid.h"

#include <errno.h>
#include <stdlib.h>

static struct agent_gtid *find(const struct agent_gtids *gtids, const struct agent_gtid *like)
{
	size_t i;

	for (i = 0; i < gtids->count; i++)
		if (gtids->list[i].domain == like->domain && gtids->list[i].server == like->server)
			return (struct agent_gtid *)&gtids->list[i];
	return NULL;
}

int agent_gtids_put(struct agent_gtids *gtids, struct agent_gtid gtid, struct dro_error *err)
{
	struct agent_gtid *known = find(gtids, &gtid);

	if (known) {
		if (gtid.number > known->number)
			known->number = gtid.number;
		return 0;
	}
	if (gtids->count == AGENT_GTIDS_MAX)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"a GTID position of more than %d servers and domains", AGENT_GTIDS_MAX);
	gtids->list[gtids->count++] = gtid;
	return 0;
}

int agent_gtids_add(struct agent_gtids *gtids, const char *text, struct dro_error *err)
{
	const char *at = text;

	while (*at) {
		unsigned long long part[3];
		char *end;
		int i, rc;

		for (i = 0; i < 3; i++) {
			errno = 0;
			part[i] = *at >= '0' && *at <= '9' ? strtoull(at, &end, 10)
							   : (errno = EINVAL);
			if (errno || (i < 2 && (part[i] > UINT32_MAX || *end != '-')))
				return dro_fail(
					err, DRO_EPROTO, "%.200s is no GTID position", text);
			at = i < 2 ? end + 1 : end;
		}
		if ((rc = agent_gtids_put(gtids,
			     (struct agent_gtid){(uint32_t)part[0], (uint32_t)part[1], part[2]},
			     err)) < 0)
			return rc;
		if (*at && *at != ',')
			return dro_fail(err, DRO_EPROTO, "%.200s is no GTID position", text);
		at += *at == ',';
	}
	return 0;
}

uint64_t agent_gtids_number(const struct agent_gtids *gtids, const struct agent_gtid *like)
{
	const struct agent_gtid *known = find(gtids, like);

	return known ? known->number : 0;
}

void agent_gtids_last(struct agent_gtids *out, const struct agent_gtids *gtids)
{
	size_t i, k;

	out->count = 0;
	for (i = 0; i < gtids->count; i++) {
		for (k = 0; k < out->count && out->list[k].domain != gtids->list[i].domain; k++)
			;
		if (k == out->count)
			out->list[out->count++] = gtids->list[i];
		else if (gtids->list[i].number > out->list[k].number)
			out->list[k] = gtids->list[i];
	}
}

bool agent_gtids_beyond(const struct agent_gtids *here, const struct agent_gtids *there)
{
	struct agent_gtids last;
	size_t i;

	agent_gtids_last(&last, here);
	for (i = 0; i < last.count; i++)
		if (last.list[i].number > agent_gtids_number(there, &last.list[i]))
			return true;
	return false;
}

void agent_gtids_common(
	struct agent_gtids *out, const struct agent_gtids *here, const struct agent_gtids *there)
{
	struct agent_gtids both = {.count = 0}, last;
	size_t i, k;

	for (i = 0; i < here->count; i++) {
		struct agent_gtid gtid = here->list[i];
		uint64_t most = agent_gtids_number(there, &gtid);

		gtid.number = gtid.number < most ? gtid.number : most;
		if (gtid.number)
			both.list[both.count++] = gtid;
	}
	agent_gtids_last(&last, &both);
	out->count = 0;
	for (i = 0; i < here->count; i++) {
		struct agent_gtid gtid = here->list[i];

		for (k = 0; k < last.count && last.list[k].domain != gtid.domain; k++)
			;
		/* What came before the last in common is in common, whoever remembers it. */
		if (k == last.count || gtid.number > last.list[k].number)
			gtid.number = agent_gtids_number(&both, &gtid);
		if (gtid.number)
			out->list[out->count++] = gtid;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct agent_gtid *one = a, *two = b;

	if (one->domain != two->domain)
		return one->domain < two->domain ? -1 : 1;
	return one->number < two->number ? -1 : one->number > two->number;
}

void agent_gtids_print(struct dro_buf *out, const struct agent_gtids *gtids)
{
	struct agent_gtids sorted = *gtids;
	size_t i;

	qsort(sorted.list, sorted.count, sizeof(sorted.list[0]), by_number);
	for (i = 0; i < sorted.count; i++)
		dro_buf_printf(out, "%s%u-%u-%llu", i ? "," : "", sorted.list[i].domain,
			sorted.list[i].server, (unsigned long long)sorted.list[i].number);
}
