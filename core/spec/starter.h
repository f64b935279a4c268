/* What `drorch init` writes: a commented spec repository that validates. */
#ifndef DRORCH_SPEC_STARTER_H
#define DRORCH_SPEC_STARTER_H

#include <stddef.h>

#include "base/error.h"

struct dro_starter_file {
	const char *path; /* relative */
	const char *data;
	size_t length;
};

/* The files, ending with a NULL path. */
extern const struct dro_starter_file dro_starter_files[];

/*
 * Writes them under `dir`, which is made where it is not there. DRO_ECONFLICT, with nothing
 * written, where one of the files is there already.
 */
int dro_spec_starter(const char *dir, struct dro_error *err);

#endif
