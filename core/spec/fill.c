#include "spec/fill.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "spec/text.h"

#define LIST_TEXT 2000

static void *member(void *target, size_t offset)
{
	return (char *)target + offset;
}

void dro_fill_mark(struct dro_fill *fill, const void *address, const struct dro_yaml_node *node)
{
	if (fill->mark_count == fill->mark_capacity) {
		size_t capacity = fill->mark_capacity ? fill->mark_capacity * 2 : 256;
		struct dro_mark *marks = realloc(fill->marks, capacity * sizeof(*marks));

		if (!marks) {
			fill->rc = DRO_ENOMEM;
			return;
		}
		fill->marks = marks;
		fill->mark_capacity = capacity;
	}
	fill->marks[fill->mark_count++] = (struct dro_mark){address, node->place};
	fill->sorted = false;
}

static int compare_marks(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)((const struct dro_mark *)a)->member;
	uintptr_t right = (uintptr_t)((const struct dro_mark *)b)->member;

	return left < right ? -1 : left > right;
}

const struct dro_place *dro_fill_place(struct dro_fill *fill, const void *address)
{
	struct dro_mark wanted = {.member = address};
	const struct dro_mark *mark;

	if (!fill->mark_count)
		return NULL;
	if (!fill->sorted)
		qsort(fill->marks, fill->mark_count, sizeof(*fill->marks), compare_marks);
	fill->sorted = true;
	mark = bsearch(&wanted, fill->marks, fill->mark_count, sizeof(*fill->marks), compare_marks);
	return mark ? &mark->place : NULL;
}

void dro_fill_fini(struct dro_fill *fill)
{
	free(fill->marks);
	fill->marks = NULL;
	fill->mark_count = fill->mark_capacity = 0;
}

void dro_fill_string(struct dro_fill *fill, char **out, const char *text)
{
	char *copy = strdup(text);

	if (!copy) {
		fill->rc = DRO_ENOMEM;
		return;
	}
	free(*out);
	*out = copy;
}

void *dro_fill_array(struct dro_fill *fill, size_t count, size_t size)
{
	void *array = calloc(count ? count : 1, size);

	if (!array)
		fill->rc = DRO_ENOMEM;
	return array;
}

static const char *kind_name(enum dro_yaml_kind kind)
{
	return kind == DRO_YAML_MAP    ? "a mapping (key: value)"
	       : kind == DRO_YAML_LIST ? "a list"
				       : "one value";
}

bool dro_fill_kind(struct dro_fill *fill, const char *what, const struct dro_yaml_node *node,
	enum dro_yaml_kind kind)
{
	if (node->kind == kind && !dro_yaml_is_null(node))
		return true;
	dro_fill_complain(fill, node, "'%s': expected %s, not %s%s", what, kind_name(kind),
		dro_yaml_describe(node),
		dro_yaml_is_null(node) ? ": give it, or leave the key out" : "");
	return false;
}

const char *dro_fill_text(struct dro_fill *fill, const char *what, const struct dro_yaml_node *node,
	const struct dro_format *format)
{
	char word[DRO_WORD_TEXT];

	if (!dro_fill_kind(fill, what, node, DRO_YAML_SCALAR))
		return NULL;
	if (!format)
		return node->text;
	if (strlen(node->text) <= format->max && format->check(node->text))
		return node->text;
	dro_fill_complain(
		fill, node, "'%s': '%s' is not %s", what, dro_word(word, node->text), format->what);
	return NULL;
}

bool dro_fill_int(struct dro_fill *fill, const char *what, const struct dro_yaml_node *node,
	int64_t min, int64_t max, int *out)
{
	char word[DRO_WORD_TEXT];
	int64_t value;

	if (!min && !max) {
		min = INT_MIN;
		max = INT_MAX;
	}
	if (!dro_yaml_int(node, &value)) {
		if (node->kind != DRO_YAML_SCALAR || dro_yaml_is_null(node))
			dro_fill_complain(fill, node, "'%s': expected a whole number, not %s", what,
				dro_yaml_describe(node));
		else
			dro_fill_complain(fill, node,
				"'%s': '%s' is not a whole number that fits%s", what,
				dro_word(word, node->text),
				node->plain ? "" : ": take the quotes away");
		return false;
	}
	if (value < min || value > max) {
		dro_fill_complain(fill, node,
			"'%s': %" PRId64 " is too %s: %" PRId64 " to %" PRId64, what, value,
			value < min ? "small" : "large", min, max);
		return false;
	}
	*out = (int)value;
	return true;
}

