#include "provider/elf.h"

#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define RELOCATE_BASE R_X86_64_RELATIVE
#define RELOCATE_SYMBOL R_X86_64_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define RELOCATE_BASE R_AARCH64_RELATIVE
#define RELOCATE_SYMBOL R_AARCH64_ABS64
#else
#error "the relocation types of this machine are not known here"
#endif

struct dro_elf {
	const unsigned char *data;
	size_t length;
	Elf64_Ehdr header;
	Elf64_Shdr symbols, names; /* .dynsym and its .dynstr */
};

static bool inside(const struct dro_elf *elf, uint64_t offset, uint64_t length)
{
	return offset <= elf->length && length <= elf->length - offset;
}

/* The index-th entry of a table in the file; false where the file ends before it. */
static bool entry(
	const struct dro_elf *elf, uint64_t offset, uint64_t index, void *out, size_t size)
{
	if (index > elf->length / size || !inside(elf, offset, (index + 1) * size))
		return false;
	memcpy(out, elf->data + offset + index * size, size);
	return true;
}

static bool section(const struct dro_elf *elf, uint64_t index, Elf64_Shdr *out)
{
	return index < elf->header.e_shnum &&
	       entry(elf, elf->header.e_shoff, index, out, sizeof(*out));
}

static int broken(struct dro_error *err)
{
	return dro_fail(err, DRO_EINVAL, "not a shared object of this machine");
}

/* Torn, a file would still be mapped, and kill the process where a page of it is missing. */
static bool whole(const struct dro_elf *elf)
{
	const Elf64_Ehdr *header = &elf->header;
	Elf64_Phdr segment;
	uint64_t i;

	if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_phentsize != sizeof(segment) ||
		!inside(elf, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr)))
		return false;
	for (i = 0; i < header->e_phnum; i++)
		if (!entry(elf, header->e_phoff, i, &segment, sizeof(segment)) ||
			(segment.p_type == PT_LOAD &&
				!inside(elf, segment.p_offset, segment.p_filesz)))
			return false;
	return true;
}

static int find_tables(struct dro_elf *elf, struct dro_error *err)
{
	static const unsigned char magic[] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB};
	uint64_t i;

	if (!entry(elf, 0, 0, &elf->header, sizeof(elf->header)) ||
		memcmp(elf->header.e_ident, magic, sizeof(magic)) != 0 ||
		elf->header.e_type != ET_DYN || elf->header.e_machine != MACHINE || !whole(elf))
		return broken(err);
	for (i = 0; section(elf, i, &elf->symbols); i++)
		if (elf->symbols.sh_type == SHT_DYNSYM)
			break;
	if (elf->symbols.sh_type != SHT_DYNSYM ||
		!section(elf, elf->symbols.sh_link, &elf->names) ||
		!inside(elf, elf->symbols.sh_offset, elf->symbols.sh_size) ||
		!inside(elf, elf->names.sh_offset, elf->names.sh_size))
		return broken(err);
	return 0;
}

int dro_elf_open(struct dro_elf **out, int fd, struct dro_error *err)
{
	struct dro_elf *elf;
	struct stat st;
	void *data;
	int rc;

	if (fstat(fd, &st) < 0)
		return dro_fail_errno(err, "fstat");
	if (st.st_size < (off_t)sizeof(Elf64_Ehdr) || st.st_size > (off_t)DRO_ELF_MAX_BYTES)
		return broken(err);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return dro_fail_errno(err, "mmap");
	elf = calloc(1, sizeof(*elf));
	if (!elf) {
		munmap(data, (size_t)st.st_size);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	elf->data = data;
	elf->length = (size_t)st.st_size;
	if ((rc = find_tables(elf, err)) < 0) {
		dro_elf_close(elf);
		return rc;
	}
	*out = elf;
	return 0;
}

void dro_elf_close(struct dro_elf *elf)
{
	if (!elf)
		return;
	munmap((void *)(uintptr_t)elf->data, elf->length);
	free(elf);
}

/* Does the name at `at` of the name table equal `name`? */
static bool named(const struct dro_elf *elf, uint64_t at, const char *name)
{
	size_t size = strlen(name) + 1;

	return at <= elf->names.sh_size && size <= elf->names.sh_size - at &&
	       memcmp(elf->data + elf->names.sh_offset + at, name, size) == 0;
}

int dro_elf_symbol(const struct dro_elf *elf, const char *name, uint64_t *address, uint64_t *size,
	struct dro_error *err)
{
	uint64_t i, count = elf->symbols.sh_size / sizeof(Elf64_Sym);
	Elf64_Sym symbol;

	for (i = 0; i < count; i++) {
		if (!entry(elf, elf->symbols.sh_offset, i, &symbol, sizeof(symbol)))
			return broken(err);
		if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT ||
			ELF64_ST_BIND(symbol.st_info) == STB_LOCAL ||
			!named(elf, symbol.st_name, name))
			continue;
		*address = symbol.st_value;
		*size = symbol.st_size;
		return 0;
	}
	return dro_fail(err, DRO_EINVAL, "exports no \"%s\"", name);
}

