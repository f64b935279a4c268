#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "provider/internal.h"

struct object_collector {
	struct dro_invoke *invoke;
	struct dro_object_list *list;
};

static int collect_object(void *arg, const struct dro_object *object)
{
	struct object_collector *to = arg;
	struct dro_invoke *invoke = to->invoke;

	if (invoke->emit_rc < 0 ||
		(invoke->emit_rc = dro_object_list_add(to->list, object, &invoke->emit)) < 0)
		return invoke->emit_rc;
	if (!*to->list->items[to->list->count - 1]->key)
		invoke->emit_rc = dro_fail(
			&invoke->emit, DRO_EPROTO, "the plugin gave an object without a key");
	return invoke->emit_rc;
}

static struct dro_object_ref complete_ref(const struct dro_object_ref *ref)
{
	struct dro_object_ref own = *ref;

	own.size = sizeof(own);
	own.region = dro_text(own.region);
	own.bucket = dro_text(own.bucket);
	own.key = dro_text(own.key);
	return own;
}

int dro_provider_list_objects(struct dro_provider *provider, const struct dro_object_query *query,
	struct dro_object_list *out, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_storage *storage = &provider->plugin->storage;
	struct dro_object_query own = *query;
	struct dro_invoke invoke;
	struct object_collector to = {&invoke, out};
	int rc;

	own.size = sizeof(own);
	own.region = dro_text(own.region);
	own.bucket = dro_text(own.bucket);
	own.prefix = dro_text(own.prefix);
	own.delimiter = dro_text(own.delimiter);
	if ((rc = dro_invoke_begin(&invoke, provider, "storage.list_objects", 0,
		     storage->list_objects, call)) == 0)
		rc = storage->list_objects(
			provider->account, &own, collect_object, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_get_object(struct dro_provider *provider, const struct dro_object_ref *ref, int fd,
	uint64_t max, uint64_t *length, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_storage *storage = &provider->plugin->storage;
	struct dro_object_ref own = complete_ref(ref);
	struct dro_invoke invoke;
	int rc;

	*length = 0;
	if ((rc = dro_invoke_begin(
		     &invoke, provider, "storage.get_object", 0, storage->get_object, call)) == 0)
		rc = storage->get_object(
			provider->account, &own, fd, max, length, &invoke.call, &invoke.err);
	if (rc == 0 && *length > max)
		rc = dro_fail(&invoke.err, DRO_EPROTO, "the plugin gave %llu bytes, more than %llu",
			(unsigned long long)*length, (unsigned long long)max);
	return dro_invoke_end(&invoke, rc, err);
}

static int read_back(int fd, uint64_t length, struct dro_buf *out, struct dro_error *err)
{
	char chunk[16384];
	uint64_t at = 0;

	while (at < length) {
		size_t want = length - at < sizeof(chunk) ? (size_t)(length - at) : sizeof(chunk);
		ssize_t got = pread(fd, chunk, want, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return dro_fail_errno(err, "read of an object");
		if (got == 0)
			return dro_fail(err, DRO_EPROTO, "the plugin wrote less than it said");
		dro_buf_append(out, chunk, (size_t)got);
		at += (uint64_t)got;
	}
	return dro_buf_check(out, err);
}

int dro_provider_get_text(struct dro_provider *provider, const struct dro_object_ref *ref,
	struct dro_buf *out, const struct dro_call *call, struct dro_error *err)
{
	uint64_t length;
	int fd, rc;

	fd = memfd_create("object", MFD_CLOEXEC);
	if (fd < 0)
		return dro_fail_errno(err, "memfd_create");
	rc = dro_provider_get_object(provider, ref, fd, out->max - out->length, &length, call, err);
	if (rc == 0 && (rc = read_back(fd, length, out, err)) < 0)
		dro_error_context(err, "%s", provider->name);
	close(fd);
	return rc;
}

int dro_provider_put_object(struct dro_provider *provider, const struct dro_object_ref *ref, int fd,
	uint64_t length, uint32_t flags, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_storage *storage = &provider->plugin->storage;
	struct dro_object_ref own = complete_ref(ref);
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "storage.put_object", DRO_INVOKE_MUTATION,
		     storage->put_object, call)) == 0)
		rc = storage->put_object(
			provider->account, &own, fd, length, flags, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_delete_objects(struct dro_provider *provider, const char *region,
	const char *bucket, const char *const *keys, size_t key_count, const struct dro_call *call,
	struct dro_error *err)
{
	const struct dro_storage *storage = &provider->plugin->storage;
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "storage.delete_objects", DRO_INVOKE_MUTATION,
		     storage->delete_objects, call)) == 0)
		rc = storage->delete_objects(provider->account, dro_text(region), bucket, keys,
			key_count, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}
