/* Words and options of a command: "FOLDER --name N": an option's value is the word behind it. */
#ifndef DRORCH_LAB_OPTIONS_H
#define DRORCH_LAB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The value of `name`, or NULL. */
const char *lab_option(int argc, char **argv, const char *name);
/* Is `name` there, alone? */
bool lab_flag(int argc, char **argv, const char *name);
/* The n-th word that is neither an option nor an option's value, or NULL. Every option has one. */
const char *lab_word(int argc, char **argv, int n);
/* A whole number between; an absent option leaves *out. */
int lab_number(int argc, char **argv, const char *name, int64_t min, int64_t max, int64_t *out,
	struct dro_error *err);
/* 17 random hex digits: the part of an EC2 id behind its prefix. */
void lab_hex_id(char out[18]);

#endif
