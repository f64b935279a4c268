#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "plugins/route53/route53.h"

/* With the lock held. */
static struct r53_zone **look(struct r53 *r53, const char *name)
{
	struct r53_zone **link = &r53->zones;

	while (*link && strcasecmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

static bool find(struct r53 *r53, const char *name, char id[R53_ID_MAX + 1])
{
	const struct r53_zone *zone;

	pthread_mutex_lock(&r53->lock);
	zone = *look(r53, name);
	if (zone)
		memcpy(id, zone->id, sizeof(zone->id));
	pthread_mutex_unlock(&r53->lock);
	return zone;
}

/* Two workers may have asked at once: the later answer stands. */
static int keep(struct r53 *r53, const char *name, const char *id, struct dro_error *err)
{
	struct r53_zone *zone, **link;

	pthread_mutex_lock(&r53->lock);
	link = look(r53, name);
	if (!*link && (zone = calloc(1, sizeof(*zone)))) {
		zone->name = strdup(name);
		if (zone->name)
			*link = zone;
		else
			free(zone);
	}
	zone = *link;
	if (zone)
		memcpy(zone->id, id, strlen(id) + 1);
	pthread_mutex_unlock(&r53->lock);
	return zone ? 0 : r53_no_memory(r53, err);
}

void r53_zone_forget(struct r53 *r53, const char *name)
{
	struct r53_zone **link, *zone;

	pthread_mutex_lock(&r53->lock);
	link = look(r53, name);
	zone = *link;
	if (zone) {
		*link = zone->next;
		free(zone->name);
		free(zone);
	}
	pthread_mutex_unlock(&r53->lock);
}

void r53_zones_free(struct r53 *r53)
{
	while (r53->zones) {
		struct r53_zone *zone = r53->zones;

		r53->zones = zone->next;
		free(zone->name);
		free(zone);
	}
}

const char *r53_id(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(text, prefix, length) == 0)
		text += length;
	length = strlen(text);
	if (length == 0 || length > R53_ID_MAX ||
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") !=
			length)
		return NULL;
	return text;
}

/* The one public zone of that name: the list only *starts at* it. */
static int pick(struct r53 *r53, const struct r53_ask *ask, const struct dro_xml_node *root,
	const char *name, char id[R53_ID_MAX + 1], struct dro_error *err)
{
	const struct dro_xml_node *zones = dro_xml_child(root, "HostedZones"), *zone;
	struct dro_buf own = DRO_BUF_INIT(R53_NAME_MAX);
	const char *found = NULL;
	int rc = 0;

	if (!zones)
		return r53_nonsense(r53, ask, "no list of zones", err);
	for (zone = dro_xml_child(zones, "HostedZone"); zone && rc == 0;
		zone = dro_xml_next(zone)) {
		dro_buf_reset(&own);
		r53_name_read(&own, dro_xml_text(zone, "Name"));
		if (strcasecmp(dro_buf_str(&own), name) != 0 ||
			strcmp(dro_xml_text(zone, "Config/PrivateZone"), "true") == 0)
			continue;
		if (found)
			rc = r53->host->fail(err, DRO_EINVAL, NULL,
				"the account has several public zones %s: which one is meant?",
				name);
		found = dro_xml_text(zone, "Id");
	}
	dro_buf_free(&own);
	if (rc < 0)
		return rc;
	if (!found)
		return r53->host->fail(
			err, DRO_ENOTFOUND, NULL, "no public zone %s in this account", name);
	found = r53_id(found, "/hostedzone/");
	if (!found)
		return r53_nonsense(r53, ask, "a zone without an id", err);
	memcpy(id, found, strlen(found) + 1);
	return 0;
}

int r53_zone_id(struct r53 *r53, const char *name, char id[R53_ID_MAX + 1],
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf written = DRO_BUF_INIT(R53_NAME_MAX);
	struct dro_xml *xml = NULL;
	int rc;

	if (find(r53, name, id))
		return 0;
	r53_name_write(&written, name);
	if ((rc = dro_buf_check(&written, err)) == 0) {
		const struct dro_pair query[] = {
			{"dnsname", dro_buf_str(&written)}, {"maxitems", "100"}};
		const struct r53_ask ask = {.method = "GET",
			.path = {"hostedzonesbyname"},
			.query = query,
			.query_count = 2};

		if ((rc = r53_ask(r53, &ask, &xml, call, err)) == 0 &&
			(rc = pick(r53, &ask, dro_xml_root(xml), name, id, err)) == 0)
			rc = keep(r53, name, id, err);
	}
	dro_xml_free(xml);
	dro_buf_free(&written);
	return rc;
}
