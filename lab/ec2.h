/*
 * The simulated EC2: the Query protocol over the lab's instances and images. A handler validates
 * as the vendor does, in this order: parameters, ids, DryRun, states; then it does the work and
 * writes the inside of its reply.
 */
#ifndef DRORCH_LAB_EC2_H
#define DRORCH_LAB_EC2_H

#include <pthread.h>

#include "lab/images.h"
#include "lab/instances.h"
#include "lab/lab.h"

#define EC2_TOKEN_MAX 64
#define EC2_TAGS_MAX 50
#define EC2_LIMITS_MAX 64
#define EC2_IDS_MAX 1000
#define EC2_STATUS_IDS_MAX 100

enum ec2_class { EC2_READ, EC2_CHANGE, EC2_RUN, EC2_CLASSES };

/* The request buckets of one region. */
struct ec2_limits {
	char region[LAB_REGION];
	struct lab_bucket buckets[EC2_CLASSES];
};

struct ec2 {
	struct lab *lab;
	pthread_mutex_t lock; /* guards what follows, and makes a token's look-up and use one */
	struct ec2_limits limits[EC2_LIMITS_MAX];
	size_t limit_count;
	bool limited;  /* false: no rate limits */
	int64_t quota; /* instances that live at once, in a region */
};

struct ec2_call {
	struct ec2 *ec2;
	const struct lab_call *call;
	struct lab_reply *reply;
	struct lab_pairs params;
	const char *region;
	int64_t now_ms;
};

struct ec2_operation {
	const char *name;
	int class; /* enum ec2_class */
	void (*run)(struct ec2_call *c);
	const char *const *parameters; /* '#' is a number, a final '*' anything; ends with NULL */
	const char *required[4];       /* a list's is "InstanceId.1" */
};

extern const struct lab_vendor lab_vendor_ec2;
/* ec2_operations.c; NULL: no such action. */
const struct ec2_operation *ec2_operation_find(const char *name);

