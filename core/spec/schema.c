#include "spec/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "spec/fields.h"

#define DURATION "^([0-9]+(ms|s|m|h|d|w))+$"
#define DRAFT "http://json-schema.org/draft-07/schema#"

/* The table has a definition for each form; where one stands, a reference to it. */
static cJSON *reference(const char *name)
{
	cJSON *node = cJSON_CreateObject();
	char target[128];

	snprintf(target, sizeof(target), "#/definitions/%s", name);
	cJSON_AddStringToObject(node, "$ref", target);
	return node;
}

static cJSON *typed(const char *type)
{
	cJSON *node = cJSON_CreateObject();

	cJSON_AddStringToObject(node, "type", type);
	return node;
}

/* A scalar may be written without quotes and look like a number or a truth to a YAML reader. */
static cJSON *loose_string(void)
{
	static const char *const types[] = {"string", "number", "boolean"};
	cJSON *node = cJSON_CreateObject();

	cJSON_AddItemToObject(node, "type", cJSON_CreateStringArray(types, 3));
	return node;
}

static cJSON *words(const struct dro_word *word)
{
	cJSON *node = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(node, "enum");
	bool truths = false;

	for (; word->word; word++) {
		cJSON_AddItemToArray(list, cJSON_CreateString(word->word));
		truths = truths || strcmp(word->word, "on") == 0;
	}
	/* Readers of YAML 1.1 make these of `on` and `off`. */
	if (truths) {
		cJSON_AddItemToArray(list, cJSON_CreateTrue());
		cJSON_AddItemToArray(list, cJSON_CreateFalse());
	}
	return node;
}

static cJSON *string_of(const struct dro_format *format)
{
	cJSON *node;

	if (!format || format == &dro_format_text || format == &dro_format_token)
		return loose_string();
	node = typed("string");
	cJSON_AddNumberToObject(node, "maxLength", (double)format->max);
	if (format->pattern)
		cJSON_AddStringToObject(node, "pattern", format->pattern);
	return node;
}

static cJSON *object_of(cJSON *values)
{
	cJSON *node = typed("object");

	cJSON_AddItemToObject(node, "additionalProperties", values);
	return node;
}

static cJSON *list_of(cJSON *items, const struct dro_field *field)
{
	cJSON *node = typed("array");

	cJSON_AddItemToObject(node, "items", items);
	cJSON_AddNumberToObject(node, "minItems", 1);
	if (field->max)
		cJSON_AddNumberToObject(node, "maxItems", (double)field->max);
	return node;
}

static cJSON *map_of(const struct dro_field *field)
{
	cJSON *node = object_of(reference(field->object->name));
	cJSON *names = cJSON_AddObjectToObject(node, "propertyNames");

	cJSON_AddStringToObject(names, "pattern", dro_format_name.pattern);
	if (field->max)
		cJSON_AddNumberToObject(node, "maxProperties", (double)field->max);
	return node;
}

static cJSON *closed(const char *required)
{
	cJSON *node = typed("object");

	cJSON_AddItemToObject(node, "required", cJSON_CreateStringArray(&required, 1));
	cJSON_AddFalseToObject(node, "additionalProperties");
	cJSON_AddObjectToObject(node, "properties");
	return node;
}

static void property(cJSON *object, const char *name, cJSON *value)
{
	cJSON_AddItemToObject(cJSON_GetObjectItem(object, "properties"), name, value);
}

static cJSON *integer(int64_t min, int64_t max)
{
	cJSON *node = typed("integer");

	if (min || max) {
		cJSON_AddNumberToObject(node, "minimum", (double)min);
		cJSON_AddNumberToObject(node, "maximum", (double)max);
	}
	return node;
}

static cJSON *either(cJSON *one, cJSON *other)
{
	cJSON *node = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(node, "oneOf");

	cJSON_AddItemToArray(list, one);
	cJSON_AddItemToArray(list, other);
	return node;
}

static cJSON *pattern(const char *text)
{
	cJSON *node = typed("string");

	cJSON_AddStringToObject(node, "pattern", text);
	return node;
}

static cJSON *image(void)
{
	cJSON *form = closed("name");

	property(form, "name", typed("string"));
	property(form, "newest", typed("boolean"));
	return either(typed("string"), form);
}

static cJSON *policy(void)
{
	cJSON *word = cJSON_CreateObject(), *form = closed("weighted");

	cJSON_AddStringToObject(word, "const", "failover");
	property(form, "weighted", object_of(integer(0, 255)));
	return either(word, form);
}

