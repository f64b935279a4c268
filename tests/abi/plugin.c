/*
 * One plugin, built many times with different things wrong (see CMakeLists.txt). Being loaded
 * leaves a mark, so that the tests see whether any code of a refused one was run.
 */
#if defined(OLDER)
#include "abi/older_provider.h"
#elif defined(ABI_1_0)
#include "abi/provider_1_0.h"
#else
#define ABI_1_1 /* and later */
#include "drorch/provider.h"
#endif

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MAGIC
#define MAGIC DRO_PROVIDER_MAGIC
#endif
#ifndef MAJOR
#define MAJOR DRO_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR DRO_ABI_MINOR
#endif
#ifndef SIZE
#define SIZE sizeof(struct dro_provider_v1)
#endif
#ifndef CALLED
#define CALLED PLUGIN_NAME
#endif
#ifndef SYMBOL
#define SYMBOL dro_provider_v1
#endif
#ifndef FLAGS
#define FLAGS 0
#endif

#define NOT_ALWAYS __attribute__((unused)) /* in every table */

static void leave_mark(void) __attribute__((constructor));

static void leave_mark(void)
{
	const char *path = getenv("DRORCH_TEST_MARK");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		close(fd);
}

struct account {
	const struct dro_host *host;
	int busy; /* calls under way: more than one is a mistake of the host */
	int collided;
};

static int open_account(const struct dro_host *host, const struct dro_pair *options,
	size_t option_count, void **out, struct dro_error *err)
{
	struct account *account = calloc(1, sizeof(*account));
	size_t i;

	for (i = 0; i < option_count; i++) {
		if (strcmp(options[i].name, "mode") == 0 &&
			strcmp(options[i].value, "refuse") == 0) {
			free(account);
			return host->fail(err, DRO_EAUTH, "Denied", "mode is refuse");
		}
	}
	if (!account)
		return host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	account->host = host;
	*out = account;
	return 0;
}

static void close_account(void *account)
{
	free(account);
}

NOT_ALWAYS static int probe(void *account, char *identity, size_t identity_size,
	const struct dro_call *call, struct dro_error *err)
{
	(void)account, (void)call, (void)err;
	memset(identity, 'x', identity_size); /* no NUL: the host must put one */
	return 0;
}

static int emit_one(dro_emit_instance emit, void *arg, const char *id, const char *zone)
{
	const struct dro_pair tags[] = {{"service", "memphis"}, {"site", NULL}};
	struct dro_instance instance = {
		.size = sizeof(instance),
		.state = DRO_INSTANCE_RUNNING,
		.id = id,
		.zone = zone,
		.tags = tags,
		.tag_count = 2,
	};

	return emit(arg, &instance);
}

NOT_ALWAYS static int list_instances(void *opaque, const struct dro_instance_query *query,
	dro_emit_instance emit, void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct account *account = opaque;

	(void)call, (void)err;
	if (__atomic_add_fetch(&account->busy, 1, __ATOMIC_SEQ_CST) > 1)
		account->collided = 1;
	usleep(strcmp(query->region, "slow") == 0 ? 20000 : 0);
	__atomic_sub_fetch(&account->busy, 1, __ATOMIC_SEQ_CST);
	if (account->collided)
		return account->host->fail(err, DRO_ECONFLICT, NULL, "two calls at once");
	return emit_one(emit, arg, "i-1", NULL);
}

