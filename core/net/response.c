#include "net/response.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_AFTER_MAX_S 86400

/* What a response owns, around what its reader sees. */
struct owned {
	struct dro_http_response response;
	char *body, *text;
	struct dro_pair pairs[];
};

void dro_incoming_init(struct dro_incoming *incoming)
{
	memset(incoming, 0, sizeof(*incoming));
	incoming->headers.max = DRO_RESPONSE_HEADER_BYTES;
	incoming->body.max = DRO_RESPONSE_MAX;
}

void dro_incoming_free(struct dro_incoming *incoming)
{
	dro_buf_free(&incoming->headers);
	dro_buf_free(&incoming->body);
}

static void begin(struct dro_incoming *incoming, const char *line, size_t length)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)(length < 63 ? length : 63), line);
	if (sscanf(text, "HTTP/%*s %d", &incoming->status) != 1)
		incoming->status = 0;
	incoming->header_count = 0;
	dro_buf_reset(&incoming->headers);
}

bool dro_incoming_line(struct dro_incoming *incoming, const char *line, size_t length)
{
	struct dro_buf *out = &incoming->headers;
	const char *colon, *value, *end = line + length;
	size_t i;

	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		begin(incoming, line, length);
		return true;
	}
	colon = memchr(line, ':', length);
	if (!colon || colon == line)
		return true;
	if (++incoming->header_count > DRO_RESPONSE_HEADERS_MAX)
		return false;
	for (i = 0; line + i < colon; i++) {
		char c = (char)tolower((unsigned char)line[i]);

		dro_buf_append(out, &c, 1);
	}
	while (end > colon + 1 && isspace((unsigned char)end[-1]))
		end--;
	for (value = colon + 1; value < end && isspace((unsigned char)*value);)
		value++;
	dro_buf_append(out, "", 1);
	dro_buf_append(out, value, (size_t)(end - value));
	dro_buf_append(out, "", 1);
	return !out->failed;
}

int dro_incoming_finish(struct dro_incoming *incoming, uint64_t sunk,
	struct dro_http_response **out, struct dro_error *err)
{
	size_t count = incoming->header_count, length = incoming->body.length, i;
	struct owned *owned = calloc(1, sizeof(*owned) + count * sizeof(struct dro_pair));
	const char *next;

	if (!owned)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	owned->text = dro_buf_take(&incoming->headers);
	owned->body = dro_buf_take(&incoming->body);
	if (!owned->text || !owned->body) {
		dro_http_response_free(&owned->response);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	for (i = 0, next = owned->text; i < count; i++) {
		owned->pairs[i].name = next;
		next += strlen(next) + 1;
		owned->pairs[i].value = next;
		next += strlen(next) + 1;
	}
	owned->response.size = sizeof(owned->response);
	owned->response.status = incoming->status;
	owned->response.body = owned->body;
	owned->response.body_length = sunk ? (size_t)sunk : length;
	owned->response.headers = owned->pairs;
	owned->response.header_count = count;
	*out = &owned->response;
	return 0;
}

void dro_http_response_free(struct dro_http_response *response)
{
	struct owned *owned = (struct owned *)response; /* its first member */

	if (!owned)
		return;
	free(owned->body);
	free(owned->text);
	free(owned);
}

const char *dro_http_header(const struct dro_http_response *response, const char *name)
{
	size_t i;

	for (i = 0; i < response->header_count; i++)
		if (strcmp(response->headers[i].name, name) == 0)
			return response->headers[i].value;
	return NULL;
}

uint64_t dro_http_retry_after_ms(const struct dro_http_response *response)
{
	const char *text = dro_http_header(response, "retry-after");
	int64_t wait_ms;
	struct tm tm = {0};
	const char *end;

	if (!text || !*text)
		return 0;
	if (text[strspn(text, "0123456789")] == '\0') {
		unsigned long seconds =
			strlen(text) > 6 ? RETRY_AFTER_MAX_S : strtoul(text, NULL, 10);

		return (seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds) * 1000;
	}
	end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (!end || *end)
		return 0;
	wait_ms = (int64_t)timegm(&tm) * 1000 - dro_wall_ms();
	if (wait_ms < 0)
		return 0;
	return wait_ms > RETRY_AFTER_MAX_S * 1000 ? RETRY_AFTER_MAX_S * 1000 : (uint64_t)wait_ms;
}
