/*
 * Secrets: from a reference to its value, and out of everything that people read. Values live only
 * in struct dro_secret and in the redactor, and are wiped when freed. Thread-safe, but for a
 * single struct dro_secret.
 */
#ifndef DRORCH_NET_SECRET_H
#define DRORCH_NET_SECRET_H

#include "base/buf.h"
#include "model/service.h"

#define DRO_SECRET_MAX_BYTES 65536

struct dro_secret {
	char *value; /* NUL-terminated, no NUL inside; NULL where none was set */
	size_t length;
};

#define DRO_SECRET_INIT                                                                            \
	{                                                                                          \
		NULL, 0                                                                            \
	}

/* Copies; what was there before is wiped. */
int dro_secret_set(
	struct dro_secret *secret, const char *value, size_t length, struct dro_error *err);
void dro_secret_free(struct dro_secret *secret); /* wipes; NULL-safe; usable again afterwards */

/* Known values, to be taken out of text. */
struct dro_redactor;

int dro_redactor_new(struct dro_redactor **out, struct dro_error *err);
void dro_redactor_free(struct dro_redactor *redactor); /* NULL-safe */
/* Remembers the value and its base64, percent-encoded and JSON forms; shorter than 6 is ignored. */
int dro_redactor_add(
	struct dro_redactor *redactor, const char *value, size_t length, struct dro_error *err);
/*
 * Puts "[redacted]" where a known value stands, also where the text's end cuts one off. Fits
 * struct dro_log's `redact`, with the redactor as its argument. Where memory runs out, the
 * whole text goes.
 */
void dro_redact(void *redactor, struct dro_buf *text);
void dro_redact_error(struct dro_redactor *redactor, struct dro_error *err);

/*
 * Looks the value up, and tells `redactor` (may be NULL) about it.
 * - env: the variable.
 * - file: a regular file of ours or root's that nobody else can read or write; one that root owns
 *   may be readable by its group (0640 root:drorch).
 * - systemd: NAME in $CREDENTIALS_DIRECTORY.
 * - command: its standard output, at most 64 KiB within 10 seconds or `deadline_ms`, whichever
 *   is first; never through a shell.
 * A final newline is cut, but not from a variable. Empty, or with a NUL inside: refused. Failures
 * are DRO_EAUTH and name the reference, never the value.
 */
int dro_secret_resolve(struct dro_secret *out, const struct dro_secret_ref *ref,
	struct dro_redactor *redactor, uint64_t deadline_ms, struct dro_error *err);

#endif