#ifdef ODD
/* Everything that a plugin must not do, by the region that is asked for. */
static int list_odd(void *opaque, const struct dro_instance_query *query, dro_emit_instance emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	static char long_text[100 * 1024];
	struct dro_instance instance = {.size = sizeof(instance), .id = "i-1"};
	const char *region = query->region;
	long i;

	(void)opaque, (void)call;
	if (strcmp(region, "positive") == 0)
		return 7;
	if (strcmp(region, "unknown code") == 0)
		return -99;
	if (strcmp(region, "silent") == 0)
		return DRO_EQUOTA;
	if (strcmp(region, "no id") == 0)
		return emit_one(emit, arg, NULL, "z");
	if (strcmp(region, "endless") == 0) {
		for (i = 0; i < 1000100; i++)
			emit_one(emit, arg, "i-1", "z"); /* what it returns is not looked at */
		return 0;
	}
	if (strcmp(region, "long text") == 0) {
		memset(long_text, 'x', sizeof(long_text) - 1);
		return emit_one(emit, arg, "i-1", long_text);
	}
	if (strcmp(region, "unknown state") == 0)
		instance.state = 77;
	if (strcmp(region, "no tags") == 0)
		instance.tag_count = 3;
	if (strcmp(region, "many tags") == 0)
		instance.tag_count = (size_t)-1;
	if (strcmp(region, "no size") == 0)
		instance.size = 0;
	if (strcmp(region, "no struct") == 0)
		return emit(arg, NULL);
	if (strcmp(region, "long message") == 0) {
		memset(err->message, '\033', sizeof(err->message));
		memset(err->provider_code, 'x', sizeof(err->provider_code));
		err->code = 12345;
		err->size = 1;
		return DRO_EAUTH;
	}
	return emit(arg, &instance);
}
#define LIST_INSTANCES list_odd
#else
#define LIST_INSTANCES list_instances
#endif

static int create_instances(void *account, const struct dro_instance_spec *spec,
	dro_emit_instance emit, void *arg, const struct dro_call *call, struct dro_error *err)
{
	(void)account, (void)call, (void)err;
	return emit_one(emit, arg, call->idem_key, spec->zone);
}

NOT_ALWAYS static int power_instances(void *account, const char *region, const char *const *ids,
	size_t id_count, int power, const struct dro_call *call, struct dro_error *err)
{
	(void)account, (void)region, (void)ids, (void)id_count, (void)power, (void)call, (void)err;
	return 0;
}

static int terminate_instances(void *account, const char *region, const char *const *ids,
	size_t id_count, const struct dro_call *call, struct dro_error *err)
{
	(void)account, (void)region, (void)ids, (void)id_count, (void)call, (void)err;
	return 0;
}

static int list_images(void *account, const struct dro_image_query *query, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	static const char *const snapshots[] = {"s-1", "s-2"};
	struct dro_image image = {.size = sizeof(image),
		.state = DRO_IMAGE_AVAILABLE,
		.id = "ami-1",
		.name = query->name,
		.snapshots = snapshots,
		.snapshot_count = 2};

	(void)account, (void)call, (void)err;
	return emit(arg, &image);
}

#ifdef ABI_1_1
/* The id "busy" is of one that is not stopped. */
static int resize_instance(void *opaque, const char *region, const char *id, const char *type,
	const struct dro_call *call, struct dro_error *err)
{
	struct account *account = opaque;

	(void)region, (void)call;
	if (strcmp(id, "busy") == 0)
		return account->host->fail(err, DRO_ECONFLICT, NULL, "%s runs: no %s", id, type);
	return 0;
}

/* The id "odd" is in a state that nobody knows; "" is there without an id. */
static int instance_health(void *account, const char *region, const char *const *ids,
	size_t id_count, dro_emit_instance_health emit, void *arg, const struct dro_call *call,
	struct dro_error *err)
{
	struct dro_instance_health health = {.size = sizeof(health), .cpu_permille = 250};
	size_t i;

	(void)account, (void)region, (void)call, (void)err;
	for (i = 0; i < id_count; i++) {
		health.id = ids[i];
		health.state = strcmp(ids[i], "odd") == 0 ? 77 : DRO_HEALTHY;
		health.measured_ms = 1000;
		emit(arg, &health); /* what it returns is not looked at */
	}
	return 0;
}

/* The id "gone" is not there. */
static int mark_instances(void *opaque, const struct dro_instance_marks *marks,
	const struct dro_call *call, struct dro_error *err)
{
	struct account *account = opaque;

	(void)call;
	if (strcmp(marks->ids[0], "gone") == 0)
		return account->host->fail(err, DRO_ENOTFOUND, NULL,
			"no %s in \"%s\": not %s=%s, %zu go", marks->ids[0], marks->region,
			marks->tags[0].name, marks->tags[0].value, marks->drop_count);
	return 0;
}
#endif

