/* Is a file text that people and terminals can trust: UTF-8 with nothing hidden in it? */
#ifndef DRORCH_SPEC_TEXT_H
#define DRORCH_SPEC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/utf8.h"
#include "spec/report.h"

/* Is there a control or bidirectional formatting character, or what is no UTF-8, in it? */
bool dro_text_hidden(const char *text);

/* `text` for a message: 40 bytes of it, whole characters, "…" where more was there. */
#define DRO_WORD_TEXT 48
const char *dro_word(char out[DRO_WORD_TEXT], const char *text);

/*
 * Reports UTF-16, bad UTF-8, NUL, tabs, control and bidirectional characters, one a line. True
 * where there was none. A UTF-8 byte order mark is allowed.
 */
bool dro_text_check(const char *file, const char *data, size_t length, struct dro_report *report);

#endif
