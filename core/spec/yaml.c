#include "spec/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "model/tree.h"
#include "spec/text.h"

#define CHUNK_BYTES (32u << 10)
#define FEW_KEYS 16

/* Nodes and their text live and die together. */
struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};

struct dro_yaml {
	struct chunk *chunks;
	const struct dro_yaml_node *root;
};

/* A list or mapping that is still open. */
struct frame {
	struct dro_yaml_node *node;
	struct dro_yaml_node *last;
	const struct dro_yaml_node *key; /* waits for its value */
};

struct builder {
	struct dro_yaml *yaml;
	yaml_parser_t parser;
	const char *file;
	struct dro_report *report;
	struct frame stack[DRO_YAML_DEPTH_MAX];
	size_t depth;
	int documents;
	int errors;
	bool broken; /* what there is would mislead: no document */
	bool ended;
	int rc;
};

static void *allocate(struct builder *builder, size_t size)
{
	struct chunk *chunk = builder->yaml->chunks;
	void *memory;

	size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk) {
			builder->rc = DRO_ENOMEM;
			return NULL;
		}
		chunk->used = 0;
		chunk->size = room;
		chunk->next = builder->yaml->chunks;
		builder->yaml->chunks = chunk;
	}
	memory = (char *)chunk->data + chunk->used;
	chunk->used += size;
	memset(memory, 0, size);
	return memory;
}

static struct dro_place place_of(const struct builder *builder, yaml_mark_t mark)
{
	return (struct dro_place){
		.file = builder->file,
		.line = (int)mark.line + 1,
		.column = (int)mark.column + 1,
	};
}

#define complain(builder, place, ...)                                                              \
	do {                                                                                       \
		if ((builder)->errors++ < DRO_YAML_ERRORS_MAX)                                     \
			dro_report_add((builder)->report, place, __VA_ARGS__);                     \
	} while (0)

static struct dro_yaml_node *new_node(
	struct builder *builder, enum dro_yaml_kind kind, const yaml_event_t *event)
{
	struct dro_yaml_node *node = allocate(builder, sizeof(*node));

	if (node) {
		node->kind = kind;
		node->place = place_of(builder, event->start_mark);
		node->text = "";
	}
	return node;
}

/* Puts a node where the document stands: as the root, a key, a value or an entry. */
static void place_node(struct builder *builder, struct dro_yaml_node *node)
{
	struct frame *frame;

	if (!builder->depth) {
		builder->yaml->root = node;
		return;
	}
	frame = &builder->stack[builder->depth - 1];
	if (frame->node->kind == DRO_YAML_MAP && !frame->key) {
		if (node->kind != DRO_YAML_SCALAR) {
			complain(builder, &node->place, "%s as a key: a key is one word",
				dro_yaml_describe(node));
			builder->broken = true;
		} else if (node->plain && strcmp(node->text, "<<") == 0) {
			complain(builder, &node->place,
				"the merge key '<<' is not supported: write the keys out");
			builder->broken = true;
		}
		frame->key = node;
		return;
	}
	node->key = frame->key;
	frame->key = NULL;
	if (frame->last)
		frame->last->next = node;
	else
		frame->node->first = node;
	frame->last = node;
	frame->node->count++;
}

static int compare_keys(const void *a, const void *b)
{
	const struct dro_yaml_node *left = *(struct dro_yaml_node *const *)a;
	const struct dro_yaml_node *right = *(struct dro_yaml_node *const *)b;
	int order = strcmp(left->key->text, right->key->text);

	if (order)
		return order;
	if (left->place.line != right->place.line)
		return left->place.line < right->place.line ? -1 : 1;
	return left->place.column < right->place.column ? -1 : 1;
}

static void refuse_duplicate(struct builder *builder, const struct dro_yaml_node *entry,
	const struct dro_yaml_node *before)
{
	char word[DRO_WORD_TEXT];

	complain(builder, &entry->key->place,
		"the key '%s' is given twice: it stands in line %d already",
		dro_word(word, entry->key->text), before->key->place.line);
}

/* Of few keys, as nearly every mapping has, each is compared with those before it. */
static void refuse_duplicates_of_few(struct builder *builder, const struct dro_yaml_node *map)
{
	const struct dro_yaml_node *entry, *before;

	for (entry = map->first; entry; entry = entry->next) {
		for (before = map->first; before != entry; before = before->next)
			if (strcmp(before->key->text, entry->key->text) == 0)
				break;
		if (before != entry)
			refuse_duplicate(builder, entry, before);
	}
}

