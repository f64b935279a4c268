#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

int dro_library_load(const char *library, void *table, const struct dro_symbol *symbols,
	size_t count, struct dro_error *err)
{
	/* Lazily: most of what it and its own libraries could call is never called. */
	void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
	size_t i;

	if (!handle)
		return dro_fail(err, DRO_EUNSUPPORTED, "%s", dlerror());
	for (i = 0; i < count; i++) {
		void *symbol = dlsym(handle, symbols[i].name);

		if (!symbol)
			return dro_fail(
				err, DRO_EUNSUPPORTED, "%s lacks %s", library, symbols[i].name);
		/* ISO C has no cast from an object's to a function's address. */
		memcpy((char *)table + symbols[i].offset, &symbol, sizeof(symbol));
	}
	return 0;
}
