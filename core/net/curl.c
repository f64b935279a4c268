#include "net/curl.h"

#include "base/library.h"

#define LIBRARY "libcurl.so.4"

#define SYMBOL(name)                                                                               \
	{                                                                                          \
		offsetof(struct dro_curl, name), "curl_" #name                                     \
	}

static const struct dro_symbol symbols[] = {
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
	int rc =
		dro_library_load(LIBRARY, curl, symbols, sizeof(symbols) / sizeof(symbols[0]), err);

	if (rc == 0 && curl->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		rc = dro_fail(err, DRO_ENOMEM, "libcurl does not start");
	return rc;
}
