/*
 * bench-pages NAME=VALUE...: the lists that a pass looks at, page after page over one connection a
 * list, by a client that throws them away. `port`, `credentials`; then for each service `service`,
 * and what it has: `cloudflare` and `route53` (zones), `region` (of its instances). The lists of a
 * service are read side by side, services one after the other. Says how many calls it made.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/floor_http.h"

#define LISTS_MAX 16
#define PAGES_MAX 100000

struct list {
	struct lane lane;
	pthread_t thread;
	const char *kind, *what, *service;
	unsigned calls;
	bool good;
};

struct stage {
	struct keys keys;
	const char *port, *service;
	struct list lists[LISTS_MAX];
	size_t count;
	unsigned calls;
};

static bool no_more(const struct list *list)
{
	fprintf(stderr, "bench-pages: %s %s: no end, or no beginning\n", list->kind, list->what);
	return false;
}

static bool zone_id(struct list *list, const char *before, const char *after, char *id, size_t size)
{
	char path[512];

	if (strcmp(list->kind, "cloudflare") == 0)
		snprintf(path, sizeof(path), "/zones?name=%s&per_page=50", list->what);
	else
		snprintf(path, sizeof(path), "dnsname=%s.&maxitems=100", list->what);
	list->calls++;
	if (!(strcmp(list->kind, "cloudflare") == 0
			    ? ask_cloudflare(&list->lane, path, NULL)
			    : ask_route53(&list->lane, "/2013-04-01/hostedzonesbyname", path)))
		return false;
	return find_text(dro_buf_str(&list->lane.body), before, after, id, size) || no_more(list);
}

static bool walk_cloudflare(struct list *list)
{
	char id[64], path[512], text[32];
	unsigned page, pages = 1;

	if (!zone_id(list, "\"id\":\"", "\"", id, sizeof(id)))
		return false;
	for (page = 1; page <= pages; page++) {
		snprintf(path, sizeof(path), "/zones/%s/dns_records?page=%u&per_page=5000", id,
			page);
		list->calls++;
		if (!ask_cloudflare(&list->lane, path, NULL))
			return false;
		/* It stands behind the records: found from the end. */
		if (!find_last(dro_buf_str(&list->lane.body), list->lane.body.length,
			    "\"total_pages\":", text, sizeof(text)))
			return no_more(list);
		pages = (unsigned)strtoul(text, NULL, 10);
	}
	/* A zone's names may be load balancers as well: a list of its own. */
	snprintf(path, sizeof(path), "/zones/%s/load_balancers?page=1&per_page=100", id);
	list->calls++;
	return ask_cloudflare(&list->lane, path, NULL);
}

static bool walk_route53(struct list *list)
{
	char id[64], path[256], query[1024] = "maxitems=300", name[300], type[16];
	unsigned pages;

	if (!zone_id(list, "<Id>/hostedzone/", "</Id>", id, sizeof(id)))
		return false;
	snprintf(path, sizeof(path), "/2013-04-01/hostedzone/%s/rrset", id);
	for (pages = 0; pages < PAGES_MAX; pages++) {
		const char *body = dro_buf_str(&list->lane.body), *end;

		list->calls++;
		if (!ask_route53(&list->lane, path, query))
			return false;
		body = dro_buf_str(&list->lane.body);
		end = strstr(body, "</ResourceRecordSets>");
		if (!end || !find_text(end, "<NextRecordName>", "</", name, sizeof(name)))
			return end || no_more(list);
		if (!find_text(end, "<NextRecordType>", "</", type, sizeof(type)))
			return no_more(list);
		snprintf(query, sizeof(query), "maxitems=300&name=%s&type=%s", name, type);
	}
	return no_more(list);
}

static bool walk_instances(struct list *list)
{
	char token[1024] = "";
	unsigned pages;

	for (pages = 0; pages < PAGES_MAX; pages++) {
		struct dro_buf form = DRO_BUF_INIT(4096);
		bool good;

		form_add(&form, "Action", "DescribeInstances");
		form_add(&form, "Version", "2016-11-15");
		form_add(&form, "Filter.1.Name", "tag:drorch:service");
		form_add(&form, "Filter.1.Value.1", "%s", list->service);
		form_add(&form, "MaxResults", "1000");
		if (*token)
			form_add(&form, "NextToken", "%s", token);
		list->calls++;
		good = ask_query(&list->lane, "ec2", list->what, &form, 200);
		dro_buf_free(&form);
		if (!good)
			return false;
		if (!find_last(dro_buf_str(&list->lane.body), list->lane.body.length, "<nextToken>",
			    token, sizeof(token)))
			return true;
	}
	return no_more(list);
}

static void *walk(void *arg)
{
	struct list *list = arg;

	list->good = strcmp(list->kind, "cloudflare") == 0 ? walk_cloudflare(list)
		     : strcmp(list->kind, "route53") == 0  ? walk_route53(list)
							   : walk_instances(list);
	return NULL;
}

/* All lists of the service that was given last. */
static bool run_stage(struct stage *stage)
{
	bool good = true;
	size_t i;

	for (i = 0; i < stage->count; i++)
		if (pthread_create(&stage->lists[i].thread, NULL, walk, &stage->lists[i]) != 0)
			abort();
	for (i = 0; i < stage->count; i++) {
		pthread_join(stage->lists[i].thread, NULL);
		good = good && stage->lists[i].good;
		stage->calls += stage->lists[i].calls;
		lane_fini(&stage->lists[i].lane);
	}
	stage->count = 0;
	return good;
}

static bool add_list(struct stage *stage, const char *kind, const char *what)
{
	struct list *list = &stage->lists[stage->count];

	if (stage->count == LISTS_MAX)
		return false;
	*list = (struct list){.kind = kind, .what = what, .service = stage->service};
	stage->count++;
	return lane_init(&list->lane, &stage->keys, stage->port, "") == 0;
}

static bool take(struct stage *stage, char *name, const char *value)
{
	if (strcmp(name, "port") == 0)
		stage->port = value;
	else if (strcmp(name, "credentials") == 0)
		return read_keys(&stage->keys, value);
	else if (strcmp(name, "service") == 0) {
		if (!run_stage(stage))
			return false;
		stage->service = value;
	} else {
		return add_list(stage, name, value);
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct stage stage;
	int i;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 1;
	for (i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return 1;
		*value = '\0';
		if (!take(&stage, argv[i], value + 1))
			return 1;
	}
	if (!run_stage(&stage))
		return 1;
	printf("%u\n", stage.calls);
	return 0;
}
