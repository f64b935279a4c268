#include "agent/diverged.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pipe.h"
#include "base/file.h"

#define INDEX_MAX (1u << 20)
#define BEGIN_MAX 65536		     /* of a binary log: its first events stand there */
#define BYTES_MAX ((int64_t)1 << 30) /* of binary logs; their text is several times as much */
#define HEADER 19
#define GTID_LIST_EVENT 163

/* ---- binary logs -------------------------------------------------------------------------- */

static uint32_t word(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

/* The list itself: how many, and for each domain, server and number. */
static int read_list(
	struct agent_gtids *out, const char *body, uint32_t length, struct dro_error *err)
{
	uint32_t count = length >= 4 ? word(body) & 0xfffffff : 0, i;
	int rc = 0;

	if (length < 4 || (uint64_t)count * 16 + 4 > length)
		return dro_fail(err, DRO_EUNSUPPORTED, "its list of GTIDs makes no sense");
	for (i = 0; rc == 0 && i < count; i++) {
		const char *at = body + 4 + (size_t)i * 16;

		rc = agent_gtids_put(out,
			(struct agent_gtid){word(at), word(at + 4),
				word(at + 8) | (uint64_t)word(at + 12) << 32},
			err);
	}
	return rc;
}

/* What has been written before this log: the list of GTIDs among its first events. */
static int log_begin(struct agent_gtids *out, const char *path, struct dro_error *err)
{
	char *text = malloc(BEGIN_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = DRO_EUNSUPPORTED;
	uint32_t at = 4;
	ssize_t got;

	out->count = 0;
	if (!text || fd < 0) {
		rc = text ? dro_fail_errno(err, "%s", path)
			  : dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	got = pread(fd, text, BEGIN_MAX, 0);
	if (got < 4 || memcmp(text,
			       "\xfe"
			       "bin",
			       4) != 0) {
		rc = dro_fail(err, DRO_EUNSUPPORTED, "%s is no binary log", path);
		goto out;
	}
	while (at + HEADER <= (uint32_t)got) {
		uint32_t length = word(text + at + 9);

		if (length < HEADER || length > (uint32_t)got - at)
			break;
		if (text[at + 4] == (char)GTID_LIST_EVENT) {
			rc = read_list(out, text + at + HEADER, length - HEADER, err);
			goto out;
		}
		at += length;
	}
	rc = dro_fail(err, DRO_EUNSUPPORTED, "%s does not say what came before it", path);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	return rc;
}

/* The paths in `index`, as they are or beside it. */
static int list_logs(struct agent_logs *out, const char *index, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(INDEX_MAX);
	char *line, *rest = NULL, *folder = strdup(index);
	int rc = folder ? dro_file_read(&text, index, err)
			: dro_fail(err, DRO_ENOMEM, "out of memory");

	if (folder && strrchr(folder, '/'))
		*strrchr(folder, '/') = '\0';
	for (line = rc == 0 && text.data ? strtok_r(text.data, "\n", &rest) : NULL; rc == 0 && line;
		line = strtok_r(NULL, "\n", &rest)) {
		const char *name = strncmp(line, "./", 2) == 0 ? line + 2 : line;

		if (out->count == AGENT_LOGS_MAX)
			rc = dro_fail(
				err, DRO_EUNSUPPORTED, "more than %d binary logs", AGENT_LOGS_MAX);
		else if (!(out->paths[out->count] =
					 *name == '/' ? strdup(name) : dro_path_join(folder, name)))
			rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		else
			out->count++;
	}
	free(folder);
	dro_buf_free(&text);
	return rc;
}

int agent_logs_find(struct agent_logs *out, const char *index, const struct agent_gtids *common,
	struct dro_error *err)
{
	struct agent_gtids *begin = calloc(1, sizeof(*begin));
	struct stat st;
	size_t first, i;
	int rc;

	*out = (struct agent_logs){.count = 0};
	if (!begin)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = list_logs(out, index, err)) < 0)
		goto out;
	for (first = out->count; first > 0; first--) {
		if ((rc = log_begin(begin, out->paths[first - 1], err)) < 0)
			goto out;
		if (stat(out->paths[first - 1], &st) == 0)
			out->bytes += st.st_size;
		if (!agent_gtids_beyond(begin, common))
			break;
	}
	if (first == 0)
		rc = dro_fail(err, DRO_EUNSUPPORTED,
			"the binary logs do not go back to the last write in common");
	else if (out->bytes > BYTES_MAX)
		rc = dro_fail(err, DRO_EUNSUPPORTED, "there are %lld MiB of binary logs",
			(long long)(out->bytes >> 20));
	if (rc < 0)
		goto out;
	for (i = 0; i + 1 < first; i++)
		free(out->paths[i]);
	memmove(out->paths, out->paths + first - 1,
		(out->count - first + 1) * sizeof(out->paths[0]));
	out->count -= first - 1;
	out->paths[out->count] = NULL;
out:
	free(begin);
	return rc;
}

void agent_logs_free(struct agent_logs *logs)
{
	size_t i;

	for (i = 0; i < logs->count; i++)
		free(logs->paths[i]);
	logs->count = 0;
}

int agent_logs_print(const struct agent_logs *logs, const char *from, bool flashback,
	const char *path, const char *state, uint64_t deadline_ms, struct dro_error *err)
{
	char *argv[AGENT_LOGS_MAX + 8], *log = dro_path_join(state, "mariadb-binlog.log");
	struct dro_buf start = DRO_BUF_INIT(8192), result = DRO_BUF_INIT(8192);
	int fd = -1, rc;
	size_t n = 0, i;

	dro_buf_printf(&start, "--start-position=%s", from);
	dro_buf_printf(&result, "--result-file=%s", path);
	if ((rc = dro_buf_check(&start, err)) < 0 || (rc = dro_buf_check(&result, err)) < 0)
		goto out;
	if (!log) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		rc = dro_fail_errno(err, "%s", path);
		goto out;
	}
	argv[n++] = "mariadb-binlog";
	argv[n++] = "--no-defaults";
	if (flashback) {
		argv[n++] = "--flashback";
	} else {
		argv[n++] = "-v";
		argv[n++] = "--base64-output=decode-rows";
	}
	argv[n++] = start.data;
	argv[n++] = result.data;
	for (i = 0; i < logs->count; i++)
		argv[n++] = logs->paths[i];
	argv[n] = NULL;
	rc = agent_pipe_run(argv, NULL, log, deadline_ms, err);
	if (rc == 0 && fsync(fd) < 0)
		rc = dro_fail_errno(err, "%s", path);
out:
	if (fd >= 0)
		close(fd);
	free(log);
	dro_buf_free(&start);
	dro_buf_free(&result);
	return rc;
}

