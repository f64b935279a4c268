/* A site: its instances, its agent, its health. */
#include "spec/rows.h"

const struct dro_word dro_words_scheme[] = {{"https", 0}, {"http", 0}, {0}};
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

static const struct dro_field objectives_fields[] = {
	{"rto", DRO_FIELD_DURATION, AT(dro_objectives, rto_ms),
		.help = "Recovery time objective: how long the service may be away.",
		.example = "20m"},
	{"rpo", DRO_FIELD_DURATION, AT(dro_objectives, rpo_ms),
		.help = "Recovery point objective: how much of the latest data may be lost.",
		.example = "26h"},
	{0},
};

const struct dro_form dro_form_objectives = {
	.name = "objectives",
	.help = "What recovery is measured against.",
	.fields = objectives_fields,
	.size = sizeof(struct dro_objectives),
	NOT_KEPT,
};

static const struct dro_field standby_fields[] = {
	{"count", DRO_FIELD_INT, AT(dro_standby_size, count), .min = 0, .max = 10000,
		.fallback = "1", .help = "How many of them run.", .example = "1"},
	{"type", DRO_FIELD_STRING, AT(dro_standby_size, type), .format = &dro_format_token,
		.help = "Their type, where it is a smaller one.", .example = "t3.small"},
	{0},
};

static const struct dro_form standby = {
	.name = "standby",
	.help = "What of a group runs while another site is active.",
	.fields = standby_fields,
	.size = sizeof(struct dro_standby_size),
	.key = DRO_NO_OFFSET,
	.place = DRO_NO_OFFSET,
	.given = offsetof(struct dro_standby_size, given),
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field group_fields[] = {
	{"count", DRO_FIELD_INT, AT(dro_instance_group, count), .min = 0, .max = 10000,
		.fallback = "1", .help = "How many instances there are.", .example = "2"},
	{"type", DRO_FIELD_STRING, AT(dro_instance_group, type), NEED, .format = &dro_format_token,
		.help = "The provider's instance type.", .example = "t3.large"},
	{"image", DRO_FIELD_IMAGE, AT(dro_instance_group, image), NEED,
		.help = "The image to boot: an id, a name, or the newest image of a name.",
		.example = "{name: memphis-site, newest: true}"},
	{"standby", DRO_FIELD_OBJECT, AT(dro_instance_group, standby), .object = &standby,
		.help = "pilot-light (the first group, which holds the data), warm-standby: the "
			"size in peace; one of the group's type where not given."},
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
		.format = &dro_format_file,
		.help = "The file with the hosts' keys, each under the name that drorch gives the "
			"host: "
			"SERVICE-SITE-GROUP-N.",
		.example = "/etc/drorch/ssh/known_hosts"},
	{"port", DRO_FIELD_INT, AT(dro_agent, ssh_port), .min = 1, .max = 65535, .fallback = "22",
		.help = "Its port.", .example = "22"},
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
	.help = "Where a site that is being restored tells how far it is. In plain HTTP: beyond "
		"loopback only where the health check's scheme is http.",
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
	{"scheme", DRO_FIELD_STRING, AT(dro_health, scheme), .words = dro_words_scheme,
		.fallback = "https",
		.help = "https; or http, which anybody on the way can read and answer.",
		.example = "https"},
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

static const struct dro_word replication_modes[] = {
	{"semi-sync", DRO_REPLICATION_SEMI_SYNC}, {"async", DRO_REPLICATION_ASYNC}, {0}};

static const struct dro_field replication_fields[] = {
	{"mode", DRO_FIELD_ENUM, AT(dro_replication, mode), .words = replication_modes,
		.fallback = "semi-sync",
		.help = "semi-sync: a write is acknowledged when the standby has it too, so that "
			"none "
			"is lost; async: it may be behind.",
		.example = "semi-sync"},
	{"port", DRO_FIELD_INT, AT(dro_replication, port), .min = 1, .max = 65535,
		.fallback = "3306", .help = "The database's port, on both sites.",
		.example = "3306"},
	{0},
};

static const struct dro_form replication = {.name = "replication",
	.help = "How the data comes from the site that this one follows.",
	.fields = replication_fields,
	.size = sizeof(struct dro_replication),
	NOT_KEPT};

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
		.help = "pilot-light, warm-standby, hot-standby: the site whose data it "
			"replicates.",
		.example = "main"},
	{"replication", DRO_FIELD_OBJECT, AT(dro_site, replication), .object = &replication,
		.help = "How the data comes from the site that this one follows."},
	{"restores", DRO_FIELD_STRING, AT(dro_site, restores), .format = &dro_format_name,
		.help = "backup-restore: the name under `backups`.", .example = "offsite"},
	{"bucket", DRO_FIELD_STRING, AT(dro_site, bucket), .format = &dro_format_bucket,
		.help = "static-page: where the page is put. Where the provider finds a bucket by "
			"the name that is asked for, as S3 does, it is called as the traffic's "
			"name.",
		.example = "www.memphis.example"},
	{"page", DRO_FIELD_STRING, AT(dro_site, page), .format = &dro_format_inside,
		.help = "static-page: the file in this repository, below pages/.",
		.example = "pages/notice.html"},
	{"objectives", DRO_FIELD_OBJECT, AT(dro_site, objectives), .object = &dro_form_objectives,
		.help = "Where they differ from the service's."},
	{"instances", DRO_FIELD_MAP, ARRAY(dro_site, groups, group_count), .object = &group,
		.max = 100, .help = "Groups of instances, by name."},
	{"agent", DRO_FIELD_OBJECT, AT(dro_site, agent), .object = &agent,
		.help = "How the hosts are talked to."},
	{"health", DRO_FIELD_OBJECT, AT(dro_site, health), .object = &health,
		.help = "How it is watched and verified."},
	{0},
};

const struct dro_form dro_form_site = {
	.name = "site",
	.help = "A place where the service can run.",
	.fields = site_fields,
	.size = sizeof(struct dro_site),
	.key = offsetof(struct dro_site, name),
	.place = offsetof(struct dro_site, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};