/* The file's bytes at `address`; what lies past the file's part of a segment is zero. */
static bool copy_segment(const struct dro_elf *elf, uint64_t address, void *out, size_t length)
{
	Elf64_Phdr segment;
	uint64_t i, at, filled;

	for (i = 0; i < elf->header.e_phnum; i++) {
		if (!entry(elf, elf->header.e_phoff, i, &segment, sizeof(segment)))
			return false;
		if (segment.p_type != PT_LOAD || address < segment.p_vaddr ||
			length > segment.p_memsz ||
			address - segment.p_vaddr > segment.p_memsz - length)
			continue;
		at = address - segment.p_vaddr;
		filled = at < segment.p_filesz ? segment.p_filesz - at : 0;
		if (filled > length)
			filled = length;
		memset(out, 0, length);
		if (filled && (at > elf->length - 1 || segment.p_offset > elf->length - at ||
				      !inside(elf, segment.p_offset + at, filled)))
			return false;
		if (filled)
			memcpy(out, elf->data + segment.p_offset + at, filled);
		return true;
	}
	return false;
}

/* What the dynamic linker will write for one relocation. */
static uint64_t relocated(const struct dro_elf *elf, const Elf64_Rela *rela)
{
	uint64_t type = ELF64_R_TYPE(rela->r_info);
	Elf64_Sym symbol;

	if (type == RELOCATE_BASE)
		return (uint64_t)rela->r_addend;
	if (type == RELOCATE_SYMBOL &&
		entry(elf, elf->symbols.sh_offset, ELF64_R_SYM(rela->r_info), &symbol,
			sizeof(symbol)) &&
		symbol.st_shndx != SHN_UNDEF)
		return symbol.st_value + (uint64_t)rela->r_addend;
	return UINT64_MAX;
}

int dro_elf_read(const struct dro_elf *elf, uint64_t address, void *out, size_t length,
	struct dro_error *err)
{
	Elf64_Shdr table;
	Elf64_Rela rela;
	uint64_t i, j;

	if (!copy_segment(elf, address, out, length))
		return broken(err);
	for (i = 0; section(elf, i, &table); i++) {
		if (table.sh_type != SHT_RELA || !(table.sh_flags & SHF_ALLOC))
			continue;
		for (j = 0; j < table.sh_size / sizeof(rela); j++) {
			uint64_t value, at;

			if (!entry(elf, table.sh_offset, j, &rela, sizeof(rela)))
				return broken(err);
			at = rela.r_offset - address;
			if (rela.r_offset < address || length < sizeof(value) ||
				at > length - sizeof(value))
				continue;
			value = relocated(elf, &rela);
			memcpy((char *)out + at, &value, sizeof(value));
		}
	}
	return 0;
}

int dro_elf_string(
	const struct dro_elf *elf, uint64_t address, char *out, size_t size, struct dro_error *err)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (!copy_segment(elf, address + i, &out[i], 1))
			return broken(err);
		if (out[i] == '\0')
			return 0;
	}
	out[0] = '\0';
	return dro_fail(err, DRO_EINVAL, "a name is too long");
}
