#include "agent/roles.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/heard.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#define FILE_NAME "roles.jsonl"
#define OLD_NAME "roles.1.jsonl"
#define SIZE_MAX_BYTES (1 << 20)
#define LINE_MAX 1024

struct entry {
	const struct agent_config *config;
	enum agent_role role;
	bool open;
	const char *cause;
};

/* Is the last whole line of the file the same word already? */
static bool said(int fd, const struct entry *entry, const struct agent_lease *lease)
{
	off_t size = lseek(fd, 0, SEEK_END), from = size > LINE_MAX ? size - LINE_MAX : 0;
	char text[LINE_MAX + 1], *line, boot[AGENT_BOOT_ID];
	int64_t epoch = -1;
	cJSON *json = NULL;
	bool open, same = false;
	ssize_t got;

	got = size > 0 ? pread(fd, text, LINE_MAX, from) : 0;
	if (got <= 1 || text[got - 1] != '\n')
		return false;
	text[got - 1] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	agent_boot_id(boot);
	if (dro_json_parse(&json, line, strlen(line), LINE_MAX, NULL) == 0 &&
		dro_json_int(json, "epoch", -1, &epoch, NULL) == 0 &&
		dro_json_bool(json, "open", false, &open, NULL) == 0)
		same = open == entry->open && epoch == lease->epoch &&
		       strcmp(dro_json_text(json, "role"), agent_role_name(entry->role)) == 0 &&
		       strcmp(dro_json_text(json, "boot"), boot) == 0;
	cJSON_Delete(json);
	return same;
}

static void print(struct dro_buf *out, const struct entry *entry, const struct agent_lease *lease)
{
	char at[DRO_TIME_TEXT], boot[AGENT_BOOT_ID];
	int64_t wall = dro_wall_ms();

	dro_time_format(at, wall);
	agent_boot_id(boot);
	dro_buf_printf(out,
		"{\"at\":\"%s\",\"wall_ms\":%lld,\"boot\":\"%s\",\"boot_ms\":%lld,\"epoch\":%lld,"
		"\"role\":\"%s\",\"open\":%s,\"cause\":\"%s\"}\n",
		at, (long long)wall, boot, (long long)agent_boot_ms(), (long long)lease->epoch,
		agent_role_name(entry->role), entry->open ? "true" : "false", entry->cause);
}

/* A line that a crash left unfinished is ended, so that ours stands alone. */
static void end_last(struct dro_buf *line, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last = '\n';

	if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n')
		dro_buf_puts(line, "\n");
}

static int rotate(const char *path, const char *old, int *fd, struct dro_error *err)
{
	if (lseek(*fd, 0, SEEK_END) < SIZE_MAX_BYTES)
		return 0;
	close(*fd);
	*fd = -1;
	if (rename(path, old) < 0)
		return dro_fail_errno(err, "%s", path);
	*fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return *fd < 0 ? dro_fail_errno(err, "%s", path) : 0;
}

/* Under the lease's lock. */
static int append(void *arg, const struct agent_lease *lease, struct dro_error *err)
{
	const struct entry *entry = arg;
	char *path = dro_path_join(entry->config->state, FILE_NAME);
	char *old = dro_path_join(entry->config->state, OLD_NAME);
	struct dro_buf line = DRO_BUF_INIT(LINE_MAX);
	int fd = -1, rc;

	if (!path || !old) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		rc = dro_fail_errno(err, "%s", path);
		goto out;
	}
	if (said(fd, entry, lease)) {
		rc = 0;
		goto out;
	}
	if ((rc = rotate(path, old, &fd, err)) < 0)
		goto out;
	end_last(&line, fd);
	print(&line, entry, lease);
	if ((rc = dro_buf_check(&line, err)) == 0 &&
		(rc = dro_write_all(fd, line.data, line.length, err)) == 0 && fdatasync(fd) < 0)
		rc = dro_fail_errno(err, "%s", path);
out:
	if (fd >= 0)
		close(fd);
	free(path);
	free(old);
	dro_buf_free(&line);
	return rc;
}

int agent_turn_opens(const struct agent_turn *turn, uint64_t deadline_ms, struct dro_error *err)
{
	struct entry entry = {turn->config, turn->role, true, turn->cause};

	return agent_lease_while(&turn->lease, turn->config, append, &entry, deadline_ms, err);
}

void agent_turn_closed(const struct agent_turn *turn, uint64_t deadline_ms)
{
	struct entry entry = {turn->config, turn->role, false, turn->cause};

	agent_lease_while(&turn->lease, turn->config, append, &entry, deadline_ms, NULL);
}

int agent_turn_holds(const struct agent_turn *turn, uint64_t deadline_ms, struct dro_error *err)
{
	return agent_lease_while(&turn->lease, turn->config, NULL, NULL, deadline_ms, err);
}

int agent_roles_found(const struct agent_config *config, const struct agent_lease *before,
	bool open, uint64_t deadline_ms, struct dro_error *err)
{
	struct entry entry = {config, before->role, open, "found"};

	if (*before->pending && !open)
		return 0;
	return agent_lease_while(before, config, append, &entry, deadline_ms, err);
}
