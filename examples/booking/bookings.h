/* The bookings in their SQLite database. One handle, one thread. */
#ifndef BOOKINGS_H
#define BOOKINGS_H

#include "base/buf.h"

struct bookings;

/* Opens the database at `path`, making it where it is not there. */
int bookings_open(struct bookings **out, const char *path, struct dro_error *err);
void bookings_close(struct bookings *bookings); /* NULL-safe */
/* On disk, synced, when it returns 0. The booking as JSON goes to `out`. */
int bookings_add(struct bookings *bookings, const char *guest, const char *room,
	struct dro_buf *out, struct dro_error *err);
/* DRO_ENOTFOUND. */
int bookings_get(
	struct bookings *bookings, const char *id, struct dro_buf *out, struct dro_error *err);
/* {"count", "last", "newest"} */
int bookings_summary(struct bookings *bookings, struct dro_buf *out, struct dro_error *err);
/* 0 where the database answers. */
int bookings_check(struct bookings *bookings, struct dro_error *err);

#endif
