/* What the HTTP tests share: a client, one server, and the last answer. For a test with one main
 * thread. */
#ifndef DRORCH_TESTS_HTTP_FIXTURE_H
#define DRORCH_TESTS_HTTP_FIXTURE_H

#include <check.h>

#include "base/clock.h"
#include "net/http.h"
#include "support/raw_server.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

extern struct dro_net *net;
extern struct raw_server *server; /* stopped at the end of each test */
extern struct dro_error err;
extern struct dro_http_response *answer; /* of the last request; freed with the next */

void serve(const char *bytes, enum raw_end end); /* starts `server` with one answer for all */
struct dro_http_request request_of(const char *method, unsigned ms); /* to `server` */
int send_it(const struct dro_http_request *request, const struct dro_net_context *context);
int get_safely(unsigned ms); /* a GET with DRO_HTTP_SAFE */
int post(unsigned ms);	     /* a POST with a body, without it */
/* Runs the tests, each with a client of its own; the program's exit code. */
int run_http_tests(const char *name, const TTest *const *tests, size_t count);

#endif
