/*
 * Providers as the rest of drorch sees them: a registry (where plugins are, and what the host gives
 * them) and opened accounts, each with one function a capability. What a plugin gives is copied,
 * capped and checked before it is passed on.
 *
 * Thread-safe: any number of workers may call one account side by side. A plugin that is not
 * threaded gets one call at a time; the others wait, no longer than to their deadline.
 */
#ifndef DRORCH_PROVIDER_PROVIDER_H
#define DRORCH_PROVIDER_PROVIDER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/inventory.h"
#include "model/page.h"
#include "model/service.h"
#include "net/http.h"

struct dro_provider;
struct dro_registry;

/* One call as the audit trail keeps it. Everything lives until the callback returns. */
struct dro_audit {
	const char *account, *plugin;
	const char *function;	      /* "compute.create_instances" */
	const char *trace, *idem_key; /* "" where there was none */
	bool mutation;
	int64_t wall_ms; /* when it began */
	uint64_t duration_ms;
	int code;	     /* 0 or enum dro_code */
	const char *message; /* of the error, or "" */
};

struct dro_registry_config {
	const char *plugin_dir;
	struct dro_net *net;	       /* this and what follows outlive the registry */
	const struct dro_clock *clock; /* NULL: the real one */
	const struct dro_log *log;     /* or NULL */
	struct dro_redactor *redactor; /* learns credentials, cleans error messages; or NULL */
	struct dro_budget *budget;     /* of rates; NULL: no limit */
	enum dro_budget_class budget_class;
	/* Asked before every mutation reaches a plugin: <0 (with `err`) and it does not. NULL: yes.
	 * Any worker. */
	int (*may_mutate)(void *arg, const struct dro_call *call, struct dro_error *err);
	/* Asked before each request of a mutation but GET and HEAD: the last moment for what has to
	 * come before the change, so that a plugin's looking need not wait. <0: it is not sent. */
	int (*may_send)(void *arg, struct dro_error *err);
	void (*audit)(void *arg, const struct dro_audit *entry); /* any worker; may be NULL */
	void *arg;						 /* of all */
};

/* Loads nothing yet. Copies plugin_dir. */
int dro_registry_new(
	struct dro_registry **out, const struct dro_registry_config *config, struct dro_error *err);
void dro_registry_free(struct dro_registry *registry); /* after every account; NULL-safe */

/*
 * Compares an account with the option table of its plugin, without opening it and without looking
 * up a credential's value. Every problem is reported with its place. 0, or DRO_EINVAL where there
 * was a problem.
 */
typedef void (*dro_account_report)(void *arg, const struct dro_place *place, const char *message);
int dro_registry_check_account(struct dro_registry *registry, const struct dro_account *account,
	dro_account_report report, void *arg);

/* Every NAME.so of the plugin folder, by name. `refused` is NULL, or why it was not loaded (all
 * else but `name` is then empty). Valid until the callback returns; its non-zero return ends the
 * list. */
struct dro_plugin_info {
	const char *name, *version, *refused;
	unsigned abi_major, abi_minor;
	bool threaded;
	const char *const *capabilities; /* "compute", … ends with NULL */
	const struct dro_option *const *options;
	size_t option_count;
};
typedef int (*dro_plugin_visit)(void *arg, const struct dro_plugin_info *info);
int dro_registry_list(
	struct dro_registry *registry, dro_plugin_visit visit, void *arg, struct dro_error *err);

/*
 * Loads the plugin where that has not been done, checks the settings and opens the account. Makes
 * no call to the provider and looks up no credential: that is done by the calls that need it. The
 * registry must outlive it; `account` may go. A problem of the settings is DRO_EINVAL, with its
 * place.
 */
int dro_provider_open(struct dro_provider **out, struct dro_registry *registry,
	const struct dro_account *account, struct dro_error *err);
void dro_provider_close(struct dro_provider *provider); /* after its last call; NULL-safe */

enum dro_capability {
	DRO_CAP_COMPUTE = 1 << 0,
	DRO_CAP_STORAGE = 1 << 1,
	DRO_CAP_DNS = 1 << 2,
	DRO_CAP_ASYNC = 1 << 3,
	DRO_CAP_HEALTH = 1 << 4,
};

const char *dro_provider_name(const struct dro_provider *provider);	 /* the account's */
unsigned dro_provider_capabilities(const struct dro_provider *provider); /* enum dro_capability */
unsigned dro_provider_dns_flags(const struct dro_provider *provider);	 /* enum dro_dns_flag */
/* Of the provider's health checks: dro_health_checks.intervals. NULL: any. Lasts as the provider.
 */
const uint32_t *dro_provider_check_intervals(const struct dro_provider *provider);
/* The option's value as the plugin got it, defaults filled in; "" where there is none. */
const char *dro_provider_option(const struct dro_provider *provider, const char *name);

/*
 * The calls. All: 0 or a negative enum dro_code with `err` filled (message begins with the
 * account's name), DRO_EUNSUPPORTED where the plugin has no such function. `call->deadline_ms` must
 * be given. Mutations need an idem_key. Lists are appended to `out`; after an error it holds what
 * came before.
 */
