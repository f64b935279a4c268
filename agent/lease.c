#include "agent/lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/lock.h"
#include "agent/state.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#define FILE_NAME "lease.json"
#define LOCK_NAME "lease.lock"
#define FILE_MAX 4096

const char *agent_role_name(enum agent_role role)
{
	return role == AGENT_ROLE_PRIMARY ? "primary" : "replica";
}

static int parse(void *arg, const struct dro_buf *text, struct dro_error *err)
{
	struct agent_lease *out = arg;
	const char *role, *pending;
	cJSON *json = NULL;
	int rc;

	if ((rc = dro_json_parse(&json, dro_buf_str(text), text->length, FILE_MAX, err)) < 0 ||
		(rc = dro_json_int_need(json, "epoch", &out->epoch, err)) < 0 ||
		(rc = dro_json_int_need(json, "serial", &out->serial, err)) < 0 ||
		(rc = dro_json_string_need(json, "role", &role, err)) < 0 ||
		(rc = dro_json_bool(json, "fenced", false, &out->fenced, err)) < 0 ||
		(rc = dro_json_int(json, "self_fenced_ms", 0, &out->self_fenced_ms, err)) < 0 ||
		(rc = dro_json_string(json, "pending", "", &pending, err)) < 0)
		goto out;
	if (strcmp(role, "primary") != 0 && strcmp(role, "replica") != 0)
		rc = dro_fail(err, DRO_ECORRUPT, "role: %.32s", role);
	else if (out->epoch < 0 || out->serial < 0 || strlen(pending) >= sizeof(out->pending))
		rc = dro_fail(err, DRO_ECORRUPT, "a value out of its range");
	else
		snprintf(out->pending, sizeof(out->pending), "%s", pending);
	out->role = strcmp(role, "primary") == 0 ? AGENT_ROLE_PRIMARY : AGENT_ROLE_REPLICA;
out:
	cJSON_Delete(json);
	return rc;
}

/* Without a file: as the configuration says. A file that makes no sense is never taken for none. */
static int load(struct agent_lease *out, const struct agent_config *config, struct dro_error *err)
{
	*out = (struct agent_lease){.role = config->database.role};
	return agent_state_read(config->state, FILE_NAME, FILE_MAX, parse, out, err);
}

static int store(
	const struct agent_lease *lease, const struct agent_config *config, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);

	dro_buf_printf(&text,
		"{\"epoch\":%lld,\"serial\":%lld,\"role\":\"%s\",\"fenced\":%s,"
		"\"self_fenced_ms\":%lld,\"pending\":\"%s\"}\n",
		(long long)lease->epoch, (long long)lease->serial, agent_role_name(lease->role),
		lease->fenced ? "true" : "false", (long long)lease->self_fenced_ms, lease->pending);
	return agent_state_write(config->state, FILE_NAME, &text, err);
}

/* The lease under its lock. */
struct held {
	const struct agent_config *config;
	int fd;
	struct agent_lease now;
};

static void release(struct held *held)
{
	if (held->fd >= 0)
		close(held->fd);
}

/* *held is to be released either way. */
static int hold(struct held *held, const struct agent_config *config, uint64_t deadline_ms,
	struct dro_error *err)
{
	*held = (struct held){.config = config};
	held->fd = agent_lock(config, LOCK_NAME, deadline_ms, err);
	return held->fd < 0 ? held->fd : load(&held->now, config, err);
}

static int begun_since(const struct held *held, struct dro_error *err)
{
	return dro_fail(err, DRO_ESAFETY, "another session has begun %s since (epoch %lld)",
		*held->now.pending ? held->now.pending : "a verb", (long long)held->now.epoch);
}

int agent_lease_read(struct agent_lease *out, const struct agent_config *config,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct held held;
	int rc = hold(&held, config, deadline_ms, err);

	*out = held.now;
	release(&held);
	return rc;
}

static int begin(struct held *held, const char *verb, bool fence, struct dro_error *err)
{
	held->now.serial++;
	held->now.fenced = held->now.fenced || fence;
	snprintf(held->now.pending, sizeof(held->now.pending), "%s", verb);
	return store(&held->now, held->config, err);
}

int agent_lease_begin(struct agent_lease *out, const struct agent_config *config, int64_t epoch,
	const char *verb, bool fence, uint64_t deadline_ms, struct dro_error *err)
{
	struct held held;
	int rc = hold(&held, config, deadline_ms, err);

	if (rc == 0 && epoch < held.now.epoch) {
		rc = dro_fail(err, DRO_ESAFETY,
			"epoch %lld is over: this host has heard of epoch %lld", (long long)epoch,
			(long long)held.now.epoch);
	} else if (rc == 0) {
		held.now.epoch = epoch;
		rc = begin(&held, verb, fence, err);
	}
	*out = held.now;
	release(&held);
	return rc;
}

int agent_lease_fence_self(struct agent_lease *lease, const struct agent_config *config,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct held held;
	int rc = hold(&held, config, deadline_ms, err);

	if (rc == 0 && held.now.serial != lease->serial) {
		rc = begun_since(&held, err);
	} else if (rc == 0) {
		if (!held.now.self_fenced_ms)
			held.now.self_fenced_ms = dro_wall_ms();
		rc = begin(&held, "fence", true, err);
		*lease = held.now;
	}
	release(&held);
	return rc;
}

int agent_lease_end(const struct agent_lease *lease, const struct agent_config *config,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_lease done = *lease;
	struct held held;
	int rc = hold(&held, config, deadline_ms, err);

	*done.pending = '\0';
	if (rc == 0)
		rc = held.now.serial != lease->serial ? begun_since(&held, err)
						      : store(&done, config, err);
	release(&held);
	return rc;
}

int agent_lease_while(const struct agent_lease *lease, const struct agent_config *config,
	agent_lease_work *work, void *arg, uint64_t deadline_ms, struct dro_error *err)
{
	struct held held;
	int rc = hold(&held, config, deadline_ms, err);

	if (rc == 0)
		rc = held.now.serial != lease->serial ? begun_since(&held, err)
		     : work			      ? work(arg, &held.now, err)
						      : 0;
	release(&held);
	return rc;
}

int agent_lease_watch(const struct agent_config *config, struct dro_error *err)
{
	char *path = dro_path_join(config->state, FILE_NAME);
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), rc = 0;

	if (!path)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if (fd < 0)
		rc = dro_fail_errno(err, "inotify");
	/* It is replaced each time: what is watched loses its name. */
	else if (inotify_add_watch(fd, path, IN_ATTRIB | IN_DELETE_SELF | IN_MODIFY) < 0)
		rc = errno == ENOENT ? dro_fail(err, DRO_ECONFLICT, "no verb has come to this host")
				     : dro_fail_errno(err, "%s", path);
	if (rc < 0 && fd >= 0)
		close(fd);
	free(path);
	return rc < 0 ? rc : fd;
}
