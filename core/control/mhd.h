/* libmicrohttpd, loaded when it is first needed: as net/curl.h has libcurl, and for the same
 * reason. It stays loaded. */
#ifndef DRORCH_CONTROL_MHD_H
#define DRORCH_CONTROL_MHD_H

#include <microhttpd.h>

#include "base/error.h"

/* The functions in use, each of the library's own type. */
struct dro_mhd {
	__typeof__(MHD_start_daemon) *start_daemon;
	__typeof__(MHD_stop_daemon) *stop_daemon;
	__typeof__(MHD_get_daemon_info) *get_daemon_info;
	__typeof__(MHD_lookup_connection_value) *lookup_connection_value;
	__typeof__(MHD_create_response_from_buffer) *create_response_from_buffer;
	__typeof__(MHD_add_response_header) *add_response_header;
	__typeof__(MHD_queue_response) *queue_response;
	__typeof__(MHD_destroy_response) *destroy_response;
};

int dro_mhd_load(struct dro_mhd *mhd, struct dro_error *err);

#endif
