/* One thread that moves every transfer of the program, behind a blocking call. */
#ifndef DRORCH_NET_MULTI_H
#define DRORCH_NET_MULTI_H

#include "net/curl.h"

struct dro_multi;

/* `curl` must outlive it. Starts the thread. */
int dro_multi_new(struct dro_multi **out, const struct dro_curl *curl, struct dro_error *err);
void dro_multi_free(struct dro_multi *multi); /* NULL-safe; no transfer may be under way */

/*
 * Hands a fully prepared handle over and waits for its end, which its own timeout must bound. The
 * handle's callbacks run on the multi thread; afterwards it is the caller's again. Its
 * CURLOPT_PRIVATE is taken. Any thread.
 */
CURLcode dro_multi_run(struct dro_multi *multi, CURL *easy);

#endif
