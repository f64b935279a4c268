/* Health checks: what listing, putting and deleting them share. */
#ifndef DRORCH_PLUGINS_ROUTE53_CHECKS_H
#define DRORCH_PLUGINS_ROUTE53_CHECKS_H

#include "plugins/route53/route53.h"

#define R53_CHECK_OWNER_TAG "drorch-owner"
#define R53_CHECK_OWNERS_MAX 10 /* of one call: the API's limit */

/* Visits <HealthChecks> of each page until `visit` gives something other than 0, which is returned.
 */
int r53_checks_walk(struct r53 *r53, int (*visit)(void *arg, const struct dro_xml_node *list),
	void *arg, const struct dro_call *call, struct dro_error *err);
/* A <HealthCheck> as the ABI says it; shares its texts. Owner and state are not in it. */
struct dro_health_check r53_check_read(const struct dro_xml_node *node);
/*
 * The marks of up to R53_CHECK_OWNERS_MAX checks, "" where there is none; each is freed with
 * free(). NULL: the check is gone.
 */
int r53_check_owners(struct r53 *r53, const char *const *ids, size_t count, char **owners,
	const struct dro_call *call, struct dro_error *err);

#endif
