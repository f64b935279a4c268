/*
 * YAML as the spec uses it: mappings, lists and scalars of one document, with the place of each.
 * Refused, each with a clear word: aliases and anchors, tags, merge keys, duplicate keys, a second
 * document, depth over 64, tabs, control and bidirectional characters, text that is not UTF-8.
 *
 * A scalar stays text; only the reader of a field knows what it is to be, by YAML 1.2's core
 * schema. So `NO` is a string where a string is wanted.
 */
#ifndef DRORCH_SPEC_YAML_H
#define DRORCH_SPEC_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/report.h"

#define DRO_YAML_DEPTH_MAX 64
#define DRO_YAML_SCALAR_MAX (64u << 10) /* bytes */
#define DRO_YAML_ERRORS_MAX 100		/* reported of one file's form */

enum dro_yaml_kind { DRO_YAML_SCALAR, DRO_YAML_LIST, DRO_YAML_MAP };

struct dro_yaml_node {
	enum dro_yaml_kind kind;
	bool plain; /* a scalar without quotes: may be a number, true, false or null */
	struct dro_place place;
	const char *text;		  /* scalar: NUL-terminated, no NUL inside */
	const struct dro_yaml_node *key;  /* the scalar before the colon, in a mapping */
	const struct dro_yaml_node *next; /* the next entry of the same list or mapping */
	const struct dro_yaml_node *first;
	size_t count; /* entries */
};

struct dro_yaml;

/*
 * Parses `length` bytes; `file` names them in places and must outlive the document. What is wrong
 * goes to `report` and is no failure of the call: *out is then what could still be made sense of,
 * or NULL. Fails with DRO_ENOMEM only.
 */
int dro_yaml_parse(struct dro_yaml **out, const char *file, const char *data, size_t length,
	struct dro_report *report, struct dro_error *err);
const struct dro_yaml_node *dro_yaml_root(const struct dro_yaml *yaml);
void dro_yaml_free(struct dro_yaml *yaml); /* NULL-safe */

/* Scalars by the core schema. A quoted scalar is only ever a string. */
bool dro_yaml_is_null(const struct dro_yaml_node *node);
bool dro_yaml_bool(const struct dro_yaml_node *node, bool *out);
/* Decimal, 0o and 0x. False also where it does not fit. */
bool dro_yaml_int(const struct dro_yaml_node *node, int64_t *out);

/* "a mapping", "a list", "a string", "a number", …: what the node is, for messages. */
const char *dro_yaml_describe(const struct dro_yaml_node *node);

#endif
