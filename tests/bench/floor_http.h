/* The floor's requests: libcurl and a signature, nothing else. */
#ifndef DRORCH_BENCH_FLOOR_HTTP_H
#define DRORCH_BENCH_FLOOR_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>

#include "net/sigv4.h"

struct keys {
	char access_key[64], secret_key[128], token[128];
};

/* One thread's connection; a later request of the lane goes over the same one. */
struct lane {
	const struct keys *keys;
	const char *port; /* of the lab's API */
	const char *bucket;
	CURL *easy;
	struct dro_buf body; /* of the last answer */
	char site[64];	     /* its X-Drorch-Site */
	long status;	     /* 0: there was none */
};

/* From the lab's folder of credentials; what is missing is on stderr. */
bool read_keys(struct keys *keys, const char *folder);

int lane_init(struct lane *lane, const struct keys *keys, const char *port, const char *bucket);
void lane_fini(struct lane *lane);

/* "name=value", encoded, joined by "&". */
void form_add(struct dro_buf *form, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* All of them: true where the answer came with `wanted` (0: with any, or none came); else what came
 * is on stderr. */
bool ask_query(struct lane *lane, const char *service, const char *region,
	const struct dro_buf *form, long wanted);
bool ask_s3(struct lane *lane, const char *region, const char *key, const struct dro_pair *query,
	size_t query_count);
/* `query` is written out, encoded, in the order of its names. */
bool ask_route53(struct lane *lane, const char *path, const char *query);
bool ask_cloudflare(struct lane *lane, const char *path, const char *body);
/* A host; says nothing, leaves lane->status. */
void ask_host(struct lane *lane, const char *address, const char *port, const char *path,
	const char *host);

/* The text between `before` and `after` of the last answer; false: it is not there. */
bool find_text(const char *text, const char *before, const char *after, char *out, size_t out_size);
/* What follows the last `before` in the last KiB, up to the next of <,} and the like. */
bool find_last(const char *text, size_t length, const char *before, char *out, size_t out_size);

#endif
