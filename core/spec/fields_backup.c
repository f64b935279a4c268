/* Backups and machine images: what a site is made anew from. */
#include "spec/rows.h"

static const struct dro_field store_fields[] = {
	{"provider", DRO_FIELD_STRING, AT(dro_backup_policy, provider), NEED,
		.format = &dro_format_name, .help = "The account with the bucket.",
		.example = "aws"},
	{"bucket", DRO_FIELD_STRING, AT(dro_backup_policy, bucket), NEED,
		.format = &dro_format_bucket, .help = "The bucket.", .example = "memphis-dr"},
	{"prefix", DRO_FIELD_STRING, AT(dro_backup_policy, prefix), .format = &dro_format_prefix,
		.help = "What every object's key begins with.", .example = "offsite/"},
	{"region", DRO_FIELD_STRING, AT(dro_backup_policy, region), .format = &dro_format_token,
		.help = "The bucket's region; the account's where not given.",
		.example = "us-west-2"},
	{0},
};

static const struct dro_form store = {.name = "store",
	.help = "Where backups are kept.",
	.fields = store_fields,
	.size = sizeof(struct dro_backup_policy),
	NOT_KEPT};

static const struct dro_field schedule_fields[] = {
	{"every", DRO_FIELD_DURATION, AT(dro_backup_policy, every_ms), NEED, .min = MINUTE,
		.max = 366 * DAY, .help = "Time between two backups.", .example = "24h"},
	{"at", DRO_FIELD_STRING, AT(dro_backup_policy, at), .format = &dro_format_clock,
		.help = "Time of day in UTC, in quotes.", .example = "\"02:00\""},
	{0},
};

static const struct dro_form schedule = {.name = "schedule",
	.help = "When backups are made.",
	.fields = schedule_fields,
	.size = sizeof(struct dro_backup_policy),
	NOT_KEPT};

static const struct dro_field retention_fields[] = {
	{"daily", DRO_FIELD_INT, AT(dro_backup_policy, keep_daily), .min = 0, .max = 10000,
		.fallback = "7", .help = "Days of which one backup is kept.", .example = "7"},
	{"weekly", DRO_FIELD_INT, AT(dro_backup_policy, keep_weekly), .min = 0, .max = 10000,
		.fallback = "0", .help = "Weeks, likewise.", .example = "4"},
	{"monthly", DRO_FIELD_INT, AT(dro_backup_policy, keep_monthly), .min = 0, .max = 10000,
		.fallback = "0", .help = "Months, likewise.", .example = "12"},
	{0},
};

static const struct dro_form retention = {.name = "retention",
	.help = "Which backups are kept; at least one. All of them where it is not given.",
	.fields = retention_fields,
	.size = sizeof(struct dro_backup_policy),
	.key = DRO_NO_OFFSET,
	.place = DRO_NO_OFFSET,
	.given = offsetof(struct dro_backup_policy, retention_given),
	.settings = DRO_NO_OFFSET};

static const struct dro_field encryption_fields[] = {
	{"key", DRO_FIELD_SECRET, AT(dro_backup_policy, encryption_key), NEED, .help = "The key.",
		.example = "{file: /etc/drorch/backup.key}"},
	{0},
};

static const struct dro_form encryption = {.name = "encryption",
	.help = "Encryption before anything leaves the host.",
	.fields = encryption_fields,
	.size = sizeof(struct dro_backup_policy),
	NOT_KEPT};

static const struct dro_field restore_test_fields[] = {
	{"every", DRO_FIELD_DURATION, AT(dro_backup_policy, restore_test_ms), NEED,
		.min = 60 * MINUTE, .max = 366 * DAY, .help = "Time between two tests.",
		.example = "7d"},
	{0},
};

static const struct dro_form restore_test = {.name = "restore_test",
	.help = "Backups are restored to see that they can be.",
	.fields = restore_test_fields,
	.size = sizeof(struct dro_backup_policy),
	NOT_KEPT};

static const struct dro_field backup_fields[] = {
	{"source", DRO_FIELD_STRING, AT(dro_backup_policy, source), NEED,
		.format = &dro_format_name, .help = "The site it is taken from.", .example = "dr"},
	{"store", DRO_FIELD_OBJECT, HERE, NEED, .object = &store, .help = "Where it is kept."},
	{"schedule", DRO_FIELD_OBJECT, HERE, NEED, .object = &schedule, .help = "When it is made."},
	{"max_age", DRO_FIELD_DURATION, AT(dro_backup_policy, max_age_ms), .min = MINUTE,
		.help = "An older one is not promoted from without an override.", .example = "26h"},
	{"retention", DRO_FIELD_OBJECT, HERE, .object = &retention, .help = "What is kept."},
	{"shrink", DRO_FIELD_INT, AT(dro_backup_policy, shrink_percent), .min = 0, .max = 100,
		.fallback = "50",
		.help = "A backup smaller than this percentage of the one before is refused.",
		.example = "50"},
	{"encryption", DRO_FIELD_OBJECT, HERE, .object = &encryption, .help = "Its key."},
	{"restore_test", DRO_FIELD_OBJECT, HERE, .object = &restore_test,
		.help = "Proof that it can be restored."},
	{0},
};

