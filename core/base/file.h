/* Whole files, and the folders they stand in. */
#ifndef DRORCH_BASE_FILE_H
#define DRORCH_BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

/* Appends the file to `out`, at most its cap. A directory, FIFO or device is refused. */
int dro_file_read(struct dro_buf *out, const char *path, struct dro_error *err);
/* Replaces the file in one step: a temporary beside it, fsync, rename, fsync of the folder. */
int dro_file_write(
	const char *path, const void *data, size_t length, mode_t mode, struct dro_error *err);
/* mkdir -p. */
int dro_dir_make(const char *path, mode_t mode, struct dro_error *err);
/* rm -r, never through a link; a folder that is not there is a success. */
int dro_dir_remove(const char *path, struct dro_error *err);
/* write() until all is written. */
int dro_write_all(int fd, const void *data, size_t length, struct dro_error *err);
/* Appends PATH as seen from the folder of the running program. False, appending nothing: nothing is
 * there. */
bool dro_file_beside(struct dro_buf *out, const char *path);
/* "DIR/NAME", malloc'd; NULL when out of memory. */
char *dro_path_join(const char *dir, const char *name);

#endif
