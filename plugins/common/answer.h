/* Reading an HTTP answer: headers, retry times, and the error that a status stands for. */
#ifndef DRORCH_PLUGINS_COMMON_ANSWER_H
#define DRORCH_PLUGINS_COMMON_ANSWER_H

#include <stdbool.h>

#include "base/error.h"

/* A row of a plugin's table: the provider's own word, and what it means. Ends with {NULL, 0}. */
struct dro_word {
	const char *word; /* "*.NotFound" is any word that ends so */
	int code;	  /* enum dro_code, or one of the states of provider.h */
};

/* The table's code for `word`, or 0. */
int dro_word_code(const struct dro_word *table, const char *word);

bool dro_answer_ok(const struct dro_http_response *response); /* 2xx */
/* The value of a header (name in lower case), or "". */
const char *dro_answer_header(const struct dro_http_response *response, const char *name);
/* Retry-After, given in seconds or as a date, in ms; 0 where absent; one hour at most. */
uint32_t dro_answer_retry_after(const struct dro_http_response *response, int64_t wall_ms);

/*
 * What a status means where the provider's word says nothing better. A 5xx on a mutation leaves its
 * outcome unknown (DRO_ETIMEDOUT), on a read the call may be made again.
 */
int dro_answer_code(int status, bool mutation);

/*
 * Fills `err` through the host: code, the provider's word, the message, status and retry time.
 * Returns `code`. Bytes of `message` that are no printable text become spaces: it is the
 * provider's.
 */
int dro_answer_fail(const struct dro_host *host, const struct dro_http_response *response, int code,
	const char *word, const char *message, struct dro_error *err);

#endif
