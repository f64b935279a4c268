#include "plugins/common/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/when.h"

#define RETRY_AFTER_MAX_MS 3600000

int dro_word_code(const struct dro_word *table, const char *word)
{
	size_t length = strlen(word);

	for (; table->word; table++) {
		const char *pattern = table->word;
		size_t tail;

		if (*pattern != '*') {
			if (strcmp(pattern, word) == 0)
				return table->code;
			continue;
		}
		tail = strlen(++pattern);
		if (length >= tail && strcmp(word + length - tail, pattern) == 0)
			return table->code;
	}
	return 0;
}

bool dro_answer_ok(const struct dro_http_response *response)
{
	return response->status >= 200 && response->status <= 299;
}

const char *dro_answer_header(const struct dro_http_response *response, const char *name)
{
	size_t i;

	for (i = 0; i < response->header_count; i++)
		if (strcmp(response->headers[i].name, name) == 0)
			return response->headers[i].value;
	return "";
}

uint32_t dro_answer_retry_after(const struct dro_http_response *response, int64_t wall_ms)
{
	const char *text = dro_answer_header(response, "retry-after");
	int64_t ms;

	if (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long seconds = strtoul(text, &end, 10);

		if (*end)
			return 0;
		ms = seconds > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS
							 : (int64_t)seconds * 1000;
	} else {
		int64_t at = dro_when_http(text);

		ms = at > wall_ms ? at - wall_ms : 0;
	}
	return (uint32_t)(ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms);
}

int dro_answer_code(int status, bool mutation)
{
	switch (status) {
	case 401:
	case 403:
		return DRO_EAUTH;
	case 404:
	case 410:
		return DRO_ENOTFOUND;
	case 409:
	case 412:
		return DRO_ECONFLICT;
	case 429:
		return DRO_EAGAIN;
	case 501:
		return DRO_EUNSUPPORTED;
	}
	if (status >= 500 || status == 408)
		return mutation ? DRO_ETIMEDOUT : DRO_EAGAIN;
	return status >= 400 ? DRO_EINVAL : DRO_EPROTO;
}

int dro_answer_fail(const struct dro_host *host, const struct dro_http_response *response, int code,
	const char *word, const char *message, struct dro_error *err)
{
	char clean[512];
	size_t i;

	for (i = 0; message[i] && i < sizeof(clean) - 1; i++) {
		unsigned char c = (unsigned char)message[i];

		clean[i] = c < ' ' || c == 127 ? ' ' : (char)c;
	}
	while (i > 0 && ((unsigned char)message[i] & 0xc0) == 0x80) /* not within a character */
		i--;
	clean[i] = '\0';
	if (*word)
		host->fail(err, code, word, "%s: %s", word, *clean ? clean : "no message");
	else
		host->fail(err, code, NULL, "HTTP status %d%s%s", (int)response->status,
			*clean ? ": " : "", clean);
	if (err) {
		err->http_status = response->status;
		err->retry_after_ms = dro_answer_retry_after(response, host->wall_ms(host));
	}
	return code;
}
