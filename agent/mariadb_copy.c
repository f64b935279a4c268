/* What a copy says of itself, and what it has to be told right after it was made. */
#include "agent/mariadb_backup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gtid.h"
#include "agent/mariadb.h"
#include "base/file.h"

#define INFO_MAX 65536
#define BINLOG_INFO "xtrabackup_binlog_info"

static int read_info(
	struct dro_buf *out, const char *folder, const char *name, struct dro_error *err)
{
	char *path = dro_path_join(folder, name);
	int rc = path ? dro_file_read(out, path, err) : dro_fail(err, DRO_ENOMEM, "out of memory");

	free(path);
	return rc;
}

static int keep_gtid(
	struct agent_mariadb_copy *out, const char *text, size_t length, struct dro_error *err)
{
	size_t used = 0, i;

	/* "0-1-5,\n1-2-7": long ones are broken into lines. */
	for (i = 0; i < length; i++) {
		if (isspace((unsigned char)text[i]))
			continue;
		if (!strchr("0123456789-,", text[i]) || used + 1 >= sizeof(out->gtid))
			return dro_fail(err, DRO_ECORRUPT, "no GTID position: \"%.200s\"", text);
		out->gtid[used++] = text[i];
	}
	out->gtid[used] = '\0';
	return 0;
}

/* Of a replica: "SET GLOBAL gtid_slave_pos = '0-1-5';" and what follows. */
static int read_replica_gtid(
	struct agent_mariadb_copy *out, const char *path, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(INFO_MAX);
	const char *begin;
	int rc = read_info(&text, path, "xtrabackup_slave_info", err);

	if (rc < 0)
		goto out;
	begin = strstr(dro_buf_str(&text), "gtid_slave_pos");
	begin = begin ? strchr(begin, '\'') : NULL;
	if (!begin || !strchr(begin + 1, '\''))
		rc = dro_fail(err, DRO_ECORRUPT, "xtrabackup_slave_info has no gtid_slave_pos");
	else
		rc = keep_gtid(out, begin + 1, strcspn(begin + 1, "'"), err);
out:
	dro_buf_free(&text);
	return rc;
}

/* Cuts "binlog.000002<TAB>270520<TAB>0-1-5"; what is not there is "". */
static void cut_place(char *text, const char **file, const char **offset, const char **gtid)
{
	char *rest = text;

	*file = strsep(&rest, "\t");
	*offset = rest ? strsep(&rest, "\t\n") : "";
	*gtid = rest ? rest : "";
}

/* Of its binary log, as agent_mariadb_copy_complete left it. */
static int read_binlog_gtid(struct agent_mariadb_copy *out, const char *path, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(INFO_MAX);
	const char *file, *offset, *gtid = "";
	int rc = read_info(&text, path, BINLOG_INFO, err);

	if (rc == 0 && text.length)
		cut_place(text.data, &file, &offset, &gtid);
	if (rc == 0)
		rc = keep_gtid(out, gtid, strlen(gtid), err);
	dro_buf_free(&text);
	return rc;
}

/* What the copy holds: a replica that writes no log has its own position still. */
static int read_gtid(struct agent_mariadb_copy *out, const char *path, struct dro_error *err)
{
	int rc = read_binlog_gtid(out, path, err);

	if (rc == DRO_ENOTFOUND)
		rc = read_replica_gtid(out, path, err);
	if (rc == DRO_ENOTFOUND)
		rc = dro_fail(err, DRO_ECONFLICT,
			"the copy has no position: the server writes no binary log (log_bin)");
	return rc;
}

static int read_version(struct agent_mariadb_copy *out, const char *path, struct dro_error *err)
{
	static const char key[] = "server_version = ";
	struct dro_buf text = DRO_BUF_INIT(INFO_MAX);
	const char *found;
	int rc = read_info(&text, path, "xtrabackup_info", err);

	if (rc == 0 && (found = strstr(dro_buf_str(&text), key)) != NULL) {
		found += strlen(key);
		snprintf(out->version, sizeof(out->version), "%.*s", (int)strcspn(found, "\n"),
			found);
	}
	dro_buf_free(&text);
	return rc;
}

