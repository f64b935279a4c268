/*
 * A site's database as its agent tells of it, and GTID positions ("0-1-42,1-2-7": domain, server,
 * number). Plain data, no pointers: copied freely.
 */
#ifndef DRORCH_MODEL_DATABASE_H
#define DRORCH_MODEL_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#define DRO_POSITION_MAX 1024

struct dro_database_seen {
	bool answered;	 /* else only `error` counts */
	char error[400]; /* why it did not */
	bool primary;	 /* the role it was given last */
	bool fenced, read_only;
	int64_t epoch;			 /* the highest it has heard of */
	char position[DRO_POSITION_MAX]; /* the last write in its own log */
	bool replicates;		 /* both threads run */
	char follows[256];		 /* whom; "" : nobody */
	int64_t follows_port;
	int64_t lag_s;			 /* -1: it cannot be told */
	char received[DRO_POSITION_MAX]; /* the last write that came from whom it follows */
	char trouble[300];		 /* why it does not replicate */
	bool semi_sync;	       /* as a primary: a write is acknowledged when a replica has it */
	int64_t self_fence_ms; /* how long, unheard, until it fences itself; 0: it does not */
	bool files;	       /* a replica fetches what the application keeps beside it */
	int64_t files_age_ms;  /* how old its last fetch is; -1: it made none */
};

/* The host of a site that holds the data: the first of its first group. */
struct dro_data_host {
	char name[256];	   /* SERVICE-SITE-GROUP-N; "" : none is known */
	char id[128];	   /* the provider's */
	char address[128]; /* where it is reached, also by its replica */
	char state[24];	   /* of the instance, the provider's last word: "running", … */
	struct dro_database_seen seen;
};

/* What was last heard of a primary, kept for the day it cannot be asked. */
struct dro_recovery_point {
	int64_t at_ms; /* wall clock; 0: never heard of */
	char site[128];
	char position[DRO_POSITION_MAX];
	bool semi_sync;
	int64_t self_fence_ms;
};

/* How many writes `all` has that `have` lacks, summed over the domains. 0 for "". */
int64_t dro_position_missing(const char *all, const char *have);

#endif