/* ec2.c */
void ec2_error(struct ec2_call *c, int status, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ec2_params.c: the parameters. Functions that return false have answered with an error. */
const char *ec2_param(const struct ec2_call *c, const char *name); /* NULL: absent */
bool ec2_bool(struct ec2_call *c, const char *name, bool *out);	   /* absent: false */
bool ec2_int(struct ec2_call *c, const char *name, int64_t min, int64_t max, int64_t *out);
bool ec2_check_params(struct ec2_call *c, const struct ec2_operation *operation);
/* DryRun=true: answers DryRunOperation and returns false. */
bool ec2_go(struct ec2_call *c);
/* NAME.1, NAME.2, …, in the order they came: n from 0; NULL behind the last. */
const char *ec2_list(const struct ec2_call *c, const char *name, size_t n);
/* The same walked from *at = 0 on, for lists that may be long. */
const char *ec2_each(const struct ec2_call *c, const char *name, size_t *at);
/* Does the list hold `text`? One that is not there asks for all. */
bool ec2_is_asked_for(const struct ec2_call *c, const char *name, const char *text);
/* Are all ids of the list of the form PREFIX and 8 or 17 hex digits, and not too many? */
bool ec2_check_ids(struct ec2_call *c, const char *name, const char *prefix, const char *kind);
bool ec2_id_is(const char *id, const char *prefix);
/* The values of a list, sorted. false: out of memory, and answered. */
struct ec2_ids {
	const char **items;
	size_t count;
};
bool ec2_ids_read(struct ec2_call *c, const char *name, struct ec2_ids *ids);
bool ec2_ids_ask_for(const struct ec2_ids *ids, const char *id); /* all, where there are none */
void ec2_ids_free(struct ec2_ids *ids);
/* The tags for `type` of TagSpecification.N into the object `tags`. */
bool ec2_tag_specifications(struct ec2_call *c, const char *type, cJSON *tags);
/* Tag.N.Key and .Value into the object `tags`, prefix "Tag" or "TagSpecification.1.Tag". */
bool ec2_tags(struct ec2_call *c, const char *prefix, cJSON *tags);
/* What the request asks for, whoever repeats it: a hash over all but its token. */
void ec2_fingerprint(const struct ec2_call *c, char out[DRO_SHA256_HEX]);
bool ec2_check_token(struct ec2_call *c);

/* ec2_filter.c */
/* 1: a value of `name` matches the pattern; 0: none does; -1: there is no such filter. */
typedef int (*ec2_field_match)(const void *object, const char *name, const char *pattern);
/* Does `object` pass all filters? Answers an error and sets *bad for an unknown filter. */
bool ec2_filter(struct ec2_call *c, ec2_field_match match, const void *object, bool *bad);
/* Are all filters known, also where the list they sift is empty? `empty` is a zeroed object. */
bool ec2_check_filters(struct ec2_call *c, ec2_field_match match, const void *empty);
int ec2_match_tags(const cJSON *doc, const char *name, const char *pattern); /* as the above */
int ec2_match_text(const char *text, const char *pattern);
/* A page of a list that is walked in its order. */
struct ec2_page {
	int64_t max; /* 0: all */
	char after[LAB_ID];
	char last[LAB_ID];
	int64_t count;
	bool passed; /* `after` was met, or there is none */
	bool more;
};
bool ec2_page_begin(struct ec2_call *c, struct ec2_page *page, const char *id_list);
/* Does the thing with that id stand on this page? */
bool ec2_page_takes(struct ec2_page *page, const char *id);
/* <nextToken>, or the error for a token that named nothing. */
void ec2_page_end(struct ec2_call *c, struct ec2_page *page);

/* ec2_xml.c */
void ec2_put(struct ec2_call *c, const char *name, const char *text);
void ec2_put_state(struct ec2_call *c, const char *name, int state);
void ec2_put_instance(struct ec2_call *c, const struct lab_instance *instance);
void ec2_put_image(struct ec2_call *c, const struct lab_image *image);
void ec2_put_snapshot(struct ec2_call *c, const struct lab_image *image);
int ec2_state_code(int state);

/* Is the thing this call's region's and old enough to be seen? */
bool ec2_sees_instance(const struct ec2_call *c, const struct lab_instance *instance);
bool ec2_sees_image(const struct ec2_call *c, const struct lab_image *image);

/* ec2_modify.c */
bool ec2_type_is(const char *type); /* "t3.micro" */
/* (locked) "ok", "impaired" or "initializing": what the checks say of a running one. */
const char *ec2_checks(const struct lab_instance *instance);
int ec2_set_checks(struct lab *lab, const char *id, const char *word, struct dro_error *err);

/* The operations: ec2_run.c, ec2_instances.c, ec2_power.c, ec2_modify.c, ec2_images.c,
 * ec2_snapshots.c, ec2_misc.c */
void ec2_run_instances(struct ec2_call *c);
void ec2_describe_instances(struct ec2_call *c);
void ec2_describe_instance_status(struct ec2_call *c);
void ec2_start_instances(struct ec2_call *c);
void ec2_stop_instances(struct ec2_call *c);
void ec2_reboot_instances(struct ec2_call *c);
void ec2_terminate_instances(struct ec2_call *c);
void ec2_modify_instance_attribute(struct ec2_call *c);
void ec2_describe_images(struct ec2_call *c);
void ec2_create_image(struct ec2_call *c);
void ec2_copy_image(struct ec2_call *c);
void ec2_deregister_image(struct ec2_call *c);
void ec2_describe_snapshots(struct ec2_call *c);
void ec2_delete_snapshot(struct ec2_call *c);
void ec2_create_tags(struct ec2_call *c);
void ec2_delete_tags(struct ec2_call *c);
void ec2_describe_regions(struct ec2_call *c);

/* regions.c: the AWS regions of every lab. */
extern const char *const lab_aws_regions[]; /* ends with NULL */
bool lab_aws_region_is(const char *name);

#endif
