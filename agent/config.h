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

enum agent_role { AGENT_ROLE_REPLICA, AGENT_ROLE_PRIMARY };

/* The server's programs; each is run to its end, without a shell. */
struct agent_server {
	char *data;		      /* its data folder */
	char **start, **stop, **kill; /* NULL-terminated */
	size_t start_count, stop_count, kill_count;
};

/* How another host is reached. */
struct agent_ssh {
	char *user, *identity, *known_hosts; /* "" identity: it cannot be */
	int port;
};

/* Where a copy of another host's data comes from, and who makes one of ours. */
struct agent_seed {
	char *user; /* the account by which mariadb-backup reads this host; "": the agent's */
	struct dro_secret_ref password;
	struct agent_ssh ssh;
};

/* The database of this host; see driver.h. */
struct agent_database {
	bool given; /* else there is none, and nothing below counts */
	char *kind; /* the driver's name */
	char *socket, *user;
	struct dro_secret_ref password; /* kind NONE: the server asks the socket who we are */
	enum agent_role role;		/* where the host starts its life */
	char *boot_file; /* that the server reads at its start: holds read_only; "": none */
	char **keep;	 /* accounts whose connections are never ended */
	size_t keep_count;
	char *replication_user; /* "": this host cannot follow another */
	struct dro_secret_ref replication_password;
	bool replication_tls;
	char *replication_ca; /* PEM file as the server reads it; "": the system's */
	int64_t semi_sync_ms; /* how long a commit waits for a replica */
	struct agent_server server;
	struct agent_seed seed;
};

struct agent_directory {
	char *path; /* here */
	char *from; /* what the other host's forced command calls it; "": the same */
};

/* What the application keeps beside its database; see files.h. */
struct agent_files {
	bool given; /* else nothing is fetched */
	struct agent_directory *directories;
	size_t count;
	struct agent_ssh ssh;
};

/* What check finds fault with. Percentages are of what there is. */
struct agent_limits {
	int disk, inodes, memory, connections; /* percent used */
	int load;			       /* percent: 100 is one runnable process per CPU */
	int64_t lag_ms, clock_ms, backup_ms, files_ms;
	char **paths; /* whose file systems are looked at; beside them: the state's */
	size_t path_count;
	char **services; /* systemd units */
	size_t service_count;
};

struct agent_peer {
	char *host;
	int port;
};

/* A host that nobody counts on closes itself; see watch.h. */
struct agent_self_fence {
	bool given; /* else it never does */
	int64_t after_ms;
	struct agent_peer *peers;
	size_t peer_count;
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
	char *address;			  /* of the progress endpoint */
	int port;			  /* 0: any */
	int64_t backup_ms, restore_ms;	  /* how long each may take */
	int64_t store_away_ms;		  /* how long the store may be away in a restore */
	int part_mib;			  /* largest object of a backup */
	int64_t full_every_ms;		  /* mariadb: how old a repository grows */
	struct dro_secret_ref backup_key; /* mariadb: what backups are encrypted with */
	char *owner;			  /* mariadb: whom restored files belong to */
	struct agent_database database;
	struct agent_files files;
	struct agent_limits limits;
	struct agent_self_fence self_fence;
};

/*
 * What is wrong in the file is told in the message, a line each, as "file:line:column: …". `path`
 * must outlive the configuration: places point to it.
 */
int agent_config_load(struct agent_config **out, const char *path, struct dro_error *err);
void agent_config_free(struct agent_config *config); /* NULL-safe */

#endif
