/* One drorch-lab for a test program, and accounts on it. */
#ifndef DRORCH_TESTS_AWS_LAB_H
#define DRORCH_TESTS_AWS_LAB_H

#include "plugins/aws_live.h"

extern char lab_state[64];
extern int lab_port;
extern char lab_key_id[64], lab_secret[64];

/* Starts a lab, runs the suite, ends the lab and removes its state; the exit status. */
int lab_run_suite(struct Suite *suite);

/* An account with the lab's own credentials. */
struct live lab_open(void);
struct live lab_open_plugin(const char *plugin);
/* drorch-lab WORDS… --state DIR; its standard output in `out` (may be NULL). 0 or not. */
int lab(struct dro_buf *out, const char *const *words);
#define LAB_DO(...) ck_assert_int_eq(lab(NULL, (const char *const[]){__VA_ARGS__, NULL}), 0)
/* How many calls of that operation the lab has in its log. */
int lab_calls(const char *operation);

#endif
