/* The reference page, from the same rows. */
#include "spec/fields.h"
#include "spec/schema.h"

#define FORMS_MAX 64

/* The page, and which forms stand on it already: some are used more than once. */
struct page {
	struct dro_buf *out;
	const struct dro_form *done[FORMS_MAX];
	size_t count;
};

static void print_words(struct dro_buf *out, const struct dro_word *word)
{
	const char *before = "";

	for (; word->word; word++, before = ", ")
		dro_buf_printf(out, "%s`%s`", before, word->word);
}

static void print_kind(struct dro_buf *out, const struct dro_field *field)
{
	static const char *const names[] = {
		[DRO_FIELD_INT] = "whole number",
		[DRO_FIELD_BOOL] = "`true`, `false`",
		[DRO_FIELD_DURATION] = "duration",
		[DRO_FIELD_SECRET] = "secret reference",
		[DRO_FIELD_SETTINGS] = "mapping of options",
		[DRO_FIELD_CREDENTIALS] = "mapping of secret references",
		[DRO_FIELD_IMAGE] = "image",
		[DRO_FIELD_POLICY] = "`failover`, or weights",
		[DRO_FIELD_CHANGES] = "percentage or number",
	};

	if (field->kind == DRO_FIELD_CONST)
		dro_buf_printf(out, "`%s`", field->fallback);
	else if (field->words)
		print_words(out, field->words);
	else if (field->object)
		dro_buf_printf(out, "%s[%s](#%s)",
			field->kind == DRO_FIELD_MAP	? "mapping of "
			: field->kind == DRO_FIELD_LIST ? "list of "
							: "",
			field->object->name, field->object->name);
	else if (field->kind == DRO_FIELD_STRING || field->kind == DRO_FIELD_STRINGS)
		dro_buf_printf(out, "%s%s", field->kind == DRO_FIELD_STRINGS ? "list of: " : "",
			field->format ? field->format->what : "text");
	else
		dro_buf_puts(out, names[field->kind]);
}

static bool is_new(struct page *page, const struct dro_form *form)
{
	size_t i;

	for (i = 0; i < page->count; i++)
		if (page->done[i] == form)
			return false;
	if (page->count == FORMS_MAX)
		return false;
	page->done[page->count++] = form;
	return true;
}

static void print_form(struct page *page, const struct dro_form *form)
{
	const struct dro_field *field;
	struct dro_buf *out = page->out;

	dro_buf_printf(out, "\n## %s\n\n%s\n\n", form->name, form->help);
	dro_buf_puts(out, "| Key | Value | Default | Meaning |\n|---|---|---|---|\n");
	for (field = form->fields; field->name; field++) {
		bool fallback = field->fallback && field->kind != DRO_FIELD_CONST;

		dro_buf_printf(out, "| `%s` | ", field->name);
		print_kind(out, field);
		dro_buf_printf(out, " | %s%s%s | %s",
			field->flags & DRO_FIELD_REQUIRED ? "required"
			: fallback			  ? "`"
							  : "",
			fallback ? field->fallback : "", fallback ? "`" : "", field->help);
		if (field->example)
			dro_buf_printf(out, " Example: `%s: %s`", field->name, field->example);
		dro_buf_puts(out, " |\n");
	}
	for (field = form->fields; field->name; field++)
		if (field->object && is_new(page, field->object))
			print_form(page, field->object);
}

int dro_spec_reference(struct dro_buf *out, struct dro_error *err)
{
	struct page page = {.out = out};

	dro_buf_puts(out, "# The spec, key by key\n\n"
			  "Durations are numbers with a unit: `250ms`, `90s`, `20m`, `26h`, `7d`, "
			  "`4w`, also joined: `1h30m`. Names are of a-z, 0-9 and '-'.\n\n"
			  "A secret reference is one of `{env: NAME}`, `{file: /PATH}`, `{systemd: "
			  "NAME}`, `{command: [PROGRAM, ARGUMENT]}`; a value is never written "
			  "down.\n\n"
			  "Every key here is read and checked. What this version does not act on "
			  "yet: `drills` and `notify`; `schedule`, "
			  "`encryption` and `restore_test` of a backup; `agent.ssh`; "
			  "`recover_after` and `vantages` of a health check; "
			  "`automatic_failover`; and `promote` knows the strategy "
			  "`backup-restore` alone.\n");
	print_form(&page, &dro_form_providers);
	print_form(&page, &dro_form_service);
	return dro_buf_check(out, err);
}
