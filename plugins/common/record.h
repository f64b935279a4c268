/* A record set as the host gives it, whatever the host's version. Any thread. */
#ifndef DRORCH_PLUGINS_COMMON_RECORD_H
#define DRORCH_PLUGINS_COMMON_RECORD_H

#include "drorch/provider.h"

/* Of this version's size: no string of it is NULL, fields that an older host does not know are
 * zero or "". Shares the strings of `record`. */
struct dro_record dro_record_whole(const struct dro_record *record);

#endif
