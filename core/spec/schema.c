#include "spec/schema.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "spec/fields.h"

#define TEXT_MAX (4u << 20)
#define DRAFT "http://json-schema.org/draft-07/schema#"
#define FORMS_MAX 64 /* forms of the whole table */

/* A scalar without quotes may look like a number or a truth to a YAML reader. */
#define LOOSE "\"type\":[\"string\",\"number\",\"boolean\"]"
#define DURATION "\"type\":\"string\",\"pattern\":\"^([0-9]+(ms|s|m|h|d|w))+$\""
#define CHANGES                                                                                    \
	"\"oneOf\":[{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000},"                     \
	"{\"type\":\"string\",\"pattern\":\"^(100|[0-9]{1,2})%$\"}]"
#define IMAGE                                                                                      \
	"\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"required\":[\"name\"],"           \
	"\"additionalProperties\":false,\"properties\":{\"name\":{\"type\":\"string\"},"           \
	"\"newest\":{\"type\":\"boolean\"}}}]"
#define POLICY                                                                                     \
	"\"oneOf\":[{\"const\":\"failover\"},{\"type\":\"object\",\"required\":[\"weighted\"],"    \
	"\"additionalProperties\":false,\"properties\":{\"weighted\":{\"type\":\"object\","        \
	"\"additionalProperties\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}}}}]"
#define SECRET                                                                                     \
	"\"description\":\"A secret by reference: where it is, never its value.\","                \
	"\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"                             \
	"\"additionalProperties\":false,\"properties\":{"                                          \
	"\"env\":{\"type\":\"string\"},\"file\":{\"type\":\"string\",\"pattern\":\"^/.+$\"},"      \
	"\"systemd\":{\"type\":\"string\"},"                                                       \
	"\"command\":{\"type\":\"array\",\"minItems\":1,\"items\":{" LOOSE "}}}"

/* Text goes to a buffer that stays failed, so one look at its end sees every failure. */
static void member(struct dro_buf *out, const char *name, const char *value)
{
	dro_json_quote(out, name);
	dro_buf_puts(out, ":");
	dro_json_quote(out, value);
}

static void reference(struct dro_buf *out, const char *name)
{
	dro_buf_printf(out, "\"$ref\":\"#/definitions/%s\"", name);
}

static void words(struct dro_buf *out, const struct dro_word *word)
{
	const char *before = "";
	bool truths = false;

	dro_buf_puts(out, "\"enum\":[");
	for (; word->word; word++, before = ",") {
		dro_buf_puts(out, before);
		dro_json_quote(out, word->word);
		truths = truths || strcmp(word->word, "on") == 0;
	}
	/* Readers of YAML 1.1 make these of `on` and `off`. */
	dro_buf_puts(out, truths ? ",true,false]" : "]");
}

static void string_of(struct dro_buf *out, const struct dro_format *format)
{
	if (!format || format == &dro_format_text || format == &dro_format_token) {
		dro_buf_puts(out, LOOSE);
		return;
	}
	dro_buf_printf(out, "\"type\":\"string\",\"maxLength\":%zu", format->max);
	if (format->pattern) {
		dro_buf_puts(out, ",");
		member(out, "pattern", format->pattern);
	}
}

/* What an entry of the field's list is. */
static void items(struct dro_buf *out, const struct dro_field *field)
{
	if (field->kind == DRO_FIELD_FLAGS)
		words(out, field->words);
	else if (field->kind == DRO_FIELD_LIST)
		reference(out, field->object->name);
	else
		string_of(out, field->format);
}

static void list(struct dro_buf *out, const struct dro_field *field)
{
	dro_buf_puts(out, "\"type\":\"array\",\"minItems\":1,\"items\":{");
	items(out, field);
	dro_buf_puts(out, "}");
	if (field->max)
		dro_buf_printf(out, ",\"maxItems\":%" PRId64, field->max);
}

static void map(struct dro_buf *out, const struct dro_field *field)
{
	dro_buf_puts(out, "\"type\":\"object\",\"additionalProperties\":{");
	reference(out, field->object->name);
	dro_buf_puts(out, "},\"propertyNames\":{");
	member(out, "pattern", dro_format_name.pattern);
	dro_buf_puts(out, "}");
	if (field->max)
		dro_buf_printf(out, ",\"maxProperties\":%" PRId64, field->max);
}

