/* Is this plugin's struct dro_provider_v1 one that this program can work with? */
#ifndef DRORCH_PROVIDER_CHECK_H
#define DRORCH_PROVIDER_CHECK_H

#include "provider/elf.h"

/*
 * Magic, version, sizes, name and the mandatory functions of each capability, at `address` of the
 * file, or of memory where `elf` is NULL. Calls nothing. DRO_EINVAL with the reason.
 */
int dro_plugin_check(const struct dro_elf *elf, uint64_t address, uint64_t symbol_size,
	const char *name, struct dro_error *err);

#endif