const struct dro_form dro_form_backup = {
	.name = "backup",
	.help = "A series of backups.",
	.fields = backup_fields,
	.size = sizeof(struct dro_backup_policy),
	.key = offsetof(struct dro_backup_policy, name),
	.place = offsetof(struct dro_backup_policy, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field build_ssh_fields[] = {
	{"user", DRO_FIELD_STRING, AT(dro_image_policy, ssh_user), .format = &dro_format_name,
		.fallback = "root", .help = "The user to log in as.", .example = "admin"},
	{"identity", DRO_FIELD_SECRET, AT(dro_image_policy, identity),
		.help = "The private key; one is made for the build where not given.",
		.example = "{file: /etc/drorch/ssh/id_ed25519}"},
	{"known_hosts", DRO_FIELD_STRING, AT(dro_image_policy, known_hosts),
		.format = &dro_format_file,
		.help = "The file with the machine's key, where the base has a known one; else "
			"it is taken at first contact, and must stay the same for the build.",
		.example = "/etc/drorch/ssh/base_hosts"},
	{0},
};

static const struct dro_form build_ssh = {.name = "build_ssh",
	.help = "How the machine that becomes an image is reached.",
	.fields = build_ssh_fields,
	.size = sizeof(struct dro_image_policy),
	NOT_KEPT};

static const struct dro_field build_fields[] = {
	{"base", DRO_FIELD_STRING, AT(dro_image_policy, base), NEED, .format = &dro_format_token,
		.help = "The image to begin with: an id of the provider, or the name of an image "
			"of "
			"the account.",
		.example = "debian-12"},
	{"playbook", DRO_FIELD_STRING, AT(dro_image_policy, playbook), NEED,
		.format = &dro_format_inside, .help = "The Ansible playbook that makes it.",
		.example = "playbooks/site.yml"},
	{"bake", DRO_FIELD_STRING, AT(dro_image_policy, bake), .format = &dro_format_inside,
		.help = "A second one, run last: what takes out what is one machine's own. Its "
			"folder is that of `playbook`.",
		.example = "playbooks/bake.yml"},
	{"vars", DRO_FIELD_SETTINGS, ARRAY(dro_image_policy, vars, var_count),
		.help = "Variables of the machine, for the playbooks. No secrets.",
		.example = "{mariadb_version: 10.11}"},
	{"type", DRO_FIELD_STRING, AT(dro_image_policy, type), .format = &dro_format_token,
		.help = "The type of the machine it is made on; that of the instances that boot "
			"the image where not given.",
		.example = "t3.small"},
	{"options", DRO_FIELD_SETTINGS, ARRAY(dro_image_policy, options, option_count),
		.help = "Of that machine, as under `instances`.",
		.example = "{subnet: subnet-0a1b2c3d}"},
	{"ssh", DRO_FIELD_OBJECT, HERE, .object = &build_ssh,
		.help = "How the machine is reached."},
	{"deadline", DRO_FIELD_DURATION, AT(dro_image_policy, deadline_ms), .min = MINUTE,
		.max = DAY, .fallback = "1h", .help = "How long each playbook may take.",
		.example = "30m"},
	{0},
};

static const struct dro_form build = {.name = "build",
	.help = "How the image is made.",
	.fields = build_fields,
	.size = sizeof(struct dro_image_policy),
	NOT_KEPT};

static const struct dro_field image_fields[] = {
	{"provider", DRO_FIELD_STRING, AT(dro_image_policy, provider), NEED,
		.format = &dro_format_name, .help = "The account it is kept in.", .example = "aws"},
	{"region", DRO_FIELD_STRING, AT(dro_image_policy, region), .format = &dro_format_token,
		.help = "Its region; the account's where not given.", .example = "us-west-2"},
	{"build", DRO_FIELD_OBJECT, HERE, NEED, .object = &build, .help = "How it is made."},
	{"refresh", DRO_FIELD_DURATION, AT(dro_image_policy, refresh_ms), .min = 60 * MINUTE,
		.help = "How old it may grow until it is made anew.", .example = "7d"},
	{"keep", DRO_FIELD_INT, AT(dro_image_policy, keep), .min = 1, .max = 1000, .fallback = "3",
		.help = "How many are kept.", .example = "3"},
	{0},
};

const struct dro_form dro_form_image = {
	.name = "image",
	.help = "A machine image that drorch keeps fresh.",
	.fields = image_fields,
	.size = sizeof(struct dro_image_policy),
	.key = offsetof(struct dro_image_policy, name),
	.place = offsetof(struct dro_image_policy, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};
