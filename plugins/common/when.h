/* Times in answers. All give Unix ms, and 0 for anything that is no such time. */
#ifndef DRORCH_PLUGINS_COMMON_WHEN_H
#define DRORCH_PLUGINS_COMMON_WHEN_H

#include <stdint.h>

/* "2026-11-20T20:22:50Z", with or without a fraction; an offset; no zone at all means UTC. */
int64_t dro_when_iso(const char *text);
/* "Fri, 20 Nov 2026 20:22:50 GMT" */
int64_t dro_when_http(const char *text);

#endif
