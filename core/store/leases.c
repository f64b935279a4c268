#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/holder.h"

/* 1 and the row, 0 where there is none. A released lease has the holder "". */
static int get_lease(
	struct dro_store *store, const char *service, struct dro_lease *out, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc = store_query(store, &query, err,
		"SELECT holder, epoch, expires_ms FROM leases WHERE service = ?", "t", service);

	*out = (struct dro_lease){0};
	snprintf(out->service, sizeof(out->service), "%s", service);
	if (rc < 0)
		return rc;
	if ((rc = store_next(store, query, err)) > 0) {
		snprintf(out->holder, sizeof(out->holder), "%s", store_text(query, 0));
		out->epoch = (uint64_t)sqlite3_column_int64(query, 1);
		out->expires_ms = sqlite3_column_int64(query, 2);
	}
	store_done(store, query);
	return rc;
}

static bool is_alive(const struct dro_lease *lease)
{
	return lease->holder[0] && lease->expires_ms > dro_wall_ms() &&
	       !store_holder_dead(lease->holder);
}

static int held(const struct dro_lease *lease, struct dro_error *err)
{
	int64_t left = lease->expires_ms - dro_wall_ms();
	char text[DRO_DURATION_TEXT];

	dro_duration_format(text, left > 0 ? left : 0);
	return dro_fail(err, DRO_EBUSY, "%s: its lease is held by %s, for another %s",
		lease->service, lease->holder, text);
}

int store_lease_check(struct dro_store *store, const struct dro_lease *lease, struct dro_error *err)
{
	struct dro_lease now;
	int rc = get_lease(store, lease->service, &now, err);

	if (rc < 0)
		return rc;
	if (now.epoch == lease->epoch && strcmp(now.holder, lease->holder) == 0)
		return 0;
	return dro_fail(err, DRO_EBUSY,
		"%s: the lease is no longer ours (epoch %" PRIu64 ", now %" PRIu64 "%s%s)",
		lease->service, lease->epoch, now.epoch, now.holder[0] ? " of " : "", now.holder);
}

static int take(struct dro_store *store, const char *service, const char *holder, int64_t ttl_ms,
	bool seize, struct dro_lease *out, struct dro_error *err)
{
	struct dro_lease lease;
	int rc;

	if (!*service || strlen(service) >= sizeof(lease.service) || !*holder ||
		strlen(holder) >= sizeof(lease.holder))
		return dro_fail(err, DRO_EINVAL, "lease: service or holder is empty or too long");
	if ((rc = store_begin_soon(store, err)) < 0)
		return rc;
	if ((rc = get_lease(store, service, &lease, err)) < 0)
		goto out;
	if (strcmp(lease.holder, holder) != 0) {
		if (!seize && is_alive(&lease)) {
			rc = held(&lease, err);
			goto out;
		}
		lease.epoch++;
		snprintf(lease.holder, sizeof(lease.holder), "%s", holder);
	}
	lease.expires_ms = dro_wall_ms() + ttl_ms;
	rc = store_run(store, err,
		"INSERT INTO leases (service, holder, epoch, expires_ms) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (service) DO UPDATE SET holder = ?2, epoch = ?3, expires_ms = ?4",
		"ttii", service, holder, (int64_t)lease.epoch, lease.expires_ms);
out:
	if ((rc = store_end(store, rc, err)) == 0)
		*out = lease;
	return rc;
}

int dro_store_lease_take(struct dro_store *store, const char *service, const char *holder,
	int64_t ttl_ms, struct dro_lease *out, struct dro_error *err)
{
	return take(store, service, holder, ttl_ms, false, out, err);
}

int dro_store_lease_seize(struct dro_store *store, const char *service, const char *holder,
	int64_t ttl_ms, struct dro_lease *out, struct dro_error *err)
{
	return take(store, service, holder, ttl_ms, true, out, err);
}

int dro_store_lease_renew(
	struct dro_store *store, struct dro_lease *lease, int64_t ttl_ms, struct dro_error *err)
{
	int64_t expires_ms;
	int rc;

	if ((rc = store_begin_soon(store, err)) < 0)
		return rc;
	expires_ms = dro_wall_ms() + ttl_ms;
	if ((rc = store_lease_check(store, lease, err)) == 0)
		rc = store_run(store, err, "UPDATE leases SET expires_ms = ? WHERE service = ?",
			"it", expires_ms, lease->service);
	if ((rc = store_end(store, rc, err)) == 0)
		lease->expires_ms = expires_ms;
	return rc;
}

int dro_store_lease_release(
	struct dro_store *store, const struct dro_lease *lease, struct dro_error *err)
{
	int rc;

	if ((rc = store_begin_soon(store, err)) < 0)
		return rc;
	/* The row stays: its epoch must go on growing. */
	if ((rc = store_lease_check(store, lease, err)) == 0)
		rc = store_run(store, err,
			"UPDATE leases SET holder = '', expires_ms = 0 WHERE service = ?", "t",
			lease->service);
	return store_end(store, rc, err);
}

int dro_store_epoch_raise(
	struct dro_store *store, const char *service, uint64_t epoch, struct dro_error *err)
{
	int rc;

	if ((rc = store_begin(store, err)) < 0)
		return rc;
	rc = store_run(store, err,
		"INSERT INTO leases (service, holder, epoch, expires_ms) VALUES (?1, '', ?2, 0)"
		" ON CONFLICT (service) DO UPDATE SET epoch = max(epoch, ?2)",
		"ti", service, (int64_t)epoch);
	return store_end(store, rc, err);
}

int dro_store_lease_get(struct dro_store *store, const char *service, struct dro_lease *out,
	bool *alive, struct dro_error *err)
{
	int rc;

	pthread_mutex_lock(&store->lock);
	rc = get_lease(store, service, out, err);
	pthread_mutex_unlock(&store->lock);
	if (rc < 0)
		return rc;
	if (!out->holder[0])
		return dro_fail(err, DRO_ENOTFOUND, "%s: nobody holds its lease", service);
	*alive = is_alive(out);
	return 0;
}