static void list_words(struct dro_buf *out, const struct dro_word *words)
{
	const struct dro_word *word;

	for (word = words; word->word; word++)
		dro_buf_printf(out, "%s%s", word == words ? "" : ", ", word->word);
}

static const struct dro_word *find_word(
	struct dro_fill *fill, const struct dro_field *field, const struct dro_yaml_node *node)
{
	struct dro_nearest nearest = {.word = node->text};
	struct dro_buf list = DRO_BUF_INIT(LIST_TEXT);
	const struct dro_word *word;
	char text[DRO_WORD_TEXT];

	if (!dro_fill_kind(fill, field->name, node, DRO_YAML_SCALAR))
		return NULL;
	for (word = field->words; word->word; word++) {
		if (strcmp(word->word, node->text) == 0)
			return word;
		dro_nearest_offer(&nearest, word->word);
	}
	list_words(&list, field->words);
	dro_word(text, node->text);
	if (nearest.best)
		dro_fill_complain(fill, node, "'%s': '%s' is not known: did you mean '%s'? (%s)",
			field->name, text, nearest.best, dro_buf_str(&list));
	else
		dro_fill_complain(fill, node, "'%s': '%s' is not known: one of %s", field->name,
			text, dro_buf_str(&list));
	dro_buf_free(&list);
	return NULL;
}

static void fill_duration(struct dro_fill *fill, const struct dro_field *field,
	const struct dro_yaml_node *node, int64_t *out)
{
	char text[DRO_DURATION_TEXT], word[DRO_WORD_TEXT];
	int64_t ms;

	if (!dro_fill_kind(fill, field->name, node, DRO_YAML_SCALAR))
		return;
	if (dro_duration_parse(node->text, &ms) < 0) {
		dro_fill_complain(fill, node,
			"'%s': '%s' is not a duration: a number with its unit, such as 30s, 20m, "
			"26h, 7d, at most 100 years",
			field->name, dro_word(word, node->text));
	} else if (ms < field->min) {
		dro_duration_format(text, field->min);
		dro_fill_complain(fill, node, "'%s': %s is too short: at least %s", field->name,
			dro_word(word, node->text), text);
	} else if (field->max && ms > field->max) {
		dro_duration_format(text, field->max);
		dro_fill_complain(fill, node, "'%s': %s is too long: at most %s", field->name,
			dro_word(word, node->text), text);
	} else {
		*out = ms;
	}
}

static void fill_strings(struct dro_fill *fill, const struct dro_field *field,
	const struct dro_yaml_node *node, char ***out, size_t *count)
{
	const struct dro_yaml_node *entry;
	const char *text;

	if (!dro_fill_kind(fill, field->name, node, DRO_YAML_LIST))
		return;
	if (!node->count || (field->max && node->count > (size_t)field->max)) {
		dro_fill_complain(fill, node, "'%s': %zu entries: 1 to %" PRId64, field->name,
			node->count, field->max);
		return;
	}
	if (!(*out = dro_fill_array(fill, node->count, sizeof(char *))))
		return;
	for (entry = node->first; entry; entry = entry->next) {
		text = dro_fill_text(fill, field->name, entry, field->format);
		if (!text)
			continue;
		dro_fill_mark(fill, &(*out)[*count], entry);
		dro_fill_string(fill, &(*out)[*count], text);
		if ((*out)[*count])
			(*count)++;
	}
}

static void fill_flags(struct dro_fill *fill, const struct dro_field *field,
	const struct dro_yaml_node *node, unsigned *out)
{
	const struct dro_yaml_node *entry;
	const struct dro_word *word;

	if (!dro_fill_kind(fill, field->name, node, DRO_YAML_LIST))
		return;
	if (!node->count)
		dro_fill_complain(fill, node, "'%s': the list is empty", field->name);
	for (entry = node->first; entry; entry = entry->next)
		if ((word = find_word(fill, field, entry)))
			*out |= (unsigned)word->value;
}

