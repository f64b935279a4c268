/* A shared library loaded when it is first needed: linked, it would be paid for at every start. */
#ifndef DRORCH_BASE_LIBRARY_H
#define DRORCH_BASE_LIBRARY_H

#include <stddef.h>

#include "base/error.h"

/* Where a function of that name goes in the caller's table. */
struct dro_symbol {
	size_t offset;
	const char *name;
};

/*
 * Loads the library (again: finds it loaded) and fills `table` with its functions. It stays loaded
 * to the end of the process. DRO_EUNSUPPORTED: it is not there, or lacks one of them. Any thread.
 */
int dro_library_load(const char *library, void *table, const struct dro_symbol *symbols,
	size_t count, struct dro_error *err);

#endif
