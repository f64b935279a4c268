/*
 * Clouds in memory for the pure half of reconcile: what a plan's steps would do is done to lists.
 * No I/O; one thread.
 */
#ifndef DRORCH_TESTS_UNIT_SIM_CLOUDS_H
#define DRORCH_TESTS_UNIT_SIM_CLOUDS_H

#include "model/graph.h"
#include "model/observed.h"

#define SIM_PROVIDERS 2
#define SIM_ZONE "a.example"

/* Each provider has the zone; the first one's proxies, the second one has health checks. */
struct sim {
	struct dro_record_list records[SIM_PROVIDERS];
	struct dro_instance_list instances;
	struct dro_health_check_list checks;
	struct dro_backup_list backups;
	unsigned made; /* numbers ids and addresses */
	/* What the next observation cannot read. */
	bool zone_away[SIM_PROVIDERS], instances_away, checks_away;
	const uint32_t *intervals; /* of health checks, as a plugin has them; NULL: 10, 30 */
	bool any_interval;
	/* Chance, in percent, that a step fails; half of those take effect all the same. */
	unsigned fail_percent;
	uint64_t seed;
};

extern const char *const sim_providers[SIM_PROVIDERS];

uint32_t sim_random(struct sim *sim, uint32_t below);
void sim_free(struct sim *sim);

/* A record set; `owner` "" is somebody else's. */
void sim_add_record(struct sim *sim, size_t provider, const char *name, const char *type,
	const char *value, const char *owner);
void sim_add_instance(struct sim *sim, const char *service, const char *site, const char *group,
	const char *type, enum dro_instance_state state);
/* A finished, good backup of that age. */
void sim_add_backup(struct sim *sim, const char *service, int64_t time_ms);

/* What a pass would see now; valid until the clouds change. To be freed. */
void sim_observe(struct dro_observed *out, struct sim *sim, const struct dro_service *service);
void sim_observed_free(struct dro_observed *seen);

/* Carries the plan's steps out, in their order. How many failed. */
size_t sim_apply(struct sim *sim, const struct dro_plan *plan, const struct dro_service *service);

#endif
