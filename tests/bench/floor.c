/*
 * bench-floor NAME=VALUE...: the calls of a cold promote, each where it is needed first and the
 * independent ones side by side, by a client that only makes them: no plan, no journal, no checks,
 * no second process. What `drorch promote` needs on top of this is its own time.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/floor_http.h"

#define LANES 5
#define HOST_POLL_US                                                                               \
	2000 /* a host is asked so often; a provider's API takes its latency anyway                \
	      */
#define POLLS_MAX 30000
#define EC2_VERSION "2016-11-15"
#define KEY_MAX 512

/* What the driver says. */
enum given {
	PORT,
	EDGE,
	ORIGIN,
	AGENT,
	CREDENTIALS,
	BUCKET,
	PREFIX,
	REGION,
	FROM_REGION,
	SERVICE,
	SITE,
	FROM_SITE,
	IMAGE,
	TYPE,
	NAME,
	ZONE,
	OLD_ADDRESS,
	RUN,
	GIVEN_COUNT
};

static const char *const given_names[GIVEN_COUNT] = {"port", "edge", "origin", "agent",
	"credentials", "bucket", "prefix", "region", "from-region", "service", "site", "from-site",
	"image", "type", "name", "zone", "old-address", "run"};

struct floor {
	const char *given[GIVEN_COUNT];
	struct keys keys;
	struct lane lanes[LANES];
	/* What the calls found out; each is written by one lane of one stage. */
	char newest[KEY_MAX], before[KEY_MAX]; /* keys of manifests */
	char manifest_sha256[DRO_SHA256_HEX];
	char image_id[64], zone_id[64], record_id[64];
	char instance[64], address[64];
};

/* A lane's work in a stage; false ends the floor. */
typedef bool work_fn(struct floor *floor, struct lane *lane);

struct job {
	struct floor *floor;
	struct lane *lane;
	work_fn *work;
	bool good;
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	job->good = job->work(job->floor, job->lane);
	return NULL;
}

/* All of them at once, a lane each, from lane `first` on; until the last one is done. */
static bool side_by_side(struct floor *floor, size_t first, work_fn *const *works, size_t count)
{
	struct job jobs[LANES];
	pthread_t threads[LANES];
	bool good = true;
	size_t i;

	for (i = 0; i < count; i++) {
		jobs[i] = (struct job){floor, &floor->lanes[first + i], works[i], false};
		if (pthread_create(&threads[i], NULL, run_job, &jobs[i]) != 0)
			abort();
	}
	for (i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		good = good && jobs[i].good;
	}
	return good;
}

static bool query(struct lane *lane, const char *service, const char *region, struct dro_buf *form,
	long wanted)
{
	bool good = ask_query(lane, service, region, form, wanted);

	dro_buf_free(form);
	return good;
}

static struct dro_buf action(const char *name, const char *version)
{
	struct dro_buf form = DRO_BUF_INIT(65536);

	form_add(&form, "Action", "%s", name);
	form_add(&form, "Version", "%s", version);
	return form;
}

static bool missing(const char *what)
{
	fprintf(stderr, "bench-floor: an answer without %s\n", what);
	return false;
}

/* ---- looking: backups, image, record --------------------------------------------------------- */

static bool read_newest(struct floor *floor, struct lane *lane)
{
	if (!ask_s3(lane, floor->given[REGION], floor->newest, NULL, 0))
		return false;
	dro_sha256_hex(floor->manifest_sha256, dro_buf_str(&lane->body), lane->body.length);
	return true;
}

static bool read_before(struct floor *floor, struct lane *lane)
{
	return !*floor->before || ask_s3(lane, floor->given[REGION], floor->before, NULL, 0);
}

