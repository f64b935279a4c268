/*
 * Whose a record is: marks in a TXT record beside the name. They are gathered once for all sets
 * that were read, as a name can have a hundred of them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rdata.h"
#include "plugins/route53/route53.h"

#define MARK_MAX 4096

bool r53_owner_valid(const char *owner)
{
	const unsigned char *at;

	for (at = (const unsigned char *)owner; *at; at++)
		if (*at < ' ' || *at > '~' || strchr(",\"\\", *at))
			return false;
	return strlen(owner) <= 128;
}

/* ---- the index --------------------------------------------------------------------------------
 */

static int compare_mark(
	const struct r53_mark *mark, const char *name, const char *type, const char *set_id)
{
	int order = strcmp(mark->name, name);

	if (order == 0)
		order = strcmp(mark->type, type);
	return order ? order : strcmp(mark->set_id, set_id);
}

static int compare(const void *a, const void *b)
{
	const struct r53_mark *other = b;

	return compare_mark(a, other->name, other->type, other->set_id);
}

static char *add_text(char **at, const char *text)
{
	size_t length = strlen(text) + 1;
	char *to = memcpy(*at, text, length);

	*at += length;
	return to;
}

static int add(struct r53_sets *sets, const char *name, const struct r53_mark_text *text)
{
	size_t length =
		strlen(name) + strlen(text->type) + strlen(text->set_id) + strlen(text->owner) + 4;
	struct r53_mark *mark;
	char *block;

	if (sets->mark_count == sets->mark_capacity) {
		size_t capacity = sets->mark_capacity ? sets->mark_capacity * 2 : 16;

		mark = realloc(sets->marks, capacity * sizeof(*mark));
		if (!mark)
			return DRO_ENOMEM;
		sets->marks = mark;
		sets->mark_capacity = capacity;
	}
	block = malloc(length);
	if (!block)
		return DRO_ENOMEM;
	mark = &sets->marks[sets->mark_count++];
	mark->name = add_text(&block, name);
	mark->type = add_text(&block, text->type);
	mark->set_id = add_text(&block, text->set_id);
	mark->owner = add_text(&block, text->owner);
	return 0;
}

static bool holds_marks(const struct r53_set *set)
{
	return strcmp(set->type, "TXT") == 0 && !*set->set_id &&
	       strncmp(set->name, R53_OWNER_PREFIX, strlen(R53_OWNER_PREFIX)) == 0;
}

void r53_owner_index_free(struct r53_sets *sets)
{
	size_t i;

	for (i = 0; i < sets->mark_count; i++)
		free(sets->marks[i].name);
	free(sets->marks);
	sets->marks = NULL;
	sets->mark_count = sets->mark_capacity = 0;
}

int r53_owner_index(struct r53_sets *sets)
{
	struct dro_buf value = DRO_BUF_INIT(MARK_MAX), text = DRO_BUF_INIT(MARK_MAX);
	const struct dro_xml_node *record;
	struct r53_mark_text mark;
	size_t i;
	int rc = 0;

	r53_owner_index_free(sets);
	for (i = 0; i < sets->count && rc == 0; i++) {
		if (!holds_marks(&sets->items[i]))
			continue;
		record = dro_xml_child(sets->items[i].node, "ResourceRecords/ResourceRecord");
		for (; record && rc == 0; record = dro_xml_next(record)) {
			r53_value_read(&value, "TXT", dro_xml_text(record, "Value"));
			if (r53_mark_parse(dro_buf_str(&value), &text, &mark))
				rc = add(sets, sets->items[i].name + strlen(R53_OWNER_PREFIX),
					&mark);
		}
	}
	if (sets->mark_count)
		qsort(sets->marks, sets->mark_count, sizeof(*sets->marks), compare);
	dro_buf_free(&value);
	dro_buf_free(&text);
	return rc;
}

const char *r53_owner_of(
	const struct r53_sets *sets, const char *name, const char *type, const char *set_id)
{
	size_t low = 0, high = sets->mark_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_mark(&sets->marks[middle], name, type, set_id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < sets->mark_count && compare_mark(&sets->marks[low], name, type, set_id) == 0
		       ? sets->marks[low].owner
		       : "";
}

bool r53_owner_is(const struct r53_set *set)
{
	struct dro_buf value = DRO_BUF_INIT(MARK_MAX), text = DRO_BUF_INIT(MARK_MAX);
	const struct dro_xml_node *record =
		dro_xml_child(set->node, "ResourceRecords/ResourceRecord");
	bool all = record && holds_marks(set);
	struct r53_mark_text mark;

	for (; record && all; record = dro_xml_next(record)) {
		r53_value_read(&value, "TXT", dro_xml_text(record, "Value"));
		all = r53_mark_parse(dro_buf_str(&value), &text, &mark);
	}
	dro_buf_free(&value);
	dro_buf_free(&text);
	return all;
}
