/*
 * The simulated Linode v4: instances and images on the lab's tables, with the labels, tags, states,
 * filters, pages, rate limits and refusals of the real one. One lock around a call; it comes before
 * the tables' own.
 */
#ifndef DRORCH_LAB_LINODE_H
#define DRORCH_LAB_LINODE_H

#include <pthread.h>

#include "lab/images.h"
#include "lab/instances.h"
#include "lab/lab.h"

enum linode_class {
	LINODE_CREATE,
	LINODE_IMAGES,
	LINODE_PAGED,
	LINODE_STATS,
	LINODE_OBJECTS,
	LINODE_OTHER,
	LINODE_CLASSES,
};

/* A fixed window. */
struct linode_window {
	int64_t used;
	int64_t end_ms;
};

struct linode {
	struct lab *lab;
	pthread_mutex_t lock;
	int64_t next_id;
	int64_t quota; /* instances of the account */
	bool limited;
	struct linode_window windows[LINODE_CLASSES];
	cJSON *events;	 /* newest last; lost with the lab */
	cJSON *keys;	 /* of Object Storage: linode_keys.c */
	cJSON *short_of; /* "eu-west/g6-standard-4": plans that are not available */
};

/* One request, routed. Handlers run under the lock and fill the reply. */
struct linode_call {
	struct linode *linode;
	const struct lab_request *request;
	const struct lab_call *call;
	struct lab_reply *reply;
	char id[LAB_ID]; /* of the path, "" for none */
	cJSON *body;	 /* an object; empty where none was sent */
	cJSON *errors;	 /* what was refused so far */
	int error_status;
	int64_t now_ms;
};

/* ---- linode_reply.c -------------------------------------------------------------------------- */

void linode_send(struct linode_call *c, cJSON *json); /* takes it over */
void linode_send_empty(struct linode_call *c);
/* Adds an error; `field` may be NULL. With one there, it is what the call answers. */
void linode_refuse(struct linode_call *c, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void linode_refuse_with(struct linode_call *c, int status, const char *reason);
/* A body for an error that no handler saw. */
void linode_error_body(struct lab_reply *reply, int status, const char *field, const char *reason);
/* Answers with the filtered, ordered page of `all` (an array, taken over) that was asked for. */
void linode_page(struct linode_call *c, cJSON *all, const char *const *filterable);
/* "2026-11-20T20:22:50": UTC, and no word of it. */
void linode_add_time(cJSON *object, const char *key, int64_t ms);

/* ---- linode_filter.c ------------------------------------------------------------------------- */

/*
 * Does X-Filter let `item` through? Only fields of `filterable` (ends with NULL) may be named.
 * <0: `why` says what is wrong with the filter.
 */
#define LINODE_WHY 128
int linode_filter(const cJSON *filter, const cJSON *item, const char *const *filterable,
	char why[LINODE_WHY]);
/* Orders as +order_by and +order say. */
int linode_order(
	const cJSON *filter, cJSON *items, const char *const *filterable, char why[LINODE_WHY]);

/* ---- linode_catalog.c: what is the same in every lab ------------------------------------------
 */

bool linode_region_is(const char *id);
/* The regions one after the other; NULL after the last. */
const char *linode_region_at(size_t i);
bool linode_type_is(const char *id);
/* The "specs" of an instance of that type. */
cJSON *linode_specs(const char *type);
void linode_list_regions(struct linode_call *c);
void linode_get_region(struct linode_call *c);
void linode_list_availability(struct linode_call *c);
void linode_get_availability(struct linode_call *c);
void linode_list_types(struct linode_call *c);
void linode_get_type(struct linode_call *c);
void linode_get_profile(struct linode_call *c);

/* ---- linode_events.c ------------------------------------------------------------------------- */

/* `type` NULL: of a thing that the API's events have no word for. */
void linode_event(struct linode_call *c, const char *action, const char *type, const char *id,
	const char *label);
void linode_list_events(struct linode_call *c);
void linode_get_event(struct linode_call *c);

/* ---- linode_stats.c -------------------------------------------------------------------------- */

void linode_get_stats(struct linode_call *c);
/* What an instance's load is from now on; below 0: what it is. Locks. */
int linode_say_load(struct linode *linode, const char *id, double percent, struct dro_error *err);

/* ---- linode_instances.c, linode_create.c, linode_power.c --------------------------------------
 */

int64_t linode_new_id(struct linode *linode);
/* (instances locked) "booting"; NULL where it is gone. */
const char *linode_status(const struct linode_call *c, const struct lab_instance *instance);
/* (instances locked) Is it being resized? When the time is over it gets its new type here. */
bool linode_resizing(const struct linode_call *c, struct lab_instance *instance);
/* (instances locked) What its disks take together, in MB. */
#define LINODE_SWAP_MB 512
int linode_disk_size(const struct lab_instance *instance);
/* (instances locked) As the API shows it. */
cJSON *linode_instance_doc(const struct linode_call *c, const struct lab_instance *instance);
/* (instances locked) NULL: refused with a 404. */
struct lab_instance *linode_need_instance(struct linode_call *c, const char *id);
/* Checks what was sent as a label or as tags; refuses. `max` is the longest tag. */
void linode_check_label(struct linode_call *c, const char *own_id);
void linode_check_tags(struct linode_call *c, size_t max);
void linode_list_instances(struct linode_call *c);
void linode_get_instance(struct linode_call *c);
void linode_update_instance(struct linode_call *c);
void linode_list_disks(struct linode_call *c);
void linode_create_instance(struct linode_call *c);
void linode_delete_instance(struct linode_call *c);
void linode_boot_instance(struct linode_call *c);
void linode_reboot_instance(struct linode_call *c);
void linode_shutdown_instance(struct linode_call *c);
void linode_resize_instance(struct linode_call *c);

/* ---- linode_images.c ------------------------------------------------------------------------- */

/* (images locked) NULL: there is none such, or not yet, or it failed. */
struct lab_image *linode_find_image(struct linode_call *c, const char *id);
bool linode_image_takes_user_data(const struct lab_image *image);
void linode_list_images(struct linode_call *c);
void linode_get_image(struct linode_call *c);
void linode_create_image(struct linode_call *c);
void linode_delete_image(struct linode_call *c);
void linode_replicate_image(struct linode_call *c);

extern const struct lab_vendor lab_vendor_linode;
/* For `drorch-lab image add`: a fresh id and the document of an image in that region. */
int lab_linode_image_new(
	struct lab *lab, const char *region, char id[LAB_ID], cJSON **doc, struct dro_error *err);

#endif
