#include "model/database.h"

#include <stdlib.h>
#include <string.h>

/* Reads one "D-S-N" and what separates it from the next; false at the end, or where it is none. */
static bool next(const char **text, uint64_t *domain, uint64_t *number)
{
	char *end;

	*domain = strtoull(*text, &end, 10);
	if (end == *text || *end != '-')
		return false;
	strtoull(end + 1, &end, 10); /* the server that wrote it: numbers go on across servers */
	if (*end != '-')
		return false;
	*number = strtoull(end + 1, &end, 10);
	*text = *end == ',' ? end + 1 : end;
	return true;
}

static uint64_t number_of(const char *position, uint64_t domain)
{
	uint64_t at, number;

	while (next(&position, &at, &number))
		if (at == domain)
			return number;
	return 0;
}

int64_t dro_position_missing(const char *all, const char *have)
{
	uint64_t domain, number, there;
	int64_t missing = 0;

	while (next(&all, &domain, &number)) {
		there = number_of(have, domain);
		missing += number > there ? (int64_t)(number - there) : 0;
	}
	return missing;
}
