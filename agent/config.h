/* The agent's configuration: /etc/drorch/agent.yaml. Read-only once loaded, so any thread may read.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "model/manifest.h"
#include "model/service.h"

#define AGENT_CONFIG_FILE "/etc/drorch/agent.yaml"

struct agent_place {
	struct dro_account account; /* of the storage plugin, with its options */
	char *bucket, *prefix;
};

struct agent_data {
	enum dro_backup_kind kind;
	char *path;
};

/* Strings are never NULL; "" where not given. */
struct agent_config {
	char *service; /* whose host this is */
	char *site;    /* "" : the user-data tells */
	char *plugins; /* folder of the storage plugin */
	char *state;   /* folder of the agent's own files */
	struct agent_place store;
	struct agent_data source; /* what is backed up */
	char *restore;		  /* where a backup is restored to; "" : where it came from */
	char **command;		  /* that starts the service, NULL-terminated; NULL: none */
	size_t command_count;
	char *address;		       /* of the progress endpoint */
	int port;		       /* 0: any */
	int64_t backup_ms, restore_ms; /* how long each may take */
	int part_mib;		       /* largest object of a backup */
};

/*
 * What is wrong in the file is told in the message, a line each, as "file:line:column: …". `path`
 * must outlive the configuration: places point to it.
 */
int agent_config_load(struct agent_config **out, const char *path, struct dro_error *err);
void agent_config_free(struct agent_config *config); /* NULL-safe */

#endif
