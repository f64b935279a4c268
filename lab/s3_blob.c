#include "s3.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

static int open_blob(struct s3 *s3, const char *name, int flags)
{
	char *path = dro_path_join(s3->blobs, name);
	int fd = path ? open(path, flags | O_CLOEXEC, 0600) : -1;

	free(path);
	return fd;
}

int s3_blob_new(struct s3 *s3, struct s3_blob *blob, struct dro_error *err)
{
	*blob = (struct s3_blob){.fd = -1};
	dro_random_id(blob->name, S3_BLOB - 1);
	blob->fd = open_blob(s3, blob->name, O_RDWR | O_CREAT | O_EXCL);
	return blob->fd < 0 ? dro_fail_errno(err, "%s", s3->blobs) : 0;
}

void s3_blob_close(struct s3_blob *blob)
{
	if (blob->fd >= 0)
		close(blob->fd);
	blob->fd = -1;
}

void s3_blob_remove(struct s3 *s3, const char *name)
{
	char *path = *name ? dro_path_join(s3->blobs, name) : NULL;

	if (path)
		unlink(path);
	free(path);
}

void s3_blob_discard(struct s3 *s3, struct s3_blob *blob)
{
	s3_blob_close(blob);
	s3_blob_remove(s3, blob->name);
	blob->name[0] = '\0';
}

int s3_blob_open(struct s3 *s3, const char *name)
{
	return open_blob(s3, name, O_RDONLY);
}

int s3_blob_append(struct s3 *s3, struct s3_blob *blob, const char *name, struct dro_error *err)
{
	int fd = s3_blob_open(s3, name), rc = 0;
	char *chunk = NULL;
	ssize_t moved;

	if (fd < 0)
		return dro_fail_errno(err, "%s/%s", s3->blobs, name);
	while ((moved = copy_file_range(fd, NULL, blob->fd, NULL, 1 << 30, 0)) > 0)
		blob->size += moved;
	/* Not between all file systems; it has then moved nothing. */
	if (moved < 0 && !(chunk = malloc(CHUNK)))
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	while (chunk && rc == 0 && (moved = read(fd, chunk, CHUNK)) != 0) {
		if (moved < 0)
			rc = dro_fail_errno(err, "%s/%s", s3->blobs, name);
		else
			rc = dro_write_all(blob->fd, chunk, (size_t)moved, err);
		blob->size += moved > 0 ? moved : 0;
	}
	free(chunk);
	close(fd);
	return rc;
}