/* The entries of a map or list of objects; an array is made once, so its elements never move. */
static void fill_entries(struct dro_fill *fill, const struct dro_field *field,
	const struct dro_yaml_node *node, void **out, size_t *count)
{
	const struct dro_form *object = field->object;
	bool map = field->kind == DRO_FIELD_MAP;
	const struct dro_yaml_node *entry;

	if (!dro_fill_kind(fill, field->name, node, map ? DRO_YAML_MAP : DRO_YAML_LIST))
		return;
	if (!map && !node->count)
		dro_fill_complain(fill, node, "'%s': the list is empty", field->name);
	if (field->max && node->count > (size_t)field->max) {
		dro_fill_complain(fill, node, "'%s': %zu entries: at most %" PRId64, field->name,
			node->count, field->max);
		return;
	}
	if (!(*out = dro_fill_array(fill, node->count, object->size)))
		return;
	for (entry = node->first; entry && !fill->rc; entry = entry->next) {
		char *target = (char *)*out + *count * object->size;
		const struct dro_yaml_node *named = map ? entry->key : entry;

		(*count)++;
		dro_fill_defaults(fill, object, target);
		if (map) {
			dro_fill_text(fill, field->name, named, &dro_format_name);
			dro_fill_string(fill, member(target, object->key), named->text);
		}
		dro_fill_form(fill, object, entry, &named->place, target);
	}
}

static void fill_text(struct dro_fill *fill, const struct dro_field *field,
	const struct dro_yaml_node *node, char **out)
{
	const struct dro_word *word;
	const char *text;

	if (field->words) {
		if ((word = find_word(fill, field, node)))
			dro_fill_string(fill, out, word->word);
	} else if ((text = dro_fill_text(fill, field->name, node, field->format))) {
		dro_fill_string(fill, out, text);
	}
}

static void fill_bool(struct dro_fill *fill, const struct dro_field *field,
	const struct dro_yaml_node *node, bool *out)
{
	char word[DRO_WORD_TEXT];

	if (!dro_yaml_bool(node, out))
		dro_fill_complain(fill, node, "'%s': expected true or false, not %s%s%s%s",
			field->name, dro_yaml_describe(node), *node->text ? " '" : "",
			dro_word(word, node->text), *node->text ? "'" : "");
}

static void check_const(
	struct dro_fill *fill, const struct dro_field *field, const struct dro_yaml_node *node)
{
	char word[DRO_WORD_TEXT];

	if (!dro_fill_kind(fill, field->name, node, DRO_YAML_SCALAR))
		return;
	if (strcmp(node->text, field->fallback) != 0)
		dro_fill_complain(fill, node, "'%s': '%s' instead of '%s'", field->name,
			dro_word(word, node->text), field->fallback);
}

static void fill_field(struct dro_fill *fill, const struct dro_field *field,
	const struct dro_yaml_node *node, void *target)
{
	void *at = member(target, field->offset);
	size_t *count = member(target, field->count);
	const struct dro_word *word;

	switch (field->kind) {
	case DRO_FIELD_CONST:
		check_const(fill, field, node);
		break;
	case DRO_FIELD_STRING:
		fill_text(fill, field, node, at);
		break;
	case DRO_FIELD_ENUM:
		if ((word = find_word(fill, field, node)))
			*(int *)at = word->value;
		break;
	case DRO_FIELD_FLAGS:
		fill_flags(fill, field, node, at);
		break;
	case DRO_FIELD_INT:
		dro_fill_int(fill, field->name, node, field->min, field->max, at);
		break;
	case DRO_FIELD_BOOL:
		fill_bool(fill, field, node, at);
		break;
	case DRO_FIELD_DURATION:
		fill_duration(fill, field, node, at);
		break;
	case DRO_FIELD_STRINGS:
		fill_strings(fill, field, node, at, count);
		break;
	case DRO_FIELD_SECRET:
		dro_fill_secret(fill, node, at);
		break;
	case DRO_FIELD_OBJECT:
		dro_fill_form(fill, field->object, node, &node->place, at);
		break;
	case DRO_FIELD_MAP:
	case DRO_FIELD_LIST:
		fill_entries(fill, field, node, at, count);
		break;
	case DRO_FIELD_SETTINGS:
		dro_fill_settings(fill, node, at, count);
		break;
	case DRO_FIELD_CREDENTIALS:
		dro_fill_credentials(fill, node, at, count);
		break;
	case DRO_FIELD_IMAGE:
		dro_fill_image(fill, node, target);
		break;
	case DRO_FIELD_POLICY:
		dro_fill_policy(fill, node, target);
		break;
	case DRO_FIELD_CHANGES:
		dro_fill_changes(fill, node, target);
		break;
	}
}

