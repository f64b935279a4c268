/* The rows. A new key of the spec is one row here and a member in model/service.h. */
#include "spec/fields.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define ARRAY(type, member, counter)                                                               \
	.offset = offsetof(struct type, member), .count = offsetof(struct type, counter)
#define HERE .offset = 0 /* a group of keys that has no struct of its own */
#define NEED .flags = DRO_FIELD_REQUIRED
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define NOT_KEPT                                                                                   \
	.key = DRO_NO_OFFSET, .place = DRO_NO_OFFSET, .given = DRO_NO_OFFSET,                      \
	.settings = DRO_NO_OFFSET

static const struct dro_word schemes[] = {{"https", 0}, {"http", 0}, {0}};
static const struct dro_word roles[] = {
	{"primary", DRO_ROLE_PRIMARY}, {"standby", DRO_ROLE_STANDBY}, {0}};
static const struct dro_word strategies[] = {
	{"backup-restore", DRO_STRATEGY_BACKUP_RESTORE},
	{"pilot-light", DRO_STRATEGY_PILOT_LIGHT},
	{"warm-standby", DRO_STRATEGY_WARM_STANDBY},
	{"hot-standby", DRO_STRATEGY_HOT_STANDBY},
	{"multi-site", DRO_STRATEGY_MULTI_SITE},
	{"static-page", DRO_STRATEGY_STATIC_PAGE},
	{0},
};
static const struct dro_word traffic_types[] = {{"A", 0}, {"AAAA", 0}, {"CNAME", 0}, {0}};
static const struct dro_word record_types[] = {{"A", 0}, {"AAAA", 0}, {"CNAME", 0}, {"MX", 0},
	{"TXT", 0}, {"SRV", 0}, {"NS", 0}, {"CAA", 0}, {0}};
static const struct dro_word automatics[] = {{"off", DRO_AUTOMATIC_OFF},
	{"observe", DRO_AUTOMATIC_OBSERVE}, {"on", DRO_AUTOMATIC_ON}, {0}};
static const struct dro_word occasions[] = {{"health", DRO_NOTIFY_HEALTH}, {"run", DRO_NOTIFY_RUN},
	{"drill", DRO_NOTIFY_DRILL}, {"backup", DRO_NOTIFY_BACKUP}, {0}};

/* ---- providers.yaml -------------------------------------------------------------------------- */

static const struct dro_field account_fields[] = {
	{"plugin", DRO_FIELD_STRING, AT(dro_account, plugin), NEED, .format = &dro_format_name,
		.help = "The plugin that speaks this provider's API; `drorch plugins` lists them.",
		.example = "aws"},
	{"credentials", DRO_FIELD_CREDENTIALS, ARRAY(dro_account, credentials, credential_count),
		.help = "Where each credential is found, by name; never its value.",
		.example = "{token: {env: LINODE_TOKEN}}"},
	{0},
};

static const struct dro_form account = {
	.name = "account",
	.help = "An account at a provider. Every other key is an option of its plugin.",
	.fields = account_fields,
	.size = sizeof(struct dro_account),
	.key = offsetof(struct dro_account, name),
	.place = offsetof(struct dro_account, place),
	.given = DRO_NO_OFFSET,
	.settings = offsetof(struct dro_account, settings),
	.setting_count = offsetof(struct dro_account, setting_count),
};

static const struct dro_field providers_fields[] = {
	{"apiVersion", DRO_FIELD_CONST, NEED, .fallback = DRO_API_VERSION,
		.help = "The version of this form."},
	{"kind", DRO_FIELD_CONST, NEED, .fallback = "Providers", .help = "What the file holds."},
	{"providers", DRO_FIELD_MAP, ARRAY(dro_spec, accounts, account_count), NEED,
		.object = &account, .help = "The accounts drorch may use, by name."},
	{0},
};