int agent_mariadb_copy_read(struct agent_mariadb_copy *out, const char *path, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(INFO_MAX);
	int rc;

	*out = (struct agent_mariadb_copy){0};
	if ((rc = read_info(&text, path, "xtrabackup_checkpoints", err)) < 0)
		goto out;
	if (!strstr(dro_buf_str(&text), "backup_type = log-applied") &&
		!strstr(dro_buf_str(&text), "backup_type = full-prepared")) {
		rc = dro_fail(err, DRO_ECORRUPT, "%s is no prepared copy", path);
		goto out;
	}
	if ((rc = read_gtid(out, path, err)) < 0 || (rc = read_version(out, path, err)) < 0)
		goto out;
	rc = agent_mariadb_tally(&out->tally, path, err);
out:
	dro_buf_free(&text);
	return rc;
}

/* ---- its place in the binary log ---------------------------------------------------------- */

/* What the server's log has up to there, into `gtids`. */
static int ask_log(struct agent_gtids *gtids, const struct agent_config *config, const char *file,
	const char *offset, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb db = {.config = &config->database};
	struct dro_buf sql = DRO_BUF_INIT(INFO_MAX), text = DRO_BUF_INIT(AGENT_GTID_MAX);
	int rc;

	if ((rc = agent_mariadb_begin(&db, deadline_ms, err)) < 0)
		goto out;
	dro_buf_puts(&sql, "SELECT IFNULL(BINLOG_GTID_POS(");
	agent_mariadb_quote(&db, &sql, file);
	dro_buf_printf(&sql, ",%s),'gone')", offset);
	if ((rc = dro_buf_check(&sql, err)) < 0 ||
		(rc = agent_mariadb_text(&db, &text, dro_buf_str(&sql), deadline_ms, err)) < 0)
		goto out;
	rc = strcmp(dro_buf_str(&text), "gone") == 0
		     ? dro_fail(err, DRO_EAGAIN, "the server has no %.200s up to %s any more", file,
			       offset)
		     : agent_gtids_add(gtids, dro_buf_str(&text), err);
out:
	agent_mariadb_drop(&db);
	dro_buf_free(&sql);
	dro_buf_free(&text);
	return rc;
}

int agent_mariadb_copy_complete(const char *path, const struct agent_config *config,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(INFO_MAX), line = DRO_BUF_INIT(INFO_MAX);
	struct agent_gtids all = {.count = 0}, last;
	struct agent_mariadb_copy copy;
	const char *file = "", *offset = "", *gtid = "";
	char *info = dro_path_join(path, BINLOG_INFO);
	int rc =
		info ? dro_file_read(&text, info, err) : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (rc == DRO_ENOTFOUND) {
		rc = 0; /* it writes no log */
		goto out;
	}
	if (rc == 0 && text.length)
		cut_place(text.data, &file, &offset, &gtid);
	if (rc == 0 && (!*offset || offset[strspn(offset, "0123456789")]))
		rc = dro_fail(err, DRO_EPROTO, "%s has no place in a log", BINLOG_INFO);
	if (rc < 0 || (rc = keep_gtid(&copy, gtid, strlen(gtid), err)) < 0 ||
		(rc = agent_gtids_add(&all, copy.gtid, err)) < 0 ||
		(rc = ask_log(&all, config, file, offset, deadline_ms, err)) < 0)
		goto out;
	agent_gtids_last(&last, &all);
	dro_buf_printf(&line, "%s\t%s\t", file, offset);
	agent_gtids_print(&line, &last);
	dro_buf_puts(&line, "\n");
	if ((rc = dro_buf_check(&line, err)) == 0)
		rc = dro_file_write(info, line.data, line.length, 0600, err);
out:
	dro_buf_free(&text);
	dro_buf_free(&line);
	free(info);
	return rc;
}
