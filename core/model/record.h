/* Record sets as a plan keeps them: JSON, and back. */
#ifndef DRORCH_MODEL_RECORD_H
#define DRORCH_MODEL_RECORD_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "model/inventory.h"

/* NULL: out of memory. */
cJSON *dro_record_json(const struct dro_record *record);

/* Reads one and appends it. DRO_EPROTO for what makes no record set. */
int dro_record_read(struct dro_record_list *out, const cJSON *json, struct dro_error *err);
/* Every record set of the array. */
int dro_records_read(struct dro_record_list *out, const cJSON *array, struct dro_error *err);

/* "127.0.0.1, 127.0.0.2 proxied", for people. */
void dro_record_describe(struct dro_buf *out, const cJSON *json);

#endif
