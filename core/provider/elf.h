/*
 * Looks into a shared object without loading it, so that a plugin of the wrong ABI has none of its
 * code run, constructors included. Reads the file as the dynamic linker would see it at address 0.
 */
#ifndef DRORCH_PROVIDER_ELF_H
#define DRORCH_PROVIDER_ELF_H

#include <stdint.h>

#include "base/error.h"

#define DRO_ELF_MAX_BYTES (64u << 20)

struct dro_elf;

/* DRO_EINVAL where the file is no shared object of this machine. `fd` stays the caller's. */
int dro_elf_open(struct dro_elf **out, int fd, struct dro_error *err);
void dro_elf_close(struct dro_elf *elf); /* NULL-safe */

/* A defined data symbol; DRO_EINVAL where it is not exported. */
int dro_elf_symbol(const struct dro_elf *elf, const char *name, uint64_t *address, uint64_t *size,
	struct dro_error *err);

/* `length` bytes as they will be once loaded: pointers relocated, one to elsewhere is UINT64_MAX.
 */
int dro_elf_read(const struct dro_elf *elf, uint64_t address, void *out, size_t length,
	struct dro_error *err);
/* A string of at most size - 1 bytes. */
int dro_elf_string(
	const struct dro_elf *elf, uint64_t address, char *out, size_t size, struct dro_error *err);

#endif
