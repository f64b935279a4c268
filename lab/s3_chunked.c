#include "s3.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/sigv4.h"

#define BUFFER 65536
#define LINE_MAX_BYTES 1024

/*
 * The request's body. With x-amz-content-sha256: STREAMING-… it comes in chunks of its own,
 * "HEX-SIZE;chunk-signature=HEX CR LF bytes CR LF", each signed over the one before, and may end in
 * trailers.
 */
struct s3_reader {
	const struct s3_call *c;
	uint64_t at; /* in the raw body */
	char *buffer;
	size_t start, length;
	bool chunked;
	bool signed_chunks;
	bool ended;
	uint64_t left; /* of the chunk */
	bool in_chunk;
	EVP_MD_CTX *hash;		/* of the chunk */
	char signature[DRO_SHA256_HEX]; /* of the chunk, as sent */
	char previous[DRO_SHA256_HEX];
	char date[DRO_SIGV4_DATE];
};

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static int begin_signatures(struct s3_reader *reader)
{
	const struct s3_call *c = reader->c;
	const char *authorization = lab_header(c->request, "authorization");
	const char *date = lab_header(c->request, "x-amz-date");
	const char *seed = authorization ? strstr(authorization, "Signature=") : NULL;

	if (!seed || !date || strlen(date) >= sizeof(reader->date))
		return s3_refuse(c, "AuthorizationHeaderMalformed", NULL);
	snprintf(reader->previous, sizeof(reader->previous), "%.64s", seed + 10);
	snprintf(reader->date, sizeof(reader->date), "%s", date);
	return 0;
}

int s3_reader_new(struct s3_reader **out, const struct s3_call *c)
{
	const char *hash = lab_header(c->request, "x-amz-content-sha256");
	struct s3_reader *reader = calloc(1, sizeof(*reader));
	int rc = 0;

	if (!reader || !(reader->buffer = malloc(BUFFER)) || !(reader->hash = EVP_MD_CTX_new())) {
		s3_reader_free(reader);
		return s3_refuse(c, "InternalError", "out of memory");
	}
	reader->c = c;
	reader->chunked = hash && strncmp(hash, "STREAMING-", 10) == 0;
	reader->signed_chunks =
		reader->chunked && strncmp(hash, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 34) == 0;
	if (reader->chunked && !reader->signed_chunks && !ends_in(hash, "UNSIGNED-PAYLOAD-TRAILER"))
		rc = s3_refuse(c, "NotImplemented", NULL);
	else if (reader->signed_chunks)
		rc = begin_signatures(reader);
	if (rc < 0) {
		s3_reader_free(reader);
		return rc;
	}
	*out = reader;
	return 0;
}

void s3_reader_free(struct s3_reader *reader)
{
	if (!reader)
		return;
	EVP_MD_CTX_free(reader->hash);
	free(reader->buffer);
	free(reader);
}

/* Fills the empty buffer; 0 at the body's end. */
static ssize_t fill(struct s3_reader *reader)
{
	const struct lab_request *request = reader->c->request;
	uint64_t left = request->body_length - reader->at;
	size_t want = left < BUFFER ? (size_t)left : BUFFER;
	ssize_t got = (ssize_t)want;

	if (reader->length || want == 0)
		return (ssize_t)reader->length;
	if (request->body)
		memcpy(reader->buffer, request->body + reader->at, want);
	else
		do
			got = pread(request->body_fd, reader->buffer, want, (off_t)reader->at);
		while (got < 0 && errno == EINTR);
	if (got <= 0)
		return s3_refuse(reader->c, got ? "InternalError" : "IncompleteBody", NULL);
	reader->at += (uint64_t)got;
	reader->start = 0;
	reader->length = (size_t)got;
	return got;
}

static ssize_t take(struct s3_reader *reader, void *data, size_t size)
{
	ssize_t got = fill(reader);
	size_t part;

	if (got <= 0)
		return got;
	part = size < reader->length ? size : reader->length;
	memcpy(data, reader->buffer + reader->start, part);
	reader->start += part;
	reader->length -= part;
	return (ssize_t)part;
}

