/*
 * A host for one plugin: loads its .so, answers its requests from a script, records what it asked.
 * Anything that a test's script does not foresee fails the test.
 *
 * A plugin may ask from threads of its own. What it asks one after the other has its answers in
 * order; what it asks beside that has answers that are reserved for its path, and is recorded
 * apart, so that both are the same in every run.
 */
#ifndef DRORCH_TESTS_SCRIPTED_HOST_H
#define DRORCH_TESTS_SCRIPTED_HOST_H

#include <stddef.h>

#include "base/error.h"

struct scripted;

/* A request as it was made. Texts live until scripted_free. */
struct scripted_request {
	uint32_t flags;
	uint32_t auth;
	char *method;
	char *endpoint;
	char *path;  /* encoded: "/bucket/a%20b" */
	char *query; /* encoded */
	char *body;  /* NUL-terminated; of body or body_fd */
	size_t body_length;
	char *body_sha256;  /* or "" */
	char *auth_service; /* or "" */
	char *auth_region;
	char *budget;
	uint64_t deadline_ms;
	uint64_t response_max;
	int to_sink;
	struct dro_pair *headers;
	size_t header_count;
};

/* Loads build/plugins/NAME.so. */
struct scripted *scripted_new(const char *name);
/* Closes the accounts, unloads the plugin; fails where a scripted answer was never asked for. */
void scripted_free(struct scripted *scripted);

const struct dro_provider_v1 *scripted_provider(struct scripted *scripted);
const struct dro_host *scripted_host(struct scripted *scripted);
/* Opens an account with options "name", "value", …, NULL; its defaults filled in as the host does.
 */
void *scripted_open(struct scripted *scripted, ...) __attribute__((sentinel));

/* The next answers, in order. Headers: "name", "value", …, NULL. */
void scripted_answer(struct scripted *scripted, int status, const char *body, ...)
	__attribute__((sentinel));
/* As above with bytes. */
void scripted_answer_bytes(struct scripted *scripted, int status, const void *body, size_t length);
/* No answer: http() gives this code. */
void scripted_no_answer(struct scripted *scripted, int code);
/* The next answer to a request whose path ends so, out of the order of the others. */
void scripted_answer_at(struct scripted *scripted, const char *path_end, int status,
	const char *body, ...) __attribute__((sentinel));

/* Without those that had reserved answers. */
size_t scripted_count(const struct scripted *scripted);
const struct scripted_request *scripted_request(const struct scripted *scripted, size_t index);
/* Of those that had reserved answers: how many had a path that ends so, and the nth of them. */
size_t scripted_count_at(const struct scripted *scripted, const char *path_end);
const struct scripted_request *scripted_request_at(
	const struct scripted *scripted, const char *path_end, size_t index);
/* The decoded value of a form field of the body, of a query pair, of a header; NULL where absent.
 */
const char *scripted_form(struct scripted *scripted, size_t index, const char *name);
const char *scripted_query(struct scripted *scripted, size_t index, const char *name);
const char *scripted_header(const struct scripted *scripted, size_t index, const char *name);
/* How many fields a form body has, so that a test can say "these and no others". */
size_t scripted_form_count(const struct scripted *scripted, size_t index);

/* A call with a deadline a minute away and this idempotency key (or NULL). */
struct dro_call scripted_call(struct scripted *scripted, const char *idem_key);
/* How long the plugin slept through host->sleep_ms; the clock moves by as much. */
uint64_t scripted_slept_ms(const struct scripted *scripted);

#endif