void s3_blob_sweep(struct s3 *s3)
{
	DIR *dir = opendir(s3->blobs);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		sqlite3_stmt *query = NULL;
		int found = -1;

		if (entry->d_name[0] == '.')
			continue;
		if (s3_query(s3, &query, NULL,
			    "SELECT 1 FROM object WHERE blob = ?1 UNION ALL "
			    "SELECT 1 FROM part WHERE blob = ?1",
			    "t", entry->d_name) == 0)
			found = s3_row(s3, query, NULL);
		sqlite3_finalize(query);
		if (found == 0)
			s3_blob_remove(s3, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/* ---- receiving ----------------------------------------------------------------------------- */

/* base64 of `size` bytes into `out`; false: it is something else. */
static bool read_base64(const char *text, uint8_t *out, size_t size)
{
	uint8_t bytes[72];
	size_t length = strlen(text), padding = 0;
	int got;

	if (length % 4 || length > 88)
		return false;
	while (padding < 2 && padding < length && text[length - padding - 1] == '=')
		padding++;
	got = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
	if (got < 0 || (size_t)got - padding != size)
		return false;
	memcpy(out, bytes, size);
	return true;
}

static int check_md5(const struct s3_call *c, const struct s3_blob *blob)
{
	const char *header = lab_header(c->request, "content-md5");
	uint8_t wanted[DRO_MD5_BYTES];

	if (!header)
		return 0;
	if (!read_base64(header, wanted, sizeof(wanted)))
		return s3_refuse(c, "InvalidDigest", NULL);
	if (memcmp(wanted, blob->md5, sizeof(wanted)) != 0)
		return s3_refuse(c, "BadDigest", NULL);
	return 0;
}

static int check_sha256(const struct s3_call *c, const uint8_t sum[DRO_SHA256_BYTES])
{
	const char *header = lab_header(c->request, "x-amz-checksum-sha256");
	uint8_t wanted[DRO_SHA256_BYTES];

	if (!header)
		return 0;
	if (!read_base64(header, wanted, sizeof(wanted)))
		return s3_refuse(
			c, "InvalidRequest", "Value for x-amz-checksum-sha256 header is invalid.");
	if (memcmp(wanted, sum, sizeof(wanted)) != 0)
		return s3_refuse(c, "BadDigest",
			"The SHA256 you specified did not match the calculated checksum.");
	return 0;
}

static int check_length(const struct s3_call *c, const struct s3_blob *blob)
{
	const char *header = lab_header(c->request, "x-amz-decoded-content-length");

	if (header && strtoll(header, NULL, 10) != blob->size)
		return s3_refuse(c, "IncompleteBody", NULL);
	return 0;
}

/* Reads to the end; both sums on the way, since a second reading of gigabytes would show. */
static int copy_body(const struct s3_call *c, struct s3_reader *reader, struct s3_blob *blob,
	uint8_t sha256[DRO_SHA256_BYTES])
{
	EVP_MD_CTX *md5 = EVP_MD_CTX_new(), *sha = EVP_MD_CTX_new();
	bool want_sha = lab_header(c->request, "x-amz-checksum-sha256") != NULL;
	struct dro_error err = DRO_ERROR_INIT;
	char *chunk = malloc(CHUNK);
	ssize_t got = 0;
	int rc = 0;

	if (!md5 || !sha || !chunk || EVP_DigestInit_ex(md5, EVP_md5(), NULL) != 1 ||
		EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1) {
		rc = s3_refuse(c, "InternalError", "out of memory");
		goto out;
	}
	while ((got = s3_reader_read(reader, chunk, CHUNK)) > 0) {
		EVP_DigestUpdate(md5, chunk, (size_t)got);
		if (want_sha)
			EVP_DigestUpdate(sha, chunk, (size_t)got);
		if (dro_write_all(blob->fd, chunk, (size_t)got, &err) < 0) {
			rc = s3_refuse_internal(c, &err);
			goto out;
		}
		blob->size += got;
	}
	if (got < 0)
		rc = DRO_EINVAL;
	else if (EVP_DigestFinal_ex(md5, blob->md5, NULL) != 1 ||
		 EVP_DigestFinal_ex(sha, sha256, NULL) != 1)
		rc = s3_refuse(c, "InternalError", NULL);
out:
	EVP_MD_CTX_free(md5);
	EVP_MD_CTX_free(sha);
	free(chunk);
	return rc;
}

int s3_blob_receive(const struct s3_call *c, struct s3_blob *blob)
{
	struct s3_reader *reader = NULL;
	struct dro_error err = DRO_ERROR_INIT;
	uint8_t sha256[DRO_SHA256_BYTES];
	int rc = s3_reader_new(&reader, c);

	*blob = (struct s3_blob){.fd = -1};
	if (rc < 0)
		return rc;
	if (s3_blob_new(c->s3, blob, &err) < 0) {
		rc = s3_refuse_internal(c, &err);
		goto out;
	}
	if ((rc = copy_body(c, reader, blob, sha256)) < 0 || (rc = check_length(c, blob)) < 0 ||
		(rc = check_md5(c, blob)) < 0 || (rc = check_sha256(c, sha256)) < 0)
		s3_blob_discard(c->s3, blob);
out:
	s3_reader_free(reader);
	return rc;
}
