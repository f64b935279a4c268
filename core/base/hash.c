#include "base/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

void dro_hex(char *out, const void *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;
	size_t i;

	for (i = 0; i < length; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * length] = '\0';
}

int dro_sha256(uint8_t out[DRO_SHA256_BYTES], const void *data, size_t length)
{
	return EVP_Digest(data, length, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : DRO_ENOMEM;
}

int dro_sha256_hex(char out[DRO_SHA256_HEX], const void *data, size_t length)
{
	uint8_t sum[DRO_SHA256_BYTES];
	int rc = dro_sha256(sum, data, length);

	if (rc == 0)
		dro_hex(out, sum, sizeof(sum));
	return rc;
}

int dro_sha256_fd(
	char out[DRO_SHA256_HEX], int fd, uint64_t offset, uint64_t length, struct dro_error *err)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t chunk[32768], sum[DRO_SHA256_BYTES];
	int rc = 0;

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	while (length > 0) {
		size_t want = length < sizeof(chunk) ? (size_t)length : sizeof(chunk);
		ssize_t got = pread(fd, chunk, want, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			rc = dro_fail_errno(err, "read");
			goto out;
		}
		if (got == 0) {
			rc = dro_fail(err, DRO_EIO, "the file is shorter than it was");
			goto out;
		}
		if (EVP_DigestUpdate(md, chunk, (size_t)got) != 1) {
			rc = dro_fail(err, DRO_ENOMEM, "out of memory");
			goto out;
		}
		offset += (uint64_t)got;
		length -= (uint64_t)got;
	}
	if (EVP_DigestFinal_ex(md, sum, NULL) != 1)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else
		dro_hex(out, sum, sizeof(sum));
out:
	EVP_MD_CTX_free(md);
	return rc;
}

int dro_hmac_sha256(uint8_t out[DRO_SHA256_BYTES], const void *key, size_t key_length,
	const void *data, size_t length)
{
	return HMAC(EVP_sha256(), key, (int)key_length, data, length, out, NULL) ? 0 : DRO_ENOMEM;
}

int dro_md5(uint8_t out[DRO_MD5_BYTES], const void *data, size_t length)
{
	return EVP_Digest(data, length, out, NULL, EVP_md5(), NULL) == 1 ? 0 : DRO_EUNSUPPORTED;
}

void dro_base64(struct dro_buf *out, const void *data, size_t length)
{
	unsigned char text[4 * 256 + 1]; /* EVP_EncodeBlock adds a NUL */
	const unsigned char *bytes = data;

	while (length > 0) {
		size_t take = length < 3 * 256 ? length : 3 * 256;

		dro_buf_append(out, text, (size_t)EVP_EncodeBlock(text, bytes, (int)take));
		bytes += take;
		length -= take;
	}
}

void dro_random_id(char *out, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567"; /* 32: no bias */
	uint8_t byte;
	size_t i;

	for (i = 0; i < length; i++) {
		if (getrandom(&byte, 1, 0) != 1)
			abort(); /* no randomness, no ids: nothing sensible can go on */
		out[i] = letters[byte & 31];
	}
	out[length] = '\0';
}
