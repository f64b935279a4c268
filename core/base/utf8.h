/* Text from outside: is it UTF-8, does it hide something, and how a terminal may be shown it. */
#ifndef DRORCH_BASE_UTF8_H
#define DRORCH_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Decodes one character of `left` bytes: its length, or 0 where the bytes are no UTF-8 (too long a
 * form, a surrogate, past U+10FFFF, cut).
 */
size_t dro_utf8_next(const char *text, size_t left, uint32_t *out);

/* Control and bidirectional formatting characters, which make text look like what it is not. The
 * line feed is none. */
bool dro_char_hidden(uint32_t c);

/*
 * Appends `text` so that it stays one line and moves no cursor: every byte of a line feed, of a
 * hidden character and of what is no UTF-8 becomes \xNN.
 */
void dro_buf_escape(struct dro_buf *out, const char *text, size_t length);

#endif
