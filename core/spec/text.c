#include "spec/text.h"

#include <stdio.h>
#include <string.h>

#define WORD_BYTES 40
#define ERRORS_MAX 20 /* of one file: past these it is no text at all */

/* How many bytes nobody could object to there are. Nearly all of a spec is such. */
static size_t plain_run(const char *text, size_t left)
{
	size_t i = 0;

	while (i < left && text[i] >= ' ' && text[i] <= '~')
		i++;
	return i;
}

bool dro_text_hidden(const char *text)
{
	size_t left = strlen(text), used = plain_run(text, left);
	uint32_t c;

	text += used;
	left -= used;
	for (; left; text += used, left -= used) {
		used = dro_utf8_next(text, left, &c);
		if (!used || dro_char_hidden(c))
			return true;
	}
	return false;
}

const char *dro_word(char out[DRO_WORD_TEXT], const char *text)
{
	size_t length = strnlen(text, WORD_BYTES + 1);

	if (length <= WORD_BYTES) {
		snprintf(out, DRO_WORD_TEXT, "%s", text);
		return out;
	}
	for (length = WORD_BYTES; length && ((unsigned char)text[length] & 0xc0) == 0x80; length--)
		;
	snprintf(out, DRO_WORD_TEXT, "%.*s…", (int)length, text);
	return out;
}

static void complain(struct dro_report *report, const struct dro_place *place, uint32_t c)
{
	if (c == '\t')
		dro_report_add(report, place,
			"a tab: YAML is indented with spaces; write \"\\t\" in "
			"double quotes where a value needs one");
	else if (c == 0)
		dro_report_add(report, place, "a NUL character: this is no text file");
	else
		dro_report_add(report, place,
			"the hidden character U+%04X: take it out (control and text direction "
			"characters are not allowed)",
			(unsigned)c);
}

/* The bytes of a character that spoils its line; 0 where it may stand there. */
static bool spoils(const char *data, size_t left, size_t used, uint32_t c)
{
	if (c == '\r' && left > 1 && data[used] == '\n')
		return false;
	return dro_char_hidden(c);
}

static bool check_start(
	const struct dro_place *place, const char *data, size_t length, struct dro_report *report)
{
	if (length >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0 ||
				   (!data[0] != !data[1]))) {
		dro_report_add(report, place, "UTF-16 or UTF-32 text: save the file as UTF-8");
		return false;
	}
	return true;
}

bool dro_text_check(const char *file, const char *data, size_t length, struct dro_report *report)
{
	struct dro_place place = {.file = file, .line = 1, .column = 1};
	size_t at, used;
	int errors = 0;
	uint32_t c;

	if (!check_start(&place, data, length, report))
		return false;
	at = length >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	while (at < length && errors < ERRORS_MAX) {
		size_t plain = plain_run(data + at, length - at);
		bool bad;

		at += plain;
		place.column += (int)plain;
		if (at == length)
			break;
		used = dro_utf8_next(data + at, length - at, &c);
		bad = !used || spoils(data + at, length - at, used, c);
		if (!used)
			dro_report_add(report, &place,
				"the byte 0x%02X is not UTF-8: save the file as UTF-8",
				(unsigned)(unsigned char)data[at]);
		else if (bad)
			complain(report, &place, c);
		if (bad) {
			const char *end = memchr(data + at, '\n', length - at);

			errors++;
			used = end ? (size_t)(end - data) - at : length - at;
		} else if (c == '\n') {
			place.line++;
			place.column = 0;
		}
		at += used;
		place.column++;
	}
	return errors == 0;
}
