/*
 * Our ownership marks: what tells a thing of ours from one that only looks like it. Instances,
 * images and health checks carry them as tags, records as their `owner`.
 */
#ifndef DRORCH_MODEL_MARKS_H
#define DRORCH_MODEL_MARKS_H

#include <stdbool.h>

#include "model/inventory.h"
#include "model/service.h"

#define DRO_TAG_PREFIX "drorch:" /* of them all */
#define DRO_TAG_SERVICE "drorch:service"
#define DRO_TAG_SITE "drorch:site"
#define DRO_TAG_GROUP "drorch:group"
#define DRO_TAG_RUN "drorch:run"
#define DRO_TAG_STEP "drorch:step"
#define DRO_TAG_IMAGE "drorch:image"	    /* the name of the image policy */
#define DRO_TAG_ROLE "drorch:role"	    /* of what belongs to no site */
#define DRO_TAG_PLAYBOOK "drorch:playbook"  /* of an image: SHA-256 of what made it */
#define DRO_TAG_BASE "drorch:base"	    /* of an image: the id of the one it was made from */
#define DRO_TAG_SOURCE "drorch:copied-from" /* of a copied image: the id of its source */

#define DRO_MARK_BUILD "build" /* of DRO_TAG_ROLE: an image is made of it */

/* "drorch:SERVICE/KEY", KEY being that of the traffic, the DNS entry or the site; malloc'd. */
char *dro_owner_mark(const char *service, const char *key);
/* The group of the site that the instance belongs to, by its mark; without one by its Name, or as
 * the only group there is. "" where nothing tells. */
const char *dro_instance_group_name(
	const struct dro_instance *instance, const char *service, const struct dro_site *site);
/* Is it the mark of something of that service? */
bool dro_owner_is(const char *owner, const char *service);

#endif