/* A line without its CR LF. */
static int read_line(struct s3_reader *reader, char line[LINE_MAX_BYTES])
{
	size_t length = 0;
	ssize_t got;

	while (length < LINE_MAX_BYTES) {
		got = take(reader, line + length, 1);
		if (got < 0)
			return DRO_EINVAL;
		if (got == 0)
			break;
		if (line[length] == '\n') {
			line[length && line[length - 1] == '\r' ? length - 1 : length] = '\0';
			return 0;
		}
		length++;
	}
	return s3_refuse(reader->c, "IncompleteBody", NULL);
}

static int check_chunk(struct s3_reader *reader)
{
	const struct s3_call *c = reader->c;
	struct dro_sigv4_scope scope = {reader->date, c->scope.region, c->scope.service};
	struct dro_buf text = DRO_BUF_INIT(4096);
	struct dro_error err = DRO_ERROR_INIT;
	char hash[DRO_SHA256_HEX], wanted[DRO_SHA256_HEX];
	uint8_t sum[DRO_SHA256_BYTES];
	int rc;

	if (EVP_DigestFinal_ex(reader->hash, sum, NULL) != 1)
		return s3_refuse(c, "InternalError", NULL);
	dro_hex(hash, sum, sizeof(sum));
	dro_buf_printf(&text, "AWS4-HMAC-SHA256-PAYLOAD\n%s\n", reader->date);
	rc = dro_sigv4_scope_text(&text, &scope, &err);
	dro_buf_printf(&text, "\n%s\n" DRO_SIGV4_EMPTY_SHA256 "\n%s", reader->previous, hash);
	if (rc == 0)
		rc = dro_sigv4_signature(wanted, &scope, c->secret, &text, &err);
	dro_buf_free(&text);
	if (rc < 0)
		return s3_refuse_internal(c, &err);
	if (!dro_sigv4_equal(wanted, reader->signature))
		return s3_refuse(c, "SignatureDoesNotMatch", NULL);
	memcpy(reader->previous, wanted, sizeof(wanted));
	return 0;
}

static int begin_chunk(struct s3_reader *reader)
{
	char line[LINE_MAX_BYTES], *end;
	const char *signature;

	if (read_line(reader, line) < 0)
		return DRO_EINVAL;
	errno = 0;
	reader->left = strtoull(line, &end, 16);
	if (end == line || errno || (*end && *end != ';') || *line == '-')
		return s3_refuse(reader->c, "InvalidRequest", "a chunk has no size");
	signature = strstr(end, "chunk-signature=");
	snprintf(reader->signature, sizeof(reader->signature), "%.64s",
		signature ? signature + 16 : "");
	if (EVP_DigestInit_ex(reader->hash, EVP_sha256(), NULL) != 1)
		return s3_refuse(reader->c, "InternalError", NULL);
	reader->in_chunk = true;
	return 0;
}

static int end_chunk(struct s3_reader *reader, bool last)
{
	char line[LINE_MAX_BYTES];

	reader->in_chunk = false;
	if (reader->signed_chunks && check_chunk(reader) < 0)
		return DRO_EINVAL;
	if (!last) {
		if (read_line(reader, line) < 0)
			return DRO_EINVAL;
		return *line ? s3_refuse(reader->c, "InvalidRequest", "a chunk is too long") : 0;
	}
	reader->ended = true;
	while (fill(reader) > 0) { /* trailers, and the blank line */
		if (read_line(reader, line) < 0)
			return DRO_EINVAL;
		if (!*line)
			break;
	}
	return 0;
}

ssize_t s3_reader_read(struct s3_reader *reader, void *data, size_t size)
{
	ssize_t got;

	if (!reader->chunked)
		return take(reader, data, size);
	if (reader->ended)
		return 0;
	if (!reader->in_chunk && begin_chunk(reader) < 0)
		return DRO_EINVAL;
	if (reader->left == 0)
		return end_chunk(reader, true);
	got = take(reader, data, size < reader->left ? size : (size_t)reader->left);
	if (got < 0)
		return got;
	if (got == 0)
		return s3_refuse(reader->c, "IncompleteBody", NULL);
	reader->left -= (uint64_t)got;
	if (reader->signed_chunks && EVP_DigestUpdate(reader->hash, data, (size_t)got) != 1)
		return s3_refuse(reader->c, "InternalError", NULL);
	if (reader->left == 0 && end_chunk(reader, false) < 0)
		return DRO_EINVAL;
	return got;
}
