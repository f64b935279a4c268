#include "model/marks.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "drorch:"

char *dro_owner_mark(const char *service, const char *key)
{
	char *mark = NULL;

	return asprintf(&mark, PREFIX "%s/%s", service, key) < 0 ? NULL : mark;
}

bool dro_owner_is(const char *owner, const char *service)
{
	size_t prefix = strlen(PREFIX), length = strlen(service);

	return strncmp(owner, PREFIX, prefix) == 0 &&
	       strncmp(owner + prefix, service, length) == 0 && owner[prefix + length] == '/';
}
