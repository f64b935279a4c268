#include "agent/config.h"

#include "agent/config_rows.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "spec/config.h"
#include "spec/fill.h"

#define FILE_MAX (1u << 20)
#define AT(type, member) .offset = offsetof(struct type, member)
#define HERE .offset = 0 /* a group of keys that has no struct of its own */
#define NEED .flags = DRO_FIELD_REQUIRED
#define MINUTE (60 * 1000LL)
#define DAY (24 * 60 * MINUTE)
#define PLAIN                                                                                      \
	.key = DRO_NO_OFFSET, .place = DRO_NO_OFFSET, .given = DRO_NO_OFFSET,                      \
	.settings = DRO_NO_OFFSET

static const struct dro_word kinds[] = {{"directory", DRO_BACKUP_DIRECTORY},
	{"sqlite", DRO_BACKUP_SQLITE}, {"mariadb", DRO_BACKUP_MARIADB}, {0}};

static const struct dro_field store_fields[] = {
	{"plugin", DRO_FIELD_STRING, AT(agent_place, account.plugin), NEED,
		.format = &dro_format_name, .help = "The storage plugin.", .example = "aws"},
	{"credentials", DRO_FIELD_CREDENTIALS, AT(agent_place, account.credentials),
		.count = offsetof(struct agent_place, account.credential_count),
		.help = "Where each credential is found, by name; never its value."},
	{"bucket", DRO_FIELD_STRING, AT(agent_place, bucket), NEED, .format = &dro_format_bucket,
		.help = "Where backups are."},
	{"prefix", DRO_FIELD_STRING, AT(agent_place, prefix), .format = &dro_format_prefix,
		.help = "Before the key of every object.", .example = "offsite/"},
	{0},
};

static const struct dro_form store = {
	.name = "store",
	.help = "The object store. Every other key is an option of the plugin.",
	.fields = store_fields,
	.size = sizeof(struct agent_place),
	.key = DRO_NO_OFFSET,
	.place = offsetof(struct agent_place, account.place),
	.given = DRO_NO_OFFSET,
	.settings = offsetof(struct agent_place, account.settings),
	.setting_count = offsetof(struct agent_place, account.setting_count),
};

static const struct dro_field source_fields[] = {
	{"kind", DRO_FIELD_ENUM, AT(agent_data, kind), NEED, .words = kinds,
		.help = "What the data is."},
	{"path", DRO_FIELD_STRING, AT(agent_data, path), NEED, .format = &dro_format_file,
		.help = "Where it is.", .example = "/var/lib/booking/booking.db"},
	{0},
};

static const struct dro_form source = {.name = "source",
	.help = "The data of the service.",
	.fields = source_fields,
	.size = sizeof(struct agent_data),
	PLAIN};

static const struct dro_field restore_fields[] = {
	{"path", DRO_FIELD_STRING, AT(agent_config, restore), .format = &dro_format_file,
		.help = "Where a backup is restored to; the source's path where it is not given."},
	{"deadline", DRO_FIELD_DURATION, AT(agent_config, restore_ms), .fallback = "2h",
		.min = 1000, .max = 7 * DAY, .help = "How long a restore may take."},
	{"store_away", DRO_FIELD_DURATION, AT(agent_config, store_away_ms), .fallback = "15m",
		.min = 1000, .max = 7 * DAY,
		.help = "How long the store may be away until the restore is given up."},
	{"owner", DRO_FIELD_STRING, AT(agent_config, owner), .fallback = "mysql",
		.format = &dro_format_token,
		.help = "mariadb: the account that restored files belong to."},
	{0},
};

static const struct dro_form restore = {.name = "restore",
	.help = "The first boot of a cold site.",
	.fields = restore_fields,
	.size = sizeof(struct agent_config),
	PLAIN};

static const struct dro_field encryption_fields[] = {
	{"key", DRO_FIELD_SECRET, AT(agent_config, backup_key), NEED,
		.help = "The key, by reference: restic's password.",
		.example = "{file: /etc/drorch/backup.key}"},
	{0},
};