/* ---- the report --------------------------------------------------------------------------- */

struct scan {
	struct agent_diverged *out;
	bool in_transaction, is_ddl;
	int64_t rows; /* of the transaction */
};

static void end_transaction(struct scan *scan)
{
	if (scan->in_transaction && !scan->is_ddl && !scan->rows)
		scan->out->statements++;
	scan->in_transaction = false;
}

static void keep_line(struct agent_diverged *out, const char *line)
{
	size_t used = strlen(out->head), length = strcspn(line, "\n"), i;

	if (length > 200)
		length = 200;
	if (used + length + 2 > sizeof(out->head))
		return;
	for (i = 0; i < length; i++)
		out->head[used + i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : '?';
	memcpy(out->head + used + length, "\n", 2);
}

static void scan_line(struct scan *scan, const char *line)
{
	const struct {
		const char *begin;
		int64_t *count;
	} changes[] = {{"### INSERT INTO ", NULL}, {"### UPDATE ", &scan->out->updates},
		{"### DELETE FROM ", &scan->out->deletes}};
	const char *gtid = *line == '#' ? strstr(line, "\tGTID ") : NULL;
	size_t i;

	if (gtid) {
		end_transaction(scan);
		scan->in_transaction = true;
		scan->is_ddl = strstr(gtid, " ddl") != NULL;
		scan->rows = 0;
		scan->out->transactions++;
		scan->out->ddl += scan->is_ddl;
		if (!scan->is_ddl && !strstr(gtid, " trans"))
			scan->out->plain++;
		keep_line(scan->out, gtid + 1);
	} else if (strncmp(line, "### ", 4) == 0) {
		for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
			if (strncmp(line, changes[i].begin, strlen(changes[i].begin)) == 0) {
				scan->rows++;
				scan->out->rows++;
				if (changes[i].count)
					(*changes[i].count)++;
			}
		keep_line(scan->out, line);
	}
}

static int scan_report(struct agent_diverged *out, struct dro_error *err)
{
	struct scan scan = {.out = out};
	FILE *file = fopen(out->report, "re");
	bool at_begin = true;
	char line[4096];
	int rc = 0;

	if (!file)
		return dro_fail_errno(err, "%s", out->report);
	while (fgets(line, sizeof(line), file)) {
		if (at_begin)
			scan_line(&scan, line);
		at_begin = strchr(line, '\n') != NULL;
	}
	end_transaction(&scan);
	if (ferror(file))
		rc = dro_fail_errno(err, "%s", out->report);
	fclose(file);
	return rc;
}

int agent_diverged_report(struct agent_diverged *out, const struct agent_logs *logs,
	const char *state, const char *name, uint64_t deadline_ms, struct dro_error *err)
{
	char path[sizeof(out->report)];
	int rc;

	if (snprintf(path, sizeof(path), "%s/%s", state, name) >= (int)sizeof(path))
		return dro_fail(err, DRO_EINVAL, "%s: too long a path", state);
	if ((rc = agent_logs_print(logs, out->from, false, path, state, deadline_ms, err)) < 0) {
		unlink(path);
		return rc;
	}
	memcpy(out->report, path, sizeof(out->report));
	return scan_report(out, err);
}

void agent_diverged_facts(struct agent_facts *facts, const struct agent_diverged *diverged)
{
	struct agent_facts inner;

	agent_facts_init(&inner);
	agent_facts_text(&inner, "from", diverged->from);
	if (*diverged->report) {
		agent_facts_int(&inner, "transactions", diverged->transactions);
		agent_facts_int(&inner, "rows", diverged->rows);
		agent_facts_int(&inner, "ddl", diverged->ddl);
		agent_facts_text(&inner, "report", diverged->report);
		agent_facts_text(&inner, "head", diverged->head);
	}
	agent_facts_put(facts, "diverged", &inner);
}