static cJSON *secret(void)
{
	cJSON *node = typed("object"), *properties = cJSON_AddObjectToObject(node, "properties");
	cJSON *command = typed("array");

	cJSON_AddItemToObject(properties, "env", string_of(&dro_format_variable));
	cJSON_AddItemToObject(properties, "file", string_of(&dro_format_file));
	cJSON_AddItemToObject(properties, "systemd", typed("string"));
	cJSON_AddItemToObject(command, "items", loose_string());
	cJSON_AddNumberToObject(command, "minItems", 1);
	cJSON_AddItemToObject(properties, "command", command);
	cJSON_AddNumberToObject(node, "minProperties", 1);
	cJSON_AddNumberToObject(node, "maxProperties", 1);
	cJSON_AddFalseToObject(node, "additionalProperties");
	cJSON_AddStringToObject(
		node, "description", "A secret by reference: where it is, never its value.");
	return node;
}

static cJSON *field_schema(const struct dro_field *field)
{
	cJSON *node;

	switch (field->kind) {
	case DRO_FIELD_CONST:
		node = cJSON_CreateObject();
		cJSON_AddStringToObject(node, "const", field->fallback);
		return node;
	case DRO_FIELD_STRING:
		return field->words ? words(field->words) : string_of(field->format);
	case DRO_FIELD_ENUM:
		return words(field->words);
	case DRO_FIELD_FLAGS:
		return list_of(words(field->words), field);
	case DRO_FIELD_INT:
		return integer(field->min, field->max);
	case DRO_FIELD_BOOL:
		return typed("boolean");
	case DRO_FIELD_DURATION:
		return pattern(DURATION);
	case DRO_FIELD_STRINGS:
		return list_of(string_of(field->format), field);
	case DRO_FIELD_SECRET:
		return reference("secret");
	case DRO_FIELD_OBJECT:
		return reference(field->object->name);
	case DRO_FIELD_MAP:
		return map_of(field);
	case DRO_FIELD_LIST:
		return list_of(reference(field->object->name), field);
	case DRO_FIELD_SETTINGS:
		return object_of(loose_string());
	case DRO_FIELD_CREDENTIALS:
		return object_of(reference("secret"));
	case DRO_FIELD_IMAGE:
		return image();
	case DRO_FIELD_POLICY:
		return policy();
	case DRO_FIELD_CHANGES:
		return either(integer(0, 1000000), pattern("^(100|[0-9]{1,2})%$"));
	}
	return NULL;
}

static void add_definition(cJSON *definitions, const struct dro_form *form)
{
	cJSON *node, *properties, *required;
	const struct dro_field *field;

	if (cJSON_GetObjectItemCaseSensitive(definitions, form->name))
		return;
	node = cJSON_AddObjectToObject(definitions, form->name);
	cJSON_AddStringToObject(node, "description", form->help);
	cJSON_AddStringToObject(node, "type", "object");
	properties = cJSON_AddObjectToObject(node, "properties");
	required = cJSON_CreateArray();
	for (field = form->fields; field->name; field++) {
		cJSON *schema = field_schema(field);

		/* Draft-07 ignores what stands beside a $ref; editors show it all the same. */
		cJSON_AddStringToObject(schema, "description", field->help);
		if (field->fallback && field->kind != DRO_FIELD_CONST)
			cJSON_AddStringToObject(schema, "default", field->fallback);
		cJSON_AddItemToObject(properties, field->name, schema);
		if (field->flags & DRO_FIELD_REQUIRED)
			cJSON_AddItemToArray(required, cJSON_CreateString(field->name));
		if (field->object)
			add_definition(definitions, field->object);
	}
	if (cJSON_GetArraySize(required))
		cJSON_AddItemToObject(node, "required", required);
	else
		cJSON_Delete(required);
	if (form->settings == DRO_NO_OFFSET)
		cJSON_AddFalseToObject(node, "additionalProperties");
	else
		cJSON_AddItemToObject(node, "additionalProperties", loose_string());
}

int dro_spec_schema(struct dro_buf *out, struct dro_error *err)
{
	cJSON *schema = cJSON_CreateObject(), *definitions;
	char *text;

	cJSON_AddStringToObject(schema, "$schema", DRAFT);
	cJSON_AddStringToObject(schema, "title", "drorch spec");
	cJSON_AddItemToObject(schema, "oneOf", cJSON_CreateArray());
	cJSON_AddItemToArray(
		cJSON_GetObjectItem(schema, "oneOf"), reference(dro_form_providers.name));
	cJSON_AddItemToArray(
		cJSON_GetObjectItem(schema, "oneOf"), reference(dro_form_service.name));
	definitions = cJSON_AddObjectToObject(schema, "definitions");
	cJSON_AddItemToObject(definitions, "secret", secret());
	add_definition(definitions, &dro_form_providers);
	add_definition(definitions, &dro_form_service);
	text = cJSON_Print(schema);
	cJSON_Delete(schema);
	if (!text)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_buf_puts(out, text);
	dro_buf_puts(out, "\n");
	cJSON_free(text);
	return dro_buf_check(out, err);
}
