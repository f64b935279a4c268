/*
 * An aws account through the program's own provider layer and HTTP, against a server on loopback:
 * what the tests with moto_server and with the lab share.
 */
#ifndef DRORCH_TESTS_AWS_LIVE_H
#define DRORCH_TESTS_AWS_LIVE_H

#include "net/http.h"
#include "provider/provider.h"

struct live {
	struct dro_net *net;
	struct dro_registry *registry;
	struct dro_provider *provider;
	struct dro_error err;
	struct dro_call call; /* a minute from live_open on */
	char endpoint[64];
};

struct live live_open(int port, const char *key_id, const char *secret);
/* The same with another plugin that takes an endpoint and AWS's keys. */
struct live live_open_plugin(const char *plugin, int port, const char *key_id, const char *secret);
void live_close(struct live *live);
#define OK(expression) ck_assert_msg((expression) == 0, "%s", kit.err.message)

/* A signed request for what the plugin does not do, with a form or XML; anything but a 2xx fails
 * the test. `path` has at most four segments; it may end in "?NAME". */
void live_ask(struct live *live, const char *service, const char *method, const char *path,
	const char *form);
void live_make_bucket(struct live *live, const char *name);

/* A page comes, changes and is kept from others, in a bucket of that name that is made here. Its
 * last state is *seen. */
void live_check_page(struct live *live, const char *bucket, struct dro_page_seen *seen);

/* A file of that length in which every 64 KiB begin differently. */
int live_file(size_t length);
void live_check_same(int one, int two, size_t length);

/* Runs the suite; the exit status. */
struct Suite;
int live_run(struct Suite *suite);

#endif
