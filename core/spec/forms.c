/* Fields whose form is their own: secrets, settings, images, policies, limits of change. */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "spec/fill.h"
#include "spec/text.h"

#define ENTRIES_MAX 100 /* settings or credentials of one object */
#define COMMAND_MAX 64	/* words */
#define WEIGHT_MAX 255	/* what every provider can do */

static bool is_credential_name(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-.@")] &&
	       text[0] != '.' && text[0] != '-';
}

static const struct dro_format systemd_name = {
	"the name of a systemd credential", NULL, 255, is_credential_name};

static void fill_command(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_secret_ref *out)
{
	const struct dro_yaml_node *word;
	size_t count = 0;

	if (node->kind != DRO_YAML_LIST || !node->count || node->count > COMMAND_MAX) {
		dro_fill_complain(fill, node,
			"'command': expected a list of 1 to %d words such as [pass, show, NAME]; "
			"no "
			"shell reads it",
			COMMAND_MAX);
		return;
	}
	if (!(out->argv = dro_fill_array(fill, node->count + 1, sizeof(char *))))
		return;
	for (word = node->first; word && !fill->rc; word = word->next) {
		if (word->kind != DRO_YAML_SCALAR || (count == 0 && !*word->text)) {
			dro_fill_complain(fill, word, "'command': expected a word, not %s",
				dro_yaml_describe(word));
			return;
		}
		dro_fill_string(fill, &out->argv[count++], word->text);
	}
	out->kind = DRO_SECRET_COMMAND;
}

/* Messages never show what stands there: it may be the secret itself. */
void dro_fill_secret(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_secret_ref *out)
{
	static const struct {
		const char *key;
		enum dro_secret_kind kind;
		const struct dro_format *format;
	} kinds[] = {
		{"env", DRO_SECRET_ENV, &dro_format_variable},
		{"file", DRO_SECRET_FILE, &dro_format_file},
		{"systemd", DRO_SECRET_SYSTEMD, &systemd_name},
		{"command", DRO_SECRET_COMMAND, NULL},
	};
	const struct dro_yaml_node *value = node->first;
	size_t i;

	if (node->kind != DRO_YAML_MAP || node->count != 1) {
		dro_fill_complain(fill, node,
			"a secret is given by reference, never as its value: one of {env: NAME}, "
			"{file: /PATH}, {systemd: NAME}, {command: [PROGRAM, ARGUMENT]}");
		return;
	}
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].key, value->key->text) == 0)
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0])) {
		dro_fill_complain(fill, value->key,
			"unknown kind of secret reference: one of env, file, systemd, command");
		return;
	}
	if (kinds[i].kind == DRO_SECRET_COMMAND) {
		fill_command(fill, value, out);
		return;
	}
	if (value->kind != DRO_YAML_SCALAR || strlen(value->text) > kinds[i].format->max ||
		!kinds[i].format->check(value->text)) {
		dro_fill_complain(
			fill, value, "'%s': expected %s", kinds[i].key, kinds[i].format->what);
		return;
	}
	out->kind = kinds[i].kind;
	dro_fill_string(fill, &out->value, value->text);
}

static bool check_count(struct dro_fill *fill, const struct dro_yaml_node *node, const char *what)
{
	if (!dro_fill_kind(fill, what, node, DRO_YAML_MAP))
		return false;
	if (node->count > ENTRIES_MAX)
		dro_fill_complain(fill, node, "'%s': %zu entries: at most %d", what, node->count,
			ENTRIES_MAX);
	return node->count <= ENTRIES_MAX;
}

void dro_fill_credentials(struct dro_fill *fill, const struct dro_yaml_node *node,
	struct dro_credential **out, size_t *count)
{
	const struct dro_yaml_node *entry;

	if (!check_count(fill, node, "credentials") ||
		!(*out = dro_fill_array(fill, node->count, sizeof(**out))))
		return;
	for (entry = node->first; entry && !fill->rc; entry = entry->next) {
		struct dro_credential *credential = &(*out)[*count];

		if (!dro_fill_text(fill, "credentials", entry->key, &dro_format_variable))
			continue;
		(*count)++;
		credential->place = entry->key->place;
		dro_fill_string(fill, &credential->name, entry->key->text);
		dro_fill_string(fill, &credential->ref.value, "");
		dro_fill_secret(fill, entry, &credential->ref);
	}
}

void dro_fill_setting(struct dro_fill *fill, const struct dro_yaml_node *node,
	struct dro_setting *settings, size_t *count)
{
	struct dro_setting *setting = &settings[*count];

