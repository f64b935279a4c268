#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "plugins/linode/linode.h"

#define HASH_CHARS 12

int li_tag(const struct li *li, struct dro_buf *out, const struct dro_pair *pair, size_t max,
	struct dro_error *err)
{
	struct dro_buf whole = DRO_BUF_INIT(4096);
	char hash[DRO_SHA256_HEX];
	size_t keep = max - HASH_CHARS - 1;
	int rc;

	dro_buf_reset(out);
	dro_buf_printf(&whole, "%s=%s", pair->name, pair->value);
	if ((rc = dro_buf_check(&whole, err)) < 0)
		goto out;
	if (whole.length <= max) {
		dro_buf_puts(out, dro_buf_str(&whole));
	} else if (dro_sha256_hex(hash, whole.data, whole.length) < 0) {
		rc = li_no_memory(li, err);
	} else {
		while (keep > 0 && ((unsigned char)whole.data[keep] & 0xc0) == 0x80)
			keep--; /* not within a character */
		dro_buf_append(out, whole.data, keep);
		dro_buf_printf(out, "~%.*s", HASH_CHARS, hash);
	}
	if (rc == 0)
		rc = dro_buf_check(out, err);
out:
	dro_buf_free(&whole);
	return rc;
}

int li_tags_write(const struct li *li, cJSON *array, const struct dro_pair *tags, size_t count,
	size_t max, struct dro_error *err)
{
	struct dro_buf tag = DRO_BUF_INIT(4096);
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		if ((rc = li_tag(li, &tag, &tags[i], max, err)) == 0 &&
			!cJSON_AddItemToArray(array, cJSON_CreateString(dro_buf_str(&tag))))
			rc = li_no_memory(li, err);
	}
	dro_buf_free(&tag);
	return rc;
}

bool li_has_tag(const cJSON *item, const char *tag)
{
	const cJSON *tags = cJSON_GetObjectItemCaseSensitive(item, "tags"), *one;

	cJSON_ArrayForEach(one,
		tags) if (cJSON_IsString(one) && strcmp(one->valuestring, tag) == 0) return true;
	return false;
}

int li_tags_read(const struct li *li, const cJSON *item, struct dro_pair **tags, size_t *count,
	struct dro_error *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, "tags"), *one;
	size_t bytes = 0, n = 0;
	char *text;

	*tags = NULL;
	*count = 0;
	cJSON_ArrayForEach(one, list) if (cJSON_IsString(one))
	{
		bytes += strlen(one->valuestring) + 1;
		n++;
	}
	if (n == 0)
		return 0;
	/* The texts stand behind the pairs. */
	*tags = malloc(n * sizeof(**tags) + bytes);
	if (!*tags)
		return li_no_memory(li, err);
	text = (char *)(*tags + n);
	cJSON_ArrayForEach(one, list) if (cJSON_IsString(one))
	{
		size_t length = strlen(one->valuestring);
		char *equals;

		memcpy(text, one->valuestring, length + 1);
		equals = strchr(text, '=');
		if (equals)
			*equals = '\0';
		(*tags)[(*count)++] = (struct dro_pair){text, equals ? equals + 1 : text + length};
		text += length + 1;
	}
	return 0;
}
