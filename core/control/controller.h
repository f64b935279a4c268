/*
 * The controller: polls git, visits every service on change and on a period, starts a worker for
 * what is to do, takes over runs that nobody drives. One loop on the caller's thread, a pool for
 * visits, a thread for git. It drives nothing itself: whatever changes the world is a worker's.
 */
#ifndef DRORCH_CONTROL_CONTROLLER_H
#define DRORCH_CONTROL_CONTROLLER_H

#include <sys/types.h>

#include "base/log.h"
#include "control/systemd.h"
#include "control/visit.h"
#include "store/store.h"

/* The lease that keeps a second controller off the same state; no service can be named so. */
#define DRO_CONTROLLER_LEASE "@controller"

/* A worker that was started. */
struct dro_control_worker {
	pid_t pid;
	int news_fd; /* closed by the other side when it ends; ours to close. -1: none */
};

struct dro_controller_ops {
	void *arg;
	/*
	 * On the thread for git. *out: the branch's newest commit where it is good and another than
	 * `have`, else NULL. What is wrong with it has been recorded by then.
	 */
	int (*poll)(void *arg, const char *have, struct dro_spec **out, struct dro_error *err);
	/* What visits need of a spec; closed after the last visit of it. On the loop's thread. */
	int (*open)(void *arg, const struct dro_spec *spec, void **world, struct dro_error *err);
	void (*close)(void *arg, void *world);
	/* On a worker of the pool, until about the ask's deadline. */
	void (*visit)(void *arg, const struct dro_visit_ask *ask, struct dro_visit *out);
	/* Looks at the service's databases, until about the deadline; on a thread of its own. NULL:
	 * nobody does. */
	void (*heartbeat)(void *arg, const struct dro_service *service, uint64_t deadline_ms);
	/* Starts a worker process for a run. Any thread. */
	int (*start)(
		void *arg, const char *run, struct dro_control_worker *out, struct dro_error *err);
};

struct dro_controller_config {
	const struct dro_controller_ops *ops; /* these outlive the controller */
	struct dro_store *store;
	const struct dro_log *log;
	struct dro_systemd *systemd; /* or NULL */
	const char *listen;	     /* for `status`: where the webhook is, or "" */
	uint64_t poll_ms, period_ms;
	uint64_t look_ms;      /* a visit's deadline */
	uint64_t orphan_ms;    /* how long nobody may drive a run before it is taken over */
	uint64_t retry_ms;     /* the first wait after a failure */
	uint64_t heartbeat_ms; /* how long a look at databases may take */
	uint64_t late_ms;      /* past its deadline, before a visit counts as stuck */
	size_t visits;	       /* side by side */
	size_t workers;	       /* reconcile runs of ours side by side */
	bool once;	       /* every service once, to the end of its run */
};

struct dro_controller;

/*
 * Takes `spec` over, whatever comes of it. DRO_EBUSY: another controller is on this state, named in
 * `err`.
 */
int dro_controller_new(struct dro_controller **out, const struct dro_controller_config *config,
	struct dro_spec *spec, struct dro_error *err);
/*
 * Until dro_controller_stop, or with `once` until all is done. 0, also after a stop. DRO_ETIMEDOUT:
 * visits did not end within the time for stopping; then nothing may be freed and the process is to
 * end. DRO_EBUSY: the lease was lost. With `once`: the worst of what happened (DRO_ESAFETY: a rule
 * said no).
 */
int dro_controller_run(struct dro_controller *controller, struct dro_error *err);
void dro_controller_free(struct dro_controller *controller); /* NULL-safe */

/* From signal handlers and any thread. */
void dro_controller_stop(struct dro_controller *controller);
void dro_controller_poll_now(struct dro_controller *controller);
/* Do loop, visits and git make progress? Any thread. */
bool dro_controller_is_well(struct dro_controller *controller);

#endif
