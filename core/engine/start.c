#include "engine/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "plan/image.h"

#define LEASE_MS 15000
#define TAKE_MS 1000 /* another one holds it for a moment, to store its run */
#define TAKE_AGAIN_MS 20
#define GIVE_WAY_MS 10000
#define PLAN_MAX (64u << 20)

/* Under the lease: the plan was made, and maybe looked at for long, while another run could end. */
static int check_active(struct dro_store *store, const struct dro_plan *plan, struct dro_error *err)
{
	char *active = NULL;
	int rc = dro_store_fact_get(store, plan->service, "active-site", &active, NULL, err);

	if (rc == DRO_ENOTFOUND)
		return 0; /* never promoted: its primary, as when the plan was made */
	if (rc == 0 && strcmp(active, plan->from) != 0)
		rc = dro_fail(err, DRO_ECONFLICT,
			"nothing was done: by now %s is the active site of %s, not %s", active,
			plan->service, plan->from);
	free(active);
	return rc;
}

/* What is more important is given way to; the highest gives way to nobody. */
enum { RANK_RECONCILE, RANK_IMAGE, RANK_HIGHEST };

static int rank_of(const char *kind)
{
	if (strcmp(kind, DRO_KIND_RECONCILE) == 0)
		return RANK_RECONCILE;
	return strcmp(kind, DRO_KIND_IMAGE) == 0 ? RANK_IMAGE : RANK_HIGHEST;
}

/* A run of the service that has not come to its end; "" : there is none. */
struct open_run {
	char id[DRO_RUN_ID_MAX];
	int rank;
	bool failed; /* nobody drives it, until a person asks for that */
};

static int find_open(void *arg, const struct dro_run_row *run)
{
	struct open_run *open = arg;
	enum dro_run_state state;

	if (dro_run_state_parse(run->state, &state, NULL) == 0 &&
		(!dro_run_ended(state) || state == DRO_RUN_FAILED)) {
		snprintf(open->id, sizeof(open->id), "%s", run->id);
		open->rank = rank_of(run->kind);
		open->failed = state == DRO_RUN_FAILED;
	}
	return 1; /* the newest one tells */
}

static int get_open(
	struct open_run *out, struct dro_store *store, const char *service, struct dro_error *err)
{
	int rc;

	*out = (struct open_run){.id = ""};
	rc = dro_store_run_list(store, service, 1, find_open, out, err);
	return rc < 0 ? rc : 0;
}

/* What a failed reconcile run left is there to be seen: the next one goes on from that. */
static bool in_the_way(const struct open_run *open, const char *kind)
{
	bool over = open->failed && open->rank == RANK_RECONCILE;

	return *open->id && (open->rank == RANK_HIGHEST || (rank_of(kind) <= open->rank && !over));
}

int dro_run_check_open(
	struct dro_store *store, const char *service, const char *kind, struct dro_error *err)
{
	struct open_run open;
	int rc = get_open(&open, store, service, err);

	if (rc < 0 || !in_the_way(&open, kind))
		return rc;
	return dro_fail(err, DRO_EBUSY,
		"run %s of %s is not over: `drorch attach %s` follows it, `drorch resume %s` goes "
		"on with it, `drorch abort %s` takes it back",
		open.id, service, open.id, open.id, open.id);
}

int dro_run_broken(struct dro_store *store, const char *service, char out[DRO_RUN_ID_MAX],
	struct dro_error *err)
{
	struct open_run open;
	int rc = get_open(&open, store, service, err);

	snprintf(out, DRO_RUN_ID_MAX, "%s",
		open.failed && open.rank == RANK_RECONCILE ? open.id : "");
	return rc;
}

static int keep_id(void *arg, const struct dro_run_row *run)
{
	snprintf(arg, DRO_RUN_ID_MAX, "%s", run->id);
	return 1;
}

int dro_run_newest(struct dro_store *store, const char *service, char out[DRO_RUN_ID_MAX],
	struct dro_error *err)
{
	int rc;

	out[0] = '\0';
	rc = dro_store_run_list(store, service, 1, keep_id, out, err);
	return rc < 0 ? rc : 0;
}

static int check_newest(struct dro_store *store, const struct dro_plan *plan, const char *newest,
	struct dro_error *err)
{
	char now[DRO_RUN_ID_MAX];
	int rc;

