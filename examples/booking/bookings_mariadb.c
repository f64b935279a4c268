/* A local MariaDB server, by its socket. */
#include <mysql.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bookings_driver.h"

#define HANDLES 16
#define CONNECT_S 2
#define ANSWER_S                                                                                   \
	3 /* semi-sync may keep a commit waiting; longer is not known what became of it            \
	   */
#define AGAIN_MS 1000 /* what failed later than this was waited for, and is not tried again */
#define SQL_MAX 8192
#define CLIENT_ERRORS 2000 /* from here on they are the client's: the connection is of no use */

/* A statement that waits ends by itself before its client does. */
static const char first[] =
	"SET SESSION lock_wait_timeout=2, innodb_lock_wait_timeout=2,"
	" tx_isolation='READ-COMMITTED', sql_mode='STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES'";

struct server {
	const char *socket, *user, *database;
};

struct handle {
	struct server at;
	MYSQL *db; /* NULL: not connected */
};

static void hang_up(struct handle *handle)
{
	if (handle->db)
		mysql_close(handle->db);
	handle->db = NULL;
}

static int failed(struct handle *handle, struct dro_error *err)
{
	int code = (int)mysql_errno(handle->db);

	dro_fail(err, code >= CLIENT_ERRORS ? DRO_ETIMEDOUT : DRO_EIO, "database: %s (%d)",
		mysql_error(handle->db), code);
	if (code == ER_DUP_ENTRY)
		return dro_fail(err, DRO_ECONFLICT, "the id is taken");
	hang_up(handle);
	return err->code;
}

static int dial(struct handle *handle, struct dro_error *err)
{
	const unsigned connect_s = CONNECT_S, answer_s = ANSWER_S;

	if (handle->db)
		return 0;
	handle->db = mysql_init(NULL);
	if (!handle->db)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	mysql_optionsv(handle->db, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_optionsv(handle->db, MYSQL_OPT_READ_TIMEOUT, &answer_s);
	mysql_optionsv(handle->db, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
	mysql_optionsv(handle->db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_optionsv(handle->db, MYSQL_INIT_COMMAND, first);
	if (mysql_real_connect(handle->db, NULL, handle->at.user, NULL, handle->at.database, 0,
		    handle->at.socket, 0))
		return 0;
	return failed(handle, err);
}

static bool is_lost(const struct handle *handle)
{
	unsigned code = mysql_errno(handle->db);

	return code >= CLIENT_ERRORS || code == ER_CONNECTION_KILLED;
}

/*
 * One that was connected before may have been killed meanwhile, by a switch of sites for one: then
 * once more, on a new one. Every statement here may be repeated: an INSERT has its id.
 */
static int query(
	struct handle *handle, MYSQL_RES **result, const struct dro_buf *sql, struct dro_error *err)
{
	uint64_t began_ms = dro_now_ms();
	bool old = handle->db != NULL;
	int rc;

	if ((rc = dro_buf_check(sql, err)) < 0)
		return rc;
	for (;; old = false) {
		if ((rc = dial(handle, err)) < 0)
			return rc;
		if (mysql_real_query(handle->db, sql->data, sql->length) == 0)
			break;
		old = old && is_lost(handle) && dro_now_ms() - began_ms < AGAIN_MS;
		rc = failed(handle, err);
		if (!old)
			return rc;
	}
	if (!result)
		return 0;
	*result = mysql_store_result(handle->db);
	return *result ? 0 : failed(handle, err);
}

static int command(struct handle *handle, const char *text, struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(SQL_MAX);
	int rc;

	dro_buf_puts(&sql, text);
	rc = query(handle, NULL, &sql, err);
	dro_buf_free(&sql);
	return rc;
}

/* In the sql_mode of `first` a quote is the only character that needs care. */
static void quote(struct dro_buf *sql, const char *text)
{
	dro_buf_puts(sql, "'");
	for (; *text; text++)
		dro_buf_append(sql, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
	dro_buf_puts(sql, "'");
}

static int add(void *arg, const struct bookings_row *row, struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(SQL_MAX);
	int rc;

	dro_buf_puts(&sql, "INSERT INTO bookings (id, guest, room, time) VALUES (");
	quote(&sql, row->id);
	dro_buf_puts(&sql, ", ");
	quote(&sql, row->guest);
	dro_buf_puts(&sql, ", ");
	quote(&sql, row->room);
	dro_buf_puts(&sql, ", ");
	quote(&sql, row->time);
	dro_buf_puts(&sql, ")");
	rc = query(arg, NULL, &sql, err);
	dro_buf_free(&sql);
	return rc;
}

static int get(
	void *arg, const char *id, bookings_found *found, void *found_arg, struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(SQL_MAX);
	MYSQL_RES *result = NULL;
	MYSQL_ROW row;
	int rc;

	dro_buf_puts(&sql, "SELECT id, guest, room, time FROM bookings WHERE id = ");
	quote(&sql, id);
	rc = query(arg, &result, &sql, err);
	dro_buf_free(&sql);
	if (rc < 0)
		return rc;
	row = mysql_fetch_row(result);
	if (row)
		found(found_arg, &(struct bookings_row){row[0], row[1], row[2], row[3]});
	else
		rc = dro_fail(err, DRO_ENOTFOUND, "no such booking");
	mysql_free_result(result);
	return rc;
}

static int summary(void *arg, struct dro_buf *out, struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(SQL_MAX);
	MYSQL_RES *result = NULL;
	MYSQL_ROW row;
	int rc;

	dro_buf_puts(&sql, "SELECT (SELECT COUNT(*) FROM bookings), id, time FROM (SELECT 1) one"
			   " LEFT JOIN bookings ON TRUE ORDER BY number DESC LIMIT 1");
	rc = query(arg, &result, &sql, err);
	dro_buf_free(&sql);
	if (rc < 0)
		return rc;
	row = mysql_fetch_row(result);
	if (row)
		bookings_print_summary(
			out, strtoll(row[0], NULL, 10), row[1] ? row[1] : "", row[2] ? row[2] : "");
	else
		rc = dro_fail(err, DRO_EIO, "database: no answer");
	mysql_free_result(result);
	return rc;
}

/* A write that meets no row, and is taken back: a server that is read-only or locked refuses it,
 * and nothing comes into the binary log. */
static int check(void *arg, struct dro_error *err)
{
	int rc;

	if ((rc = command(arg, "START TRANSACTION", err)) == 0 &&
		(rc = command(arg, "DELETE FROM bookings WHERE id = ''", err)) == 0)
		rc = command(arg, "ROLLBACK", err);
	return rc;
}

static void close_handle(void *arg)
{
	hang_up(arg);
	free(arg);
}

static const struct bookings_driver driver = {
	.add = add, .get = get, .summary = summary, .check = check, .close = close_handle};

int bookings_open_mariadb(struct bookings **out, const char *socket, const char *user,
	const char *database, struct dro_error *err)
{
	void *handles[HANDLES];
	size_t count;

	if (mysql_library_init(0, NULL, NULL))
		return dro_fail(err, DRO_ENOMEM, "libmariadb does not start");
	for (count = 0; count < HANDLES; count++) {
		struct handle *handle = calloc(1, sizeof(*handle));

		if (!handle)
			break;
		handle->at = (struct server){socket, user, database};
		handles[count] = handle;
	}
	if (count == HANDLES)
		return bookings_new(out, &driver, handles, count, err);
	while (count > 0)
		close_handle(handles[--count]);
	return dro_fail(err, DRO_ENOMEM, "out of memory");
}
