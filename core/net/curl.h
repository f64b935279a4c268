/*
 * libcurl, loaded when it is first needed: linking it would cost every start of the program
 * milliseconds and megabytes, also where no request is made.
 */
#ifndef DRORCH_NET_CURL_H
#define DRORCH_NET_CURL_H

#include <curl/curl.h>

#include "base/error.h"

/* The functions in use, each of libcurl's own type. */
struct dro_curl {
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_setopt) *easy_setopt;
	__typeof__(curl_easy_getinfo) *easy_getinfo;
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_multi_init) *multi_init;
	__typeof__(curl_multi_cleanup) *multi_cleanup;
	__typeof__(curl_multi_setopt) *multi_setopt;
	__typeof__(curl_multi_add_handle) *multi_add_handle;
	__typeof__(curl_multi_remove_handle) *multi_remove_handle;
	__typeof__(curl_multi_perform) *multi_perform;
	__typeof__(curl_multi_poll) *multi_poll;
	__typeof__(curl_multi_wakeup) *multi_wakeup;
	__typeof__(curl_multi_info_read) *multi_info_read;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
};

/*
 * Fills the table and initialises libcurl; may be called more than once. The library stays loaded
 * to the end of the process: TLS libraries do not survive being unloaded.
 */
int dro_curl_load(struct dro_curl *curl, struct dro_error *err);

#endif
