/* What is the same with every database: handles for many threads, ids, and the words of answers. */
#include "bookings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "bookings_driver.h"

#define ID_LENGTH 12
#define TAKE_S 3 /* what a request waits for a handle */

struct bookings {
	const struct bookings_driver *driver;
	pthread_mutex_t lock;
	pthread_cond_t given;
	void *idle[BOOKINGS_HANDLES];
	size_t idle_count;
};

int bookings_new(struct bookings **out, const struct bookings_driver *driver, void *const *handles,
	size_t count, struct dro_error *err)
{
	struct bookings *bookings = calloc(1, sizeof(*bookings));
	size_t i;

	if (!bookings) {
		for (i = 0; i < count; i++)
			driver->close(handles[i]);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	bookings->driver = driver;
	pthread_mutex_init(&bookings->lock, NULL);
	pthread_cond_init(&bookings->given, NULL);
	memcpy(bookings->idle, handles, count * sizeof(*handles));
	bookings->idle_count = count;
	*out = bookings;
	return 0;
}

void bookings_close(struct bookings *bookings)
{
	if (!bookings)
		return;
	while (bookings->idle_count > 0)
		bookings->driver->close(bookings->idle[--bookings->idle_count]);
	pthread_cond_destroy(&bookings->given);
	pthread_mutex_destroy(&bookings->lock);
	free(bookings);
}

/* The one that was given back last: where there is little to do, few are connected. */
static int take(struct bookings *bookings, void **handle, struct dro_error *err)
{
	struct timespec end;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += TAKE_S;
	pthread_mutex_lock(&bookings->lock);
	while (bookings->idle_count == 0 && rc == 0)
		rc = pthread_cond_timedwait(&bookings->given, &bookings->lock, &end);
	if (bookings->idle_count > 0) {
		*handle = bookings->idle[--bookings->idle_count];
		rc = 0;
	}
	pthread_mutex_unlock(&bookings->lock);
	return rc == 0 ? 0 : dro_fail(err, DRO_EAGAIN, "all connections are busy");
}

static void give(struct bookings *bookings, void *handle)
{
	pthread_mutex_lock(&bookings->lock);
	bookings->idle[bookings->idle_count++] = handle;
	pthread_cond_signal(&bookings->given);
	pthread_mutex_unlock(&bookings->lock);
}

static void print(void *arg, const struct bookings_row *row)
{
	struct dro_buf *out = arg;

	dro_buf_puts(out, "{\"id\":");
	dro_json_quote(out, row->id);
	dro_buf_puts(out, ",\"guest\":");
	dro_json_quote(out, row->guest);
	dro_buf_puts(out, ",\"room\":");
	dro_json_quote(out, row->room);
	dro_buf_puts(out, ",\"time\":");
	dro_json_quote(out, row->time);
	dro_buf_puts(out, "}\n");
}

void bookings_print_summary(
	struct dro_buf *out, long long count, const char *last, const char *newest)
{
	dro_buf_printf(out, "{\"count\":%lld,\"last\":", count);
	dro_json_quote(out, last);
	dro_buf_puts(out, ",\"newest\":");
	dro_json_quote(out, newest);
	dro_buf_puts(out, "}\n");
}

/* Whether what has the id already is the same booking: then it was asked for twice. */
struct comparison {
	const struct bookings_new *booking;
	struct dro_buf *out;
	bool same;
};

static void compare(void *arg, const struct bookings_row *row)
{
	struct comparison *comparison = arg;

	comparison->same = strcmp(row->guest, comparison->booking->guest) == 0 &&
			   strcmp(row->room, comparison->booking->room) == 0;
	if (comparison->same)
		print(comparison->out, row);
}

static int add(struct bookings *bookings, void *handle, const struct bookings_new *booking,
	struct dro_buf *out, struct dro_error *err)
{
	struct comparison comparison = {booking, out, false};
	char id[ID_LENGTH + 1], time[DRO_TIME_TEXT];
	struct bookings_row row = {booking->id, booking->guest, booking->room, time};
	int rc;

	/* Not the row's number: a number lost with a site would soon name another booking. */
	dro_random_id(id, ID_LENGTH);
	if (!*row.id)
		row.id = id;
	dro_time_format(time, dro_wall_ms());
	rc = bookings->driver->add(handle, &row, err);
	if (rc == 0)
		print(out, &row);
	if (rc == DRO_ECONFLICT &&
		(rc = bookings->driver->get(handle, row.id, compare, &comparison, err)) == 0 &&
		!comparison.same)
		rc = dro_fail(err, DRO_ECONFLICT, "the id is another booking's");
	return rc;
}

int bookings_add(struct bookings *bookings, const struct bookings_new *booking, struct dro_buf *out,
	struct dro_error *err)
{
	void *handle = NULL;
	int rc = take(bookings, &handle, err);

	if (rc < 0)
		return rc;
	rc = add(bookings, handle, booking, out, err);
	give(bookings, handle);
	return rc;
}

int bookings_get(
	struct bookings *bookings, const char *id, struct dro_buf *out, struct dro_error *err)
{
	void *handle = NULL;
	int rc = take(bookings, &handle, err);

	if (rc < 0)
		return rc;
	rc = bookings->driver->get(handle, id, print, out, err);
	give(bookings, handle);
	return rc;
}

int bookings_summary(struct bookings *bookings, struct dro_buf *out, struct dro_error *err)
{
	void *handle = NULL;
	int rc = take(bookings, &handle, err);

	if (rc < 0)
		return rc;
	rc = bookings->driver->summary(handle, out, err);
	give(bookings, handle);
	return rc;
}

int bookings_check(struct bookings *bookings, struct dro_error *err)
{
	void *handle = NULL;
	int rc = take(bookings, &handle, err);

	if (rc < 0)
		return rc;
	rc = bookings->driver->check(handle, err);
	give(bookings, handle);
	return rc;
}