static const struct dro_compute compute = {
	.size = sizeof(compute),
	.list_instances = LIST_INSTANCES,
	.create_instances = create_instances,
#ifndef NO_POWER
	.power_instances = power_instances,
#endif
	.terminate_instances = terminate_instances,
	.list_images = list_images,
#ifdef ABI_1_1
	.resize_instance = resize_instance,
	.instance_health = instance_health,
	.mark_instances = mark_instances,
#endif
};

static int list_objects(void *account, const struct dro_object_query *query, dro_emit_object emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct dro_object object = {.size = sizeof(object), .key = query->prefix, .length = 5};

	(void)account, (void)call, (void)err;
	return emit(arg, &object);
}

/* The object is its own key. The key "liar" says more than it wrote. */
static int get_object(void *account, const struct dro_object_ref *ref, int fd, uint64_t max,
	uint64_t *length, const struct dro_call *call, struct dro_error *err)
{
	(void)account, (void)call, (void)max;
	*length = strlen(ref->key);
	if (pwrite(fd, ref->key, *length, 0) != (ssize_t)*length)
		return ((struct account *)account)->host->fail(err, DRO_EIO, NULL, "pwrite");
	if (strcmp(ref->key, "liar") == 0)
		*length += 1;
	return 0;
}

#ifdef ABI_1_1
/* The bucket "long" has a name that no place has room for, "silent" says nothing. */
static int find_website(void *account, const char *region, const char *bucket,
	dro_emit_website emit, void *arg, const struct dro_call *call, struct dro_error *err)
{
	char host[400];
	struct dro_website website = {.size = sizeof(website),
		.flags = DRO_WEBSITE_BY_NAME,
		.host = host,
		.alias = NULL,
		.alias_zone = "Z1"};

	(void)account, (void)call, (void)err;
	memset(host, 'x', sizeof(host));
	host[strcmp(bucket, "long") == 0 ? sizeof(host) - 1 : strlen(region)] = '\0';
	return strcmp(bucket, "silent") == 0 ? 0 : emit(arg, &website);
}

static int get_page(void *account, const struct dro_object_ref *ref, dro_emit_page emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_page page = {.size = sizeof(page),
		.state = DRO_PAGE_THERE | DRO_PAGE_PUBLIC,
		.content_type = "text/html",
		.owner = ref->key,
		.sha256 = strcmp(ref->key, "odd") == 0 ? "0123456789abcdef0123456789abcdef012345678"
							 "9abcdef0123456789abcdef0"
						       : NULL};

	(void)account, (void)call, (void)err;
	return emit(arg, &page);
}

static int put_page(void *opened, const struct dro_page *page, const void *content, size_t length,
	const struct dro_call *call, struct dro_error *err)
{
	struct account *account = opened;

	(void)call;
	if (length == 3 && memcmp(content, "<p>", 3) == 0 && !*page->region)
		return 0;
	return account->host->fail(err, DRO_ECONFLICT, NULL, "%s is another's", page->key);
}
#endif

static const struct dro_storage storage = {
	.size = sizeof(storage),
	.list_objects = list_objects,
	.get_object = get_object,
#ifdef ABI_1_1
	.find_website = find_website,
	.get_page = get_page,
	.put_page = put_page,
#endif
};

static int list_records(void *account, const struct dro_record_query *query, dro_emit_record emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	static const char *const values[] = {"192.0.2.1", NULL};
	struct dro_record record = {.size = sizeof(record),
		.name = query->name,
		.type = "A",
		.values = values,
		.value_count = 2};

	(void)account, (void)call, (void)err;
#ifdef ABI_1_1
	record.failover = DRO_FAILOVER_SECONDARY;
	record.evaluate_health = 1;
	record.health_check = "hc-1";
	record.alias = "lb.example";
	record.alias_zone = NULL;
#endif
	return emit(arg, &record);
}

static int apply(void *account, const char *zone, const struct dro_record *const *put,
	size_t put_count, const struct dro_record *const *del, size_t del_count, char *operation,
	size_t operation_size, const struct dro_call *call, struct dro_error *err)
{
	(void)account, (void)zone, (void)put, (void)put_count, (void)del, (void)del_count;
	(void)call, (void)err;
	memset(operation, 'c', operation_size);
	return 0;
}

static const struct dro_dns dns = {
	.size = sizeof(dns),
	.list_records = list_records,
	.apply = apply,
};

