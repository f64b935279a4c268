#include "cli/who.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void dro_who(char out[128])
{
	const char *sudo = getenv("SUDO_USER");
	struct passwd entry, *found = NULL;
	char host[65] = "", text[4096];

	if (gethostname(host, sizeof(host) - 1) < 0)
		memcpy(host, "?", 2);
	if (sudo && *sudo)
		snprintf(out, 128, "%.60s@%s", sudo, host);
	else if (getpwuid_r(geteuid(), &entry, text, sizeof(text), &found) == 0 && found)
		snprintf(out, 128, "%.60s@%s", found->pw_name, host);
	else
		snprintf(out, 128, "%u@%s", (unsigned)geteuid(), host);
}
