#include "model/inventory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * An item is one block: the struct, then its arrays, then its strings. What a struct points to is
 * described by a table, so that one measuring and one copying pass serve all of them.
 */
enum field_kind { FIELD_TEXT, FIELD_TEXTS, FIELD_PAIRS };

struct field {
	enum field_kind kind;
	size_t at;    /* of the pointer */
	size_t count; /* of the array's count */
};

struct shape {
	const char *what;
	size_t size;
	const struct field *fields;
	size_t field_count;
};

#define TEXT(type, member)                                                                         \
	{                                                                                          \
		FIELD_TEXT, offsetof(struct type, member), 0                                       \
	}
#define ARRAY(kind, type, member, counter)                                                         \
	{                                                                                          \
		kind, offsetof(struct type, member), offsetof(struct type, counter)                \
	}
#define SHAPE(name, type, table)                                                                   \
	static const struct shape name = {                                                         \
		#type, sizeof(struct type), table, sizeof(table) / sizeof((table)[0])}

static const struct field instance_fields[] = {
	TEXT(dro_instance, id),
	TEXT(dro_instance, name),
	TEXT(dro_instance, type),
	TEXT(dro_instance, image),
	TEXT(dro_instance, region),
	TEXT(dro_instance, zone),
	TEXT(dro_instance, native_state),
	TEXT(dro_instance, public_ipv4),
	TEXT(dro_instance, private_ipv4),
	ARRAY(FIELD_PAIRS, dro_instance, tags, tag_count),
};
static const struct field image_fields[] = {
	TEXT(dro_image, id),
	TEXT(dro_image, name),
	TEXT(dro_image, region),
	TEXT(dro_image, native_state),
	ARRAY(FIELD_TEXTS, dro_image, snapshots, snapshot_count),
	ARRAY(FIELD_PAIRS, dro_image, tags, tag_count),
};
static const struct field object_fields[] = {
	TEXT(dro_object, key),
	TEXT(dro_object, etag),
};
static const struct field record_fields[] = {
	TEXT(dro_record, id),
	TEXT(dro_record, name),
	TEXT(dro_record, type),
	ARRAY(FIELD_TEXTS, dro_record, values, value_count),
	TEXT(dro_record, set_id),
	TEXT(dro_record, owner),
	TEXT(dro_record, health_check),
	TEXT(dro_record, alias),
	TEXT(dro_record, alias_zone),
};
static const struct field check_fields[] = {
	TEXT(dro_health_check, id),
	TEXT(dro_health_check, version),
	TEXT(dro_health_check, owner),
	TEXT(dro_health_check, address),
	TEXT(dro_health_check, host),
	TEXT(dro_health_check, path),
};
static const struct field vantage_fields[] = {
	TEXT(dro_vantage, name),
	TEXT(dro_vantage, text),
};
static const struct field instance_health_fields[] = {
	TEXT(dro_instance_health, id),
	TEXT(dro_instance_health, text),
};
SHAPE(instance_shape, dro_instance, instance_fields);
SHAPE(image_shape, dro_image, image_fields);
SHAPE(object_shape, dro_object, object_fields);
SHAPE(record_shape, dro_record, record_fields);
SHAPE(check_shape, dro_health_check, check_fields);
SHAPE(vantage_shape, dro_vantage, vantage_fields);
SHAPE(instance_health_shape, dro_instance_health, instance_health_fields);

/* Where the copy goes. Without a block it only measures. */
struct packer {
	char *block;
	size_t pointers; /* next free byte for an array */
	size_t texts;	 /* next free byte for a string */
	const char *problem;
};

static char *pack_text(struct packer *packer, const char *from)
{
	size_t length = from ? strnlen(from, DRO_LIST_MAX_STRING) : 0;
	char *to = packer->block ? packer->block + packer->texts : NULL;

	if (length >= DRO_LIST_MAX_STRING) {
		packer->problem = "a string is too long";
		return NULL;
	}
	packer->texts += length + 1;
	if (to && length)
		memcpy(to, from, length); /* the block is zeroed: the NUL is there */
	return to;
}

/* An array of strings; pairs are two strings each. */
static void *pack_array(struct packer *packer, const char *const *from, size_t count)
{
	const char **to =
		packer->block && count ? (const char **)(packer->block + packer->pointers) : NULL;
	size_t i;

	packer->pointers += count * sizeof(*from);
	for (i = 0; i < count && !packer->problem; i++) {
		char *text = pack_text(packer, from[i]);

		if (to)
			to[i] = text;
	}
	return to;
}

/* Reads a field of a struct that may be older, hence shorter, than ours. */
static void read_field(const void *from, uint32_t size, size_t at, void *out, size_t out_size)
{
	memset(out, 0, out_size);
	if (at + out_size <= size)
		memcpy(out, (const char *)from + at, out_size);
}

static void pack_field(
	struct packer *packer, const struct field *field, const void *from, uint32_t size)
{
	const void *pointer;
	size_t count = 0;
	void *to;

	read_field(from, size, field->at, &pointer, sizeof(pointer));
	if (field->kind == FIELD_TEXT) {
		to = pack_text(packer, pointer);
	} else {
		read_field(from, size, field->count, &count, sizeof(count));
		if (count > DRO_LIST_MAX_ARRAY || (count && !pointer)) {
			packer->problem = "an array is too long, or not there";
			return;
		}
		_Static_assert(
			sizeof(struct dro_pair) == 2 * sizeof(char *), "a pair is two strings");
		to = pack_array(packer, pointer, field->kind == FIELD_PAIRS ? 2 * count : count);
		if (packer->block)
			memcpy(packer->block + field->count, &count, sizeof(count));
	}
	if (packer->block)
		memcpy(packer->block + field->at, &to, sizeof(to));
}

static void pack(struct packer *packer, const struct shape *shape, const void *from, uint32_t size)
{
	size_t i;

	for (i = 0; i < shape->field_count && !packer->problem; i++)
		pack_field(packer, &shape->fields[i], from, size);
}

static int copy_item(void **out, size_t *bytes, size_t room, const struct shape *shape,
	const void *from, struct dro_error *err)
{
	struct packer measure = {.pointers = shape->size};
	struct packer copy = {.pointers = shape->size};
	uint32_t size = from ? *(const uint32_t *)from : 0;
	uint32_t own_size = (uint32_t)shape->size;

	if (size < 2 * sizeof(uint32_t) || size > 65536)
		return dro_fail(err, DRO_EPROTO, "the plugin gave a struct %s of size %u",
			shape->what, size);
	pack(&measure, shape, from, size);
	if (measure.problem)
		return dro_fail(err, DRO_EPROTO, "the plugin gave a struct %s in which %s",
			shape->what, measure.problem);
	*bytes = measure.pointers + measure.texts;
	if (*bytes > room)
		return dro_fail(
			err, DRO_EPROTO, "the plugin gave more than %u bytes", DRO_LIST_MAX_BYTES);
	copy.block = calloc(1, *bytes);
	if (!copy.block)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	memcpy(copy.block, from, size < shape->size ? size : shape->size);
	memcpy(copy.block, &own_size, sizeof(own_size));
	copy.texts = measure.pointers;
	pack(&copy, shape, from, size);
	*out = copy.block;
	return 0;
}

/* `items` is the address of the list's array, whatever it points to. */
static int append(const struct shape *shape, const void *from, void *items, size_t *count,
	size_t *bytes, struct dro_error *err)
{
	void **array, *item = NULL;
	size_t added = 0;
	int rc;

	if (*count >= DRO_LIST_MAX_ITEMS)
		return dro_fail(
			err, DRO_EPROTO, "the plugin gave more than %u items", DRO_LIST_MAX_ITEMS);
	if ((rc = copy_item(&item, &added, DRO_LIST_MAX_BYTES - *bytes, shape, from, err)) < 0)
		return rc;
	memcpy(&array, items, sizeof(array));
	if ((*count & (*count - 1)) == 0) { /* full at every power of two */
		void **grown = realloc(array, (*count ? *count * 2 : 1) * sizeof(*array));

		if (!grown) {
			free(item);
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		}
		memcpy(items, &grown, sizeof(grown));
		array = grown;
	}
	array[(*count)++] = item;
	*bytes += added;
	return 0;
}

static void release(void *items, size_t *count, size_t *bytes)
{
	void **array;
	size_t i;

	memcpy(&array, items, sizeof(array));
	for (i = 0; i < *count; i++)
		free(array[i]);
	free(array);
	array = NULL;
	memcpy(items, &array, sizeof(array));
	*count = *bytes = 0;
}

int dro_instance_list_add(
	struct dro_instance_list *list, const struct dro_instance *from, struct dro_error *err)
{
	return append(&instance_shape, from, &list->items, &list->count, &list->bytes, err);
}

int dro_image_list_add(
	struct dro_image_list *list, const struct dro_image *from, struct dro_error *err)
{
	return append(&image_shape, from, &list->items, &list->count, &list->bytes, err);
}

int dro_object_list_add(
	struct dro_object_list *list, const struct dro_object *from, struct dro_error *err)
{
	return append(&object_shape, from, &list->items, &list->count, &list->bytes, err);
}

int dro_record_list_add(
	struct dro_record_list *list, const struct dro_record *from, struct dro_error *err)
{
	return append(&record_shape, from, &list->items, &list->count, &list->bytes, err);
}

int dro_health_check_list_add(struct dro_health_check_list *list,
	const struct dro_health_check *from, struct dro_error *err)
{
	return append(&check_shape, from, &list->items, &list->count, &list->bytes, err);
}

int dro_vantage_list_add(
	struct dro_vantage_list *list, const struct dro_vantage *from, struct dro_error *err)
{
	return append(&vantage_shape, from, &list->items, &list->count, &list->bytes, err);
}

int dro_instance_health_list_add(struct dro_instance_health_list *list,
	const struct dro_instance_health *from, struct dro_error *err)
{
	return append(&instance_health_shape, from, &list->items, &list->count, &list->bytes, err);
}

void dro_instance_list_free(struct dro_instance_list *list)
{
	if (list)
		release(&list->items, &list->count, &list->bytes);
}

void dro_image_list_free(struct dro_image_list *list)
{
	if (list)
		release(&list->items, &list->count, &list->bytes);
}

void dro_object_list_free(struct dro_object_list *list)
{
	if (list)
		release(&list->items, &list->count, &list->bytes);
}

void dro_record_list_free(struct dro_record_list *list)
{
	if (list)
		release(&list->items, &list->count, &list->bytes);
}

void dro_health_check_list_free(struct dro_health_check_list *list)
{
	if (list)
		release(&list->items, &list->count, &list->bytes);
}

void dro_vantage_list_free(struct dro_vantage_list *list)
{
	if (list)
		release(&list->items, &list->count, &list->bytes);
}

void dro_instance_health_list_free(struct dro_instance_health_list *list)
{
	if (list)
		release(&list->items, &list->count, &list->bytes);
}

static const char *find_tag(const struct dro_pair *tags, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(tags[i].name, name) == 0)
			return tags[i].value;
	return NULL;
}

const char *dro_instance_tag(const struct dro_instance *instance, const char *name)
{
	return find_tag(instance->tags, instance->tag_count, name);
}

const char *dro_image_tag(const struct dro_image *image, const char *name)
{
	return find_tag(image->tags, image->tag_count, name);
}
