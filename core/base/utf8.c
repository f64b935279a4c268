#include "base/utf8.h"

size_t dro_utf8_next(const char *text, size_t left, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length, i;
	uint32_t c;

	if (!left)
		return 0;
	if (bytes[0] < 0x80) {
		*out = bytes[0];
		return 1;
	}
	length = bytes[0] >= 0xf0 && bytes[0] < 0xf8   ? 4
		 : bytes[0] >= 0xe0 && bytes[0] < 0xf0 ? 3
		 : bytes[0] >= 0xc0 && bytes[0] < 0xe0 ? 2
						       : 0;
	if (!length || length > left)
		return 0;
	c = bytes[0] & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (bytes[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return length;
}

bool dro_char_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{0x00, 0x09}, {0x0b, 0x1f}, {0x7f, 0x9f}, /* C0 but the line feed, DEL, C1 */
		{0x061c, 0x061c}, {0x200b, 0x200f},	  /* zero width, direction marks */
		{0x2028, 0x202e}, {0x2060, 0x206f}, /* line separators, embeddings, isolates */
		{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f}, /* tags */
	};
	size_t i;

	if (c >= ' ' && c < 0x7f) /* nearly all there is */
		return false;
	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return false;
}

void dro_buf_escape(struct dro_buf *out, const char *text, size_t length)
{
	size_t at, used, i;
	uint32_t c;

	for (at = 0; at < length; at += used) {
		used = dro_utf8_next(text + at, length - at, &c);
		if (used && c != '\n' && !dro_char_hidden(c)) {
			dro_buf_append(out, text + at, used);
			continue;
		}
		used = used ? used : 1;
		for (i = 0; i < used; i++)
			dro_buf_printf(out, "\\x%02x", (unsigned char)text[at + i]);
	}
}
