#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "provider/internal.h"

struct check {
	const struct dro_plugin *plugin;
	const struct dro_account *account;
	dro_account_report report;
	void *arg;
	size_t problems;
};

static void problem(struct check *check, const struct dro_place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void problem(struct check *check, const struct dro_place *place, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	check->problems++;
	if (check->report)
		check->report(check->arg, place, message);
}

/* The option nearest to `name` among the credentials, or among the others. */
static const char *nearest(const struct check *check, const char *name, uint32_t credential)
{
	struct dro_nearest best = {.word = name};
	size_t i;

	for (i = 0; i < check->plugin->option_count; i++)
		if ((check->plugin->options[i].flags & DRO_OPTION_CREDENTIAL) == credential)
			dro_nearest_offer(&best, check->plugin->options[i].name);
	return best.best;
}

static void unknown(
	struct check *check, const struct dro_place *place, const char *name, uint32_t credential)
{
	const char *meant = nearest(check, name, credential);
	const char *what = credential ? "credential" : "option";

	if (meant)
		problem(check, place, "plugin %s has no %s \"%s\"; is \"%s\" meant?",
			check->plugin->name, what, name, meant);
	else
		problem(check, place, "plugin %s has no %s \"%s\"", check->plugin->name, what,
			name);
}

static bool is_integer(const char *text)
{
	char *end;

	errno = 0;
	strtoll(text, &end, 10);
	return errno == 0 && end != text && !*end && text[strspn(text, "+-0123456789")] == '\0';
}

/* scheme://host[:port]: the plugin adds the path. */
static bool is_url(const char *text)
{
	const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
			   : strncmp(text, "http://", 7) == 0 ? text + 7
							      : NULL;
	size_t length = host ? strcspn(host, " \t\r\n@/?#") : 0;

	return host && length > 0 && *host != ':' &&
	       (host[length] == '\0' || strcmp(host + length, "/") == 0);
}

static void check_value(
	struct check *check, const struct dro_option *option, const struct dro_setting *setting)
{
	const char *value = setting->value, *wanted = NULL;

	switch (option->kind) {
	case DRO_OPTION_BOOL:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			wanted = "true or false";
		break;
	case DRO_OPTION_INTEGER:
		if (!is_integer(value))
			wanted = "a whole number";
		break;
	case DRO_OPTION_URL:
		if (!is_url(value))
			wanted = "a URL without a path (https://HOST[:PORT])";
		break;
	default:
		if (!*value && (option->flags & DRO_OPTION_REQUIRED))
			wanted = "a text that is not empty";
		break;
	}
	if (wanted)
		problem(check, &setting->place, "option \"%s\" of plugin %s must be %s, not \"%s\"",
			option->name, check->plugin->name, wanted, value);
}

static void check_settings(struct check *check)
{
	size_t i;

	for (i = 0; i < check->account->setting_count; i++) {
		const struct dro_setting *setting = &check->account->settings[i];
		const struct dro_option *option = dro_plugin_option(check->plugin, setting->name);

		if (!option)
			unknown(check, &setting->place, setting->name, 0);
		else if (option->flags & DRO_OPTION_CREDENTIAL)
			problem(check, &setting->place,
				"\"%s\" is a secret: put a reference to it under `credentials`",
				setting->name);
		else
			check_value(check, option, setting);
	}
}

static void check_credentials(struct check *check)
{
	size_t i;

	for (i = 0; i < check->account->credential_count; i++) {
		const struct dro_credential *credential = &check->account->credentials[i];
		const struct dro_option *option =
			dro_plugin_option(check->plugin, credential->name);

		if (!option)
			unknown(check, &credential->place, credential->name, DRO_OPTION_CREDENTIAL);
		else if (!(option->flags & DRO_OPTION_CREDENTIAL))
			problem(check, &credential->place,
				"\"%s\" is not a secret: put it beside `plugin`", credential->name);
	}
}

static bool given(const struct dro_account *account, const struct dro_option *option)
{
	size_t i;

	if (option->flags & DRO_OPTION_CREDENTIAL) {
		for (i = 0; i < account->credential_count; i++)
			if (strcmp(account->credentials[i].name, option->name) == 0)
				return true;
		return false;
	}
	for (i = 0; i < account->setting_count; i++)
		if (strcmp(account->settings[i].name, option->name) == 0)
			return true;
	return false;
}

size_t dro_settings_check(const struct dro_plugin *plugin, const struct dro_account *account,
	dro_account_report report, void *arg)
{
	struct check check = {plugin, account, report, arg, 0};
	size_t i;

	check_settings(&check);
	check_credentials(&check);
	for (i = 0; i < plugin->option_count; i++) {
		const struct dro_option *option = &plugin->options[i];

		if ((option->flags & DRO_OPTION_REQUIRED) && !given(account, option))
			problem(&check, &account->place, "plugin %s needs the %s \"%s\"%s%s",
				plugin->name,
				option->flags & DRO_OPTION_CREDENTIAL ? "credential" : "option",
				option->name, *option->help ? ": " : "", option->help);
	}
	return check.problems;
}

/* Without the slash that people put at a URL's end. */
static char *copy_value(const struct dro_option *option, const char *value)
{
	size_t length = strlen(value);

	if (option->kind == DRO_OPTION_URL && length && value[length - 1] == '/')
		length--;
	return strndup(value, length);
}

int dro_settings_fill(struct dro_pair **out, size_t *count, const struct dro_plugin *plugin,
	const struct dro_account *account, struct dro_error *err)
{
	struct dro_pair *pairs = calloc(plugin->option_count + 1, sizeof(*pairs));
	size_t i, j, n = 0;

	if (!pairs)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < plugin->option_count; i++) {
		const struct dro_option *option = &plugin->options[i];
		const char *value = option->fallback;

		if (option->flags & DRO_OPTION_CREDENTIAL)
			continue;
		for (j = 0; j < account->setting_count; j++)
			if (strcmp(account->settings[j].name, option->name) == 0)
				value = account->settings[j].value;
		if (!value)
			continue;
		pairs[n].name = strdup(option->name);
		pairs[n].value = copy_value(option, value);
		n++;
		if (!pairs[n - 1].name || !pairs[n - 1].value) {
			dro_settings_free(pairs, n);
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		}
	}
	*out = pairs;
	*count = n;
	return 0;
}

void dro_settings_free(struct dro_pair *options, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free((char *)(uintptr_t)options[i].name);
		free((char *)(uintptr_t)options[i].value);
	}
	free(options);
}
