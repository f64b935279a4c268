#include "base/nearest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Longer words are no typing mistake of a key or a name, and rows stay on the stack. */
#define WORD_MAX 64

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

static int same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t dro_edit_distance(const char *a, const char *b, size_t limit)
{
	size_t a_length = strnlen(a, WORD_MAX + 1), b_length = strnlen(b, WORD_MAX + 1);
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2], *spare;
	size_t i, j;

	if (a_length > WORD_MAX || b_length > WORD_MAX)
		return strcasecmp(a, b) == 0 ? 0 : limit + 1;
	for (j = 0; j <= b_length; j++)
		last[j] = j;
	for (i = 1; i <= a_length; i++) {
		row[0] = i;
		for (j = 1; j <= b_length; j++) {
			row[j] = least(last[j] + 1, row[j - 1] + 1,
				last[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
				same(a[i - 2], b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b_length] > limit ? limit + 1 : last[b_length];
}

void dro_nearest_offer(struct dro_nearest *nearest, const char *candidate)
{
	size_t length = strnlen(nearest->word, WORD_MAX + 1);
	size_t limit = length < 3 ? 1 : length / 3 + 1;
	size_t distance = dro_edit_distance(nearest->word, candidate, limit);

	/* A word of which nothing would be left is not like the other. */
	if (distance > limit || distance >= strnlen(candidate, WORD_MAX + 1) || distance >= length)
		return;
	if (nearest->best && distance >= nearest->distance)
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}

const char *dro_nearest(const char *word, const char *const *words, size_t count)
{
	struct dro_nearest nearest = {.word = word};
	size_t i;

	for (i = 0; i < count; i++)
		dro_nearest_offer(&nearest, words[i]);
	return nearest.best;
}