static bool look_at_backups(struct floor *floor, struct lane *lane)
{
	const struct dro_pair list[] = {
		{"encoding-type", "url"}, {"list-type", "2"}, {"prefix", floor->given[PREFIX]}};
	static work_fn *const reads[] = {read_newest, read_before};
	const char *at;
	char key[KEY_MAX];

	if (!ask_s3(lane, floor->given[REGION], "", list, 3))
		return false;
	/* Keys come sorted: the last two manifests are of the newest backups. */
	for (at = dro_buf_str(&lane->body); (at = strstr(at, "<Key>")); at++)
		if (find_text(at, "<Key>", "</Key>", key, sizeof(key)) &&
			strstr(key, "/manifest.json")) {
			memcpy(floor->before, floor->newest, sizeof(key));
			memcpy(floor->newest, key, sizeof(key));
		}
	if (!*floor->newest)
		return missing("a backup");
	return side_by_side(floor, 3, reads, 2); /* the lanes that this stage leaves free */
}

static bool look_at_image(struct floor *floor, struct lane *lane)
{
	struct dro_buf form = action("DescribeImages", EC2_VERSION);

	form_add(&form, "Owner.1", "self");
	form_add(&form, "Filter.1.Name", "name");
	form_add(&form, "Filter.1.Value.1", "%s", floor->given[IMAGE]);
	if (!query(lane, "ec2", floor->given[REGION], &form, 200))
		return false;
	return find_text(dro_buf_str(&lane->body), "<imageId>", "</imageId>", floor->image_id,
		       sizeof(floor->image_id)) ||
	       missing("an image");
}

static bool list_record(struct floor *floor, struct lane *lane)
{
	char path[512];

	snprintf(path, sizeof(path), "/zones/%s/dns_records?page=1&per_page=5000&name=%s&type=A",
		floor->zone_id, floor->given[NAME]);
	if (!ask_cloudflare(lane, path, NULL))
		return false;
	return find_text(dro_buf_str(&lane->body), "\"id\":\"", "\"", floor->record_id,
		       sizeof(floor->record_id)) ||
	       missing("a record");
}

static bool look_at_traffic(struct floor *floor, struct lane *lane)
{
	char path[512];

	snprintf(path, sizeof(path), "/zones?name=%s&per_page=50", floor->given[ZONE]);
	if (!ask_cloudflare(lane, path, NULL))
		return false;
	if (!find_text(dro_buf_str(&lane->body), "\"id\":\"", "\"", floor->zone_id,
		    sizeof(floor->zone_id)))
		return missing("a zone");
	if (!list_record(floor, lane))
		return false;
	ask_host(lane, floor->given[OLD_ADDRESS], floor->given[ORIGIN], "/healthz",
		floor->given[NAME]);
	return lane->status != 200 || missing("a failure: the old site is well");
}

static bool look(struct floor *floor)
{
	static work_fn *const looks[] = {look_at_backups, look_at_traffic, look_at_image};

	return side_by_side(floor, 0, looks, 3);
}

/* ---- prechecks ------------------------------------------------------------------------------- */

static bool probe_aws(struct floor *floor, struct lane *lane)
{
	struct dro_buf form = action("GetCallerIdentity", "2011-06-15");

	return query(lane, "sts", floor->given[REGION], &form, 200);
}

static bool probe_cloudflare(struct floor *floor, struct lane *lane)
{
	(void)floor;
	return ask_cloudflare(lane, "/user/tokens/verify", NULL);
}

static void add_tags(struct dro_buf *form, const struct floor *floor, int spec, const char *type)
{
	const struct dro_pair tags[] = {{"drorch:service", floor->given[SERVICE]},
		{"drorch:site", floor->given[SITE]}, {"drorch:run", floor->given[RUN]}};
	char name[80];
	size_t i;

	snprintf(name, sizeof(name), "TagSpecification.%d.ResourceType", spec);
	form_add(form, name, "%s", type);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "TagSpecification.%d.Tag.%zu.Key", spec, i + 1);
		form_add(form, name, "%s", tags[i].name);
		snprintf(name, sizeof(name), "TagSpecification.%d.Tag.%zu.Value", spec, i + 1);
		form_add(form, name, "%s", tags[i].value);
	}
}