const struct dro_form dro_form_providers = {
	.name = "Providers",
	.help = "providers.yaml: the accounts.",
	.fields = providers_fields,
	.size = sizeof(struct dro_spec),
	NOT_KEPT,
};

/* ---- sites ----------------------------------------------------------------------------------- */

static const struct dro_field objectives_fields[] = {
	{"rto", DRO_FIELD_DURATION, AT(dro_objectives, rto_ms),
		.help = "Recovery time objective: how long the service may be away.",
		.example = "20m"},
	{"rpo", DRO_FIELD_DURATION, AT(dro_objectives, rpo_ms),
		.help = "Recovery point objective: how much of the latest data may be lost.",
		.example = "26h"},
	{0},
};

static const struct dro_form objectives = {
	.name = "objectives",
	.help = "What recovery is measured against.",
	.fields = objectives_fields,
	.size = sizeof(struct dro_objectives),
	NOT_KEPT,
};

static const struct dro_field group_fields[] = {
	{"count", DRO_FIELD_INT, AT(dro_instance_group, count), .min = 0, .max = 100,
		.fallback = "1", .help = "How many instances there are.", .example = "2"},
	{"type", DRO_FIELD_STRING, AT(dro_instance_group, type), NEED, .format = &dro_format_token,
		.help = "The provider's instance type.", .example = "t3.large"},
	{"image", DRO_FIELD_IMAGE, AT(dro_instance_group, image), NEED,
		.help = "The image to boot: an id, a name, or the newest image of a name.",
		.example = "{name: memphis-site, newest: true}"},
	{"options", DRO_FIELD_SETTINGS, ARRAY(dro_instance_group, options, option_count),
		.help = "What only this provider knows: subnet, security_groups, key_name, zone.",
		.example = "{subnet: subnet-0a1b2c3d}"},
	{0},
};

