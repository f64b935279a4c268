/*
 * Pages read ahead: the next one is asked for while the one before it is taken apart, so that a
 * list takes as long as its calls. Whoever reads the list finds the next page's token in the raw
 * answer, as a guess; what counts is the token that the parsed answer gives.
 *
 *	do {
 *		rc = dro_ahead_get(&ahead, page.token, &response, err);
 *		if (dro_ahead_find(response, "<next>", "</next>", guess, sizeof(guess)))
 *			dro_ahead_start(&ahead, page.token, guess);
 *		... take the response apart, dro_paging_next ...
 *	} while (rc > 0);
 *	dro_ahead_fini(&ahead);
 */
#ifndef DRORCH_PLUGINS_COMMON_AHEAD_H
#define DRORCH_PLUGINS_COMMON_AHEAD_H

#include <pthread.h>
#include <stdbool.h>

#include "drorch/provider.h"

#define DRO_AHEAD_TOKEN 2048

struct dro_ahead {
	const struct dro_host *host;
	/* Asks for the page at `token` (NULL: the first). Called from one thread at a time. */
	int (*fetch)(void *arg, const char *token, struct dro_http_response **out,
		struct dro_error *err);
	void *arg;
	/* Its own. */
	bool running;
	pthread_t thread;
	char token[DRO_AHEAD_TOKEN];
	struct dro_http_response *response;
	struct dro_error err;
	int rc;
};

/* Asks for the page at `guess` on a thread of its own, unless it is `current`: a provider that goes
 * round in a circle is not asked once more. Where no thread is to be had nothing happens. */
void dro_ahead_start(struct dro_ahead *ahead, const char *current, const char *guess);
/* The page at `token`: the one that is under way where it is that one, else it is asked for now.
 * *out is freed with host->http_free. */
int dro_ahead_get(struct dro_ahead *ahead, const char *token, struct dro_http_response **out,
	struct dro_error *err);
/* Waits for what is under way, and forgets it. */
void dro_ahead_fini(struct dro_ahead *ahead);

/* The text between the last `before` of the answer's body and the next `after`. false: there is
 * none, or one that is not plain text, or too long for `out`. */
bool dro_ahead_find(const struct dro_http_response *response, const char *before, const char *after,
	char *out, size_t out_size);
/* The whole number that follows there; 0: there is none. */
unsigned long dro_ahead_number(const struct dro_http_response *response, const char *before);

#endif
