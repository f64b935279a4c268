/*
 * The aws plugin inside. An account holds nothing that changes after open, so that any number of
 * threads may use it.
 */
#ifndef DRORCH_PLUGINS_AWS_H
#define DRORCH_PLUGINS_AWS_H

#include <stdbool.h>

#include "plugins/common/aws_answer.h"
#include "plugins/common/paging.h"
#include "plugins/common/params.h"

#define AWS_EC2_VERSION "2016-11-15"
#define AWS_STS_VERSION "2011-06-15"
#define AWS_CLOUDWATCH_VERSION "2010-08-01"
#define AWS_PAGE_SIZE "1000"
#define AWS_MAX_PAGES 1000
#define AWS_LIST_BYTES (16u * 1024 * 1024)
#define EC2_IDS_MAX 1000       /* in one call, as EC2 allows */
#define CLOUDWATCH_QUERIES 500 /* in one call, as CloudWatch allows */

struct aws_account {
	const struct dro_host *host;
	struct dro_params options; /* owns the texts below */
	const char *region;
	const char *endpoint;	 /* of every service, or "" for the real ones */
	const char *s3_endpoint; /* or "" for `endpoint` */
	const char *monitoring_endpoint;
	bool path_style;
};

/* ---- aws.c ---------------------------------------------------------------------------------- */

/* `region`, or the account's where it is "" or NULL. DRO_EINVAL for what can be no region. */
int aws_region(const struct aws_account *account, const char *region, const char **out,
	struct dro_error *err);
/* "https://SERVICE.REGION.amazonaws.com", or the endpoint of the options, without a final "/". */
void aws_endpoint(const struct aws_account *account, const char *service, const char *region,
	struct dro_buf *out);
int aws_no_memory(const struct aws_account *account, struct dro_error *err);

/* ---- website.c: find_website of struct dro_storage ------------------------------------------- */

int aws_find_website(void *opened, const char *region, const char *bucket, dro_emit_website emit,
	void *arg, const struct dro_call *call, struct dro_error *err);

/* ---- query.c: the Query protocol of EC2, STS and CloudWatch
 * ---------------------------------------------- */

/* Action and Version. */
void aws_action(struct dro_params *params, const char *action, const char *version);
/* PREFIX.1, PREFIX.2, … */
void aws_add_list(
	struct dro_params *params, const char *prefix, const char *const *items, size_t count);
/* Filter.N with one value that is taken as it stands: `*`, `?` and `\` are escaped. */
void aws_add_filter(struct dro_params *params, size_t number, const char *name, const char *value);
/* dro_paging_next, with *more for its 1. */
int aws_next_page(struct dro_paging *page, const char *token, bool *more, struct dro_error *err);
/* POSTs the form; *out is what came, for aws_answer; freed with the host's http_free. */
int aws_send(const struct aws_account *account, const char *service, const char *region,
	const struct dro_params *params, enum aws_kind kind, const struct dro_call *call,
	struct dro_http_response **out, struct dro_error *err);
/* Both: *out is the answer (dro_xml_free), of which no error is left. */
int aws_query(const struct aws_account *account, const char *service, const char *region,
	const struct dro_params *params, enum aws_kind kind, const struct dro_call *call,
	struct dro_xml **out, struct dro_error *err);

/* ---- plugins/common/aws_answer.h, for an account --------------------------------------------- */

static inline int aws_answer(const struct aws_account *account,
	const struct dro_http_response *response, enum aws_kind kind, struct dro_xml **out,
	struct dro_error *err)
{
	return dro_aws_answer(account->host, response, kind, out, err);
}

static inline int aws_lost(
	const struct aws_account *account, const char *what, struct dro_error *err)
{
	return dro_aws_lost(account->host, what, err);
}

static inline int aws_pass_on(
	const struct aws_account *account, const struct dro_error *from, struct dro_error *err)
{
	return dro_aws_pass_on(account->host, from, err);
}