static struct dro_buf run_form(const struct floor *floor)
{
	struct dro_buf form = action("RunInstances", EC2_VERSION);

	form_add(&form, "ImageId", "%s", floor->image_id);
	form_add(&form, "InstanceType", "%s", floor->given[TYPE]);
	form_add(&form, "MinCount", "1");
	form_add(&form, "MaxCount", "1");
	add_tags(&form, floor, 1, "instance");
	add_tags(&form, floor, 2, "volume");
	return form;
}

static bool ask_capacity(struct floor *floor, struct lane *lane)
{
	struct dro_buf form = run_form(floor);

	form_add(&form, "DryRun", "true");
	return query(lane, "ec2", floor->given[REGION], &form, 412);
}

/* ---- the new site, and the old one ----------------------------------------------------------- */

/* The id of the backup in its manifest's key: "offsite/ID/manifest.json". */
static void backup_id(const struct floor *floor, char *out, size_t size)
{
	const char *id = floor->newest + strlen(floor->given[PREFIX]);

	snprintf(out, size, "%.*s", (int)strcspn(id, "/"), id);
}

static bool launch(struct floor *floor, struct lane *lane)
{
	struct dro_buf form = run_form(floor), text = DRO_BUF_INIT(8192),
		       encoded = DRO_BUF_INIT(16384);
	char id[KEY_MAX];
	bool good;

	backup_id(floor, id, sizeof(id));
	dro_buf_printf(&text,
		"{\"drorch\":1,\"service\":\"%s\",\"site\":\"%s\",\"role\":\"primary\",\"run\":\"%"
		"s\","
		"\"backup\":{\"id\":\"%s\",\"policy\":\"offsite\",\"manifest_sha256\":\"%s\","
		"\"store\":{\"bucket\":\"%s\",\"prefix\":\"%s\",\"region\":\"%s\"}}}",
		floor->given[SERVICE], floor->given[SITE], floor->given[RUN], id,
		floor->manifest_sha256, floor->given[BUCKET], floor->given[PREFIX],
		floor->given[REGION]);
	dro_base64(&encoded, dro_buf_str(&text), text.length);
	form_add(&form, "UserData", "%s", dro_buf_str(&encoded));
	form_add(&form, "ClientToken", "%s", floor->given[RUN]);
	good = query(lane, "ec2", floor->given[REGION], &form, 200);
	dro_buf_free(&encoded);
	dro_buf_free(&text);
	if (!good)
		return false;
	return find_text(dro_buf_str(&lane->body), "<instanceId>", "</instanceId>", floor->instance,
		       sizeof(floor->instance)) ||
	       missing("an instance");
}

static bool wait_running(struct floor *floor, struct lane *lane)
{
	int i;

	for (i = 0; i < POLLS_MAX; i++) {
		struct dro_buf form = action("DescribeInstances", EC2_VERSION);
		const char *text;

		form_add(&form, "InstanceId.1", "%s", floor->instance);
		if (!query(lane, "ec2", floor->given[REGION], &form, 200))
			return false;
		text = dro_buf_str(&lane->body);
		if (strstr(text, "<name>running</name>") &&
			(find_text(text, "<ipAddress>", "</ipAddress>", floor->address,
				 sizeof(floor->address)) ||
				find_text(text, "<privateIpAddress>", "</privateIpAddress>",
					floor->address, sizeof(floor->address))))
			return true;
	}
	return missing("the end of the boot");
}

static bool wait_restored(struct floor *floor, struct lane *lane)
{
	int i;

	for (i = 0; i < POLLS_MAX; i++) {
		ask_host(lane, floor->address, floor->given[AGENT], "/v1/progress", NULL);
		if (lane->status == 200 && strstr(dro_buf_str(&lane->body), "\"ready\""))
			return true;
		usleep(HOST_POLL_US);
	}
	return missing("the end of the restore");
}

