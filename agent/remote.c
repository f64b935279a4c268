#include "agent/remote.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/http.h"

#define ATTEMPT_MS 30000     /* one call, and beside it what its bytes take */
#define BYTES_PER_MS 125     /* of a slow line: 1 Mbit/s */
#define TEXT_MAX (16u << 20) /* of a list, or a manifest */
#define PAUSE_MS 250	     /* before the first repetition; doubles */
#define PAUSE_MAX_MS 15000
#define LAG_MS 90000 /* how long a list may not show what was put */

struct agent_remote {
	struct dro_net *net;
	struct dro_registry *registry;
	struct dro_provider *provider;
	char *bucket, *prefix, *region;
	const struct dro_log *log;
	agent_remote_tell *tell;
	void *arg;
	uint64_t away_ms;     /* 0: without an end */
	pthread_mutex_t lock; /* of: */
	uint64_t since_ms;    /* when the first of the calls failed that have since; 0: none has */
};

static int set(char **field, const char *text, struct dro_error *err)
{
	char *copy = strdup(text);

	if (!copy)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

int agent_remote_place(struct agent_remote *remote, const char *bucket, const char *prefix,
	const char *region, struct dro_error *err)
{
	int rc = 0;

	if (*bucket)
		rc = set(&remote->bucket, bucket, err);
	if (rc == 0 && *prefix)
		rc = set(&remote->prefix, prefix, err);
	if (rc == 0 && *region)
		rc = set(&remote->region, region, err);
	return rc;
}

void agent_remote_watch(
	struct agent_remote *remote, uint64_t away_ms, agent_remote_tell *tell, void *arg)
{
	remote->away_ms = away_ms;
	remote->tell = tell;
	remote->arg = arg;
}

int agent_remote_open(struct agent_remote **out, const struct agent_config *config,
	const struct dro_log *log, struct dro_error *err)
{
	struct dro_registry_config registry = {.plugin_dir = config->plugins, .log = log};
	struct agent_remote *remote = calloc(1, sizeof(*remote));
	int rc;

	if (!remote)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	remote->log = log;
	pthread_mutex_init(&remote->lock, NULL);
	if ((rc = set(&remote->bucket, config->store.bucket, err)) < 0 ||
		(rc = set(&remote->prefix, config->store.prefix, err)) < 0 ||
		(rc = set(&remote->region, "", err)) < 0 ||
		(rc = dro_net_new(&remote->net, NULL, err)) < 0)
		goto out;
	registry.net = remote->net;
	if ((rc = dro_registry_new(&remote->registry, &registry, err)) < 0 ||
		(rc = dro_provider_open(
			 &remote->provider, remote->registry, &config->store.account, err)) < 0)
		goto out;
	if (!*remote->region)
		rc = set(&remote->region, dro_provider_option(remote->provider, "region"), err);
	if (rc < 0)
		goto out;
	*out = remote;
	remote = NULL;
out:
	agent_remote_close(remote);
	return rc;
}

void agent_remote_close(struct agent_remote *remote)
{
	if (!remote)
		return;
	dro_provider_close(remote->provider);
	dro_registry_free(remote->registry);
	dro_net_free(remote->net);
	pthread_mutex_destroy(&remote->lock);
	free(remote->bucket);
	free(remote->prefix);
	free(remote->region);
	free(remote);
}

/* ---- one call, again and again ------------------------------------------------------------ */

/* A series of attempts. */
struct attempts {
	struct dro_call call;
	uint64_t deadline_ms;
	uint64_t pause_ms, attempt_ms;
};

/* `bytes`: how many go one way or the other, at most. */
static void attempts_begin(
	struct attempts *attempts, const char *idem, uint64_t bytes, uint64_t deadline_ms)
{
	*attempts = (struct attempts){.call = {.size = sizeof(attempts->call), .idem_key = idem},
		.deadline_ms = deadline_ms,
		.pause_ms = PAUSE_MS,
		.attempt_ms = ATTEMPT_MS + bytes / BYTES_PER_MS};
}

static const struct dro_call *next_call(struct attempts *attempts)
{
	uint64_t until = dro_now_ms() + attempts->attempt_ms;

	attempts->call.deadline_ms = until < attempts->deadline_ms ? until : attempts->deadline_ms;
	return &attempts->call;
}

/* It has answered, if only that there is no such thing. */
static void is_there(struct agent_remote *remote)
{
	bool was_away;

	pthread_mutex_lock(&remote->lock);
	was_away = remote->since_ms != 0;
	remote->since_ms = 0;
	pthread_mutex_unlock(&remote->lock);
	if (was_away && remote->tell)
		remote->tell(remote->arg, "");
}

/* No call has succeeded for how long? False: too long, and err says so. *pause_ms is cut to what is
 * left of that. */
static bool may_be_away(
	struct agent_remote *remote, uint64_t now, uint64_t *pause_ms, struct dro_error *err)
{
	char time[DRO_DURATION_TEXT], text[512];
	uint64_t away;

	pthread_mutex_lock(&remote->lock);
	if (!remote->since_ms)
		remote->since_ms = now;
	away = now - remote->since_ms;
	pthread_mutex_unlock(&remote->lock);
	dro_duration_format(time, (int64_t)(away / 1000 * 1000));
	if (remote->away_ms && away >= remote->away_ms) {
		dro_error_context(err, "the store has been away for %s", time);
		return false;
	}
	if (remote->away_ms && *pause_ms > remote->away_ms - away)
		*pause_ms = remote->away_ms - away;
	snprintf(text, sizeof(text), "the store is away%s%s, and is asked again: %.400s",
		away < 1000 ? "" : " for ", away < 1000 ? "" : time, err->message);
	if (remote->tell)
		remote->tell(remote->arg, text);
	return true;
}

/* May it be tried again? Waits before it says so. */
static bool again(struct agent_remote *remote, struct attempts *attempts, int rc, const char *key,
	struct dro_error *err)
{
	uint64_t now = dro_now_ms(), pause = attempts->pause_ms;

	if (rc != DRO_EAGAIN && rc != DRO_ETIMEDOUT) {
		is_there(remote);
		return false;
	}
	if (err->retry_after_ms > pause)
		pause = err->retry_after_ms;
	if (!may_be_away(remote, now, &pause, err))
		return false;
	if (now >= attempts->deadline_ms || pause >= attempts->deadline_ms - now)
		return false;
	dro_log(remote->log, DRO_LOG_WARNING, "%s: %s; once more", key, err->message);
	dro_clock_real.sleep_ms(&dro_clock_real, pause);
	attempts->pause_ms =
		attempts->pause_ms * 2 < PAUSE_MAX_MS ? attempts->pause_ms * 2 : PAUSE_MAX_MS;
	return true;
}

/* The prefix and the key, malloc'd. */
static char *full_key(const struct agent_remote *remote, const char *key)
{
	char *full = NULL;

	return asprintf(&full, "%s%s", remote->prefix, key) < 0 ? NULL : full;
}

static struct dro_object_ref reference(const struct agent_remote *remote, const char *full)
{
	return (struct dro_object_ref){.size = sizeof(struct dro_object_ref),
		.region = remote->region,
		.bucket = remote->bucket,
		.key = full};
}

int agent_remote_put(struct agent_remote *remote, const char *key, int fd, uint64_t length,
	const char *idem, uint64_t deadline_ms, struct dro_error *err)
{
	char *full = full_key(remote, key);
	struct dro_object_ref ref = reference(remote, full);
	struct attempts attempts;
	int rc;

	if (!full)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	attempts_begin(&attempts, idem, length, deadline_ms);
	do /* the same bytes under the same key: putting them twice does no harm */
		rc = dro_provider_put_object(
			remote->provider, &ref, fd, length, 0, next_call(&attempts), err);
	while (again(remote, &attempts, rc, key, err));
	if (rc < 0)
		dro_error_context(err, "%s", key);
	free(full);
	return rc;
}

int agent_remote_get(struct agent_remote *remote, const char *key, int fd, uint64_t max,
	uint64_t *length, uint64_t deadline_ms, struct dro_error *err)
{
	char *full = full_key(remote, key);
	struct dro_object_ref ref = reference(remote, full);
	struct attempts attempts;
	int rc;

	if (!full)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	attempts_begin(&attempts, NULL, max, deadline_ms);
	do
		rc = ftruncate(fd, 0) < 0 ? dro_fail_errno(err, "temporary file")
					  : dro_provider_get_object(remote->provider, &ref, fd, max,
						    length, next_call(&attempts), err);
	while (again(remote, &attempts, rc, key, err));
	if (rc < 0)
		dro_error_context(err, "%s", key);
	free(full);
	return rc;
}

int agent_remote_get_checked(struct agent_remote *remote, const char *key, int fd, uint64_t length,
	const char *sha256, uint64_t deadline_ms, struct dro_error *err)
{
	char got[DRO_SHA256_HEX];
	uint64_t there = 0;
	int rc;

	if ((rc = agent_remote_get(remote, key, fd, length, &there, deadline_ms, err)) < 0)
		return rc;
	if (there != length)
		return dro_fail(err, DRO_ECORRUPT, "%s has %llu bytes, not %llu", key,
			(unsigned long long)there, (unsigned long long)length);
	if (!sha256)
		return 0;
	if ((rc = dro_sha256_fd(got, fd, 0, length, err)) < 0)
		return rc;
	if (strcmp(got, sha256) != 0)
		return dro_fail(err, DRO_ECORRUPT,
			"%s is not what was backed up: its SHA-256 is %s", key, got);
	return 0;
}

int agent_remote_get_text(struct agent_remote *remote, const char *key, struct dro_buf *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	char *full = full_key(remote, key);
	struct dro_object_ref ref = reference(remote, full);
	struct attempts attempts;
	int rc;

	if (!full)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	attempts_begin(&attempts, NULL, TEXT_MAX, deadline_ms);
	do {
		dro_buf_reset(out);
		rc = dro_provider_get_text(remote->provider, &ref, out, next_call(&attempts), err);
	} while (again(remote, &attempts, rc, key, err));
	if (rc < 0)
		dro_error_context(err, "%s", key);
	free(full);
	return rc;
}

int agent_remote_list(struct agent_remote *remote, const char *folder, const char *delimiter,
	struct dro_object_list *out, uint64_t deadline_ms, struct dro_error *err)
{
	char *full = full_key(remote, folder);
	struct dro_object_query query = {.size = sizeof(query),
		.region = remote->region,
		.bucket = remote->bucket,
		.prefix = full,
		.delimiter = delimiter};
	struct attempts attempts;
	int rc;

	if (!full)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	attempts_begin(&attempts, NULL, TEXT_MAX, deadline_ms);
	do {
		dro_object_list_free(out);
		rc = dro_provider_list_objects(
			remote->provider, &query, out, next_call(&attempts), err);
	} while (again(remote, &attempts, rc, full, err));
	free(full);
	return rc;
}

const char *agent_remote_key(const struct agent_remote *remote, const struct dro_object *object)
{
	return object->key + strlen(remote->prefix);
}

/* ---- the manifest ------------------------------------------------------------------------- */

/* Is what stands under `key` our text? DRO_ENOTFOUND: nothing does. DRO_ECONFLICT: another. */
static int compare(struct agent_remote *remote, const char *key, const struct dro_buf *text,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf there = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	int rc = agent_remote_get_text(remote, key, &there, deadline_ms, err);

	if (rc == 0 &&
		(there.length != text->length || memcmp(there.data, text->data, text->length) != 0))
		rc = dro_fail(err, DRO_ECONFLICT, "%s: another object has this key", key);
	dro_buf_free(&there);
	return rc;
}

int agent_remote_put_new(struct agent_remote *remote, const char *key, const struct dro_buf *text,
	const char *idem, uint64_t deadline_ms, struct dro_error *err)
{
	char *full = full_key(remote, key);
	struct dro_object_ref ref = reference(remote, full);
	int fd = memfd_create("manifest", MFD_CLOEXEC), rc;
	struct attempts attempts;

	if (!full || fd < 0) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = dro_write_all(fd, text->data, text->length, err)) < 0)
		goto out;
	attempts_begin(&attempts, idem, text->length, deadline_ms);
	for (;;) {
		struct dro_error look = DRO_ERROR_INIT;
		int seen = DRO_ENOTFOUND;

		rc = dro_provider_put_object(remote->provider, &ref, fd, text->length, DRO_PUT_NEW,
			next_call(&attempts), err);
		/* An attempt whose answer was lost makes the next one a conflict with itself. */
		if (rc == DRO_ETIMEDOUT || rc == DRO_ECONFLICT)
			seen = compare(remote, key, text, deadline_ms, &look);
		if (seen == 0 || !again(remote, &attempts, rc, key, err)) {
			rc = seen == 0 ? 0 : rc;
			break;
		}
	}
	if (rc < 0)
		dro_error_context(err, "%s", key);