static const struct dro_form encryption = {.name = "encryption",
	.help = "Encryption before anything leaves the host.",
	.fields = encryption_fields,
	.size = sizeof(struct agent_config),
	PLAIN};

static const struct dro_field backup_fields[] = {
	{"deadline", DRO_FIELD_DURATION, AT(agent_config, backup_ms), .fallback = "6h", .min = 1000,
		.max = 7 * DAY, .help = "How long a backup may take."},
	{"part_mib", DRO_FIELD_INT, AT(agent_config, part_mib), .fallback = "64", .min = 1,
		.max = 64, .help = "The largest object of a backup; so much room it needs."},
	{"full_every", DRO_FIELD_DURATION, AT(agent_config, full_every_ms), .fallback = "7d",
		.min = MINUTE, .max = 366 * DAY,
		.help = "mariadb: after so long a backup begins a repository, and is a full one."},
	{"encryption", DRO_FIELD_OBJECT, HERE, .object = &encryption, .help = "mariadb: its key."},
	{0},
};

static const struct dro_form backup = {.name = "backup",
	.help = "How backups are made.",
	.fields = backup_fields,
	.size = sizeof(struct agent_config),
	PLAIN};

static const struct dro_field start_fields[] = {
	{"command", DRO_FIELD_STRINGS, AT(agent_config, command), NEED,
		.count = offsetof(struct agent_config, command_count), .format = &dro_format_text,
		.max = 64, .help = "Program and arguments; no shell reads them.",
		.example = "[/usr/bin/booking, --data, /var/lib/booking]"},
	{0},
};

static const struct dro_form start = {.name = "start",
	.help = "The service, started after the restore and watched.",
	.fields = start_fields,
	.size = sizeof(struct agent_config),
	PLAIN};

static const struct dro_field listen_fields[] = {
	{"address", DRO_FIELD_STRING, AT(agent_config, address), .fallback = "127.0.0.1",
		.format = &dro_format_host, .help = "Of the progress endpoint; numeric."},
	{"port", DRO_FIELD_INT, AT(agent_config, port), .fallback = "8480", .min = 0, .max = 65535,
		.help = "0: any that is free."},
	{0},
};

static const struct dro_form listen_form = {.name = "listen",
	.help = "The read-only endpoint that tells the progress.",
	.fields = listen_fields,
	.size = sizeof(struct agent_config),
	PLAIN};

static const struct dro_field config_fields[] = {
	{"service", DRO_FIELD_STRING, AT(agent_config, service), NEED, .format = &dro_format_name,
		.help = "Whose host this is."},
	{"site", DRO_FIELD_STRING, AT(agent_config, site), .format = &dro_format_name,
		.help = "Which site it is; the user-data's where it has one."},
	{"plugins", DRO_FIELD_STRING, AT(agent_config, plugins), .format = &dro_format_file,
		.help = "Folder of the plugins; as installed where not given."},
	{"state", DRO_FIELD_STRING, AT(agent_config, state), .format = &dro_format_file,
		.fallback = "/var/lib/drorch-agent", .help = "Folder of the agent's own files."},
	{"store", DRO_FIELD_OBJECT, AT(agent_config, store), NEED, .object = &store,
		.help = "Where backups are kept."},
	{"source", DRO_FIELD_OBJECT, AT(agent_config, source), NEED, .object = &source,
		.help = "What is backed up."},
	{"backup", DRO_FIELD_OBJECT, HERE, .object = &backup, .help = "How backups are made."},
	{"restore", DRO_FIELD_OBJECT, HERE, .object = &restore, .help = "The first boot."},
	{"start", DRO_FIELD_OBJECT, HERE, .object = &start, .help = "The service's program."},
	{"listen", DRO_FIELD_OBJECT, HERE, .object = &listen_form,
		.help = "The progress endpoint."},
	{"database", DRO_FIELD_OBJECT, AT(agent_config, database), .object = &agent_database_form,
		.help = "The database that sessions speak of."},
	{"files", DRO_FIELD_OBJECT, AT(agent_config, files), .object = &agent_files_form,
		.help = "What a replica fetches beside the database."},
	{"check", DRO_FIELD_OBJECT, AT(agent_config, limits), .object = &agent_limits_form,
		.help = "What a session's check finds fault with."},
	{"self_fence", DRO_FIELD_OBJECT, AT(agent_config, self_fence),
		.object = &agent_self_fence_form,
		.help = "When this host closes itself; never where it is not given."},
	{0},
};

