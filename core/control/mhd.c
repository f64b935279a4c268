#include "control/mhd.h"

#include "base/library.h"

#define LIBRARY "libmicrohttpd.so.12"

#define SYMBOL(name)                                                                               \
	{                                                                                          \
		offsetof(struct dro_mhd, name), "MHD_" #name                                       \
	}

static const struct dro_symbol symbols[] = {
	SYMBOL(start_daemon),
	SYMBOL(stop_daemon),
	SYMBOL(get_daemon_info),
	SYMBOL(lookup_connection_value),
	SYMBOL(create_response_from_buffer),
	SYMBOL(add_response_header),
	SYMBOL(queue_response),
	SYMBOL(destroy_response),
};

int dro_mhd_load(struct dro_mhd *mhd, struct dro_error *err)
{
	return dro_library_load(LIBRARY, mhd, symbols, sizeof(symbols) / sizeof(symbols[0]), err);
}
