#include "lab/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

const char *lab_option(int argc, char **argv, const char *name)
{
	int i;

	for (i = 0; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return argv[i + 1];
	return NULL;
}

bool lab_flag(int argc, char **argv, const char *name)
{
	int i;

	for (i = 0; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}

const char *lab_word(int argc, char **argv, int n)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) == 0)
			i++;
		else if (n-- == 0)
			return argv[i];
	}
	return NULL;
}

int lab_number(int argc, char **argv, const char *name, int64_t min, int64_t max, int64_t *out,
	struct dro_error *err)
{
	const char *text = lab_option(argc, argv, name);
	char *end = NULL;
	long long value;

	if (!text)
		return lab_flag(argc, argv, name)
			       ? dro_fail(err, DRO_EINVAL, "%s needs a number", name)
			       : 0;
	value = strtoll(text, &end, 10);
	if (!*text || *end || value < min || value > max)
		return dro_fail(err, DRO_EINVAL, "%s: a number between %lld and %lld, not \"%s\"",
			name, (long long)min, (long long)max, text);
	*out = value;
	return 0;
}

void lab_hex_id(char out[18])
{
	char seed[33];
	uint8_t hash[DRO_SHA256_BYTES];
	char hex[DRO_SHA256_HEX];

	dro_random_id(seed, 32);
	dro_sha256(hash, seed, 32);
	dro_hex(hex, hash, DRO_SHA256_BYTES);
	memcpy(out, hex, 17);
	out[17] = '\0';
}
