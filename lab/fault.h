/*
 * Faults on command: which calls they meet (vendor, operation, region; "*" is any), what they do,
 * and how often. Thread-safe.
 */
#ifndef DRORCH_LAB_FAULT_H
#define DRORCH_LAB_FAULT_H

#include "lab/lab.h"

enum lab_fault_kind {
	LAB_FAULT_LATENCY,   /* waits ms, then goes on */
	LAB_FAULT_LATE,	     /* commits, then waits ms before the answer */
	LAB_FAULT_STATUS,    /* answers an error, nothing is changed */
	LAB_FAULT_DROP,	     /* commits, then closes without an answer */
	LAB_FAULT_HALF_OPEN, /* takes the request, never answers (ms at most), nothing is changed */
	LAB_FAULT_DRIP,	     /* commits, then answers one byte each ms */
	LAB_FAULT_REFUSE,    /* closes at once, nothing is changed */
	LAB_FAULT_OUTAGE,    /* as refuse, or as status 503: a provider or region is away */
	LAB_FAULT_LAG,	     /* lists hide what is younger than ms */
	LAB_FAULT_RATE,	     /* a token bucket: the vendor's throttling error when it is empty */
	LAB_FAULT_BODY,	     /* commits, then answers `message` instead, with `status` */
	LAB_FAULT_TRUNCATE,  /* commits, then ends half way through the answer */
};

struct lab_fault {
	char id[16];
	int kind;
	char vendor[32];
	char operation[LAB_OPERATION];
	char region[LAB_REGION];
	int64_t count; /* calls still to meet; -1: for good */
	int status;
	char code[64]; /* "" : the vendor's usual for `status` */
	char message[1024];
	int64_t retry_after_s; /* -1: not sent */
	int64_t ms;
	struct lab_bucket bucket;
};

/* What is to happen to one call, all its faults together. */
struct lab_effects {
	int64_t latency_ms;
	int64_t late_ms;
	int64_t drip_ms;
	int64_t lag_ms;
	int64_t half_open_ms; /* 0: no */
	int status;	      /* 0: no error to answer */
	char code[64];
	char message[1024];
	int64_t retry_after_s;
	bool refuse;
	bool drop;
	bool truncate;
	int body_status; /* 0: the vendor's own body */
	char names[128]; /* "latency,drop", for the log */
};

struct lab_faults;
int lab_faults_new(struct lab_faults **out, struct dro_error *err);
void lab_faults_free(struct lab_faults *faults);

/* Empty patterns are "*". The new fault's id goes to `id`. */
int lab_faults_add(struct lab_faults *faults, const struct lab_fault *fault, char id[16],
	struct dro_error *err);
/* By id or kind, or all of them where `word` is NULL; how many went. */
size_t lab_faults_clear(struct lab_faults *faults, const char *word);
/* Ends the outages of that provider or region (either may be "*"). */
size_t lab_faults_restore(struct lab_faults *faults, const char *vendor, const char *region);
void lab_faults_list(struct lab_faults *faults, struct dro_buf *out);
/* Looks up, and counts down, what meets this call. */
void lab_faults_meet(struct lab_faults *faults, const struct lab_call *call, int64_t now_ms,
	struct lab_effects *effects);

/* "drop" and the like; -1: no such kind. */
int lab_fault_kind_of(const char *word);
const char *lab_fault_kind_name(int kind);

#endif