static void kind(struct dro_buf *out, const struct dro_field *field)
{
	switch (field->kind) {
	case DRO_FIELD_CONST:
		member(out, "const", field->fallback);
		break;
	case DRO_FIELD_STRING:
	case DRO_FIELD_ENUM:
		if (field->words)
			words(out, field->words);
		else
			string_of(out, field->format);
		break;
	case DRO_FIELD_FLAGS:
	case DRO_FIELD_STRINGS:
	case DRO_FIELD_LIST:
		list(out, field);
		break;
	case DRO_FIELD_INT:
		dro_buf_printf(out,
			"\"type\":\"integer\",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64,
			field->min, field->max);
		break;
	case DRO_FIELD_BOOL:
		dro_buf_puts(out, "\"type\":\"boolean\"");
		break;
	case DRO_FIELD_DURATION:
		dro_buf_puts(out, DURATION);
		break;
	case DRO_FIELD_SECRET:
		reference(out, "secret");
		break;
	case DRO_FIELD_OBJECT:
		reference(out, field->object->name);
		break;
	case DRO_FIELD_MAP:
		map(out, field);
		break;
	case DRO_FIELD_SETTINGS:
		dro_buf_puts(out, "\"type\":\"object\",\"additionalProperties\":{" LOOSE "}");
		break;
	case DRO_FIELD_CREDENTIALS:
		dro_buf_puts(out, "\"type\":\"object\",\"additionalProperties\":{");
		reference(out, "secret");
		dro_buf_puts(out, "}");
		break;
	case DRO_FIELD_IMAGE:
		dro_buf_puts(out, IMAGE);
		break;
	case DRO_FIELD_POLICY:
		dro_buf_puts(out, POLICY);
		break;
	case DRO_FIELD_CHANGES:
		dro_buf_puts(out, CHANGES);
		break;
	}
}

static void properties(struct dro_buf *out, const struct dro_form *form)
{
	const struct dro_field *field;

	dro_buf_puts(out, "\"properties\":{");
	for (field = form->fields; field->name; field++) {
		dro_buf_puts(out, field == form->fields ? "" : ",");
		dro_json_quote(out, field->name);
		dro_buf_puts(out, ":{");
		kind(out, field);
		/* Draft-07 ignores what stands beside a $ref; editors show it all the same. */
		dro_buf_puts(out, ",");
		member(out, "description", field->help);
		if (field->fallback && field->kind != DRO_FIELD_CONST) {
			dro_buf_puts(out, ",");
			member(out, "default", field->fallback);
		}
		dro_buf_puts(out, "}");
	}
	dro_buf_puts(out, "}");
}

static void required(struct dro_buf *out, const struct dro_form *form)
{
	const struct dro_field *field;
	const char *before = ",\"required\":[";

	for (field = form->fields; field->name; field++) {
		if (!(field->flags & DRO_FIELD_REQUIRED))
			continue;
		dro_buf_puts(out, before);
		dro_json_quote(out, field->name);
		before = ",";
	}
	if (!before[1]) /* at least one */
		dro_buf_puts(out, "]");
}

static void definition(struct dro_buf *out, const struct dro_form *form)
{
	dro_buf_puts(out, ",");
	dro_json_quote(out, form->name);
	dro_buf_puts(out, ":{\"type\":\"object\",");
	member(out, "description", form->help);
	dro_buf_puts(out, ",");
	properties(out, form);
	required(out, form);
	dro_buf_puts(out, form->settings == DRO_NO_OFFSET ? ",\"additionalProperties\":false}"
							  : ",\"additionalProperties\":{" LOOSE
							    "}}");
}

/* Each form once, whoever refers to it. */
static void definitions(struct dro_buf *out, const struct dro_form *form,
	const struct dro_form *seen[FORMS_MAX], size_t *count)
{
	const struct dro_field *field;
	size_t i;

	for (i = 0; i < *count; i++)
		if (seen[i] == form)
			return;
	if (*count == FORMS_MAX) {
		out->failed = DRO_EINVAL;
		return;
	}
	seen[(*count)++] = form;
	definition(out, form);
	for (field = form->fields; field->name; field++)
		if (field->object)
			definitions(out, field->object, seen, count);
}

static int print_indented(struct dro_buf *out, const struct dro_buf *compact, struct dro_error *err)
{
	cJSON *json = NULL;
	char *text;
	int rc = dro_json_parse(&json, dro_buf_str(compact), compact->length, TEXT_MAX, err);

	if (rc < 0)
		return rc;
	text = cJSON_Print(json);
	cJSON_Delete(json);
	if (!text)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_buf_puts(out, text);
	dro_buf_puts(out, "\n");
	cJSON_free(text);
	return dro_buf_check(out, err);
}

int dro_spec_schema(struct dro_buf *out, struct dro_error *err)
{
	struct dro_buf compact = DRO_BUF_INIT(TEXT_MAX);
	const struct dro_form *seen[FORMS_MAX];
	size_t count = 0;
	int rc;

	dro_buf_puts(&compact, "{\"$schema\":\"" DRAFT "\",\"title\":\"drorch spec\",\"oneOf\":[{");
	reference(&compact, dro_form_providers.name);
	dro_buf_puts(&compact, "},{");
	reference(&compact, dro_form_service.name);
	dro_buf_puts(&compact, "}],\"definitions\":{\"secret\":{" SECRET "}");
	definitions(&compact, &dro_form_providers, seen, &count);
	definitions(&compact, &dro_form_service, seen, &count);
	dro_buf_puts(&compact, "}}");
	if ((rc = dro_buf_check(&compact, err)) == 0)
		rc = print_indented(out, &compact, err);
	dro_buf_free(&compact);
	return rc;
}
