/* Which image an instance is launched from. */
#ifndef DRORCH_OBSERVE_IMAGES_H
#define DRORCH_OBSERVE_IMAGES_H

#include <stdbool.h>

#include "base/log.h"
#include "observe/accounts.h"
#include "store/store.h"

/* Is the image one of that name: by our mark, by its name, or by "NAME-" and what a build added? */
bool dro_image_is_of(const struct dro_image *image, const char *name);

/*
 * The provider's id of an image by that name, or id; `newest`: the newest one of the name. *out is
 * malloc'd. DRO_ENOTFOUND: there is none that could be used now.
 */
int dro_image_find(char **out, struct dro_provider *provider, const char *region, const char *name,
	bool newest, uint64_t deadline_ms, struct dro_error *err);

/*
 * The provider's id of the group's image: as given, of its name, or the newest of its name. What
 * was found is remembered in `store`, and used, with a warning, while the provider cannot be
 * asked. *out is malloc'd. DRO_ENOTFOUND: there is none.
 */
int dro_image_resolve(char **out, struct dro_accounts *accounts, struct dro_store *store,
	const struct dro_log *log, const struct dro_service *service, const struct dro_site *site,
	const struct dro_instance_group *group, uint64_t deadline_ms, struct dro_error *err);

#endif