static inline bool aws_is_word(const struct dro_error *err, const char *word)
{
	return dro_aws_is_word(err, word);
}

/* ---- ec2_tags.c ------------------------------------------------------------------------------ */

/* TagSpecification.N for one resource type: Name (where given) and `tags`. */
void aws_add_tags(struct dro_params *params, size_t number, const char *resource, const char *name,
	const struct dro_pair *tags, size_t count);
/* The <tagSet> of `node` as pairs whose texts are the tree's; free() the array. */
int aws_read_tags(const struct aws_account *account, const struct dro_xml_node *node,
	struct dro_pair **tags, size_t *count, struct dro_error *err);

/* ---- ec2_list.c ------------------------------------------------------------------------------ */

struct ec2_list {
	const struct aws_account *account;
	const char *action; /* for messages: `params` names it too */
	const char *region; /* "" or NULL: the account's */
	const struct dro_params *params;
	const char *items; /* where the first one is in an answer: "imagesSet/item" */
	/* Not 0 ends the list, which returns it. */
	int (*each)(const struct ec2_list *list, const struct dro_xml_node *item,
		const char *region, struct dro_error *err);
	void *arg; /* of `each` */
};

int ec2_list(const struct ec2_list *list, const struct dro_call *call, struct dro_error *err);

/* ---- cloudwatch.c ---------------------------------------------------------------------------- */

struct cloudwatch_load {
	const char *id;	     /* of an instance */
	int64_t measured_ms; /* 0: there is no measure */
	uint32_t cpu_permille;
};

/* Fills the measures of all, which are at most CLOUDWATCH_QUERIES. */
int cloudwatch_loads(const struct aws_account *account, const char *region,
	struct cloudwatch_load *loads, size_t count, const struct dro_call *call,
	struct dro_error *err);

/* ---- the capabilities ------------------------------------------------------------------------ */

extern const struct dro_compute aws_compute;
extern const struct dro_storage aws_storage;

int aws_probe(void *account, char *identity, size_t identity_size, const struct dro_call *call,
	struct dro_error *err);

int ec2_list_instances(void *account, const struct dro_instance_query *query,
	dro_emit_instance emit, void *arg, const struct dro_call *call, struct dro_error *err);
int ec2_power_instances(void *account, const char *region, const char *const *ids, size_t id_count,
	int power, const struct dro_call *call, struct dro_error *err);
int ec2_terminate_instances(void *account, const char *region, const char *const *ids,
	size_t id_count, const struct dro_call *call, struct dro_error *err);
int ec2_resize_instance(void *account, const char *region, const char *id, const char *type,
	const struct dro_call *call, struct dro_error *err);
int ec2_instance_health(void *account, const char *region, const char *const *ids, size_t id_count,
	dro_emit_instance_health emit, void *arg, const struct dro_call *call,
	struct dro_error *err);
int ec2_mark_instances(void *account, const struct dro_instance_marks *marks,
	const struct dro_call *call, struct dro_error *err);
/* Emits every <instancesSet> item below `reservation`; *emitted counts them. */
int ec2_emit_instances(const struct aws_account *account, const struct dro_xml_node *reservation,
	const char *region, dro_emit_instance emit, void *arg, size_t *emitted,
	struct dro_error *err);

int ec2_create_instances(void *account, const struct dro_instance_spec *spec,
	dro_emit_instance emit, void *arg, const struct dro_call *call, struct dro_error *err);
int ec2_check_capacity(void *account, const struct dro_instance_spec *spec,
	const struct dro_call *call, struct dro_error *err);

int ec2_list_images(void *account, const struct dro_image_query *query, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err);
int ec2_create_image(void *account, const struct dro_image_spec *spec, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err);
int ec2_copy_image(void *account, const struct dro_image_spec *spec, dro_emit_image emit, void *arg,
	const struct dro_call *call, struct dro_error *err);
int ec2_delete_image(void *account, const char *region, const char *id, const struct dro_call *call,
	struct dro_error *err);

#endif
