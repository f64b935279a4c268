/* What the tests of the route53 plugin with moto_server and with the lab share. */
#ifndef DRORCH_TESTS_ROUTE53_LIVE_H
#define DRORCH_TESTS_ROUTE53_LIVE_H

#include "plugins/aws_live.h"

#define ZONE "memphis.example"
#define NAME "www.memphis.example"
#define MARK "drorch:memphis/www"

/* The sets as listed, "NAME SET TTL/WEIGHT [OWNER] ROLE if CHECK FIRST-VALUE", joined by "; "; of
 * an alias "-> TARGET" instead of a value. */
const char *listed(struct live *kit, const char *name, const char *type);
/* Puts the set with that value (NULL: none, an alias), marked as MARK. */
void put(struct live *kit, struct dro_record *record, const char *value);

#endif
