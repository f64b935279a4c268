/*
 * What is wanted: the spec as plain data. Every pointer belongs to its struct and goes with
 * dro_spec_free; strings are never NULL ("" where not given), arrays may be NULL with count 0.
 * Durations are milliseconds, DRO_UNSET where not given. Read-only once loaded, so any thread may
 * read.
 */
#ifndef DRORCH_MODEL_SERVICE_H
#define DRORCH_MODEL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define DRO_UNSET (-1)

/* Where in the spec something stands, for messages after loading. */
struct dro_place {
	const char *file; /* belongs to the spec */
	int line, column; /* from 1 */
};

enum dro_secret_kind {
	DRO_SECRET_NONE,
	DRO_SECRET_ENV,
	DRO_SECRET_FILE,
	DRO_SECRET_SYSTEMD,
	DRO_SECRET_COMMAND,
};

/* A credential by reference: where the value is, never the value. */
struct dro_secret_ref {
	enum dro_secret_kind kind;
	char *value; /* variable, path, credential name; "" for a command */
	char **argv; /* command: ends with NULL */
};

struct dro_credential {
	char *name;
	struct dro_secret_ref ref;
	struct dro_place place;
};

struct dro_setting {
	char *name, *value;
	struct dro_place place;
};

/* What an account's provider allows of calls. */
struct dro_rate {
	int per_second, burst;
};

struct dro_account {
	char *name, *plugin;
	struct dro_rate budget; /* shared by every process: see docs/controller.md */
	struct dro_setting
		*settings; /* region, endpoint, …: checked against the plugin's options */
	size_t setting_count;
	struct dro_credential *credentials;
	size_t credential_count;
	struct dro_place place;
};

struct dro_objectives {
	int64_t rto_ms, rpo_ms;
};

struct dro_health {
	bool given;
	char *scheme, *path, *host;
	int port;	   /* 0: the scheme's */
	int status;	   /* the answer that means well; 200 */
	char *site_header; /* the answer's header that names the site; "X-Drorch-Site" */
	int64_t interval_ms, timeout_ms;
	int fail_after, recover_after;
	int need; /* vantages that must agree */
};

/* What of a group runs in peace, while another site is active. */
struct dro_standby_size {
	bool given;
	int count;  /* 1 */
	char *type; /* "" : the group's */
};

struct dro_instance_group {
	char *name, *type;
	int count;
	struct dro_standby_size standby; /* pilot-light, warm-standby */
	char *image;			 /* an id of the provider, or a name */
	bool image_newest;		 /* the newest image of that name */
	struct dro_setting *options; /* subnet, security_groups, key_name, zone: the plugin's own */
	size_t option_count;
	struct dro_place place;
};

struct dro_agent {
	bool given;
	char *ssh_user;
	char *known_hosts; /* "" where only `progress` is given */
	struct dro_secret_ref identity;
	int ssh_port;
	int progress_port; /* of the restore's progress endpoint; 8480 */
};

/* Can its hosts be asked in a session? Not where only `progress` is given. */
bool dro_agent_has_session(const struct dro_agent *agent);

enum dro_role { DRO_ROLE_STANDBY, DRO_ROLE_PRIMARY };

enum dro_strategy {
	DRO_STRATEGY_NONE, /* the primary's */
	DRO_STRATEGY_BACKUP_RESTORE,
	DRO_STRATEGY_PILOT_LIGHT,
	DRO_STRATEGY_WARM_STANDBY,
	DRO_STRATEGY_HOT_STANDBY,
	DRO_STRATEGY_MULTI_SITE,
	DRO_STRATEGY_STATIC_PAGE,
};

enum dro_replication_mode {
	DRO_REPLICATION_SEMI_SYNC, /* a write is acknowledged when the replica has it */
	DRO_REPLICATION_ASYNC,
};

struct dro_replication {
	enum dro_replication_mode mode;
	int port; /* of the database, on both sides */
};

struct dro_site {
	char *name, *provider, *region;
	enum dro_role role;
	enum dro_strategy strategy;
	char *follows; /* pilot-light, warm-standby, hot-standby: the site whose data it replicates
			*/
	struct dro_replication replication;
	char *restores;	     /* backup-restore: the name under `backups` */
	char *bucket, *page; /* static-page */
	char *page_data; /* the page's content, of the same commit; NULL: there is no such file */
	size_t page_length;
	char page_sha256[DRO_SHA256_HEX];
	struct dro_objectives objectives; /* the service's where not given */
	struct dro_instance_group *groups;
	size_t group_count;
	struct dro_agent agent;
	struct dro_health health;
	struct dro_place place;
};

struct dro_backup_policy {
	char *name, *source;			   /* the site it is taken from */
	char *provider, *bucket, *prefix, *region; /* store; region "" : the account's */
	int64_t every_ms;
	char *at; /* "HH:MM" or "" */
	int64_t max_age_ms;
	bool retention_given; /* without it nothing is ever removed */
	int keep_daily, keep_weekly, keep_monthly;
	int shrink_percent; /* a backup smaller than this share of the one before is refused; 50 */
	struct dro_secret_ref encryption_key;
	int64_t restore_test_ms;
	struct dro_place place;
};

