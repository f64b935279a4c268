/*
 * What is: lists of the provider ABI's structs, copied out of a plugin's callback. Every string and
 * array of an item lies in the item's own block, strings are never NULL ("" where the plugin gave
 * none), and an item from an older plugin has zeros in the fields it does not know.
 */
#ifndef DRORCH_MODEL_INVENTORY_H
#define DRORCH_MODEL_INVENTORY_H

#include <stddef.h>

#include "base/error.h"

/* What one list may hold: a plugin that gives more is wrong, not large. */
#define DRO_LIST_MAX_ITEMS 1000000u
#define DRO_LIST_MAX_STRING 65536u		/* bytes of one string, with its NUL */
#define DRO_LIST_MAX_ARRAY 10000u		/* tags, values, snapshots of one item */
#define DRO_LIST_MAX_BYTES (512u * 1024 * 1024) /* of all items together */

struct dro_instance_list {
	struct dro_instance **items;
	size_t count;
	size_t bytes;
};

struct dro_image_list {
	struct dro_image **items;
	size_t count;
	size_t bytes;
};

struct dro_object_list {
	struct dro_object **items;
	size_t count;
	size_t bytes;
};

struct dro_record_list {
	struct dro_record **items;
	size_t count;
	size_t bytes;
};

struct dro_health_check_list {
	struct dro_health_check **items;
	size_t count;
	size_t bytes;
};

struct dro_vantage_list {
	struct dro_vantage **items;
	size_t count;
	size_t bytes;
};

struct dro_instance_health_list {
	struct dro_instance_health **items;
	size_t count;
	size_t bytes;
};

/* Copies `from`, reading no further than its size. DRO_EPROTO past a maximum or for a struct that
 * makes no sense. A zeroed list is an empty one. */
int dro_instance_list_add(
	struct dro_instance_list *list, const struct dro_instance *from, struct dro_error *err);
int dro_image_list_add(
	struct dro_image_list *list, const struct dro_image *from, struct dro_error *err);
int dro_object_list_add(
	struct dro_object_list *list, const struct dro_object *from, struct dro_error *err);
int dro_record_list_add(
	struct dro_record_list *list, const struct dro_record *from, struct dro_error *err);
int dro_health_check_list_add(struct dro_health_check_list *list,
	const struct dro_health_check *from, struct dro_error *err);
int dro_vantage_list_add(
	struct dro_vantage_list *list, const struct dro_vantage *from, struct dro_error *err);
int dro_instance_health_list_add(struct dro_instance_health_list *list,
	const struct dro_instance_health *from, struct dro_error *err);

/* Free the items and leave an empty list; NULL-safe. */
void dro_instance_list_free(struct dro_instance_list *list);
void dro_image_list_free(struct dro_image_list *list);
void dro_object_list_free(struct dro_object_list *list);
void dro_record_list_free(struct dro_record_list *list);
void dro_health_check_list_free(struct dro_health_check_list *list);
void dro_vantage_list_free(struct dro_vantage_list *list);
void dro_instance_health_list_free(struct dro_instance_health_list *list);

/* The value of the tag, or NULL. */
const char *dro_instance_tag(const struct dro_instance *instance, const char *name);
const char *dro_image_tag(const struct dro_image *image, const char *name);

#endif
