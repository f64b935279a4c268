/* How `drorch status` shows what it read. */
#ifndef DRORCH_CLI_STATUS_H
#define DRORCH_CLI_STATUS_H

#include <stdio.h>

#include "base/json.h"

/* `status` as -o json prints it; `state` is the folder it came from. */
void dro_status_print(FILE *out, const cJSON *status, const char *state);

#endif
