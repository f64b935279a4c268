#include "control/mhd.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libmicrohttpd.so.12"

#define SYMBOL(name)                                                                               \
	{                                                                                          \
		offsetof(struct dro_mhd, name), "MHD_" #name                                       \
	}

static const struct {
	size_t offset;
	const char *name;
} symbols[] = {
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
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	size_t i;

	if (!library)
		return dro_fail(err, DRO_EUNSUPPORTED, "%s", dlerror());
	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol)
			return dro_fail(
				err, DRO_EUNSUPPORTED, LIBRARY " lacks %s", symbols[i].name);
		/* ISO C has no cast from an object's to a function's address. */
		memcpy((char *)mhd + symbols[i].offset, &symbol, sizeof(symbol));
	}
	return 0;
}
