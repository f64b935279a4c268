/* A spec repository's files as the model. */
#ifndef DRORCH_SPEC_LOAD_H
#define DRORCH_SPEC_LOAD_H

#include "model/service.h"
#include "model/tree.h"
#include "spec/report.h"

#define DRO_SPEC_SERVICES_MAX 10000
#define DRO_SPEC_SITES_MAX 1000 /* of one service */

/*
 * Reads providers.yaml and services/NAME.yaml (or .yml) of `tree`, and checks all of it: form, then
 * meaning. Everything that is wrong goes to `report`, sorted; DRO_EINVAL where that is anything,
 * with a summary in `err`. *out is freed with dro_spec_free and needs `tree` no longer.
 */
int dro_spec_load(struct dro_spec **out, const struct dro_tree *tree, struct dro_report *report,
	struct dro_error *err);
/* The accounts alone, for who begins to ask them while the rest is read; nothing else is checked.
 */
int dro_spec_load_accounts(
	struct dro_spec **out, const struct dro_tree *tree, struct dro_error *err);

#endif
