/* One question of those a promote asks side by side, for the files that gather. */
#ifndef DRORCH_CLI_QUESTION_H
#define DRORCH_CLI_QUESTION_H

#include "cli/gather.h"

#define QUESTION_MS 10000

struct question {
	struct dro_gathered *gathered;
	const struct dro_setup *setup;
	int (*ask)(struct question *question, struct dro_error *err);
	size_t index; /* of the group or the traffic; of backups: how many good ones to read */
	int rc;
	struct dro_error err;
};

/* Asks it, again while it may be and there is time; on any thread. */
void question_work(void *question);
struct dro_call question_call(uint64_t ms);

/* Each adds its questions to `out`, which has room, and says how many. */
size_t gather_cold_questions(
	struct question *out, struct dro_gathered *gathered, const struct dro_setup *setup);
size_t gather_hot_questions(
	struct question *out, struct dro_gathered *gathered, const struct dro_setup *setup);
/* None where the new site does not grow. */
size_t gather_grow_questions(
	struct question *out, struct dro_gathered *gathered, const struct dro_setup *setup);
size_t gather_page_questions(
	struct question *out, struct dro_gathered *gathered, const struct dro_setup *setup);
/* What is made of the answers. */
int gather_cold_end(
	struct dro_gathered *gathered, const struct dro_setup *setup, struct dro_error *err);
int gather_grow_end(
	struct dro_gathered *gathered, const struct dro_setup *setup, struct dro_error *err);
void gather_page_end(struct dro_gathered *gathered);
/* The first of the addresses that passes the check of the old site, if any does. */
void gather_ask_from(struct question *question, const char *const *addresses, size_t count);
int gather_hot_end(
	struct dro_gathered *gathered, const struct dro_setup *setup, struct dro_error *err);

#endif
