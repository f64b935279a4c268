/* A moto_server of its own for a test program. */
#ifndef DRORCH_TESTS_MOTO_H
#define DRORCH_TESTS_MOTO_H

/*
 * Starts it, sets *port, runs the tests, ends it; the exit status: that of the tests, or 77 with a
 * word on stderr where there is no moto_server.
 */
int moto_run(int *port, int (*tests)(void));

#endif