/* Sorted, so that a mapping of a hundred thousand keys costs no more than it should. */
static void refuse_duplicates(struct builder *builder, const struct dro_yaml_node *map)
{
	const struct dro_yaml_node **entries, *entry;
	size_t i, count = 0, first = 0;

	if (map->count <= FEW_KEYS) {
		refuse_duplicates_of_few(builder, map);
		return;
	}
	entries = calloc(map->count, sizeof(const struct dro_yaml_node *));
	if (!entries) {
		builder->rc = DRO_ENOMEM;
		return;
	}
	for (entry = map->first; entry; entry = entry->next)
		entries[count++] = entry;
	qsort(entries, count, sizeof(const struct dro_yaml_node *), compare_keys);
	for (i = 1; i < count; i++) {
		if (strcmp(entries[i]->key->text, entries[first]->key->text) != 0)
			first = i;
		else
			refuse_duplicate(builder, entries[i], entries[first]);
	}
	free(entries);
}

static void refuse_marks(struct builder *builder, const yaml_event_t *event,
	const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct dro_place place = place_of(builder, event->start_mark);
	char word[DRO_WORD_TEXT];

	if (anchor)
		complain(builder, &place, "the anchor '&%s' is not supported: write the value out",
			dro_word(word, (const char *)anchor));
	if (tag)
		complain(builder, &place, "the tag '%s' is not supported: leave it out",
			dro_word(word, (const char *)tag));
}

