#include "spec/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/tree.h"
#include "spec/fill.h"

#define PATH_MAX_BYTES 4095

static bool is_url(const char *text)
{
	return *text && text[0] != '-' && !strpbrk(text, " \r\n");
}

static bool is_listen(const char *text)
{
	const char *colon = strrchr(text, ':');
	char *end;
	long port;

	if (!colon || colon == text || !colon[1])
		return false;
	port = strtol(colon + 1, &end, 10);
	return !*end && port >= 0 && port <= 65535 && !strpbrk(text, " /\r\n");
}

static const struct dro_format url = {"a git URL or a folder", NULL, 2048, is_url};
static const struct dro_format listen_address = {
	"ADDRESS:PORT such as 127.0.0.1:8470", NULL, 300, is_listen};

#define AT(name) .offset = offsetof(struct dro_config, name)
#define PLAIN                                                                                      \
	.size = sizeof(struct dro_config), .key = DRO_NO_OFFSET, .place = DRO_NO_OFFSET,           \
	.given = DRO_NO_OFFSET, .settings = DRO_NO_OFFSET

static const struct dro_field verify_fields[] = {
	{"allowed_signers", DRO_FIELD_STRING, AT(allowed_signers), .format = &dro_format_file,
		.help = "Only commits signed by one of these are acted on.",
		.example = "/etc/drorch/allowed_signers"},
	{0},
};

static const struct dro_form verify = {.name = "verify", .fields = verify_fields, PLAIN};

static const struct dro_field repository_fields[] = {
	{"url", DRO_FIELD_STRING, AT(url), .format = &url, .help = "Where the specs are.",
		.example = "https://git.example/specs.git"},
	{"branch", DRO_FIELD_STRING, AT(branch), .format = &dro_format_token,
		.help = "The branch that counts.", .example = "main"},
	{"path", DRO_FIELD_STRING, AT(path), .format = &dro_format_inside,
		.help = "The folder inside the repository.", .example = "dr"},
	{"verify", DRO_FIELD_OBJECT, .object = &verify, .help = "Signatures."},
	{"allow_rewind", DRO_FIELD_BOOL, AT(allow_rewind),
		.help = "Follow a branch whose history was rewritten.", .example = "false"},
	{0},
};

static const struct dro_form repository = {
	.name = "repository", .fields = repository_fields, PLAIN};

static const struct dro_field controller_fields[] = {
	{"poll", DRO_FIELD_DURATION, AT(controller.poll_ms), .min = 1000, .max = 86400000,
		.fallback = "30s", .help = "How often git is asked.", .example = "30s"},
	{"period", DRO_FIELD_DURATION, AT(controller.period_ms), .min = 1000, .max = 86400000,
		.fallback = "5m", .help = "How often each service is looked at.", .example = "5m"},
	{"workers", DRO_FIELD_INT, AT(controller.workers), .min = 1, .max = 64, .fallback = "4",
		.help = "Runs of its own side by side.", .example = "4"},
	{"listen", DRO_FIELD_STRING, AT(controller.listen), .format = &listen_address,
		.help = "Where the webhook is.", .example = "\"127.0.0.1:9480\""},
	{"webhook_secret", DRO_FIELD_SECRET, AT(controller.webhook_secret),
		.help = "What hooks are signed with.", .example = "{file: /etc/drorch/webhook}"},
	{0},
};

static const struct dro_form controller = {
	.name = "controller", .fields = controller_fields, PLAIN};

static const struct dro_field config_fields[] = {
	{"repository", DRO_FIELD_OBJECT, .object = &repository, .help = "The spec repository."},
	{"state", DRO_FIELD_STRING, AT(state), .format = &dro_format_file,
		.help = "The folder of the local state.", .example = "/var/lib/drorch"},
	{"plugins", DRO_FIELD_STRING, AT(plugins), .format = &dro_format_file,
		.help = "The folder of the provider plugins.",
		.example = "/usr/lib/drorch/plugins"},
	{"listen", DRO_FIELD_STRING, AT(listen), .format = &listen_address,
		.help = "Where the status page is.", .example = "\"127.0.0.1:8470\""},
	{"controller", DRO_FIELD_OBJECT, .object = &controller,
		.help = "What `drorch controller` does when."},
	{0},
};

static const struct dro_form config_form = {
	.name = "configuration", .fields = config_fields, PLAIN};