static const struct dro_form config_form = {.name = "agent",
	.help = "agent.yaml",
	.fields = config_fields,
	.size = sizeof(struct agent_config),
	PLAIN};

static void free_secret(struct dro_secret_ref *ref)
{
	size_t i;

	for (i = 0; ref->argv && ref->argv[i]; i++)
		free(ref->argv[i]);
	free(ref->argv);
	free(ref->value);
}

static void free_list(char **list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

static void free_ssh(struct agent_ssh *ssh)
{
	free(ssh->user);
	free(ssh->identity);
	free(ssh->known_hosts);
}

static void free_database(struct agent_database *database)
{
	free(database->kind);
	free(database->socket);
	free(database->user);
	free(database->boot_file);
	free(database->replication_user);
	free(database->replication_ca);
	free_secret(&database->password);
	free_secret(&database->replication_password);
	free_list(database->keep, database->keep_count);
	free(database->server.data);
	free_list(database->server.start, database->server.start_count);
	free_list(database->server.stop, database->server.stop_count);
	free_list(database->server.kill, database->server.kill_count);
	free(database->seed.user);
	free_secret(&database->seed.password);
	free_ssh(&database->seed.ssh);
}

static void free_files(struct agent_files *files)
{
	size_t i;

	for (i = 0; i < files->count; i++) {
		free(files->directories[i].path);
		free(files->directories[i].from);
	}
	free(files->directories);
	free_ssh(&files->ssh);
}

static void free_peers(struct agent_self_fence *fence)
{
	size_t i;

	for (i = 0; i < fence->peer_count; i++)
		free(fence->peers[i].host);
	free(fence->peers);
}

static void free_account(struct dro_account *account)
{
	size_t i;

	for (i = 0; i < account->setting_count; i++) {
		free(account->settings[i].name);
		free(account->settings[i].value);
	}
	for (i = 0; i < account->credential_count; i++) {
		free_secret(&account->credentials[i].ref);
		free(account->credentials[i].name);
	}
	free(account->settings);
	free(account->credentials);
	free(account->name);
	free(account->plugin);
}

void agent_config_free(struct agent_config *config)
{
	if (!config)
		return;
	free_database(&config->database);
	free_files(&config->files);
	free_peers(&config->self_fence);
	free_list(config->limits.paths, config->limits.path_count);
	free_list(config->limits.services, config->limits.service_count);
	free_account(&config->store.account);
	free(config->store.bucket);
	free(config->store.prefix);
	free(config->source.path);
	free(config->restore);
	free(config->owner);
	free_secret(&config->backup_key);
	free_list(config->command, config->command_count);
	free(config->address);
	free(config->service);
	free(config->site);
	free(config->plugins);
	free(config->state);
	free(config);
}

/* The words with a NULL behind them, as exec wants them; `fallback` where there are none. */
static int end_words(
	char ***words, size_t *count, const char *const fallback[], struct dro_error *err)
{
	char **all;

	while (fallback && !*words && fallback[*count])
		(*count)++;
	if (!*count)
		return 0;
	all = realloc(*words, (*count + 1) * sizeof(*all));
	if (!all)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (!*words) {
		size_t i;

		for (i = 0; i < *count; i++)
			all[i] = strdup(fallback[i]);
	}
	all[*count] = NULL;
	*words = all;
	return 0;
}

static int end_commands(struct agent_config *config, struct dro_error *err)
{
	static const char *const start_words[] = {"systemctl", "start", "mariadb", NULL};
	static const char *const stop_words[] = {"systemctl", "stop", "mariadb", NULL};
	static const char *const kill_words[] = {
		"systemctl", "kill", "--signal=KILL", "mariadb", NULL};
	struct agent_server *server = &config->database.server;
	int rc;

	if ((rc = end_words(&config->command, &config->command_count, NULL, err)) < 0 ||
		(rc = end_words(&server->start, &server->start_count, start_words, err)) < 0 ||
		(rc = end_words(&server->stop, &server->stop_count, stop_words, err)) < 0)
		return rc;
	return end_words(&server->kill, &server->kill_count, kill_words, err);
}

/* What a source of MariaDB's data cannot do without. */
static void check_source(struct dro_fill *fill, const struct agent_config *config)
{
	const struct dro_place *place = dro_fill_place(fill, &config->source.kind);

	if (config->source.kind != DRO_BACKUP_MARIADB || !place)
		return;
	if (!config->database.given)
		dro_report_add(fill->report, place,
			"backups of mariadb need 'database': whom to ask the server as");
	else if (!*config->database.boot_file)
		dro_report_add(fill->report, place,
			"backups of mariadb need 'database.boot_file': a restored server "
			"starts read-only");
	if (config->backup_key.kind == DRO_SECRET_NONE)
		dro_report_add(fill->report, place,
			"backups of mariadb need 'backup.encryption.key': they are encrypted");
}

/* A replica fetches from whom its database follows. */
static void check_files(struct dro_fill *fill, const struct agent_config *config)
{
	const struct dro_place *place = dro_fill_place(fill, &config->files.directories);

	if (config->files.given && place && !config->database.given)
		dro_report_add(fill->report, place,
			"files need 'database': they come from whom it follows");
}

/* All that was reported, as one error. */
static int refuse(struct dro_report *report, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	int rc;

	dro_report_sort(report);
	dro_report_print(report, &text);
	while (text.length && text.data[text.length - 1] == '\n')
		text.data[--text.length] = '\0';
	rc = dro_fail(err, DRO_EINVAL, "%s", dro_buf_str(&text));
	dro_buf_free(&text);
	return rc;
}

/* Where nothing else is said, the plugins that were installed with this program. */
static int settle_plugins(struct agent_config *config, struct dro_error *err)
{
	struct dro_buf plugins = DRO_BUF_INIT(PATH_MAX);

	if (*config->plugins)
		return 0;
	dro_config_plugins(&plugins);
	free(config->plugins);
	config->plugins = dro_buf_take(&plugins);
	dro_buf_free(&plugins);
	return config->plugins ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
}

static int fill_config(struct agent_config *config, const char *path, const struct dro_buf *text,
	struct dro_error *err)
{
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_fill fill = {.report = &report};
	struct dro_place top = {path, 1, 1};
	struct dro_yaml *yaml = NULL;
	int rc;

	if ((rc = dro_yaml_parse(&yaml, path, dro_buf_str(text), text->length, &report, err)) < 0)
		goto out;
	dro_fill_defaults(&fill, &config_form, config);
	if (yaml && dro_yaml_root(yaml))
		dro_fill_form(&fill, &config_form, dro_yaml_root(yaml), &top, config);
	dro_fill_string(&fill, &config->store.account.name, "store");
	check_source(&fill, config);
	check_files(&fill, config);
	if (fill.rc < 0)
		rc = dro_fail(err, fill.rc, "out of memory");
	else if (dro_report_total(&report))
		rc = refuse(&report, err);
	else if ((rc = end_commands(config, err)) == 0)
		rc = settle_plugins(config, err);
out:
	dro_fill_fini(&fill);
	dro_yaml_free(yaml);
	dro_report_fini(&report);
	return rc;
}

int agent_config_load(struct agent_config **out, const char *path, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	struct agent_config *config = calloc(1, sizeof(*config));
	int rc;

	if (!config)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_file_read(&text, path, err)) < 0 ||
		(rc = fill_config(config, path, &text, err)) < 0)
		goto out;
	*out = config;
	config = NULL;
out:
	agent_config_free(config);
	dro_buf_free(&text);
	return rc;
}
