/* What the controller's files share. Not for others: they see controller.h. */
#ifndef DRORCH_CONTROL_INTERNAL_H
#define DRORCH_CONTROL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/pool.h"
#include "control/controller.h"
#include "control/schedule.h"

#define CONTROL_COMMIT 65

/* A spec, while it or a visit of it is in use. */
struct control_spec {
	struct dro_spec *spec;
	void *world;
	size_t users; /* the controller, and each visit */
};

enum control_state {
	CONTROL_IDLE,	 /* the schedule has it */
	CONTROL_VISITED, /* a visit is under way */
	CONTROL_WAITING, /* something is to do, and all workers are busy */
	CONTROL_RUNNING, /* a run of it is not over */
};

/* One service. Loop's thread only. */
struct control_service {
	char *name;
	enum control_state state;
	char run[DRO_RUN_ID_MAX];	 /* of CONTROL_RUNNING */
	char run_commit[CONTROL_COMMIT]; /* the spec that run is of; "" : not a run of ours */
	uint64_t fresh_ms;		 /* what was seen before does not count */
	uint64_t waiting_ms;		 /* since when; 0: not */
	unsigned runs;			 /* of ours, one after the other without rest */
	bool settled;			 /* of `once` */
	bool beating;			 /* a heartbeat is under way */
	uint64_t beat_ms;		 /* when the next one is due */

	/* For `status`. */
	char applied[CONTROL_COMMIT], attempted[CONTROL_COMMIT];
	const char *word; /* "steady", … */
	char error[600];
	unsigned failures;
	int64_t visited_ms; /* wall clock */
	cJSON *seen;
	bool changed; /* what is above is to be stored */
};

/* One visit under way. */
struct control_job {
	struct dro_controller *controller;
	struct control_spec *spec;
	char *service;
	struct dro_visit_ask ask;
	struct dro_visit visit;
	struct dro_control_worker worker; /* pid 0: none was started */
	bool slot;
	struct control_job *next;
};

/* A worker of ours. Loop's thread only. */
struct control_worker {
	struct dro_control_worker handle;
	char run[DRO_RUN_ID_MAX];
	bool slot;
	struct control_worker *next;
};

/* A run that nobody drives. */
struct control_orphan {
	char run[DRO_RUN_ID_MAX];
	uint64_t since_ms, next_ms; /* next_ms: not to be tried before */
	unsigned tries;
	bool open;
	struct control_orphan *next;
};

/* The thread that asks git. */
struct control_poller {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	bool started, stopping, wanted;
	uint64_t asking_ms; /* since when git is being asked; 0: it is not */
	char have[CONTROL_COMMIT];
	struct dro_spec *news; /* for the loop to take */
};

struct dro_controller {
	struct dro_controller_config config;
	struct dro_lease lease;
	uint64_t renew_ms, scan_ms, flush_ms, fed_ms; /* when each was done last */
	uint64_t version;			      /* of the store, when it was read last */
	struct dro_pool *pool;
	struct dro_schedule *schedule;
	struct control_spec *spec;
	struct control_service *services;
	size_t service_count;
	struct control_worker *workers;
	struct control_orphan *orphans;
	struct control_poller poller;
	int wake_fd;
	atomic_int stopping, poll_wanted;
	_Atomic uint64_t beat_ms; /* the loop's last turn */
	uint64_t stop_ms;	  /* since when we stop; 0: we do not */
	int once_rc;

	struct dro_pool *heartbeats; /* NULL until there is one */
	size_t beat_count;	     /* under way, or not looked at */

	size_t job_count; /* visits under way, or finished and not looked at */

	pthread_mutex_t lock; /* of what is below */
	struct control_job *jobs, *finished;
	struct heartbeat *beaten;
	size_t slots; /* in use */
};

uint64_t control_now(void);
void control_wake(struct dro_controller *controller);
/* An event in the store, and a line in the log. */
void control_event(struct dro_controller *controller, const char *service, const char *run,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
bool control_slot_take(struct dro_controller *controller);
void control_slot_give(struct dro_controller *controller);
struct control_service *control_find(struct dro_controller *controller, const char *name);

/* spec.c: the spec in use. Takes `spec` over. */
int control_adopt(struct dro_controller *controller, struct dro_spec *spec, struct dro_error *err);
void control_spec_release(struct dro_controller *controller, struct control_spec *spec);
void control_services_free(struct control_service *services, size_t count);

/* visits.c: from the schedule to the pool and back. */
void control_visit_start(struct dro_controller *controller);
void control_visit_finish(struct dro_controller *controller);
/* Runs of CONTROL_RUNNING that have ended, pauses that are over, services that wait for a worker.
 */
void control_look_after(struct dro_controller *controller);
void control_call_waiting(struct dro_controller *controller);

/* workers.c: processes of ours, and runs that nobody drives. */
void control_worker_add(struct dro_controller *controller, const struct dro_control_worker *handle,
	const char *run, bool slot);
void control_workers_reap(struct dro_controller *controller);
void control_orphans_scan(struct dro_controller *controller);
void control_workers_free(struct dro_controller *controller);

/* heartbeat.c: takes in those that came back, sends out those that are due. */
void control_heartbeats(struct dro_controller *controller);

/* report.c: what `status` shows. */
/* `word` is a literal. */
void control_report(struct dro_controller *controller, struct control_service *service,
	const char *word, const char *format, ...) __attribute__((format(printf, 4, 5)));
void control_report_flush(struct dro_controller *controller);
void control_report_self(struct dro_controller *controller);
void control_report_load(struct dro_controller *controller, struct control_service *service);

/* poller.c */
int control_poller_start(struct dro_controller *controller, struct dro_error *err);
void control_poller_want(struct dro_controller *controller);
struct dro_spec *control_poller_news(struct dro_controller *controller);
bool control_poller_well(struct dro_controller *controller);
bool control_poller_stop(struct dro_controller *controller, bool wait);

#endif