	if (*count >= ENTRIES_MAX) {
		dro_fill_complain(fill, node, "more than %d options", ENTRIES_MAX);
		return;
	}
	if (!dro_fill_text(fill, "option", node->key, &dro_format_variable) ||
		!dro_fill_text(fill, node->key->text, node, &dro_format_text))
		return;
	(*count)++;
	setting->place = node->key->place;
	dro_fill_string(fill, &setting->name, node->key->text);
	dro_fill_string(fill, &setting->value, node->text);
}

void dro_fill_settings(struct dro_fill *fill, const struct dro_yaml_node *node,
	struct dro_setting **out, size_t *count)
{
	const struct dro_yaml_node *entry;

	if (!check_count(fill, node, "options") ||
		!(*out = dro_fill_array(fill, node->count, sizeof(**out))))
		return;
	for (entry = node->first; entry && !fill->rc; entry = entry->next)
		dro_fill_setting(fill, entry, *out, count);
}

void dro_fill_image(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_instance_group *group)
{
	static const char *const keys[] = {"name", "newest"};
	const struct dro_yaml_node *entry;
	const char *text, *near;
	char word[DRO_WORD_TEXT];
	bool named = false;

	if (node->kind == DRO_YAML_SCALAR) {
		if ((text = dro_fill_text(fill, "image", node, &dro_format_token)))
			dro_fill_string(fill, &group->image, text);
		return;
	}
	if (!dro_fill_kind(fill, "image", node, DRO_YAML_MAP))
		return;
	for (entry = node->first; entry; entry = entry->next) {
		if (strcmp(entry->key->text, "name") == 0) {
			named = true;
			if ((text = dro_fill_text(fill, "name", entry, &dro_format_token)))
				dro_fill_string(fill, &group->image, text);
		} else if (strcmp(entry->key->text, "newest") == 0) {
			if (!dro_yaml_bool(entry, &group->image_newest))
				dro_fill_complain(fill, entry, "'newest': expected true or false");
		} else {
			near = dro_nearest(entry->key->text, keys, 2);
			dro_fill_complain(fill, entry->key, "unknown key '%s' in image: %s%s%s",
				dro_word(word, entry->key->text),
				near ? "did you mean '" : "it has name, newest", near ? near : "",
				near ? "'?" : "");
		}
	}
	if (!named)
		dro_fill_complain(fill, node, "'name' is missing in image");
}

static void fill_weights(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_traffic *traffic)
{
	const struct dro_yaml_node *entry;

	if (!check_count(fill, node, "weighted") ||
		!(traffic->weights = dro_fill_array(fill, node->count, sizeof(*traffic->weights))))
		return;
	for (entry = node->first; entry && !fill->rc; entry = entry->next) {
		struct dro_weight *weight = &traffic->weights[traffic->weight_count];

		if (!dro_fill_text(fill, "weighted", entry->key, &dro_format_name) ||
			!dro_fill_int(
				fill, entry->key->text, entry, 0, WEIGHT_MAX, &weight->weight))
			continue;
		traffic->weight_count++;
		dro_fill_mark(fill, &weight->site, entry->key);
		dro_fill_string(fill, &weight->site, entry->key->text);
	}
	traffic->policy = DRO_POLICY_WEIGHTED;
}

void dro_fill_policy(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_traffic *traffic)
{
	if (node->kind == DRO_YAML_SCALAR && strcmp(node->text, "failover") == 0)
		traffic->policy = DRO_POLICY_FAILOVER;
	else if (node->kind == DRO_YAML_MAP && node->count == 1 &&
		 strcmp(node->first->key->text, "weighted") == 0)
		fill_weights(fill, node->first, traffic);
	else
		dro_fill_complain(fill, node,
			"'policy': expected failover, or {weighted: {SITE: WEIGHT, …}}");
}

void dro_fill_changes(
	struct dro_fill *fill, const struct dro_yaml_node *node, struct dro_safety *safety)
{
	struct dro_yaml_node number = *node;
	char digits[8];
	size_t length = node->kind == DRO_YAML_SCALAR ? strlen(node->text) : 0;

	if (length < 2 || node->text[length - 1] != '%') {
		if (dro_fill_int(fill, "max_changes", node, 0, 1000000, &safety->max_changes))
			safety->max_changes_percent = DRO_UNSET;
		return;
	}
	if (length > sizeof(digits)) {
		dro_fill_complain(fill, node, "'max_changes': expected a number, or 0%% to 100%%");
		return;
	}
	memcpy(digits, node->text, length - 1);
	digits[length - 1] = '\0';
	number.text = digits;
	number.plain = true;
	if (dro_fill_int(fill, "max_changes", &number, 0, 100, &safety->max_changes_percent))
		safety->max_changes = DRO_UNSET;
}
