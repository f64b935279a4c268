/* What a kind of database does. A handle is used by one thread at a time. */
#ifndef BOOKINGS_DRIVER_H
#define BOOKINGS_DRIVER_H

#include <stddef.h>

#include "bookings.h"

#define BOOKINGS_HANDLES 32

struct bookings_row {
	const char *id, *guest, *room, *time;
};

typedef void bookings_found(void *arg, const struct bookings_row *row);

struct bookings_driver {
	/* DRO_ECONFLICT: the id is taken. Nothing else of `row` is empty. */
	int (*add)(void *handle, const struct bookings_row *row, struct dro_error *err);
	/* `found` is called once, or it is DRO_ENOTFOUND. */
	int (*get)(void *handle, const char *id, bookings_found *found, void *arg,
		struct dro_error *err);
	int (*summary)(void *handle, struct dro_buf *out, struct dro_error *err);
	int (*check)(void *handle, struct dro_error *err);
	void (*close)(void *handle);
};

/* Takes the handles over, also where it fails; up to BOOKINGS_HANDLES. */
int bookings_new(struct bookings **out, const struct bookings_driver *driver, void *const *handles,
	size_t count, struct dro_error *err);
/* What bookings_summary says. */
void bookings_print_summary(
	struct dro_buf *out, long long count, const char *last, const char *newest);

#endif
