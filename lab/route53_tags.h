/* Tags of health checks and hosted zones. Under the account's lock. */
#ifndef DRORCH_LAB_ROUTE53_TAGS_H
#define DRORCH_LAB_ROUTE53_TAGS_H

#include "lab/route53.h"

int route53_tags_load(struct route53 *r53, struct dro_error *err);
/* The resource is gone, and its tags with it. */
int route53_tags_forget(
	struct route53 *r53, const char *type, const char *id, struct dro_error *err);
void route53_tags_change(struct route53_call *c);
void route53_tags_list(struct route53_call *c);
void route53_tags_list_many(struct route53_call *c);

#endif
