#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/cloudflare/balance.h"

#define HUNDRED 100

/* Pool names hold letters, digits, '-' and '_': all else is '_' and two hex digits. */
static void encode(struct dro_buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x80 && (isalnum(c) || c == '-'))
			dro_buf_append(out, text, 1);
		else
			dro_buf_printf(out, "_%02x", c);
	}
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Only what encode() writes; false for anything else. */
static bool decode(struct dro_buf *out, const char *text)
{
	for (; *text; text++) {
		char c = *text;

		if (c == '_') {
			int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);

			if (low < 0 || high + low == 0)
				return false;
			c = (char)(high * 16 + low);
			text += 2;
			if (isalnum((unsigned char)c) || c == '-')
				return false;
		} else if (!isalnum((unsigned char)c) && c != '-') {
			return false;
		}
		dro_buf_append(out, &c, 1);
	}
	return out->length > 0 && !out->failed;
}

/* No encoded text holds "__": it parts the two. */
void cf_pool_name(struct dro_buf *out, const char *name, const char *set_id)
{
	encode(out, name);
	dro_buf_puts(out, "__");
	encode(out, set_id);
}

bool cf_pool_name_read(const char *pool, const char *name, struct dro_buf *set_id)
{
	struct dro_buf start = DRO_BUF_INIT(4096);
	bool ours;

	dro_buf_reset(set_id);
	encode(&start, name);
	dro_buf_puts(&start, "__");
	ours = !start.failed && strncmp(pool, dro_buf_str(&start), start.length) == 0 &&
	       decode(set_id, pool + start.length);
	dro_buf_free(&start);
	return ours;
}

void cf_weights_scale(const uint32_t *weights, size_t count, uint32_t *hundredths)
{
	uint32_t max = HUNDRED;
	size_t i;

	for (i = 0; i < count; i++)
		max = weights[i] > max ? weights[i] : max;
	for (i = 0; i < count; i++) {
		hundredths[i] = (weights[i] * HUNDRED + max / 2) / max;
		if (weights[i] && !hundredths[i]) /* little is not nothing */
			hundredths[i] = 1;
	}
}

void cf_description_write(
	struct dro_buf *out, const char *owner, const uint32_t *weights, size_t count)
{
	bool scaled = false;
	size_t i;

	dro_buf_puts(out, owner);
	for (i = 0; i < count; i++)
		scaled |= weights[i] > HUNDRED;
	for (i = 0; i < count && scaled; i++)
		dro_buf_printf(out, "%s%u", i ? "," : " {", weights[i]);
	if (scaled)
		dro_buf_puts(out, "}");
}

/* "{255,1}" to its end; false: it is no such list of `count`. */
static bool read_numbers(const char *text, uint32_t *numbers, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		char *end;

		if (*text++ != (i ? ',' : '{') || !isdigit((unsigned char)*text))
			return false;
		numbers[i] = (uint32_t)strtoul(text, &end, 10);
		if (end - text > 3 || numbers[i] > CF_WEIGHT_MAX)
			return false;
		text = end;
	}
	return strcmp(text, "}") == 0;
}

void cf_description_read(
	struct dro_buf *owner, const char *description, uint32_t *weights, size_t count)
{
	const char *list = strrchr(description, '{');
	uint32_t numbers[CF_MEMBERS_MAX], hundredths[CF_MEMBERS_MAX];
	size_t length = strlen(description);

	dro_buf_reset(owner);
	if (list && list > description && list[-1] == ' ' && description[length - 1] == '}' &&
		list[strspn(list, "{}0123456789,")] == '\0') {
		dro_buf_append(owner, description, (size_t)(list - 1 - description));
		if (count && read_numbers(list, numbers, count)) {
			cf_weights_scale(numbers, count, hundredths);
			if (memcmp(hundredths, weights, count * sizeof(*weights)) == 0)
				memcpy(weights, numbers, count * sizeof(*weights));
		}
	} else {
		dro_buf_puts(owner, description);
	}
}