static const struct dro_form group = {
	.name = "instances",
	.help = "A group of equal instances.",
	.fields = group_fields,
	.size = sizeof(struct dro_instance_group),
	.key = offsetof(struct dro_instance_group, name),
	.place = offsetof(struct dro_instance_group, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field ssh_fields[] = {
	{"user", DRO_FIELD_STRING, AT(dro_agent, ssh_user), .format = &dro_format_name,
		.fallback = "drorch", .help = "The user to log in as.", .example = "drorch"},
	{"identity", DRO_FIELD_SECRET, AT(dro_agent, identity), NEED, .help = "The private key.",
		.example = "{file: /etc/drorch/ssh/id_ed25519}"},
	{"known_hosts", DRO_FIELD_STRING, AT(dro_agent, known_hosts), NEED,
		.format = &dro_format_file, .help = "The file with the hosts' keys.",
		.example = "/etc/drorch/ssh/known_hosts"},
	{0},
};

static const struct dro_form ssh = {.name = "ssh",
	.help = "How the agent is reached.",
	.fields = ssh_fields,
	.size = sizeof(struct dro_agent),
	NOT_KEPT};

static const struct dro_field progress_fields[] = {
	{"port", DRO_FIELD_INT, AT(dro_agent, progress_port), .min = 1, .max = 65535,
		.fallback = "8480", .help = "Its port.", .example = "8480"},
	{0},
};

static const struct dro_form progress = {.name = "progress",
	.help = "Where a site that is being restored tells how far it is.",
	.fields = progress_fields,
	.size = sizeof(struct dro_agent),
	NOT_KEPT};

static const struct dro_field agent_fields[] = {
	{"ssh", DRO_FIELD_OBJECT, HERE, .object = &ssh, .help = "The session to a running host."},
	{"progress", DRO_FIELD_OBJECT, HERE, .object = &progress,
		.help = "The progress endpoint of a restore."},
	{0},
};

static const struct dro_form agent = {
	.name = "agent",
	.help = "drorch-agent on the site's hosts.",
	.fields = agent_fields,
	.size = sizeof(struct dro_agent),
	.key = DRO_NO_OFFSET,
	.place = DRO_NO_OFFSET,
	.given = offsetof(struct dro_agent, given),
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field http_fields[] = {
	{"scheme", DRO_FIELD_STRING, AT(dro_health, scheme), .words = schemes, .fallback = "https",
		.help = "https, or http.", .example = "https"},
	{"path", DRO_FIELD_STRING, AT(dro_health, path), .format = &dro_format_url_path,
		.fallback = "/healthz", .help = "What is asked for.", .example = "/healthz"},
	{"host", DRO_FIELD_STRING, AT(dro_health, host), .format = &dro_format_host,
		.help = "The name in the request and in the certificate; the address is the "
			"site's.",
		.example = "www.memphis.example"},
	{"port", DRO_FIELD_INT, AT(dro_health, port), .min = 1, .max = 65535,
		.help = "The port, where it is not the scheme's.", .example = "8443"},
	{"status", DRO_FIELD_INT, AT(dro_health, status), .min = 100, .max = 599, .fallback = "200",
		.help = "The status that means well.", .example = "200"},
	{0},
};

static const struct dro_form http = {.name = "http",
	.help = "An HTTP request as a probe.",
	.fields = http_fields,
	.size = sizeof(struct dro_health),
	NOT_KEPT};

static const struct dro_field vantages_fields[] = {
	{"need", DRO_FIELD_INT, AT(dro_health, need), .min = 1, .max = 100, .fallback = "1",
		.help = "How many of them must agree that the site is down.", .example = "2"},
	{0},
};

static const struct dro_form vantages = {.name = "vantages",
	.help = "The places that probes come from.",
	.fields = vantages_fields,
	.size = sizeof(struct dro_health),
	NOT_KEPT};

static const struct dro_field health_fields[] = {
	{"http", DRO_FIELD_OBJECT, HERE, NEED, .object = &http, .help = "What is asked."},
	{"site_header", DRO_FIELD_STRING, AT(dro_health, site_header), .format = &dro_format_header,
		.fallback = "X-Drorch-Site",
		.help = "The answer's header in which the application names its site.",
		.example = "X-Drorch-Site"},
	{"interval", DRO_FIELD_DURATION, AT(dro_health, interval_ms), .min = SECOND, .max = DAY,
		.fallback = "10s", .help = "Time between two probes.", .example = "5s"},
	{"timeout", DRO_FIELD_DURATION, AT(dro_health, timeout_ms), .min = 100, .max = 5 * MINUTE,
		.fallback = "5s", .help = "How long an answer may take.", .example = "3s"},
	{"fail_after", DRO_FIELD_INT, AT(dro_health, fail_after), .min = 1, .max = 1000,
		.fallback = "3", .help = "Failed probes in a row until the site counts as down.",
		.example = "3"},
	{"recover_after", DRO_FIELD_INT, AT(dro_health, recover_after), .min = 1, .max = 1000,
		.fallback = "2", .help = "Good probes in a row until it counts as up again.",
		.example = "2"},
	{"vantages", DRO_FIELD_OBJECT, HERE, .object = &vantages,
		.help = "Agreement of several places."},
	{0},
};

static const struct dro_form health = {
	.name = "health",
	.help = "How drorch knows that a site answers.",
	.fields = health_fields,
	.size = sizeof(struct dro_health),
	.key = DRO_NO_OFFSET,
	.place = DRO_NO_OFFSET,
	.given = offsetof(struct dro_health, given),
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field site_fields[] = {
	{"role", DRO_FIELD_ENUM, AT(dro_site, role), .words = roles, .fallback = "standby",
		.help = "primary: where the service starts its life. Which site is active is "
			"state, not spec.",
		.example = "primary"},
	{"strategy", DRO_FIELD_ENUM, AT(dro_site, strategy), .words = strategies,
		.help = "How a standby site takes over; the primary has none.",
		.example = "backup-restore"},
	{"provider", DRO_FIELD_STRING, AT(dro_site, provider), NEED, .format = &dro_format_name,
		.help = "The account it runs in: a name of providers.yaml.", .example = "aws"},
	{"region", DRO_FIELD_STRING, AT(dro_site, region), .format = &dro_format_token,
		.help = "The provider's region; the account's where not given.",
		.example = "us-west-2"},
	{"follows", DRO_FIELD_STRING, AT(dro_site, follows), .format = &dro_format_name,
		.help = "hot-standby: the site whose data it replicates.", .example = "main"},
	{"restores", DRO_FIELD_STRING, AT(dro_site, restores), .format = &dro_format_name,
		.help = "backup-restore: the name under `backups`.", .example = "offsite"},
	{"bucket", DRO_FIELD_STRING, AT(dro_site, bucket), .format = &dro_format_bucket,
		.help = "static-page: where the page is put.", .example = "memphis-notice"},
	{"page", DRO_FIELD_STRING, AT(dro_site, page), .format = &dro_format_inside,
		.help = "static-page: the file in this repository.",
		.example = "pages/notice.html"},
	{"objectives", DRO_FIELD_OBJECT, AT(dro_site, objectives), .object = &objectives,
		.help = "Where they differ from the service's."},
	{"instances", DRO_FIELD_MAP, ARRAY(dro_site, groups, group_count), .object = &group,
		.max = 100, .help = "Groups of instances, by name."},
	{"agent", DRO_FIELD_OBJECT, AT(dro_site, agent), .object = &agent,
		.help = "How the hosts are talked to."},
	{"health", DRO_FIELD_OBJECT, AT(dro_site, health), .object = &health,
		.help = "How it is watched and verified."},
	{0},
};

static const struct dro_form site = {
	.name = "site",
	.help = "A place where the service can run.",
	.fields = site_fields,
	.size = sizeof(struct dro_site),
	.key = offsetof(struct dro_site, name),
	.place = offsetof(struct dro_site, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

/* ---- backups and images ---------------------------------------------------------------------- */

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
	.help = "Which backups are kept; at least one.",
	.fields = retention_fields,
	.size = sizeof(struct dro_backup_policy),
	NOT_KEPT};

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

static const struct dro_form backup = {
	.name = "backup",
	.help = "A series of backups.",
	.fields = backup_fields,
	.size = sizeof(struct dro_backup_policy),
	.key = offsetof(struct dro_backup_policy, name),
	.place = offsetof(struct dro_backup_policy, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field build_fields[] = {
	{"base", DRO_FIELD_STRING, AT(dro_image_policy, base), NEED, .format = &dro_format_token,
		.help = "What the image is made from.", .example = "debian-12"},
	{"playbook", DRO_FIELD_STRING, AT(dro_image_policy, playbook), NEED,
		.format = &dro_format_inside, .help = "The Ansible playbook that makes it.",
		.example = "playbooks/site.yml"},
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

static const struct dro_form image = {
	.name = "image",
	.help = "A machine image that drorch keeps fresh.",
	.fields = image_fields,
	.size = sizeof(struct dro_image_policy),
	.key = offsetof(struct dro_image_policy, name),
	.place = offsetof(struct dro_image_policy, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

/* ---- traffic and DNS ------------------------------------------------------------------------- */

static const struct dro_field path_fields[] = {
	{"provider", DRO_FIELD_STRING, AT(dro_path, provider), NEED, .format = &dro_format_name,
		.help = "The account with the zone.", .example = "cloudflare"},
	{"zone", DRO_FIELD_STRING, AT(dro_path, zone), NEED, .format = &dro_format_domain,
		.help = "The zone.", .example = "memphis.example"},
	{"proxied", DRO_FIELD_BOOL, AT(dro_path, proxied), .fallback = "false",
		.help = "Traffic goes through the provider's edge.", .example = "true"},
	{"ttl", DRO_FIELD_DURATION, AT(dro_path, ttl_ms), .min = SECOND, .max = 7 * DAY,
		.help = "How long resolvers keep it; automatic where not given.", .example = "60s"},
	{0},
};

static const struct dro_form path = {
	.name = "path",
	.help = "A way to move the name.",
	.fields = path_fields,
	.size = sizeof(struct dro_path),
	.key = DRO_NO_OFFSET,
	.place = offsetof(struct dro_path, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field verify_fields[] = {
	{"scheme", DRO_FIELD_STRING, AT(dro_verify, scheme), .words = schemes, .fallback = "https",
		.help = "https, or http.", .example = "https"},
	{"address", DRO_FIELD_STRING, AT(dro_verify, address), .format = &dro_format_host,
		.help = "Where to connect instead of resolving the name.", .example = "127.0.0.1"},
	{"port", DRO_FIELD_INT, AT(dro_verify, port), .min = 1, .max = 65535,
		.help = "The port, where it is not the scheme's.", .example = "8443"},
	{"timeout", DRO_FIELD_DURATION, AT(dro_verify, timeout_ms), .min = SECOND, .max = DAY,
		.fallback = "2m",
		.help = "How long the new site may take to show through the name.",
		.example = "2m"},
	{0},
};

static const struct dro_form verify = {.name = "verify",
	.help = "How a promote sees that the name leads to the new site.",
	.fields = verify_fields,
	.size = sizeof(struct dro_verify),
	NOT_KEPT};

static const struct dro_field traffic_fields[] = {
	{"name", DRO_FIELD_STRING, AT(dro_traffic, name), NEED, .format = &dro_format_record,
		.help = "The public name.", .example = "www.memphis.example"},
	{"type", DRO_FIELD_STRING, AT(dro_traffic, type), .words = traffic_types, .fallback = "A",
		.help = "The record's type.", .example = "A"},
	{"policy", DRO_FIELD_POLICY, AT(dro_traffic, policy), .fallback = "failover",
		.help = "failover: all traffic to the active site; or weights by site.",
		.example = "{weighted: {main: 100, dr: 0}}"},
	{"paths", DRO_FIELD_LIST, ARRAY(dro_traffic, paths, path_count), NEED, .object = &path,
		.max = 16, .help = "Tried in order when traffic moves."},
	{"verify", DRO_FIELD_OBJECT, AT(dro_traffic, verify), .object = &verify,
		.help = "How the move is verified."},
	{0},
};

static const struct dro_form traffic = {
	.name = "traffic",
	.help = "A public name that follows the active site.",
	.fields = traffic_fields,
	.size = sizeof(struct dro_traffic),
	.key = offsetof(struct dro_traffic, key),
	.place = offsetof(struct dro_traffic, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field dns_fields[] = {
	{"name", DRO_FIELD_STRING, AT(dro_dns_entry, name), NEED, .format = &dro_format_record,
		.help = "The record's name.", .example = "memphis.example"},
	{"type", DRO_FIELD_STRING, AT(dro_dns_entry, type), NEED, .words = record_types,
		.help = "The record's type.", .example = "MX"},
	{"values", DRO_FIELD_STRINGS, ARRAY(dro_dns_entry, values, value_count), NEED,
		.format = &dro_format_text, .max = 100, .help = "As a zone file has them.",
		.example = "[\"10 mx1.memphis.example\"]"},
	{"providers", DRO_FIELD_STRINGS, ARRAY(dro_dns_entry, providers, provider_count), NEED,
		.format = &dro_format_name, .max = 16, .help = "The accounts that have the zone.",
		.example = "[cloudflare, route53]"},
	{"zone", DRO_FIELD_STRING, AT(dro_dns_entry, zone), .format = &dro_format_domain,
		.help = "The zone; the longest that fits the name where not given.",
		.example = "memphis.example"},
	{"ttl", DRO_FIELD_DURATION, AT(dro_dns_entry, ttl_ms), .min = SECOND, .max = 7 * DAY,
		.help = "How long resolvers keep it; automatic where not given.", .example = "5m"},
	{0},
};

static const struct dro_form dns = {
	.name = "dns",
	.help = "A record that stays as it is, in every zone.",
	.fields = dns_fields,
	.size = sizeof(struct dro_dns_entry),
	.key = offsetof(struct dro_dns_entry, key),
	.place = offsetof(struct dro_dns_entry, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

/* ---- safety, drills, notices ----------------------------------------------------------------- */

static const struct dro_field safety_fields[] = {
	{"automatic_failover", DRO_FIELD_ENUM, AT(dro_safety, automatic_failover),
		.words = automatics, .fallback = "off",
		.help = "off; observe: say what would be done; on: do it.", .example = "observe"},
	{"cool_down", DRO_FIELD_DURATION, AT(dro_safety, cool_down_ms), .fallback = "1h",
		.help = "Least time between two promotes; an override passes it.", .example = "1h"},
	{"max_changes", DRO_FIELD_CHANGES, AT(dro_safety, max_changes), .fallback = "30%",
		.help = "A reconcile pass that changes more of the service stops and asks.",
		.example = "30%"},
	{"monitor", DRO_FIELD_DURATION, AT(dro_safety, monitor_ms), .max = DAY, .fallback = "30s",
		.help = "How long a run watches the new site before it commits.", .example = "30s"},
	{0},
};

static const struct dro_form safety = {.name = "safety",
	.help = "What keeps drorch from doing harm.",
	.fields = safety_fields,
	.size = sizeof(struct dro_safety),
	NOT_KEPT};

static const struct dro_field drill_fields[] = {
	{"site", DRO_FIELD_STRING, AT(dro_drill, site), NEED, .format = &dro_format_name,
		.help = "The standby site that is rehearsed.", .example = "tier2"},
	{"every", DRO_FIELD_DURATION, AT(dro_drill, every_ms), NEED, .min = 60 * MINUTE,
		.max = 366 * DAY, .help = "Time between two drills.", .example = "30d"},
	{"window", DRO_FIELD_STRING, AT(dro_drill, window), .format = &dro_format_window,
		.help = "When it may run, in UTC.", .example = "\"Sun 03:00-06:00\""},
	{"ttl", DRO_FIELD_DURATION, AT(dro_drill, ttl_ms), .min = MINUTE, .max = 30 * DAY,
		.fallback = "2h", .help = "When what it made is removed at the latest.",
		.example = "2h"},
	{0},
};

static const struct dro_form drill = {
	.name = "drill",
	.help = "A rehearsal that leaves traffic alone.",
	.fields = drill_fields,
	.size = sizeof(struct dro_drill),
	.key = offsetof(struct dro_drill, name),
	.place = offsetof(struct dro_drill, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field webhook_fields[] = {
	{"url", DRO_FIELD_SECRET, AT(dro_notify, webhook), NEED,
		.help = "The address: by reference, since it often holds a token.",
		.example = "{env: ONCALL_WEBHOOK}"},
	{0},
};

static const struct dro_form webhook = {.name = "webhook",
	.help = "A JSON message by POST.",
	.fields = webhook_fields,
	.size = sizeof(struct dro_notify),
	NOT_KEPT};

static const struct dro_field email_fields[] = {
	{"to", DRO_FIELD_STRINGS, ARRAY(dro_notify, to, to_count), NEED,
		.format = &dro_format_email, .max = 100, .help = "Who gets it.",
		.example = "[oncall@memphis.example]"},
	{"server", DRO_FIELD_STRING, AT(dro_notify, server), NEED, .format = &dro_format_smtp,
		.help = "The mail server.", .example = "\"smtps://mail.example:465\""},
	{0},
};

static const struct dro_form email = {.name = "email",
	.help = "A message by mail.",
	.fields = email_fields,
	.size = sizeof(struct dro_notify),
	NOT_KEPT};

static const struct dro_field notify_fields[] = {
	{"webhook", DRO_FIELD_OBJECT, HERE, .object = &webhook, .help = "This, or email."},
	{"email", DRO_FIELD_OBJECT, HERE, .object = &email, .help = "This, or webhook."},
	{"on", DRO_FIELD_FLAGS, AT(dro_notify, on), NEED, .words = occasions,
		.help = "What is told.", .example = "[health, run]"},
	{0},
};

static const struct dro_form notify = {
	.name = "notify",
	.help = "Whom drorch tells what happens.",
	.fields = notify_fields,
	.size = sizeof(struct dro_notify),
	.key = DRO_NO_OFFSET,
	.place = offsetof(struct dro_notify, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

/* ---- services/NAME.yaml ---------------------------------------------------------------------- */

static const struct dro_field metadata_fields[] = {
	{"name", DRO_FIELD_STRING, AT(dro_service, name), NEED, .format = &dro_format_name,
		.help = "The service's name.", .example = "memphis"},
	{"owner", DRO_FIELD_STRING, AT(dro_service, owner), .format = &dro_format_text,
		.help = "Who is asked about it.", .example = "platform@memphis.example"},
	{"environment", DRO_FIELD_STRING, AT(dro_service, environment), .format = &dro_format_text,
		.help = "production, staging, …", .example = "production"},
	{0},
};

static const struct dro_form metadata = {.name = "metadata",
	.help = "Who this is.",
	.fields = metadata_fields,
	.size = sizeof(struct dro_service),
	NOT_KEPT};

static const struct dro_field service_fields[] = {
	{"apiVersion", DRO_FIELD_CONST, NEED, .fallback = DRO_API_VERSION,
		.help = "The version of this form."},
	{"kind", DRO_FIELD_CONST, NEED, .fallback = "Service", .help = "What the file holds."},
	{"metadata", DRO_FIELD_OBJECT, HERE, NEED, .object = &metadata, .help = "Name and owner."},
	{"objectives", DRO_FIELD_OBJECT, AT(dro_service, objectives), .object = &objectives,
		.help = "Of every site that has none of its own."},
	{"sites", DRO_FIELD_MAP, ARRAY(dro_service, sites, site_count), NEED, .object = &site,
		.max = 1000, .help = "Where it can run, by name; exactly one is the primary."},
	{"backups", DRO_FIELD_MAP, ARRAY(dro_service, backups, backup_count), .object = &backup,
		.max = 100, .help = "Its backups, by name."},
	{"images", DRO_FIELD_MAP, ARRAY(dro_service, images, image_count), .object = &image,
		.max = 100, .help = "The machine images that drorch builds, by name."},
	{"traffic", DRO_FIELD_MAP, ARRAY(dro_service, traffic, traffic_count), .object = &traffic,
		.max = 1000, .help = "Names that follow the active site."},
	{"dns", DRO_FIELD_MAP, ARRAY(dro_service, dns, dns_count), .object = &dns, .max = 10000,
		.help = "Records that stay as they are."},
	{"safety", DRO_FIELD_OBJECT, AT(dro_service, safety), .object = &safety,
		.help = "Limits to what is done without asking."},
	{"drills", DRO_FIELD_MAP, ARRAY(dro_service, drills, drill_count), .object = &drill,
		.max = 100, .help = "Rehearsals, by name."},
	{"notify", DRO_FIELD_LIST, ARRAY(dro_service, notify, notify_count), .object = &notify,
		.max = 100, .help = "Who is told."},
	{0},
};

const struct dro_form dro_form_service = {
	.name = "Service",
	.help = "services/NAME.yaml: one service, its sites, and how it is recovered.",
	.fields = service_fields,
	.size = sizeof(struct dro_service),
	.key = DRO_NO_OFFSET,
	.place = offsetof(struct dro_service, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};
