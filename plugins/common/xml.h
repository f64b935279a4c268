/*
 * XML answers as a small read-only tree, on expat. What a provider never sends is refused: a
 * DOCTYPE (and with it every entity bomb), more than 32 levels, more than DRO_XML_MAX_ELEMENTS
 * elements. Namespace prefixes are cut off, attributes are not kept, text is kept of leaves only.
 */
#ifndef DRORCH_PLUGINS_COMMON_XML_H
#define DRORCH_PLUGINS_COMMON_XML_H

#include "base/error.h"

#define DRO_XML_MAX_DEPTH 32
#define DRO_XML_MAX_ELEMENTS 500000

struct dro_xml_node {
	const char *name;
	const char *text;		     /* of a leaf, as it stands, else "" */
	const struct dro_xml_node *children; /* the first, or NULL */
	const struct dro_xml_node *sibling;  /* the next one of its parent, or NULL */
};

struct dro_xml;

/* *out is freed with dro_xml_free. DRO_EPROTO for anything that is not one whole document. */
int dro_xml_parse(struct dro_xml **out, const char *text, size_t length, struct dro_error *err);
void dro_xml_free(struct dro_xml *xml); /* NULL-safe */
const struct dro_xml_node *dro_xml_root(const struct dro_xml *xml);

/*
 * Look-ups by path: "placement/availabilityZone" is the first child of the first child. All take
 * NULL for a node and then find nothing, so that optional parts need no test of their own.
 */
const struct dro_xml_node *dro_xml_child(const struct dro_xml_node *node, const char *path);
const char *dro_xml_text(const struct dro_xml_node *node, const char *path); /* "" where absent */

/* Walks alike children: for (n = dro_xml_child(list, "item"); n; n = dro_xml_next(n)) */
const struct dro_xml_node *dro_xml_next(const struct dro_xml_node *node);

/* `text` with the five characters that XML reserves replaced, appended to a dro_buf. */
struct dro_buf;
void dro_xml_escape(struct dro_buf *out, const char *text);

#endif
