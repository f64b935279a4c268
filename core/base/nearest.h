/* "Did you mean": the known word most like a mistyped one. Thread-safe. */
#ifndef DRORCH_BASE_NEAREST_H
#define DRORCH_BASE_NEAREST_H

#include <stddef.h>

/* The best so far. Begin with `{.word = typed}`; `best` is NULL while nothing is near enough. */
struct dro_nearest {
	const char *word;
	const char *best; /* one of the candidates: it stays the caller's */
	size_t distance;
};

void dro_nearest_offer(struct dro_nearest *nearest, const char *candidate);

/* The word of `words` (`count` of them) nearest to `word`; NULL where none is near enough. */
const char *dro_nearest(const char *word, const char *const *words, size_t count);

/*
 * Insertions, deletions, changes and swaps of neighbours between two words (optimal string
 * alignment), compared as bytes without regard to case; `limit` + 1 where there are more than
 * `limit`.
 */
size_t dro_edit_distance(const char *a, const char *b, size_t limit);

#endif