out:
	if (fd >= 0)
		close(fd);
	free(full);
	return rc;
}

/* ---- are they all there ------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	return strcmp((*(const struct dro_object *const *)a)->key,
		(*(const struct dro_object *const *)b)->key);
}

/* DRO_EAGAIN where one is not (yet) listed, DRO_ECORRUPT where one has another size. */
static int match(const struct agent_remote *remote, const struct dro_manifest *manifest,
	struct dro_object_list *list, struct dro_error *err)
{
	size_t i;

	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_keys);
	for (i = 0; i < manifest->object_count; i++) {
		const struct dro_manifest_object *want = &manifest->objects[i];
		struct dro_object wanted = {0}, *key = &wanted, **found = NULL;
		char *full = NULL;

		if (asprintf(&full, "%s%s/%s", remote->prefix, dro_manifest_folder(manifest),
			    want->key) < 0)
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		wanted.key = full;
		if (list->count)
			found = bsearch(
				&key, list->items, list->count, sizeof(*list->items), compare_keys);
		free(full);
		if (!found)
			return dro_fail(err, DRO_EAGAIN, "%s/%s is not in the store's list",
				dro_manifest_folder(manifest), want->key);
		if ((*found)->length != want->length)
			return dro_fail(err, DRO_ECORRUPT,
				"%s/%s has %llu bytes in the store, not %llu",
				dro_manifest_folder(manifest), want->key,
				(unsigned long long)(*found)->length,
				(unsigned long long)want->length);
	}
	return 0;
}

int agent_remote_check(struct agent_remote *remote, const struct dro_manifest *manifest,
	uint64_t deadline_ms, struct dro_error *err)
{
	uint64_t lag_ms = dro_now_ms() + LAG_MS;
	struct dro_object_list list = {0};
	struct attempts attempts;
	char *folder = NULL;
	int rc;

	if (asprintf(&folder, "%s/", dro_manifest_folder(manifest)) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	attempts_begin(&attempts, NULL, 0, lag_ms < deadline_ms ? lag_ms : deadline_ms);
	do {
		rc = agent_remote_list(remote, folder, "", &list, attempts.deadline_ms, err);
		if (rc == 0)
			rc = match(remote, manifest, &list, err);
	} while (again(remote, &attempts, rc, manifest->id, err));
	dro_object_list_free(&list);
	free(folder);
	return rc;
}