#ifndef OLDER
static int poll_operation(void *account, const char *operation, uint32_t *state,
	const struct dro_call *call, struct dro_error *err)
{
	(void)account, (void)call, (void)err;
	*state = strcmp(operation, "odd") == 0 ? 9 : DRO_OPERATION_DONE;
	return 0;
}

static const struct dro_async async = {.size = sizeof(async), .poll = poll_operation};
#endif

#ifdef ABI_1_1
static int list_checks(void *account, dro_emit_check emit, void *arg, const struct dro_call *call,
	struct dro_error *err)
{
	struct dro_health_check check = {.size = sizeof(check),
		.kind = DRO_CHECK_TCP,
		.id = "hc-1",
		.owner = "drorch:memphis/www",
		.port = 443,
		.state = DRO_UNHEALTHY};
	struct dro_health_check odd = {.size = sizeof(odd), .kind = 77, .id = "hc-2", .state = 77};

	(void)account, (void)call, (void)err;
	emit(arg, &check);
	return emit(arg, &odd);
}

/* The id "silent" gets none back, "long" one without an end. */
NOT_ALWAYS static int put_check(void *opaque, const struct dro_health_check *check, char *id,
	size_t id_size, const struct dro_call *call, struct dro_error *err)
{
	struct account *account = opaque;
	size_t i;

	if (strcmp(check->version, "0") == 0)
		return account->host->fail(err, DRO_ECONFLICT, NULL, "no longer at 0");
	if (strcmp(check->id, "long") == 0)
		memset(id, 'x', id_size);
	for (i = 0; !*check->id && call->idem_key[i] && i + 1 < id_size; i++)
		id[i] = call->idem_key[i];
	return 0;
}

static int delete_check(
	void *account, const char *id, const struct dro_call *call, struct dro_error *err)
{
	(void)call;
	if (strcmp(id, "used") == 0)
		return ((struct account *)account)
			->host->fail(err, DRO_ECONFLICT, NULL, "%s is in use", id);
	return 0;
}

static int check_status(void *account, const char *id, dro_emit_vantage emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_vantage vantage = {.size = sizeof(vantage),
		.name = id,
		.state = strcmp(id, "odd") == 0 ? 77 : DRO_HEALTHY};

	(void)account, (void)call, (void)err;
	return emit(arg, &vantage);
}

static const uint32_t intervals[] = {10, 30, 0};

static const struct dro_health_checks health = {
	.size = sizeof(health),
	.list_checks = list_checks,
#ifndef NO_PUT_CHECK
	.put_check = put_check,
#endif
	.delete_check = delete_check,
	.check_status = check_status,
	.intervals = intervals,
};
#endif

static const struct dro_option mode = {
	.size = sizeof(mode), .kind = DRO_OPTION_STRING, .name = "mode", .fallback = "plain"};
static const struct dro_option region = {.size = sizeof(region),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_REQUIRED,
	.name = "region"};
static const struct dro_option endpoint = {
	.size = sizeof(endpoint), .kind = DRO_OPTION_URL, .name = "endpoint"};
static const struct dro_option retries = {
	.size = sizeof(retries), .kind = DRO_OPTION_INTEGER, .name = "retries"};
static const struct dro_option verbose = {
	.size = sizeof(verbose), .kind = DRO_OPTION_BOOL, .name = "verbose"};
static const struct dro_option token = {.size = sizeof(token),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_CREDENTIAL,
	.name = "token"};
static const struct dro_option *const options[] = {
	&mode, &region, &endpoint, &retries, &verbose, &token, NULL};

DRO_EXPORT extern const struct dro_provider_v1 SYMBOL;
const struct dro_provider_v1 SYMBOL = {
	.magic = MAGIC,
	.abi_major = MAJOR,
	.abi_minor = MINOR,
	.size = SIZE,
	.flags = FLAGS,
	.name = CALLED,
	.version = "1.2.3",
	.options = options,
	.open = open_account,
	.close = close_account,
#ifndef NO_PROBE
	.probe = probe,
#endif
	.compute = &compute,
	.storage = &storage,
	.dns = &dns,
#ifndef OLDER
	.async = &async,
#endif
#ifdef ABI_1_1
	.health = &health,
#endif
};
