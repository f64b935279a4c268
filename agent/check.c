#include "agent/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/last.h"
#include "agent/lease.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"

#define NAME_MAX_BYTES 320
#define PROC_MAX 65536
#define SYSTEMD "/run/systemd/system"

struct checks {
	struct agent_facts all;
	bool wrong;
};

/* `ok` is value <= limit. */
static void add(struct checks *checks, const char *name, int64_t value, int64_t limit,
	const char *unit, bool ok, const char *note)
{
	struct agent_facts one;

	agent_facts_init(&one);
	agent_facts_int(&one, "value", value);
	agent_facts_int(&one, "limit", limit);
	agent_facts_text(&one, "unit", unit);
	agent_facts_bool(&one, "ok", ok);
	agent_facts_text(&one, "note", note);
	agent_facts_put(&checks->all, name, &one);
	checks->wrong = checks->wrong || !ok;
}

/* A thing that has no value: wrong, or not to be told here. */
static void add_unknown(struct checks *checks, const char *name, bool wrong, const char *note)
{
	struct agent_facts one;

	agent_facts_init(&one);
	agent_facts_null(&one, "value");
	if (wrong)
		agent_facts_bool(&one, "ok", false);
	else
		agent_facts_null(&one, "ok");
	agent_facts_text(&one, "note", note);
	agent_facts_put(&checks->all, name, &one);
	checks->wrong = checks->wrong || wrong;
}

/* Rounded up: 90.1 % is over 90. */
static int64_t percent(uint64_t part, uint64_t whole)
{
	return whole ? (int64_t)((part * 100 + whole - 1) / whole) : 0;
}

/* ---- the host ----------------------------------------------------------------------------- */

static void check_path(struct checks *checks, const struct agent_limits *limits, const char *path)
{
	char name[NAME_MAX_BYTES];
	struct statvfs fs;
	int64_t used;

	if (statvfs(path, &fs) < 0) {
		snprintf(name, sizeof(name), "disk %.300s", path);
		add_unknown(checks, name, true, "it cannot be looked at");
		return;
	}
	snprintf(name, sizeof(name), "disk %.300s", path);
	/* As df has it: what only root may still take counts as used. */
	used = percent(fs.f_blocks - fs.f_bfree, fs.f_blocks - fs.f_bfree + fs.f_bavail);
	add(checks, name, used, limits->disk, "%", used <= limits->disk, "");
	snprintf(name, sizeof(name), "inodes %.300s", path);
	if (!fs.f_files) {
		add_unknown(checks, name, false, "this file system does not count them");
		return;
	}
	used = percent(fs.f_files - fs.f_ffree, fs.f_files);
	add(checks, name, used, limits->inodes, "%", used <= limits->inodes, "");
}

static void check_load(struct checks *checks, const struct agent_limits *limits)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double load;
	int64_t value;

	if (getloadavg(&load, 1) != 1 || cpus < 1) {
		add_unknown(checks, "load", false, "the kernel does not tell");
		return;
	}
	value = (int64_t)(load * 100 / (double)cpus);
	add(checks, "load", value, limits->load, "% of CPUs", value <= limits->load, "");
}

