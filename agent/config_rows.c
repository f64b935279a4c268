#include "agent/config_rows.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define ARRAY(type, member, counter) AT(type, member), .count = offsetof(struct type, counter)
#define HERE .offset = 0
#define NEED .flags = DRO_FIELD_REQUIRED
#define DAY (24 * 60 * 60 * 1000LL)
#define PLAIN .key = DRO_NO_OFFSET, .place = DRO_NO_OFFSET, .settings = DRO_NO_OFFSET

static const struct dro_word kinds[] = {{"mariadb", 0}, {0}};

static const struct dro_word roles[] = {
	{"replica", AGENT_ROLE_REPLICA}, {"primary", AGENT_ROLE_PRIMARY}, {0}};

static const struct dro_field replication_fields[] = {
	{"user", DRO_FIELD_STRING, AT(agent_database, replication_user), NEED,
		.format = &dro_format_text,
		.help = "The account by which a replica reads its primary."},
	{"password", DRO_FIELD_SECRET, AT(agent_database, replication_password),
		.help = "Its password, by reference."},
	{"tls", DRO_FIELD_BOOL, AT(agent_database, replication_tls), .fallback = "true",
		.help = "Over TLS, the primary's certificate verified."},
	{"ca", DRO_FIELD_STRING, AT(agent_database, replication_ca), .format = &dro_format_file,
		.help = "Who signed that certificate; a file the server can read."},
	{0},
};

static const struct dro_form replication = {.name = "replication",
	.help = "How this host follows another.",
	.fields = replication_fields,
	.size = sizeof(struct agent_database),
	.given = DRO_NO_OFFSET,
	PLAIN};

static const struct dro_field database_fields[] = {
	{"kind", DRO_FIELD_STRING, AT(agent_database, kind), NEED, .words = kinds,
		.help = "What it is."},
	{"socket", DRO_FIELD_STRING, AT(agent_database, socket), .format = &dro_format_file,
		.fallback = "/run/mysqld/mysqld.sock", .help = "Where the local server listens."},
	{"user", DRO_FIELD_STRING, AT(agent_database, user), .format = &dro_format_text,
		.fallback = "drorch", .help = "The agent's account."},
	{"password", DRO_FIELD_SECRET, AT(agent_database, password),
		.help = "Its password, by reference; without one the socket tells who asks."},
	{"role", DRO_FIELD_ENUM, AT(agent_database, role), .words = roles, .fallback = "replica",
		.help = "What the host is until a session says otherwise."},
	{"boot_file", DRO_FIELD_STRING, AT(agent_database, boot_file), .format = &dro_format_file,
		.help = "A file the server reads at its start; the agent writes read_only there.",
		.example = "/etc/mysql/mariadb.conf.d/zz-drorch.cnf"},
	{"keep", DRO_FIELD_STRINGS, ARRAY(agent_database, keep, keep_count), .max = 64,
		.format = &dro_format_text,
		.help = "Accounts whose connections are never ended: of those who only look.",
		.example = "[monitor]"},
	{"replication", DRO_FIELD_OBJECT, HERE, .object = &replication,
		.help = "How this host follows another."},
	{0},
};

const struct dro_form agent_database_form = {.name = "database",
	.help = "The database of this host.",
	.fields = database_fields,
	.size = sizeof(struct agent_database),
	.given = offsetof(struct agent_database, given),
	PLAIN};

static const struct dro_field limits_fields[] = {
	{"disk", DRO_FIELD_INT, AT(agent_limits, disk), .fallback = "90", .min = 1, .max = 100,
		.help = "Percent of a file system that may be used."},
	{"inodes", DRO_FIELD_INT, AT(agent_limits, inodes), .fallback = "90", .min = 1, .max = 100,
		.help = "Percent of its inodes."},
	{"memory", DRO_FIELD_INT, AT(agent_limits, memory), .fallback = "95", .min = 1, .max = 100,
		.help = "Percent of the memory that is not available."},
	{"load", DRO_FIELD_INT, AT(agent_limits, load), .fallback = "400", .min = 1, .max = 100000,
		.help = "Load of the last minute, percent of the CPUs."},
	{"connections", DRO_FIELD_INT, AT(agent_limits, connections), .fallback = "80", .min = 1,
		.max = 100, .help = "Percent of the database's connections."},
	{"lag", DRO_FIELD_DURATION, AT(agent_limits, lag_ms), .fallback = "30s", .min = 0,
		.max = DAY, .help = "How far a replica may be behind."},
	{"clock", DRO_FIELD_DURATION, AT(agent_limits, clock_ms), .fallback = "500ms", .min = 1,
		.max = DAY, .help = "How wrong the clock may be, as the kernel estimates it."},
	{"backup", DRO_FIELD_DURATION, AT(agent_limits, backup_ms), .fallback = "26h", .min = 1000,
		.max = 366 * DAY, .help = "How old this host's last backup may be."},
	{"paths", DRO_FIELD_STRINGS, ARRAY(agent_limits, paths, path_count), .max = 16,
		.format = &dro_format_file, .help = "Whose file systems are looked at.",
		.example = "[/var/lib/mysql]"},
	{"services", DRO_FIELD_STRINGS, ARRAY(agent_limits, services, service_count), .max = 32,
		.format = &dro_format_token, .help = "systemd units that must be active.",
		.example = "[mariadb]"},
	{0},
};

const struct dro_form agent_limits_form = {.name = "check",
	.help = "What check finds fault with.",
	.fields = limits_fields,
	.size = sizeof(struct agent_limits),
	.given = DRO_NO_OFFSET,
	PLAIN};
