/*
 * The ssh host key of a machine, made by the lab with its disk: known before the first boot, and
 * another one for each instance, whatever the image held. Nothing of a disk is followed where it
 * leads out of it.
 */
#ifndef DRORCH_LAB_HOST_KEY_H
#define DRORCH_LAB_HOST_KEY_H

#include "base/buf.h"

/* An ed25519 key pair in place of all that `disk` has; `dir` is a folder of ours beside it. */
int lab_host_key_make(const char *dir, const char *disk, struct dro_error *err);
/* A known_hosts line for each key that is in `disk` now; how many. */
int lab_host_key_lines(const char *disk, const char *hosts, struct dro_buf *out);

#endif