/* Until the new site answers, well and by its own name. */
static bool wait_well(struct floor *floor, struct lane *lane, const char *address, const char *port)
{
	int i;

	for (i = 0; i < POLLS_MAX; i++) {
		ask_host(lane, address, port, "/healthz", floor->given[NAME]);
		if (lane->status == 200 && strcmp(lane->site, floor->given[SITE]) == 0)
			return true;
		usleep(HOST_POLL_US);
	}
	return missing("the new site");
}

static bool raise_site(struct floor *floor, struct lane *lane)
{
	return launch(floor, lane) && wait_running(floor, lane) && wait_restored(floor, lane) &&
	       wait_well(floor, lane, floor->address, floor->given[ORIGIN]);
}

/* The old site is off, or nobody answers for it and it is dead. */
static bool fence(struct floor *floor, struct lane *lane)
{
	struct dro_buf form = action("DescribeInstances", EC2_VERSION);

	form_add(&form, "Filter.1.Name", "tag:drorch:service");
	form_add(&form, "Filter.1.Value.1", "%s", floor->given[SERVICE]);
	form_add(&form, "Filter.2.Name", "tag:drorch:site");
	form_add(&form, "Filter.2.Value.1", "%s", floor->given[FROM_SITE]);
	form_add(&form, "MaxResults", "1000");
	ask_query(lane, "ec2", floor->given[FROM_REGION], &form, 0);
	dro_buf_free(&form);
	if (lane->status == 200 && !strstr(dro_buf_str(&lane->body), "<name>running</name>"))
		return true;
	ask_host(lane, floor->given[OLD_ADDRESS], floor->given[ORIGIN], "/healthz",
		floor->given[NAME]);
	return lane->status != 200 || missing("a failure: the old site is well");
}

static bool switch_traffic(struct floor *floor, struct lane *lane)
{
	char path[256], body[512];

	if (!list_record(floor, lane))
		return false;
	snprintf(path, sizeof(path), "/zones/%s/dns_records/batch", floor->zone_id);
	snprintf(body, sizeof(body),
		"{\"patches\":[{\"id\":\"%s\",\"ttl\":1,\"proxied\":true,"
		"\"comment\":\"drorch:%s/www\",\"content\":\"%s\"}]}",
		floor->record_id, floor->given[SERVICE], floor->address);
	return ask_cloudflare(lane, path, body) &&
	       wait_well(floor, lane, "127.0.0.1", floor->given[EDGE]);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool promote(struct floor *floor)
{
	static work_fn *const prechecks[] = {
		probe_aws, probe_cloudflare, read_newest, ask_capacity};
	static work_fn *const both_sites[] = {raise_site, fence};

	return look(floor) && side_by_side(floor, 0, prechecks, 4) &&
	       side_by_side(floor, 0, both_sites, 2) && switch_traffic(floor, &floor->lanes[0]);
}

static bool read_given(struct floor *floor, int argc, char **argv)
{
	size_t i;
	int a;

	for (i = 0; i < GIVEN_COUNT; i++) {
		size_t length = strlen(given_names[i]);

		for (a = 1; a < argc; a++)
			if (strncmp(argv[a], given_names[i], length) == 0 && argv[a][length] == '=')
				floor->given[i] = argv[a] + length + 1;
		if (!floor->given[i])
			return missing(given_names[i]);
	}
	return read_keys(&floor->keys, floor->given[CREDENTIALS]);
}

int main(int argc, char **argv)
{
	static struct floor floor;
	bool good;
	size_t i;

	if (!read_given(&floor, argc, argv) || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 1;
	for (i = 0; i < LANES; i++)
		if (lane_init(&floor.lanes[i], &floor.keys, floor.given[PORT],
			    floor.given[BUCKET]) < 0)
			return 1;
	good = promote(&floor);
	for (i = 0; i < LANES; i++)
		lane_fini(&floor.lanes[i]);
	return good ? 0 : 1;
}