int dro_provider_probe(struct dro_provider *provider, char *identity, size_t identity_size,
	const struct dro_call *call, struct dro_error *err);

int dro_provider_list_instances(struct dro_provider *provider,
	const struct dro_instance_query *query, struct dro_instance_list *out,
	const struct dro_call *call, struct dro_error *err);
int dro_provider_create_instances(struct dro_provider *provider,
	const struct dro_instance_spec *spec, struct dro_instance_list *out,
	const struct dro_call *call, struct dro_error *err);
int dro_provider_power_instances(struct dro_provider *provider, const char *region,
	const char *const *ids, size_t id_count, enum dro_power power, const struct dro_call *call,
	struct dro_error *err);
int dro_provider_terminate_instances(struct dro_provider *provider, const char *region,
	const char *const *ids, size_t id_count, const struct dro_call *call,
	struct dro_error *err);
int dro_provider_check_capacity(struct dro_provider *provider, const struct dro_instance_spec *spec,
	const struct dro_call *call, struct dro_error *err); /* changes nothing */
int dro_provider_list_images(struct dro_provider *provider, const struct dro_image_query *query,
	struct dro_image_list *out, const struct dro_call *call, struct dro_error *err);
int dro_provider_create_image(struct dro_provider *provider, const struct dro_image_spec *spec,
	struct dro_image_list *out, const struct dro_call *call, struct dro_error *err);
int dro_provider_copy_image(struct dro_provider *provider, const struct dro_image_spec *spec,
	struct dro_image_list *out, const struct dro_call *call, struct dro_error *err);
int dro_provider_delete_image(struct dro_provider *provider, const char *region, const char *id,
	const struct dro_call *call, struct dro_error *err);
int dro_provider_resize_instance(struct dro_provider *provider, const char *region, const char *id,
	const char *type, const struct dro_call *call, struct dro_error *err);
int dro_provider_instance_health(struct dro_provider *provider, const char *region,
	const char *const *ids, size_t id_count, struct dro_instance_health_list *out,
	const struct dro_call *call, struct dro_error *err);
int dro_provider_mark_instances(struct dro_provider *provider,
	const struct dro_instance_marks *marks, const struct dro_call *call, struct dro_error *err);

int dro_provider_list_objects(struct dro_provider *provider, const struct dro_object_query *query,
	struct dro_object_list *out, const struct dro_call *call, struct dro_error *err);
int dro_provider_get_object(struct dro_provider *provider, const struct dro_object_ref *ref, int fd,
	uint64_t max, uint64_t *length, const struct dro_call *call, struct dro_error *err);
/* A small object into memory; `out`'s room is the maximum. */
int dro_provider_get_text(struct dro_provider *provider, const struct dro_object_ref *ref,
	struct dro_buf *out, const struct dro_call *call, struct dro_error *err);
int dro_provider_put_object(struct dro_provider *provider, const struct dro_object_ref *ref, int fd,
	uint64_t length, uint32_t flags, const struct dro_call *call, struct dro_error *err);
int dro_provider_delete_objects(struct dro_provider *provider, const char *region,
	const char *bucket, const char *const *keys, size_t key_count, const struct dro_call *call,
	struct dro_error *err);

/* Where everybody reaches what the bucket shows. Asks nobody. */
int dro_provider_find_website(struct dro_provider *provider, const char *region, const char *bucket,
	struct dro_page_place *out, const struct dro_call *call, struct dro_error *err);
/* Fills all of `out` but its place. */
int dro_provider_get_page(struct dro_provider *provider, const struct dro_object_ref *ref,
	struct dro_page_seen *out, const struct dro_call *call, struct dro_error *err);
int dro_provider_put_page(struct dro_provider *provider, const struct dro_page *page,
	const void *content, size_t length, const struct dro_call *call, struct dro_error *err);

int dro_provider_list_records(struct dro_provider *provider, const struct dro_record_query *query,
	struct dro_record_list *out, const struct dro_call *call, struct dro_error *err);
/* `operation` gets the text id of a change still spreading, or ""; may be NULL. */
int dro_provider_apply(struct dro_provider *provider, const char *zone,
	const struct dro_record *const *put, size_t put_count, const struct dro_record *const *del,
	size_t del_count, char *operation, size_t operation_size, const struct dro_call *call,
	struct dro_error *err);

int dro_provider_list_checks(struct dro_provider *provider, struct dro_health_check_list *out,
	const struct dro_call *call, struct dro_error *err);
/* `id` gets the check's id: made where check->id is "", else changed. */
int dro_provider_put_check(struct dro_provider *provider, const struct dro_health_check *check,
	char *id, size_t id_size, const struct dro_call *call, struct dro_error *err);
int dro_provider_delete_check(struct dro_provider *provider, const char *id,
	const struct dro_call *call, struct dro_error *err);
int dro_provider_check_status(struct dro_provider *provider, const char *id,
	struct dro_vantage_list *out, const struct dro_call *call, struct dro_error *err);

int dro_provider_poll(struct dro_provider *provider, const char *operation,
	enum dro_operation_state *state, const struct dro_call *call, struct dro_error *err);
int dro_provider_cancel(struct dro_provider *provider, const char *operation,
	const struct dro_call *call, struct dro_error *err);

#endif
