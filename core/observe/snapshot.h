/*
 * Lists of providers, read once and shared by who needs them: services have zones, regions and
 * accounts in common. Thread-safe.
 */
#ifndef DRORCH_OBSERVE_SNAPSHOT_H
#define DRORCH_OBSERVE_SNAPSHOT_H

#include <stdbool.h>

#include "model/inventory.h"

/* One list as it was read. Read-only; held by references. */
struct dro_snapshot {
	int rc; /* 0, or why it could not be read */
	char error[400];
	unsigned flags; /* of a zone: enum dro_dns_flag */
	struct dro_record_list records;
	struct dro_instance_list instances;
	struct dro_health_check_list checks;
	/* The cache's own. */
	unsigned references;
	uint64_t began_ms;
};

struct dro_snapshots;

int dro_snapshots_new(struct dro_snapshots **out, struct dro_error *err);
void dro_snapshots_free(struct dro_snapshots *snapshots); /* NULL-safe; none is held any more */

/*
 * The list of that key, read by `read` unless one is there that began to be read at `fresh_ms`
 * (monotonic) or later. Of several that ask at once one reads, the others wait for it. Never
 * fails but for want of memory (NULL): a list that could not be read says so itself. To be let go.
 */
const struct dro_snapshot *dro_snapshots_get(struct dro_snapshots *snapshots, const char *key,
	uint64_t fresh_ms, int (*read)(void *arg, struct dro_snapshot *out, struct dro_error *err),
	void *arg);
void dro_snapshots_let_go(struct dro_snapshots *snapshots, const struct dro_snapshot *snapshot);

#endif