/* Per key: its variable, and what its value must be where the file's form has not seen it. */
static const struct {
	const char *variable;
	const struct dro_format *format;
} keys[DRO_CONFIG_KEYS] = {
	[DRO_CONFIG_REPO] = {"DRORCH_REPO", &url},
	[DRO_CONFIG_BRANCH] = {"DRORCH_BRANCH", &dro_format_token},
	[DRO_CONFIG_PATH] = {"DRORCH_PATH", &dro_format_inside},
	[DRO_CONFIG_ALLOWED_SIGNERS] = {"DRORCH_ALLOWED_SIGNERS", NULL},
	[DRO_CONFIG_ALLOW_REWIND] = {"DRORCH_ALLOW_REWIND", NULL},
	[DRO_CONFIG_STATE] = {"DRORCH_STATE", NULL},
	[DRO_CONFIG_PLUGINS] = {"DRORCH_PLUGINS", NULL},
	[DRO_CONFIG_LISTEN] = {"DRORCH_LISTEN", &listen_address},
};

const char *dro_config_variable(enum dro_config_key key)
{
	return keys[key].variable;
}

void dro_config_environment(struct dro_config_layer *out, char *(*lookup)(const char *name))
{
	int key;

	for (key = 0; key < DRO_CONFIG_KEYS; key++)
		out->value[key] = lookup(keys[key].variable);
}

void dro_config_defaults(struct dro_config_layer *out, struct dro_buf *state, bool root,
	char *(*lookup)(const char *name))
{
	const char *folder = lookup("XDG_STATE_HOME"), *home = lookup("HOME");

	*out = (struct dro_config_layer){0};
	dro_buf_reset(state);
	if (root)
		dro_buf_puts(state, "/var/lib/drorch");
	else if (folder && folder[0] == '/')
		dro_buf_printf(state, "%s/drorch", folder);
	else if (home && home[0] == '/')
		dro_buf_printf(state, "%s/.local/state/drorch", home);
	out->value[DRO_CONFIG_BRANCH] = "main";
	out->value[DRO_CONFIG_ALLOW_REWIND] = "false";
	out->value[DRO_CONFIG_STATE] = dro_buf_str(state);
	out->value[DRO_CONFIG_LISTEN] = "127.0.0.1:8470";
}

void dro_config_plugins(struct dro_buf *out)
{
	if (!dro_file_beside(out, DRORCH_PLUGINS_BESIDE))
		dro_buf_puts(out, DRORCH_PLUGIN_DIR);
}

static const char *pick(
	const struct dro_config_layer *const *layers, size_t layer_count, enum dro_config_key key)
{
	size_t i;

	for (i = 0; i < layer_count; i++)
		if (layers[i]->value[key] && *layers[i]->value[key])
			return layers[i]->value[key];
	return "";
}

static int check_value(enum dro_config_key key, const char *value, struct dro_error *err)
{
	const struct dro_format *format = keys[key].format;

	if (!*value)
		return key == DRO_CONFIG_STATE ? dro_fail(err, DRO_EINVAL,
							 "no folder for the state: give --state or "
							 "set DRORCH_STATE")
					       : 0;
	if (format && (strlen(value) > format->max || !format->check(value)))
		return dro_fail(err, DRO_EINVAL, "%s: '%.60s' is not %s", keys[key].variable, value,
			format->what);
	if (strlen(value) > PATH_MAX_BYTES)
		return dro_fail(err, DRO_EINVAL, "%s is too long", keys[key].variable);
	if (key == DRO_CONFIG_ALLOW_REWIND && strcmp(value, "true") != 0 &&
		strcmp(value, "false") != 0)
		return dro_fail(err, DRO_EINVAL, "%s: '%.60s' is neither true nor false",
			keys[key].variable, value);
	return 0;
}

int dro_config_merge(struct dro_config **out, const struct dro_config_layer *const *layers,
	size_t layer_count, struct dro_error *err)
{
	struct dro_config *config = calloc(1, sizeof(*config));
	char **members[DRO_CONFIG_KEYS] = {0};
	int key, rc;

	if (!config)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	members[DRO_CONFIG_REPO] = &config->url;
	members[DRO_CONFIG_BRANCH] = &config->branch;
	members[DRO_CONFIG_PATH] = &config->path;
	members[DRO_CONFIG_ALLOWED_SIGNERS] = &config->allowed_signers;
	members[DRO_CONFIG_STATE] = &config->state;
	members[DRO_CONFIG_PLUGINS] = &config->plugins;
	members[DRO_CONFIG_LISTEN] = &config->listen;
	for (key = 0; key < DRO_CONFIG_KEYS; key++) {
		const char *value = pick(layers, layer_count, (enum dro_config_key)key);

		if ((rc = check_value((enum dro_config_key)key, value, err)) < 0)
			goto out;
		rc = DRO_ENOMEM;
		if (members[key] && !(*members[key] = strdup(value))) {
			dro_fail(err, rc, "out of memory");
			goto out;
		}
		if (key == DRO_CONFIG_ALLOW_REWIND)
			config->allow_rewind = strcmp(value, "true") == 0;
	}
	rc = 0;
	*out = config;
	config = NULL;
out:
	dro_config_free(config);
	return rc;
}

