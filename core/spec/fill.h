/*
 * YAML into structs, by the field tables. Whatever is wrong is reported and skipped; the struct
 * then has its default there. Internal to spec/.
 */
#ifndef DRORCH_SPEC_FILL_H
#define DRORCH_SPEC_FILL_H

#include "spec/fields.h"
#include "spec/yaml.h"

/* Where the value of a struct's member was given. */
struct dro_mark {
	const void *member;
	struct dro_place place;
};

struct dro_fill {
	struct dro_report *report;
	struct dro_mark *marks;
	size_t mark_count, mark_capacity;
	bool sorted;
	int rc; /* DRO_ENOMEM once memory ran out */
};

/* Every member its default; strings "". `target` is zeroed before. */
void dro_fill_defaults(struct dro_fill *fill, const struct dro_form *object, void *target);
/* The members that `node` gives; `place` is where the object is named. */
void dro_fill_form(struct dro_fill *fill, const struct dro_form *object,
	const struct dro_yaml_node *node, const struct dro_place *place, void *target);
/* Where the value of `member` (its address) was given, or NULL. Structs must not have moved. */
const struct dro_place *dro_fill_place(struct dro_fill *fill, const void *member);
void dro_fill_fini(struct dro_fill *fill);

/* ---- for the forms ----------------------------------------------------------------------------
 */

#define dro_fill_complain(fill, node, ...)                                                         \
	dro_report_add((fill)->report, &(node)->place, __VA_ARGS__)

void dro_fill_mark(struct dro_fill *fill, const void *member, const struct dro_yaml_node *node);
/* Replaces *out by a copy. */
void dro_fill_string(struct dro_fill *fill, char **out, const char *text);
/* `count` zeroed elements, or NULL with the failure kept. */
void *dro_fill_array(struct dro_fill *fill, size_t count, size_t size);
/* The scalar's text if it is of `format`, else NULL and a report. `what` names it. */
const char *dro_fill_text(struct dro_fill *fill, const char *what, const struct dro_yaml_node *node,
	const struct dro_format *format);
/* A whole number in min..max; false and a report where it is not. */
bool dro_fill_int(struct dro_fill *fill, const char *what, const struct dro_yaml_node *node,
	int64_t min, int64_t max, int *out);
bool dro_fill_kind(struct dro_fill *fill, const char *what, const struct dro_yaml_node *node,
	enum dro_yaml_kind kind);

/* The kinds of field with a form of their own; their marks are set already. */
void dro_fill_secret(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_secret_ref *out);
void dro_fill_credentials(struct dro_fill *fill, const struct dro_yaml_node *node,
	struct dro_credential **out, size_t *count);
void dro_fill_settings(struct dro_fill *fill, const struct dro_yaml_node *node,
	struct dro_setting **out, size_t *count);
/* Adds one to settings that have room. */
void dro_fill_setting(struct dro_fill *fill, const struct dro_yaml_node *node,
	struct dro_setting *settings, size_t *count);
void dro_fill_image(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_instance_group *group);
void dro_fill_policy(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_traffic *traffic);
void dro_fill_changes(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_safety *safety);

#endif
