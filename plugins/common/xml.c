#include "plugins/common/xml.h"

#include <expat.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BLOCK_BYTES 16384
#define NAMES 256

/* Nodes and texts live in blocks that never move, so that pointers hold while the tree grows. */
struct block {
	struct block *next;
	size_t used, room;
	alignas(max_align_t) char data[];
};

struct dro_xml {
	struct block *blocks;
	struct dro_xml_node *root;
};

struct reader {
	XML_Parser expat;
	struct dro_xml *xml;
	struct dro_xml_node *open[DRO_XML_MAX_DEPTH]; /* the element at each depth */
	struct dro_xml_node *last[DRO_XML_MAX_DEPTH]; /* and its last child so far */
	size_t depth, elements;
	const char *names[NAMES]; /* by a hash: the same few come thousands of times */
	struct dro_buf text;
	const char *refused; /* why, where it was us and not expat */
	bool no_memory;
};

static void *take(struct dro_xml *xml, size_t size)
{
	struct block *block = xml->blocks;
	size_t align = alignof(max_align_t);
	void *place;

	size = (size + align - 1) / align * align;
	if (!block || block->room - block->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		block = malloc(sizeof(*block) + room);
		if (!block)
			return NULL;
		block->used = 0;
		block->room = room;
		block->next = xml->blocks;
		xml->blocks = block;
	}
	place = block->data + block->used;
	block->used += size;
	return place;
}

static const char *keep(struct reader *reader, const char *text, size_t length)
{
	char *copy;

	if (length == 0)
		return "";
	copy = take(reader->xml, length + 1);
	if (!copy) {
		reader->no_memory = true;
		return "";
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

/* An element's name, kept once as long as no other one takes its place. */
static const char *keep_name(struct reader *reader, const char *name)
{
	size_t hash = 5381, length;
	const char **known;

	for (length = 0; name[length]; length++)
		hash = hash * 33 + (unsigned char)name[length];
	known = &reader->names[hash % NAMES];
	if (!*known || strcmp(*known, name) != 0)
		*known = keep(reader, name, length);
	return *known;
}

static void refuse(struct reader *reader, const char *why)
{
	if (!reader->refused)
		reader->refused = why;
	XML_StopParser(reader->expat, XML_FALSE);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
	const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	refuse(arg, "it has a DOCTYPE");
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *reader = arg;
	const char *colon = strrchr(name, ':');
	struct dro_xml_node *node;

	(void)attributes;
	if (reader->depth == DRO_XML_MAX_DEPTH || reader->elements == DRO_XML_MAX_ELEMENTS) {
		refuse(reader, reader->depth == DRO_XML_MAX_DEPTH ? "it is nested too deeply"
								  : "it has too many elements");
		return;
	}
	node = take(reader->xml, sizeof(*node));
	if (!node) {
		reader->no_memory = true;
		XML_StopParser(reader->expat, XML_FALSE);
		return;
	}
	name = colon ? colon + 1 : name;
	*node = (struct dro_xml_node){.name = keep_name(reader, name), .text = ""};
	if (reader->depth == 0) {
		reader->xml->root = node;
	} else {
		struct dro_xml_node *parent = reader->open[reader->depth - 1];
		struct dro_xml_node **last = &reader->last[reader->depth - 1];

		if (*last)
			(*last)->sibling = node;
		else
			parent->children = node;
		*last = node;
	}
	reader->open[reader->depth] = node;
	reader->last[reader->depth] = NULL;
	reader->depth++;
	reader->elements++;
	dro_buf_reset(&reader->text);
}

static void on_text(void *arg, const XML_Char *text, int length)
{
	struct reader *reader = arg;

	dro_buf_append(&reader->text, text, (size_t)length);
}

static void on_end(void *arg, const XML_Char *name)
{
	struct reader *reader = arg;
	struct dro_xml_node *node;

	(void)name;
	if (reader->depth == 0) /* after a stop expat still closes an empty element */
		return;
	node = reader->open[--reader->depth];
	if (!node->children)
		node->text = keep(reader, dro_buf_str(&reader->text), reader->text.length);
	if (reader->text.failed)
		reader->no_memory = true;
	dro_buf_reset(&reader->text);
}

static int outcome(struct reader *reader, enum XML_Status status, struct dro_error *err)
{
	if (reader->no_memory || XML_GetErrorCode(reader->expat) == XML_ERROR_NO_MEMORY)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (reader->refused)
		return dro_fail(err, DRO_EPROTO, "the XML is refused: %s", reader->refused);
	if (status != XML_STATUS_OK)
		return dro_fail(err, DRO_EPROTO, "broken XML in line %lu: %s",
			(unsigned long)XML_GetCurrentLineNumber(reader->expat),
			XML_ErrorString(XML_GetErrorCode(reader->expat)));
	return 0;
}

int dro_xml_parse(struct dro_xml **out, const char *text, size_t length, struct dro_error *err)
{
	struct reader reader = {.text = DRO_BUF_INIT(length)};
	int rc;

	if (length > INT32_MAX)
		return dro_fail(err, DRO_EPROTO, "the XML is refused: it is too long");
	reader.xml = calloc(1, sizeof(*reader.xml));
	reader.expat = XML_ParserCreate(NULL);
	if (!reader.xml || !reader.expat) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	XML_SetUserData(reader.expat, &reader);
	XML_SetElementHandler(reader.expat, on_start, on_end);
	XML_SetCharacterDataHandler(reader.expat, on_text);
	XML_SetStartDoctypeDeclHandler(reader.expat, on_doctype);
	rc = outcome(&reader, XML_Parse(reader.expat, text, (int)length, XML_TRUE), err);
	if (rc < 0)
		goto out;
	*out = reader.xml;
	reader.xml = NULL;
out:
	if (reader.expat)
		XML_ParserFree(reader.expat);
	dro_buf_free(&reader.text);
	dro_xml_free(reader.xml);
	return rc;
}

void dro_xml_free(struct dro_xml *xml)
{
	if (!xml)
		return;
	while (xml->blocks) {
		struct block *next = xml->blocks->next;

		free(xml->blocks);
		xml->blocks = next;
	}
	free(xml);
}

const struct dro_xml_node *dro_xml_root(const struct dro_xml *xml)
{
	return xml ? xml->root : NULL;
}

const struct dro_xml_node *dro_xml_child(const struct dro_xml_node *node, const char *path)
{
	while (node && *path) {
		size_t length = strcspn(path, "/");

		node = node->children;
		while (node && (strncmp(node->name, path, length) != 0 || node->name[length]))
			node = node->sibling;
		path += length;
		path += *path == '/';
	}
	return node;
}

const char *dro_xml_text(const struct dro_xml_node *node, const char *path)
{
	node = dro_xml_child(node, path);
	return node ? node->text : "";
}

const struct dro_xml_node *dro_xml_next(const struct dro_xml_node *node)
{
	const char *name = node->name;

	do
		node = node->sibling;
	while (node && strcmp(node->name, name) != 0);
	return node;
}

void dro_xml_escape(struct dro_buf *out, const char *text)
{
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
	static const char reserved[] = "&<>\"'";

	while (*text) {
		size_t plain = strcspn(text, reserved);

		dro_buf_append(out, text, plain);
		text += plain;
		if (*text)
			dro_buf_puts(out, entities[strchr(reserved, *text++) - reserved]);
	}
}
