#include "agent/config_rows.h"

#include <string.h>

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

static const struct dro_field server_fields[] = {
	{"data", DRO_FIELD_STRING, AT(agent_server, data), .format = &dro_format_file,
		.fallback = "/var/lib/mysql", .help = "Its data folder."},
	{"start", DRO_FIELD_STRINGS, ARRAY(agent_server, start, start_count), .max = 16,
		.format = &dro_format_text,
		.help = "Program and arguments that start it; systemctl start mariadb."},
	{"stop", DRO_FIELD_STRINGS, ARRAY(agent_server, stop, stop_count), .max = 16,
		.format = &dro_format_text, .help = "That stop it, and wait until it has."},
	{"kill", DRO_FIELD_STRINGS, ARRAY(agent_server, kill, kill_count), .max = 16,
		.format = &dro_format_text,
		.help = "That kill it, where it does not become read-only in time."},
	{0},
};

static const struct dro_form server = {.name = "server",
	.help = "The database server's programs.",
	.fields = server_fields,
	.size = sizeof(struct agent_server),
	.given = DRO_NO_OFFSET,
	PLAIN};

static const struct dro_field ssh_fields[] = {
	{"user", DRO_FIELD_STRING, AT(agent_ssh, user), .format = &dro_format_token,
		.fallback = "root", .help = "The account there."},
	{"port", DRO_FIELD_INT, AT(agent_ssh, port), .fallback = "22", .min = 1, .max = 65535,
		.help = "Of sshd."},
	{"identity", DRO_FIELD_STRING, AT(agent_ssh, identity), NEED, .format = &dro_format_file,
		.help = "File of the private key."},
	{"known_hosts", DRO_FIELD_STRING, AT(agent_ssh, known_hosts), NEED,
		.format = &dro_format_file, .help = "File of the host keys that are trusted."},
	{0},
};

static const struct dro_form ssh = {.name = "ssh",
	.help = "How another host is reached.",
	.fields = ssh_fields,
	.size = sizeof(struct agent_ssh),
	.given = DRO_NO_OFFSET,
	PLAIN};

static const struct dro_field seed_fields[] = {
	{"user", DRO_FIELD_STRING, AT(agent_seed, user), .format = &dro_format_text,
		.help = "The account by which this host's data is copied; the agent's."},
	{"password", DRO_FIELD_SECRET, AT(agent_seed, password), .help = "Its password."},
	{"ssh", DRO_FIELD_OBJECT, AT(agent_seed, ssh), .object = &ssh,
		.help = "How a new primary is reached."},
	{0},
};

static const struct dro_form seed = {.name = "seed",
	.help = "Whole copies of a database.",
	.fields = seed_fields,
	.size = sizeof(struct agent_seed),
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
	{"semi_sync_timeout", DRO_FIELD_DURATION, AT(agent_database, semi_sync_ms),
		.fallback = "365d", .min = 1, .max = 3650 * DAY,
		.help = "How long a commit waits for a replica before it is acknowledged without."},
	{"server", DRO_FIELD_OBJECT, AT(agent_database, server), .object = &server,
		.help = "The server's programs."},
	{"seed", DRO_FIELD_OBJECT, AT(agent_database, seed), .object = &seed,
		.help = "Whole copies of a database."},
	{0},
};

const struct dro_form agent_database_form = {.name = "database",
	.help = "The database of this host.",
	.fields = database_fields,
	.size = sizeof(struct agent_database),
	.given = offsetof(struct agent_database, given),
	PLAIN};

static bool is_there(const char *text)
{
	return strcmp(text, "/") == 0 || dro_format_file.check(text);
}

static const struct dro_format there = {
	"an absolute path without '..', or / alone", "^/.*$", 4095, is_there};

static const struct dro_field directory_fields[] = {
	{"path", DRO_FIELD_STRING, AT(agent_directory, path), NEED, .format = &dro_format_file,
		.help = "A directory of this host; what the other has not is removed from it."},
	{"from", DRO_FIELD_STRING, AT(agent_directory, from), .format = &there,
		.help = "What it is called at the other host, where that is not the same."},
	{0},
};

static const struct dro_form directory = {.name = "directory",
	.help = "A directory that is fetched.",
	.fields = directory_fields,
	.size = sizeof(struct agent_directory),
	.given = DRO_NO_OFFSET,
	PLAIN};

static const struct dro_field files_fields[] = {
	{"directories", DRO_FIELD_LIST, ARRAY(agent_files, directories, count), NEED,
		.object = &directory, .max = 16, .help = "What is fetched."},
	{"ssh", DRO_FIELD_OBJECT, AT(agent_files, ssh), NEED, .object = &ssh,
		.help = "How whom this host follows is reached."},
	{0},
};

const struct dro_form agent_files_form = {.name = "files",
	.help = "What the application keeps beside its database.",
	.fields = files_fields,
	.size = sizeof(struct agent_files),
	.given = offsetof(struct agent_files, given),
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
	{"files", DRO_FIELD_DURATION, AT(agent_limits, files_ms), .fallback = "5m", .min = 1000,
		.max = 366 * DAY, .help = "How old a replica's last fetch of the files may be."},
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

static const struct dro_field peer_fields[] = {
	{"host", DRO_FIELD_STRING, AT(agent_peer, host), NEED, .format = &dro_format_host,
		.help = "Of a database server that may follow this host."},
	{"port", DRO_FIELD_INT, AT(agent_peer, port), .fallback = "3306", .min = 1, .max = 65535,
		.help = "Of that server."},
	{0},
};

static const struct dro_form peer = {.name = "peer",
	.help = "A server that is asked whom it follows.",
	.fields = peer_fields,
	.size = sizeof(struct agent_peer),
	.given = DRO_NO_OFFSET,
	PLAIN};

static const struct dro_field self_fence_fields[] = {
	{"after", DRO_FIELD_DURATION, AT(agent_self_fence, after_ms), NEED, .min = 1000, .max = DAY,
		.help = "How long neither a controller nor a peer is heard of.", .example = "30s"},
	{"peers", DRO_FIELD_LIST, ARRAY(agent_self_fence, peers, peer_count), NEED, .object = &peer,
		.max = 8, .help = "Who is asked."},
	{0},
};

const struct dro_form agent_self_fence_form = {.name = "self_fence",
	.help = "When this host closes itself.",
	.fields = self_fence_fields,
	.size = sizeof(struct agent_self_fence),
	.given = offsetof(struct agent_self_fence, given),
	PLAIN};
