#include "net/curl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libcurl.so.4"

#define SYMBOL(name)                                                                               \
	{                                                                                          \
		offsetof(struct dro_curl, name), "curl_" #name                                     \
	}

static const struct {
	size_t offset;
	const char *name;
} symbols[] = {
	SYMBOL(global_init),
	SYMBOL(easy_init),
	SYMBOL(easy_cleanup),
	SYMBOL(easy_setopt),
	SYMBOL(easy_getinfo),
	SYMBOL(easy_strerror),
	SYMBOL(multi_init),
	SYMBOL(multi_cleanup),
	SYMBOL(multi_setopt),
	SYMBOL(multi_add_handle),
	SYMBOL(multi_remove_handle),
	SYMBOL(multi_perform),
	SYMBOL(multi_poll),
	SYMBOL(multi_wakeup),
	SYMBOL(multi_info_read),
	SYMBOL(slist_append),
	SYMBOL(slist_free_all),
};

int dro_curl_load(struct dro_curl *curl, struct dro_error *err)
{
	/* Lazily: most of what it and its own libraries could call is never called. */
	void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
	size_t i;

	if (!library)
		return dro_fail(err, DRO_EUNSUPPORTED, "%s", dlerror());
	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol)
			return dro_fail(
				err, DRO_EUNSUPPORTED, LIBRARY " lacks %s", symbols[i].name);
		/* ISO C has no cast from an object's to a function's address. */
		memcpy((char *)curl + symbols[i].offset, &symbol, sizeof(symbol));
	}
	if (curl->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return dro_fail(err, DRO_ENOMEM, "libcurl does not start");
	return 0;
}
