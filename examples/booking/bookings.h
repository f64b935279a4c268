/*
 * The bookings in their database: a file of SQLite's, or a local MariaDB server. Any number of
 * threads. Every call is bounded (seconds), also where the database hangs.
 *
 * Codes: DRO_ENOTFOUND no such booking; DRO_ECONFLICT the id names another booking; anything else:
 * the database is away, read-only or unwell, and what was to be added may or may not be there.
 */
#ifndef BOOKINGS_H
#define BOOKINGS_H

#include "base/buf.h"

#define BOOKINGS_ID_MAX 64

struct bookings;

/* Strings belong to the caller, and are needed for the length of the call alone. */
struct bookings_new {
	const char *id; /* the client's own; "": one is made */
	const char *guest, *room;
};

/* Opens the file at `path`, making it where it is not there. */
int bookings_open_sqlite(struct bookings **out, const char *path, struct dro_error *err);
/*
 * Connects when it is needed, again after every loss. The table is there already (schema.sql), and
 * `user` is who the server takes this process's account for. The strings must outlive `out`.
 */
int bookings_open_mariadb(struct bookings **out, const char *socket, const char *user,
	const char *database, struct dro_error *err);
void bookings_close(struct bookings *bookings); /* NULL-safe */

/* Committed when it returns 0, and so is the same id with the same booking the second time. The
 * booking as JSON goes to `out`. */
int bookings_add(struct bookings *bookings, const struct bookings_new *booking, struct dro_buf *out,
	struct dro_error *err);
int bookings_get(
	struct bookings *bookings, const char *id, struct dro_buf *out, struct dro_error *err);
/* {"count", "last", "newest"} */
int bookings_summary(struct bookings *bookings, struct dro_buf *out, struct dro_error *err);
/* 0 where the database answers and accepts writes. */
int bookings_check(struct bookings *bookings, struct dro_error *err);

#endif
