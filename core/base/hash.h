/* SHA-256, HMAC, MD5, base64, random ids: libcrypto behind a few calls. Thread-safe. */
#ifndef DRORCH_BASE_HASH_H
#define DRORCH_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define DRO_SHA256_BYTES 32
#define DRO_MD5_BYTES 16
#define DRO_SHA256_HEX 65 /* with its NUL */

void dro_hex(char *out, const void *data, size_t length); /* lower case; 2 * length + 1 bytes */
int dro_sha256(uint8_t out[DRO_SHA256_BYTES], const void *data, size_t length);
int dro_sha256_hex(char out[DRO_SHA256_HEX], const void *data, size_t length);
/* Of `length` bytes of `fd` from `offset`, by pread; DRO_EIO where the file ends early. */
int dro_sha256_fd(
	char out[DRO_SHA256_HEX], int fd, uint64_t offset, uint64_t length, struct dro_error *err);
int dro_hmac_sha256(uint8_t out[DRO_SHA256_BYTES], const void *key, size_t key_length,
	const void *data, size_t length);
/* For Content-MD5, which some protocols ask for; nothing here trusts it. */
int dro_md5(uint8_t out[DRO_MD5_BYTES], const void *data, size_t length);
/* Standard alphabet, padded, in one line. */
void dro_base64(struct dro_buf *out, const void *data, size_t length);
/* `length` lower-case letters and digits and a final NUL, from the kernel's random source. */
void dro_random_id(char *out, size_t length);

#endif