/* Defaults are text and go the way of what people write, so a table cannot hold an invalid one. */
static void default_field(struct dro_fill *fill, const struct dro_field *field, void *target)
{
	struct dro_yaml_node node = {.plain = true, .text = field->fallback};
	void *at = member(target, field->offset);

	if (field->kind == DRO_FIELD_OBJECT)
		dro_fill_defaults(fill, field->object, at);
	else if (field->kind == DRO_FIELD_STRING)
		dro_fill_string(fill, at, "");
	else if (field->kind == DRO_FIELD_DURATION)
		*(int64_t *)at = DRO_UNSET;
	else if (field->kind == DRO_FIELD_SECRET)
		dro_fill_string(fill, &((struct dro_secret_ref *)at)->value, "");
	else if (field->kind == DRO_FIELD_IMAGE)
		dro_fill_string(fill, &((struct dro_instance_group *)target)->image, "");
	if (field->fallback && field->kind != DRO_FIELD_CONST)
		fill_field(fill, field, &node, target);
}

void dro_fill_defaults(struct dro_fill *fill, const struct dro_form *object, void *target)
{
	const struct dro_field *field;

	if (object->key != DRO_NO_OFFSET)
		dro_fill_string(fill, member(target, object->key), "");
	for (field = object->fields; field->name; field++)
		default_field(fill, field, target);
}

static void complain_unknown(
	struct dro_fill *fill, const struct dro_form *object, const struct dro_yaml_node *key)
{
	struct dro_nearest nearest = {.word = key->text};
	struct dro_buf list = DRO_BUF_INIT(LIST_TEXT);
	const struct dro_field *field;
	char word[DRO_WORD_TEXT];

	for (field = object->fields; field->name; field++) {
		dro_nearest_offer(&nearest, field->name);
		dro_buf_printf(&list, "%s%s", field == object->fields ? "" : ", ", field->name);
	}
	dro_word(word, key->text);
	if (nearest.best)
		dro_fill_complain(fill, key, "unknown key '%s' in %s: did you mean '%s'?", word,
			object->name, nearest.best);
	else
		dro_fill_complain(fill, key, "unknown key '%s' in %s: it has %s", word,
			object->name, dro_buf_str(&list));
	dro_buf_free(&list);
}

static void complain_missing(struct dro_fill *fill, const struct dro_form *object,
	const struct dro_field *field, const struct dro_place *place)
{
	const char *example = field->example ? field->example : field->fallback;

	dro_report_add(fill->report, place, "'%s' is missing in %s%s%s%s%s%s. %s", field->name,
		object->name, example ? ": write '" : "", example ? field->name : "",
		example ? ": " : "", example ? example : "", example ? "' or the like" : "",
		field->help);
}

static void fill_entry(struct dro_fill *fill, const struct dro_form *object,
	const struct dro_yaml_node *entry, void *target, uint64_t *seen)
{
	const struct dro_field *field;
	uint64_t bit = 1;

	for (field = object->fields; field->name; field++, bit <<= 1)
		if (strcmp(field->name, entry->key->text) == 0)
			break;
	if (!field->name) {
		if (object->settings != DRO_NO_OFFSET && entry->kind == DRO_YAML_SCALAR)
			dro_fill_setting(fill, entry,
				*(struct dro_setting **)member(target, object->settings),
				member(target, object->setting_count));
		else
			complain_unknown(fill, object, entry->key);
		return;
	}
	if (*seen & bit) /* given twice: the parser said so */
		return;
	*seen |= bit;
	if (field->kind != DRO_FIELD_OBJECT && field->kind != DRO_FIELD_CONST)
		dro_fill_mark(fill, member(target, field->offset), entry);
	fill_field(fill, field, entry, target);
}

void dro_fill_form(struct dro_fill *fill, const struct dro_form *object,
	const struct dro_yaml_node *node, const struct dro_place *place, void *target)
{
	const struct dro_yaml_node *entry;
	const struct dro_field *field;
	uint64_t seen = 0, bit = 1;

	if (object->place != DRO_NO_OFFSET)
		*(struct dro_place *)member(target, object->place) = *place;
	if (!dro_fill_kind(fill, object->name, node, DRO_YAML_MAP))
		return;
	if (object->given != DRO_NO_OFFSET)
		*(bool *)member(target, object->given) = true;
	if (object->settings != DRO_NO_OFFSET &&
		!(*(void **)member(target, object->settings) =
				dro_fill_array(fill, node->count, sizeof(struct dro_setting))))
		return;
	for (entry = node->first; entry && !fill->rc; entry = entry->next)
		fill_entry(fill, object, entry, target, &seen);
	for (field = object->fields; field->name; field++, bit <<= 1)
		if ((field->flags & DRO_FIELD_REQUIRED) && !(seen & bit))
			complain_missing(fill, object, field, place);
}