static void on_scalar(struct builder *builder, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct dro_yaml_node *node = new_node(builder, DRO_YAML_SCALAR, event);
	char *text;

	if (!node)
		return;
	refuse_marks(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (length > DRO_YAML_SCALAR_MAX) {
		complain(builder, &node->place, "a value of %zu bytes: %u are allowed", length,
			DRO_YAML_SCALAR_MAX);
		builder->broken = true;
	} else if (memchr(value, '\0', length) || dro_text_hidden(value)) {
		complain(builder, &node->place,
			"a control or text direction character in a value: take it out");
		builder->broken = true;
	} else if ((text = allocate(builder, length + 1))) {
		memcpy(text, value, length);
		node->text = text;
	}
	place_node(builder, node);
}

static void on_open(struct builder *builder, const yaml_event_t *event)
{
	bool map = event->type == YAML_MAPPING_START_EVENT;
	struct dro_yaml_node *node = new_node(builder, map ? DRO_YAML_MAP : DRO_YAML_LIST, event);

	if (!node)
		return;
	if (builder->depth == DRO_YAML_DEPTH_MAX) {
		complain(builder, &node->place, "nested deeper than %d levels", DRO_YAML_DEPTH_MAX);
		builder->broken = builder->ended = true;
		return;
	}
	if (map)
		refuse_marks(builder, event, event->data.mapping_start.anchor,
			event->data.mapping_start.tag);
	else
		refuse_marks(builder, event, event->data.sequence_start.anchor,
			event->data.sequence_start.tag);
	place_node(builder, node);
	builder->stack[builder->depth++] = (struct frame){.node = node};
}

static void on_close(struct builder *builder)
{
	const struct dro_yaml_node *node = builder->stack[--builder->depth].node;

	if (node->kind == DRO_YAML_MAP)
		refuse_duplicates(builder, node);
}

static void on_alias(struct builder *builder, const yaml_event_t *event)
{
	struct dro_yaml_node *node = new_node(builder, DRO_YAML_SCALAR, event);
	char word[DRO_WORD_TEXT];

	if (!node)
		return;
	complain(builder, &node->place, "the alias '*%s' is not supported: write the value out",
		dro_word(word, (const char *)event->data.alias.anchor));
	builder->broken = true;
	place_node(builder, node);
}

static void on_document(struct builder *builder, const yaml_event_t *event)
{
	struct dro_place place = place_of(builder, event->start_mark);

	if (event->data.document_start.tag_directives.start !=
		event->data.document_start.tag_directives.end)
		complain(builder, &place, "%%TAG is not supported: leave it out");
	if (builder->documents++ == 0)
		return;
	complain(builder, &place, "a second document: one file holds one");
	builder->ended = true;
}

static void on_event(struct builder *builder, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		on_document(builder, event);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(builder, event);
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(builder, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		on_open(builder, event);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_close(builder);
		break;
	case YAML_STREAM_END_EVENT:
		builder->ended = true;
		break;
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_NO_EVENT:
		break;
	}
}

/* libyaml's words say what its scanner met, seldom what to do. */
static const struct {
	const char *problem, *advice;
} advices[] = {
	{"mapping values are not allowed in this context",
		"a second ': ' in one line, or a key indented deeper than the one above: check the "
		"indentation, or put the text in quotes"},
	{"did not find expected key", "a key was expected here: check the indentation, and what "
				      "the line above ends with"},
	{"did not find expected '-' indicator",
		"an entry beginning with '- ' was expected here: check the indentation"},
	{"did not find expected ',' or ']'", "a ',' or the closing ']' is missing"},
	{"did not find expected ',' or '}'", "a ',' or the closing '}' is missing"},
	{"could not find expected ':'", "a ':' is missing after the key"},
	{"did not find expected node content",
		"a value, or the bracket that closes what was opened, is missing"},
	{"found unexpected end of stream", "the text ends inside quotes: close them"},
	{"found character that cannot start any token",
		"no value can begin with this character: put it in quotes"},
};

static void on_syntax_error(struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	const char *problem = parser->problem ? parser->problem : "not YAML";
	struct dro_place place = place_of(builder, parser->problem_mark);
	size_t i;

	builder->broken = builder->ended = true;
	if (parser->error == YAML_MEMORY_ERROR) {
		builder->rc = DRO_ENOMEM;
		return;
	}
	for (i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (strcmp(problem, advices[i].problem) == 0)
			problem = advices[i].advice;
	if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		complain(builder, &place, "%s (%s that begins in line %d)", problem,
			parser->context, (int)parser->context_mark.line + 1);
	else
		complain(builder, &place, "%s", problem);
}

static void run(struct builder *builder)
{
	yaml_event_t event;

	while (!builder->ended && !builder->rc) {
		if (!yaml_parser_parse(&builder->parser, &event)) {
			on_syntax_error(builder);
			return;
		}
		on_event(builder, &event);
		yaml_event_delete(&event);
	}
}

static bool check_size(const char *file, const char *data, size_t length, struct dro_report *report)
{
	struct dro_place place = {.file = file};

	if (length > DRO_TREE_FILE_MAX) {
		dro_report_add(report, &place, "%zu bytes: a file has at most %u", length,
			DRO_TREE_FILE_MAX);
		return false;
	}
	return dro_text_check(file, data, length, report);
}

int dro_yaml_parse(struct dro_yaml **out, const char *file, const char *data, size_t length,
	struct dro_report *report, struct dro_error *err)
{
	struct builder builder = {.file = file, .report = report};

	*out = NULL;
	if (!check_size(file, data, length, report))
		return 0;
	if (length >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
		data += 3;
		length -= 3;
	}
	builder.yaml = calloc(1, sizeof(*builder.yaml));
	if (!builder.yaml || !yaml_parser_initialize(&builder.parser)) {
		free(builder.yaml);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)data, length);
	run(&builder);
	yaml_parser_delete(&builder.parser);
	if (builder.errors > DRO_YAML_ERRORS_MAX)
		report->dropped += (size_t)(builder.errors - DRO_YAML_ERRORS_MAX);
	if (builder.rc < 0) {
		dro_yaml_free(builder.yaml);
		return dro_fail(err, builder.rc, "out of memory");
	}
	if (builder.broken) {
		dro_yaml_free(builder.yaml);
		return 0;
	}
	if (!builder.yaml->root) {
		dro_report_add(report, &(struct dro_place){.file = file}, "the file is empty");
		dro_yaml_free(builder.yaml);
		return 0;
	}
	*out = builder.yaml;
	return 0;
}

const struct dro_yaml_node *dro_yaml_root(const struct dro_yaml *yaml)
{
	return yaml->root;
}

void dro_yaml_free(struct dro_yaml *yaml)
{
	struct chunk *chunk, *next;

	if (!yaml)
		return;
	for (chunk = yaml->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(yaml);
}
