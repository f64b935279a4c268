/*
 * One plugin, built many times with different things wrong (see CMakeLists.txt). Being loaded
 * leaves a mark, so that the tests see whether any code of a refused one was run.
 */
#ifdef OLDER
#include "abi/older_provider.h"
#else
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

static const struct dro_compute compute = {
	.size = sizeof(compute),
	.list_instances = LIST_INSTANCES,
	.create_instances = create_instances,
#ifndef NO_POWER
	.power_instances = power_instances,
#endif
	.terminate_instances = terminate_instances,
	.list_images = list_images,
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

static const struct dro_storage storage = {
	.size = sizeof(storage),
	.list_objects = list_objects,
	.get_object = get_object,
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
};