static int parse_file(struct dro_config *out, const char *path, const struct dro_buf *text,
	struct dro_report *report, struct dro_error *err)
{
	struct dro_fill fill = {.report = report};
	size_t before = dro_report_total(report);
	const struct dro_yaml_node *root;
	struct dro_yaml *yaml = NULL;
	int rc;

	rc = dro_yaml_parse(&yaml, path, dro_buf_str(text), text->length, report, err);
	if (rc == 0 && yaml) {
		root = dro_yaml_root(yaml);
		dro_fill_form(&fill, &config_form, root, &root->place, out);
	}
	dro_yaml_free(yaml);
	dro_fill_fini(&fill);
	dro_report_sort(report);
	if (rc < 0 || fill.rc < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (dro_report_total(report) > before)
		return dro_fail(err, DRO_EINVAL, "%s has errors", path);
	return 0;
}

static int read_file(
	struct dro_config *out, const char *path, struct dro_report *report, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_TREE_FILE_MAX);
	int rc = dro_file_read(&text, path ? path : DRO_CONFIG_FILE, err);

	if (rc == 0)
		rc = parse_file(out, path ? path : DRO_CONFIG_FILE, &text, report, err);
	else if (rc == DRO_ENOTFOUND && !path)
		rc = 0;
	dro_buf_free(&text);
	return rc;
}

static void layer_of(struct dro_config_layer *out, const struct dro_config *file)
{
	out->value[DRO_CONFIG_REPO] = file->url;
	out->value[DRO_CONFIG_BRANCH] = file->branch;
	out->value[DRO_CONFIG_PATH] = file->path;
	out->value[DRO_CONFIG_ALLOWED_SIGNERS] = file->allowed_signers;
	out->value[DRO_CONFIG_ALLOW_REWIND] = file->allow_rewind ? "true" : NULL;
	out->value[DRO_CONFIG_STATE] = file->state;
	out->value[DRO_CONFIG_PLUGINS] = file->plugins;
	out->value[DRO_CONFIG_LISTEN] = file->listen;
}

int dro_config_load(struct dro_config **out, const char *path, const struct dro_config_layer *flags,
	struct dro_report *report, struct dro_error *err)
{
	struct dro_config *from_file = calloc(1, sizeof(*from_file));
	struct dro_fill fill = {.report = report};
	struct dro_config_layer environment = {0}, file = {0}, defaults = {0};
	const struct dro_config_layer *layers[] = {flags, &environment, &file, &defaults};
	struct dro_buf state = DRO_BUF_INIT(PATH_MAX_BYTES), plugins = DRO_BUF_INIT(PATH_MAX_BYTES);
	int rc;

	if (!from_file)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_fill_defaults(&fill, &config_form, from_file);
	dro_fill_fini(&fill);
	if ((rc = fill.rc) < 0) {
		dro_fail(err, rc, "out of memory");
		goto out;
	}
	if ((rc = read_file(from_file, path, report, err)) < 0)
		goto out;
	dro_config_environment(&environment, getenv);
	layer_of(&file, from_file);
	dro_config_defaults(&defaults, &state, geteuid() == 0, getenv);
	dro_config_plugins(&plugins);
	if ((rc = dro_buf_check(&plugins, err)) < 0)
		goto out;
	defaults.value[DRO_CONFIG_PLUGINS] = dro_buf_str(&plugins);
	rc = dro_config_merge(out, layers, sizeof(layers) / sizeof(layers[0]), err);
	if (rc == 0) {
		(*out)->controller = from_file->controller;
		from_file->controller = (struct dro_config_controller){0};
	}
out:
	dro_config_free(from_file);
	dro_buf_free(&state);
	dro_buf_free(&plugins);
	return rc;
}

void dro_config_free(struct dro_config *config)
{
	if (!config)
		return;
	free(config->url);
	free(config->branch);
	free(config->path);
	free(config->allowed_signers);
	free(config->state);
	free(config->plugins);
	free(config->listen);
	free(config->controller.listen);
	dro_secret_ref_fini(&config->controller.webhook_secret);
	free(config);
}
