#include "plugins/common/ahead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void *work(void *arg)
{
	struct dro_ahead *ahead = arg;

	ahead->rc = ahead->fetch(ahead->arg, ahead->token, &ahead->response, &ahead->err);
	return NULL;
}

void dro_ahead_start(struct dro_ahead *ahead, const char *current, const char *guess)
{
	if (ahead->running || !*guess || strlen(guess) >= sizeof(ahead->token) ||
		(current && strcmp(current, guess) == 0))
		return;
	snprintf(ahead->token, sizeof(ahead->token), "%s", guess);
	ahead->response = NULL;
	ahead->err = (struct dro_error)DRO_ERROR_INIT;
	ahead->running = pthread_create(&ahead->thread, NULL, work, ahead) == 0;
}

int dro_ahead_get(struct dro_ahead *ahead, const char *token, struct dro_http_response **out,
	struct dro_error *err)
{
	bool right = ahead->running && token && strcmp(token, ahead->token) == 0;

	if (ahead->running && !right)
		dro_ahead_fini(ahead);
	if (!right)
		return ahead->fetch(ahead->arg, token, out, err);
	pthread_join(ahead->thread, NULL);
	ahead->running = false;
	*out = ahead->response;
	if (ahead->rc < 0 && err)
		*err = ahead->err;
	return ahead->rc;
}

void dro_ahead_fini(struct dro_ahead *ahead)
{
	if (!ahead->running)
		return;
	pthread_join(ahead->thread, NULL);
	ahead->running = false;
	ahead->host->http_free(ahead->response);
}

/* Behind the last `before`, or NULL. */
static const char *behind_last(const struct dro_http_response *response, const char *before)
{
	const char *at = response->body, *end = at + response->body_length, *found = NULL;

	while ((at = memmem(at, (size_t)(end - at), before, strlen(before)))) {
		at += strlen(before);
		found = at;
	}
	return found;
}

bool dro_ahead_find(const struct dro_http_response *response, const char *before, const char *after,
	char *out, size_t out_size)
{
	const char *body = behind_last(response, before);
	const char *end = response->body + response->body_length;
	size_t i;

	end = body ? memmem(body, (size_t)(end - body), after, strlen(after)) : NULL;
	if (!end || (size_t)(end - body) >= out_size)
		return false;
	for (i = 0; body + i < end; i++)
		if (body[i] <= ' ' || body[i] > '~' || strchr("&<>\"\\", body[i]))
			return false;
	memcpy(out, body, i);
	out[i] = '\0';
	return true;
}

unsigned long dro_ahead_number(const struct dro_http_response *response, const char *before)
{
	const char *text = behind_last(response, before);

	return text && *text >= '0' && *text <= '9' ? strtoul(text, NULL, 10) : 0;
}
