/* Processes as holders of leases: "host:pid:start:pid-namespace:boot". */
#ifndef DRORCH_STORE_HOLDER_H
#define DRORCH_STORE_HOLDER_H

#include <stdbool.h>

#include "store/store.h"

/* Is it certain that this process is gone? Holders of other hosts, and made-up ones, never are. */
bool store_holder_dead(const char *holder);

#endif