/* "MemTotal:  8041228 kB" */
static uint64_t meminfo(const struct dro_buf *text, const char *key)
{
	const char *at = strstr(dro_buf_str(text), key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void check_memory(struct checks *checks, const struct agent_limits *limits)
{
	struct dro_buf text = DRO_BUF_INIT(PROC_MAX);
	uint64_t all, left;
	int64_t used;

	dro_file_read(&text, "/proc/meminfo", NULL);
	all = meminfo(&text, "MemTotal:");
	left = meminfo(&text, "MemAvailable:");
	dro_buf_free(&text);
	if (!all || left > all) {
		add_unknown(checks, "memory", false, "the kernel does not tell");
		return;
	}
	used = percent(all - left, all);
	add(checks, "memory", used, limits->memory, "%", used <= limits->memory, "");
}

static void check_clock(struct checks *checks, const struct agent_limits *limits)
{
	struct timex clock = {.modes = 0};
	int state = adjtimex(&clock);

	if (state < 0) {
		add_unknown(checks, "clock", false, "the kernel does not tell");
	} else if (state == TIME_ERROR || clock.status & STA_UNSYNC) {
		add_unknown(checks, "clock", true, "nothing keeps it: it is not synchronized");
	} else {
		int64_t ms = clock.esterror / 1000;

		add(checks, "clock", ms, limits->clock_ms, "ms", ms <= limits->clock_ms, "");
	}
}

static void check_service(struct checks *checks, char *unit, uint64_t deadline_ms)
{
	char *argv[] = {"systemctl", "is-active", "--", unit, NULL};
	struct dro_buf word = DRO_BUF_INIT(4096);
	struct dro_proc_result result;
	char name[NAME_MAX_BYTES];

	snprintf(name, sizeof(name), "service %.300s", unit);
	if (access(SYSTEMD, F_OK) < 0) {
		add_unknown(checks, name, false, "systemd does not run here");
	} else if (dro_proc_run(argv, NULL, NULL, &word, NULL, deadline_ms, &result, NULL) < 0) {
		add_unknown(checks, name, true, "systemctl did not answer");
	} else {
		while (word.length && word.data[word.length - 1] == '\n')
			word.data[--word.length] = '\0';
		if (result.exit_code == 0)
			add(checks, name, 1, 1, "active", true, dro_buf_str(&word));
		else
			add_unknown(checks, name, true, dro_buf_str(&word));
	}
	dro_buf_free(&word);
}

static void check_backup(struct checks *checks, const struct agent_config *config)
{
	struct dro_error err = DRO_ERROR_INIT;
	int64_t time_ms, age;

	if (agent_last_read(&time_ms, config->state, &err) < 0) {
		add_unknown(checks, "backup", true, err.message);
	} else if (!time_ms) {
		add_unknown(checks, "backup", true, "this host has made none");
	} else {
		age = dro_wall_ms() - time_ms;
		add(checks, "backup", age / 1000, config->limits.backup_ms / 1000, "s",
			age <= config->limits.backup_ms, "");
	}
}

static void check_files(
	struct checks *checks, const struct agent_config *config, enum agent_role role)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_files_last last;
	int64_t age;

	if (agent_files_last_read(&last, config, &err) < 0) {
		add_unknown(checks, "files", true, err.message);
	} else if (role == AGENT_ROLE_PRIMARY) {
		add_unknown(checks, "files", false, "this host is the primary");
	} else if (!last.at_ms) {
		add_unknown(checks, "files", true, "none were fetched yet");
	} else {
		age = dro_wall_ms() - last.at_ms;
		add(checks, "files", age / 1000, config->limits.files_ms / 1000, "s",
			age <= config->limits.files_ms, "");
	}
}

/* ---- the database ------------------------------------------------------------------------- */

static void check_connections(
	struct checks *checks, const struct agent_limits *limits, const cJSON *health)
{
	const cJSON *connections = NULL;
	int64_t used = 0, most = 0;
	struct dro_error err = DRO_ERROR_INIT;

	if (dro_json_object(health, "connections", &connections, &err) < 0 || !connections ||
		dro_json_int_need(connections, "used", &used, &err) < 0 ||
		dro_json_int_need(connections, "max", &most, &err) < 0 || used < 0 || most < 1) {
		add_unknown(checks, "connections", true, "the database does not tell");
		return;
	}
	used = percent((uint64_t)used, (uint64_t)most);
	add(checks, "connections", used, limits->connections, "%", used <= limits->connections, "");
}

static void check_replica(struct checks *checks, const struct agent_config *config,
	const cJSON *health, enum agent_role role)
{
	const cJSON *replica = NULL;
	int64_t lag = -1, limit = config->limits.lag_ms / 1000;
	bool broken = true;

	dro_json_object(health, "replica", &replica, NULL);
	if (!replica && role == AGENT_ROLE_PRIMARY) {
		add_unknown(checks, "replication", false, "this host is the primary");
		return;
	}
	if (!replica) {
		add_unknown(checks, "replication", true, "this host follows none");
		return;
	}
	dro_json_int(replica, "lag_s", -1, &lag, NULL);
	dro_json_bool(replica, "broken", true, &broken, NULL);
	if (broken || lag < 0) {
		const char *io = dro_json_text(replica, "io_error");
		const char *sql = dro_json_text(replica, "sql_error");

		add_unknown(checks, "replication", true, *sql ? sql : *io ? io : "broken");
		return;
	}
	add(checks, "replication", lag, limit, "s", lag <= limit, "");
}

static void check_database(
	struct checks *checks, struct agent_session *session, uint64_t deadline_ms)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_ask ask = {.position = "", .host = ""};
	struct agent_facts health;
	struct agent_lease lease;
	int rc;

	agent_facts_init(&health);
	if ((rc = agent_lease_read(&lease, session->config, deadline_ms, &err)) == 0)
		rc = session->driver->health(session->db, &ask, &health, deadline_ms, &err);
	if (rc < 0 || health.failed) {
		add_unknown(checks, "database", true, err.message);
	} else {
		check_connections(checks, &session->config->limits, health.json);
		check_replica(checks, session->config, health.json, lease.role);
	}
	if (session->config->files.given)
		check_files(checks, session->config, lease.role);
	agent_facts_fini(&health);
}

int agent_check(struct agent_session *session, struct agent_facts *facts, uint64_t deadline_ms,
	struct dro_error *err)
{
	const struct agent_config *config = session->config;
	const struct agent_limits *limits = &config->limits;
	struct checks checks = {.wrong = false};
	size_t i;

	agent_facts_init(&checks.all);
	check_path(&checks, limits, config->state);
	for (i = 0; i < limits->path_count; i++)
		if (strcmp(limits->paths[i], config->state) != 0)
			check_path(&checks, limits, limits->paths[i]);
	check_load(&checks, limits);
	check_memory(&checks, limits);
	check_clock(&checks, limits);
	for (i = 0; i < limits->service_count; i++)
		check_service(&checks, limits->services[i], deadline_ms);
	check_backup(&checks, config);
	if (session->driver)
		check_database(&checks, session, deadline_ms);
	agent_facts_bool(facts, "ok", !checks.wrong);
	agent_facts_put(facts, "checks", &checks.all);
	return facts->failed ? dro_fail(err, DRO_ENOMEM, "out of memory") : 0;
}
