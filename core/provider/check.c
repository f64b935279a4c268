#include "provider/check.h"

#include <stdio.h>
#include <string.h>

#include "provider/loader.h"

#define MAX_TABLE 65536u /* bytes: no table of any version is larger */

struct slot {
	const char *name;
	size_t at;
};

/* A capability: where its pointer stands, what it must have. Optional slots are not named. */
struct table {
	const char *name;
	size_t at; /* in struct dro_provider_v1 */
	size_t slot_count;
	struct slot slots[8];
};

#define SLOT(type, member)                                                                         \
	{                                                                                          \
#member, offsetof(struct type, member)                                             \
	}

static const struct slot provider_slots[] = {
	SLOT(dro_provider_v1, open),
	SLOT(dro_provider_v1, close),
	SLOT(dro_provider_v1, probe),
};

static const struct table tables[] = {
	{"compute", offsetof(struct dro_provider_v1, compute), 5,
		{
			SLOT(dro_compute, list_instances),
			SLOT(dro_compute, create_instances),
			SLOT(dro_compute, power_instances),
			SLOT(dro_compute, terminate_instances),
			SLOT(dro_compute, list_images),
		}},
	{"storage", offsetof(struct dro_provider_v1, storage), 2,
		{
			SLOT(dro_storage, list_objects),
			SLOT(dro_storage, get_object),
		}},
	{"dns", offsetof(struct dro_provider_v1, dns), 2,
		{
			SLOT(dro_dns, list_records),
			SLOT(dro_dns, apply),
		}},
	{"async", offsetof(struct dro_provider_v1, async), 1,
		{
			SLOT(dro_async, poll),
		}},
	{"health", offsetof(struct dro_provider_v1, health), 4,
		{
			SLOT(dro_health_checks, list_checks),
			SLOT(dro_health_checks, put_check),
			SLOT(dro_health_checks, delete_check),
			SLOT(dro_health_checks, check_status),
		}},
};

static int peek(const struct dro_elf *elf, uint64_t address, void *out, size_t length,
	struct dro_error *err)
{
	if (elf)
		return dro_elf_read(elf, address, out, length, err);
	memcpy(out, (const void *)(uintptr_t)address, length);
	return 0;
}

/* The pointer at `at` of a struct of `size` bytes; 0 where the struct ends before it. */
static int peek_pointer(const struct dro_elf *elf, uint64_t address, uint32_t size, size_t at,
	uint64_t *out, struct dro_error *err)
{
	*out = 0;
	if (at + sizeof(void *) > size)
		return 0;
	return peek(elf, address + at, out, sizeof(*out), err);
}

static int check_size(const char *what, uint32_t size, size_t least, struct dro_error *err)
{
	if (size < least)
		return dro_fail(err, DRO_EINVAL, "%s has %u bytes, at least %zu are needed", what,
			size, least);
	if (size > MAX_TABLE || size % sizeof(void *) != 0)
		return dro_fail(err, DRO_EINVAL, "%s cannot have %u bytes", what, size);
	return 0;
}

static int check_slots(const struct dro_elf *elf, uint64_t address, uint32_t size, const char *what,
	const struct slot *slots, size_t count, struct dro_error *err)
{
	uint64_t function;
	size_t i;
	int rc;

	for (i = 0; i < count; i++) {
		if ((rc = peek_pointer(elf, address, size, slots[i].at, &function, err)) < 0)
			return rc;
		if (!function)
			return dro_fail(
				err, DRO_EINVAL, "%s is incomplete: no %s()", what, slots[i].name);
	}
	return 0;
}

static int check_table(const struct dro_elf *elf, uint64_t provider, uint32_t provider_size,
	const struct table *table, struct dro_error *err)
{
	const char *name = table->name;
	uint64_t address;
	uint32_t size;
	int rc;

	if ((rc = peek_pointer(elf, provider, provider_size, table->at, &address, err)) < 0 ||
		!address)
		return rc;
	if ((rc = peek(elf, address, &size, sizeof(size), err)) < 0)
		return rc;
	/* Shorter than its mandatory part: the missing slot says more than a number. */
	if ((rc = check_size(name, size, sizeof(uint64_t), err)) < 0)
		return rc;
	return check_slots(elf, address, size, name, table->slots, table->slot_count, err);
}

static int check_version(
	const struct dro_provider_v1 *head, uint64_t symbol_size, struct dro_error *err)
{
	int rc;

	if (head->magic != DRO_PROVIDER_MAGIC)
		return dro_fail(err, DRO_EINVAL, "wrong magic 0x%08x, not 0x%08x", head->magic,
			DRO_PROVIDER_MAGIC);
	if (head->abi_major != DRO_ABI_MAJOR)
		return dro_fail(err, DRO_EINVAL, "made for ABI %u.%u, this program speaks %u.%u",
			head->abi_major, head->abi_minor, DRO_ABI_MAJOR, DRO_ABI_MINOR);
	if ((rc = check_size(DRO_PROVIDER_SYMBOL, head->size,
		     offsetof(struct dro_provider_v1, compute), err)) < 0)
		return rc;
	if (head->size > symbol_size)
		return dro_fail(err, DRO_EINVAL,
			DRO_PROVIDER_SYMBOL " says %u bytes, the file holds %llu", head->size,
			(unsigned long long)symbol_size);
	return 0;
}

static int check_text(
	const struct dro_elf *elf, uint64_t address, char *out, size_t size, struct dro_error *err)
{
	if (!address)
		return dro_fail(err, DRO_EINVAL, "has no name or no version");
	if (elf)
		return dro_elf_string(elf, address, out, size, err);
	snprintf(out, size, "%s", (const char *)(uintptr_t)address);
	return 0;
}

int dro_plugin_check(const struct dro_elf *elf, uint64_t address, uint64_t symbol_size,
	const char *name, struct dro_error *err)
{
	struct dro_provider_v1 head = {0};
	char text[DRO_PLUGIN_NAME_MAX + 32];
	size_t i;
	int rc;

	if ((rc = peek(elf, address, &head, offsetof(struct dro_provider_v1, name), err)) < 0 ||
		(rc = check_version(&head, symbol_size, err)) < 0 ||
		(rc = peek(elf, address, &head, offsetof(struct dro_provider_v1, options), err)) <
			0 ||
		(rc = check_text(elf, (uintptr_t)head.version, text, sizeof(text), err)) < 0 ||
		(rc = check_text(elf, (uintptr_t)head.name, text, sizeof(text), err)) < 0)
		return rc;
	if (strcmp(text, name) != 0)
		return dro_fail(err, DRO_EINVAL, "calls itself \"%s\"", text);
	if ((rc = check_slots(elf, address, head.size, "the plugin", provider_slots,
		     sizeof(provider_slots) / sizeof(provider_slots[0]), err)) < 0)
		return rc;
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if ((rc = check_table(elf, address, head.size, &tables[i], err)) < 0)
			return rc;
	return 0;
}
