/* The Debian that machines stand on: `drorch-lab base` and what it changes in a fresh tree. */
#ifndef DRORCH_LAB_BASE_H
#define DRORCH_LAB_BASE_H

#include "base/buf.h"

/* Makes the tree where it is not there yet and prints its image folder. An exit code. */
int lab_base_main(int argc, char **argv);

/*
 * Makes a tree of debootstrap's one for many machines: no keys, names, ids and data of its own, a
 * short boot, and user-data. Units that are switched off here are not masked: who wants them
 * enables them.
 */
int lab_base_settle(const char *tree, struct dro_error *err);
/* What lab_base_settle does, in words: a tree is made anew where that has changed. */
void lab_base_recipe(struct dro_buf *out);

#endif