	if (!newest)
		return 0;
	if ((rc = dro_run_newest(store, plan->service, now, err)) < 0)
		return rc;
	if (strcmp(now, newest) == 0)
		return 0;
	return dro_fail(err, DRO_ECONFLICT,
		"nothing was done: run %s of %s began and ended since the plan was made", now,
		plan->service);
}

/* Ends a run that gives way and stopped, that failed, or whose driver we took the lease from. */
static int end_background(struct dro_store *store, const struct dro_lease *lease, const char *kind,
	struct dro_error *err)
{
	struct open_run open;
	int rc = get_open(&open, store, lease->service, err);

	if (rc < 0 || !*open.id || in_the_way(&open, kind))
		return rc;
	if (open.failed && (rc = dro_store_event_add(store, lease->service, "run", open.id,
				    "failed, and another run goes on from what it left", err)) < 0)
		return rc;
	return dro_store_run_state(store, lease, open.id,
		dro_run_state_name(DRO_RUN_COMPLETED_WITH_EXCEPTIONS),
		open.failed ? "{\"error\":\"it failed, and another run went on from what it left\"}"
			    : "{\"error\":\"it gave way to another run\"}",
		err);
}

/*
 * Of several at once one gets past here; the others hear of its run. One under way that gives way
 * is asked to stop, and waited for a while: what it has sent out is heard of first, if it can be.
 */
static int take_lease(struct dro_store *store, const char *service, const char *kind,
	struct dro_lease *lease, struct dro_error *err)
{
	uint64_t now = dro_now_ms(), until = now + TAKE_MS, way_until = now + GIVE_WAY_MS;
	struct open_run open;
	char holder[128];
	int rc;

	dro_store_holder(holder);
	for (;;) {
		if ((rc = dro_run_check_open(store, service, kind, err)) < 0 ||
			(rc = get_open(&open, store, service, err)) < 0)
			return rc;
		if (*open.id) {
			rc = dro_store_run_wish_set(store, open.id, DRO_WISH_GIVE_WAY, err);
			if (rc < 0 && rc != DRO_ECONFLICT) /* over by now: good */
				return rc;
		}
		now = dro_now_ms();
		if (*open.id) /* it has come to its end before its driver lets go of the lease */
			until = now + TAKE_MS;
		rc = *open.id && now >= way_until
			     ? dro_store_lease_seize(store, service, holder, LEASE_MS, lease, err)
			     : dro_store_lease_take(store, service, holder, LEASE_MS, lease, err);
		if (rc != DRO_EBUSY || now >= until)
			break;
		usleep(TAKE_AGAIN_MS * 1000);
	}
	if (rc == 0 && ((rc = dro_run_check_open(store, service, kind, err)) < 0 ||
			       (rc = end_background(store, lease, kind, err)) < 0))
		dro_store_lease_release(store, lease, NULL);
	return rc;
}

int dro_run_add(struct dro_store *store, const struct dro_plan *plan, const char *newest,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(PLAN_MAX);
	struct dro_run_row row = {.id = plan->id,
		.service = plan->service,
		.kind = plan->kind,
		.mode = plan->mode,
		.from = plan->from,
		.to = plan->to,
		.state = (char *)dro_run_state_name(DRO_RUN_PLANNED),
		.outcome = "{}"};
	const char **ids = calloc(plan->step_count + 1, sizeof(*ids));
	struct dro_lease lease;
	size_t i;
	int rc;

	if (!ids) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	for (i = 0; i < plan->step_count; i++)
		ids[i] = plan->steps[i]->id;
	row.created_ms = dro_wall_ms();
	if ((rc = dro_plan_print(plan, &text, err)) < 0 ||
		(rc = take_lease(store, plan->service, plan->kind, &lease, err)) < 0)
		goto out;
	row.plan = text.data;
	row.epoch = lease.epoch;
	if ((rc = check_active(store, plan, err)) == 0 &&
		(rc = check_newest(store, plan, newest, err)) == 0)
		rc = dro_store_run_add(store, &lease, &row, ids, plan->step_count, err);
	/* The worker takes it from here. */
	if (rc < 0)
		dro_store_lease_release(store, &lease, NULL);
	else if ((rc = dro_store_lease_release(store, &lease, err)) < 0)
		dro_error_context(
			err, "run %s is stored, `drorch resume %s` begins it", plan->id, plan->id);
out:
	dro_buf_free(&text);
	free(ids);
	return rc;
}