struct dro_image_policy {
	char *name, *provider, *region;
	char *base;	       /* an id of the provider, or a name */
	char *playbook, *bake; /* below the spec; bake "" : none */
	char *type;	       /* of the base machine; "" : the group's that boots the image */
	char *ssh_user;	       /* "root" */
	struct dro_secret_ref identity; /* NONE: a key made for the build */
	char *known_hosts;		/* "" : the machine's key is taken at first contact */
	struct dro_setting *options;	/* of the base machine: the plugin's own */
	size_t option_count;
	struct dro_setting *vars; /* what the playbook is told */
	size_t var_count;
	int64_t deadline_ms; /* of each playbook; 1h */
	int64_t refresh_ms;
	int keep;
	struct dro_place place;
};

struct dro_weight {
	char *site;
	int weight;
};

enum dro_policy { DRO_POLICY_FAILOVER, DRO_POLICY_WEIGHTED };

struct dro_path {
	char *provider, *zone;
	bool proxied;
	int64_t ttl_ms;
	struct dro_place place;
};

/* How verification reaches the public name, where it must not ask the machine's own resolver. */
struct dro_verify {
	char *scheme;	    /* "https" */
	char *address;	    /* "" : resolve the name; else connect there */
	int port;	    /* 0: the scheme's */
	int64_t timeout_ms; /* how long the new site may take to show through the name; 2m */
};

struct dro_traffic {
	char *key, *name, *type;
	enum dro_policy policy;
	struct dro_weight *weights;
	size_t weight_count;
	struct dro_path *paths; /* tried in order */
	size_t path_count;
	struct dro_verify verify;
	struct dro_place place;
};

struct dro_dns_entry {
	char *key, *name, *type;
	char **values;
	size_t value_count;
	char **providers;
	size_t provider_count;
	char *zone; /* "" : the name's own zone */
	int64_t ttl_ms;
	struct dro_place place;
};

enum dro_automatic { DRO_AUTOMATIC_OFF, DRO_AUTOMATIC_OBSERVE, DRO_AUTOMATIC_ON };

enum dro_switch { DRO_OFF, DRO_ON };

struct dro_safety {
	enum dro_automatic automatic_failover;
	int64_t cool_down_ms;
	int max_changes_percent;  /* DRO_UNSET where max_changes is a count */
	int max_changes;	  /* DRO_UNSET where it is a percentage */
	int64_t monitor_ms;	  /* how long a run watches the new site before it commits; 30s */
	enum dro_switch rollback; /* a failed apply puts back what it changed */
};

struct dro_drill {
	char *name, *site, *window;
	int64_t every_ms, ttl_ms;
	struct dro_place place;
};

enum dro_notify_on {
	DRO_NOTIFY_HEALTH = 1 << 0,
	DRO_NOTIFY_RUN = 1 << 1,
	DRO_NOTIFY_DRILL = 1 << 2,
	DRO_NOTIFY_BACKUP = 1 << 3,
};

struct dro_notify {
	struct dro_secret_ref webhook; /* kind NONE: an e-mail */
	char **to;
	size_t to_count;
	char *server;
	unsigned on; /* enum dro_notify_on */
	struct dro_place place;
};

struct dro_service {
	char *name, *owner, *environment;
	struct dro_objectives objectives;
	struct dro_site *sites;
	size_t site_count;
	struct dro_backup_policy *backups;
	size_t backup_count;
	struct dro_image_policy *images;
	size_t image_count;
	struct dro_traffic *traffic;
	size_t traffic_count;
	struct dro_dns_entry *dns;
	size_t dns_count;
	struct dro_safety safety;
	struct dro_drill *drills;
	size_t drill_count;
	struct dro_notify *notify;
	size_t notify_count;
	struct dro_place place;
};

/* A whole repository at one commit. */
struct dro_spec {
	char *commit;		     /* "" : a working copy */
	char digest[DRO_SHA256_HEX]; /* of all of its files: a working copy may change */
	struct dro_account *accounts;
	size_t account_count;
	struct dro_service *services; /* by name */
	size_t service_count;
	char **files; /* the names that places point to, with the tree's origin before them */
	size_t file_count;
};

void dro_spec_free(struct dro_spec *spec); /* NULL-safe */
void dro_secret_ref_fini(struct dro_secret_ref *ref);

/* Look-ups by name; NULL where there is none. */
const struct dro_account *dro_spec_account(const struct dro_spec *spec, const char *name);
const struct dro_service *dro_spec_service(const struct dro_spec *spec, const char *name);
const struct dro_site *dro_service_site(const struct dro_service *service, const char *name);
const struct dro_site *dro_service_primary(const struct dro_service *service);
/*
 * The share of weighted traffic that the site gets while `active` is the active site: as in the
 * spec while that is the primary; after a failover the active site has the primary's share as well
 * as its own, and the primary none. <0: the site is no member.
 */
int dro_traffic_share(const struct dro_service *service, const struct dro_traffic *traffic,
	const char *site, const char *active);
const struct dro_backup_policy *dro_service_backup(
	const struct dro_service *service, const char *name);
const struct dro_image_policy *dro_service_image(
	const struct dro_service *service, const char *name);

/* pilot-light, warm-standby: it runs small, and grows to what its groups say before it takes over.
 */
bool dro_strategy_grows(enum dro_strategy strategy);
/*
 * How many of the site's group, by its index, are to be there while another site is active, and of
 * which type; <0: that is no business of ours.
 */
int dro_standby_count(const struct dro_site *site, size_t group);
const char *dro_standby_type(const struct dro_site *site, size_t group);

const char *dro_strategy_name(
	enum dro_strategy strategy); /* "backup-restore"; "primary" for NONE */

#endif
