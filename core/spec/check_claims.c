/* What only one may have: a service's name, a name in the DNS, a backup's place. */
#include <stdlib.h>
#include <string.h>

#include "spec/check.h"

struct claim {
	const char *a, *b, *c; /* compared in this order */
	const struct dro_service *service;
	struct dro_place place;
	bool traffic;
};

struct claims {
	struct claim *list;
	size_t count;
};

static int compare_text(const struct claim *a, const struct claim *b)
{
	int order = strcmp(a->a, b->a);

	if (!order)
		order = strcmp(a->b, b->b);
	return order ? order : strcmp(a->c, b->c);
}

/* Equal ones stay in the order of the files, so that the later one is blamed. */
static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int order = compare_text(a, b);

	if (!order)
		order = strcmp(a->place.file, b->place.file);
	if (!order)
		order = a->place.line < b->place.line ? -1 : a->place.line > b->place.line;
	return order;
}

static void add(struct dro_check *check, struct claims *claims, const void *member,
	const struct dro_place *otherwise, struct claim claim)
{
	claim.place = *dro_check_place(check, member, otherwise);
	if (*claim.a && claim.place.file)
		claims->list[claims->count++] = claim;
}

static void sort(struct claims *claims)
{
	if (claims->count)
		qsort(claims->list, claims->count, sizeof(*claims->list), compare_claims);
}

static struct claims new_claims(struct dro_check *check, size_t count)
{
	struct claims claims = {0};

	claims.list = dro_fill_array(check->fill, count, sizeof(*claims.list));
	return claims;
}

static void complain(struct dro_check *check, const struct claim *claim, const char *what,
	const char *name, const struct claim *other)
{
	dro_report_add(check->fill->report, &claim->place, "%s '%s' is taken already (%s:%d:%d)",
		what, name, other->place.file, other->place.line, other->place.column);
}

static void check_services(struct dro_check *check)
{
	const struct dro_spec *spec = check->spec;
	struct claims claims = new_claims(check, spec->service_count);
	size_t i;

	for (i = 0; claims.list && i < spec->service_count; i++)
		add(check, &claims, &spec->services[i].name, &spec->services[i].place,
			(struct claim){.a = spec->services[i].name, .b = "", .c = ""});
	sort(&claims);
	for (i = 1; i < claims.count; i++)
		if (compare_text(&claims.list[i - 1], &claims.list[i]) == 0)
			complain(check, &claims.list[i], "the service's name", claims.list[i].a,
				&claims.list[i - 1]);
	free(claims.list);
}

static void check_stores(struct dro_check *check)
{
	const struct dro_spec *spec = check->spec;
	struct claims claims;
	size_t i, j, count = 0;

	for (i = 0; i < spec->service_count; i++)
		count += spec->services[i].backup_count;
	claims = new_claims(check, count);
	for (i = 0; claims.list && i < spec->service_count; i++)
		for (j = 0; j < spec->services[i].backup_count; j++) {
			const struct dro_backup_policy *backup = &spec->services[i].backups[j];

			add(check, &claims, &backup->bucket, &backup->place,
				(struct claim){.a = backup->bucket,
					.b = backup->prefix,
					.c = backup->provider});
		}
	sort(&claims);
	for (i = 1; i < claims.count; i++)
		if (compare_text(&claims.list[i - 1], &claims.list[i]) == 0)
			dro_report_add(check->fill->report, &claims.list[i].place,
				"another backup has this bucket and prefix already (%s:%d:%d): "
				"give each a prefix of its own",
				claims.list[i - 1].place.file, claims.list[i - 1].place.line,
				claims.list[i - 1].place.column);
	free(claims.list);
}

static struct claims gather_names(struct dro_check *check)
{
	const struct dro_spec *spec = check->spec;
	struct claims claims;
	size_t i, j, count = 0;

	for (i = 0; i < spec->service_count; i++)
		count += spec->services[i].traffic_count + spec->services[i].dns_count;
	claims = new_claims(check, count);
	for (i = 0; claims.list && i < spec->service_count; i++) {
		const struct dro_service *service = &spec->services[i];

		for (j = 0; j < service->traffic_count; j++)
			add(check, &claims, &service->traffic[j].name, &service->traffic[j].place,
				(struct claim){.a = service->traffic[j].name,
					.b = service->traffic[j].type,
					.c = "",
					.service = service,
					.traffic = true});
		for (j = 0; j < service->dns_count; j++)
			add(check, &claims, &service->dns[j].name, &service->dns[j].place,
				(struct claim){.a = service->dns[j].name,
					.b = service->dns[j].type,
					.c = "",
					.service = service});
	}
	sort(&claims);
	return claims;
}

/* May these two stand beside each other under one name? */
static bool clash(const struct claim *a, const struct claim *b)
{
	bool cname = strcmp(a->b, "CNAME") == 0 || strcmp(b->b, "CNAME") == 0;

	return strcmp(a->b, b->b) == 0 || cname ||
	       (a->traffic && b->traffic && a->service != b->service);
}

static void check_names(struct dro_check *check)
{
	struct claims claims = gather_names(check);
	size_t i, first = 0;

	for (i = 1; i < claims.count; i++) {
		if (strcmp(claims.list[i].a, claims.list[first].a) != 0)
			first = i;
		else if (clash(&claims.list[i - 1], &claims.list[i]))
			complain(check, &claims.list[i], "the name", claims.list[i].a,
				&claims.list[i - 1]);
		else if (clash(&claims.list[first], &claims.list[i]))
			complain(check, &claims.list[i], "the name", claims.list[i].a,
				&claims.list[first]);
	}
	free(claims.list);
}

void dro_check_claims(struct dro_check *check)
{
	check_services(check);
	check_stores(check);
	check_names(check);
}
