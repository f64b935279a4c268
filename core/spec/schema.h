/* The spec's form for machines and for people, from the one field table. */
#ifndef DRORCH_SPEC_SCHEMA_H
#define DRORCH_SPEC_SCHEMA_H

#include "base/buf.h"

/* JSON Schema draft-07 of providers.yaml and services/NAME.yaml, indented. */
int dro_spec_schema(struct dro_buf *out, struct dro_error *err);
/* The reference page, in Markdown. */
int dro_spec_reference(struct dro_buf *out, struct dro_error *err);

#endif
