#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/uri.h"
#include "net/secret.h"

#define SHORTEST 6 /* what is shorter would blot out ordinary words */
#define MARK "[redacted]"

struct form {
	char *text;
	size_t length;
	struct form *next;
};

struct dro_redactor {
	pthread_mutex_t lock;
	struct form *forms;
	bool begins[256]; /* the bytes that forms begin with */
};

int dro_redactor_new(struct dro_redactor **out, struct dro_error *err)
{
	struct dro_redactor *redactor = calloc(1, sizeof(*redactor));

	if (!redactor)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&redactor->lock, NULL);
	*out = redactor;
	return 0;
}

void dro_redactor_free(struct dro_redactor *redactor)
{
	struct form *next;

	if (!redactor)
		return;
	for (; redactor->forms; redactor->forms = next) {
		next = redactor->forms->next;
		explicit_bzero(redactor->forms->text, redactor->forms->length);
		free(redactor->forms->text);
		free(redactor->forms);
	}
	pthread_mutex_destroy(&redactor->lock);
	free(redactor);
}

/* Locked. A form that is known already is not kept twice. */
static int add_form(struct dro_redactor *redactor, const char *text, size_t length)
{
	struct form *form;

	for (form = redactor->forms; form; form = form->next)
		if (form->length == length && memcmp(form->text, text, length) == 0)
			return 0;
	form = calloc(1, sizeof(*form));
	if (!form || !(form->text = malloc(length))) {
		free(form);
		return DRO_ENOMEM;
	}
	memcpy(form->text, text, length);
	form->length = length;
	form->next = redactor->forms;
	redactor->forms = form;
	redactor->begins[(unsigned char)*text] = true;
	return 0;
}

/* Room for the longest form at once, so that no copy is left behind by growing. */
static int scratch(struct dro_buf *buf, size_t length)
{
	size_t room = length * 6 + 8; /* JSON's \u00XX */

	*buf = (struct dro_buf)DRO_BUF_INIT(room);
	buf->data = calloc(1, room + 1);
	buf->capacity = room + 1;
	return buf->data ? 0 : DRO_ENOMEM;
}

static void wipe(struct dro_buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	dro_buf_free(buf);
}

/* In both alphabets, without the padding. */
static int add_base64(
	struct dro_redactor *redactor, struct dro_buf *buf, const char *value, size_t length)
{
	size_t end, i;
	int rc;

	dro_buf_reset(buf);
	dro_base64(buf, value, length);
	if (buf->failed)
		return buf->failed;
	for (end = buf->length; end > 0 && buf->data[end - 1] == '=';)
		end--;
	if ((rc = add_form(redactor, buf->data, end)) < 0)
		return rc;
	for (i = 0; i < end; i++)
		if (buf->data[i] == '+')
			buf->data[i] = '-';
		else if (buf->data[i] == '/')
			buf->data[i] = '_';
	return add_form(redactor, buf->data, end);
}

static int add_quoted(struct dro_redactor *redactor, struct dro_buf *buf, const char *value)
{
	int rc;

	dro_buf_reset(buf);
	dro_uri_encode(buf, value);
	if (buf->failed || (rc = add_form(redactor, buf->data, buf->length)) < 0)
		return DRO_ENOMEM;
	dro_buf_reset(buf);
	dro_json_quote(buf, value);
	return buf->failed ? DRO_ENOMEM : add_form(redactor, buf->data + 1, buf->length - 2);
}

int dro_redactor_add(
	struct dro_redactor *redactor, const char *value, size_t length, struct dro_error *err)
{
	struct dro_secret copy = DRO_SECRET_INIT; /* with its NUL */
	struct dro_buf buf;
	int rc;

	if (length < SHORTEST)
		return 0;
	if ((rc = dro_secret_set(&copy, value, length, err)) < 0)
		return rc;
	pthread_mutex_lock(&redactor->lock);
	if ((rc = scratch(&buf, length)) == 0 && (rc = add_form(redactor, value, length)) == 0 &&
		(rc = add_base64(redactor, &buf, value, length)) == 0)
		rc = add_quoted(redactor, &buf, copy.value);
	pthread_mutex_unlock(&redactor->lock);
	wipe(&buf);
	dro_secret_free(&copy);
	return rc == 0 ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
}

/* The longest known form at the beginning of `text`, also one that its end cuts off; 0: none. */
static size_t match(const struct dro_redactor *redactor, const char *text, size_t left)
{
	const struct form *form;
	size_t longest = 0;

	if (!redactor->begins[(unsigned char)*text])
		return 0;
	for (form = redactor->forms; form; form = form->next) {
		size_t length = form->length < left ? form->length : left;

		if (length > longest && length >= SHORTEST && memcmp(text, form->text, length) == 0)
			longest = length;
	}
	return longest;
}

void dro_redact(void *arg, struct dro_buf *text)
{
	struct dro_redactor *redactor = arg;
	struct dro_buf clean = DRO_BUF_INIT(text->length * 2 + sizeof(MARK));
	size_t at = 0, kept = 0, hit;
	bool found = false;

	pthread_mutex_lock(&redactor->lock);
	while (at < text->length) {
		hit = match(redactor, text->data + at, text->length - at);
		if (hit == 0) {
			at++;
			continue;
		}
		found = true;
		dro_buf_append(&clean, text->data + kept, at - kept);
		dro_buf_puts(&clean, MARK);
		kept = at += hit;
	}
	pthread_mutex_unlock(&redactor->lock);
	if (found) {
		dro_buf_append(&clean, text->data + kept, text->length - kept);
		explicit_bzero(text->data, text->length);
		dro_buf_reset(text);
		if (!clean.failed) /* cut where it no longer fits */
			dro_buf_append(text, clean.data,
				clean.length < text->max ? clean.length : text->max);
	}
	dro_buf_free(&clean);
}

void dro_redact_error(struct dro_redactor *redactor, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(sizeof(err->message) - 1);

	if (!redactor || !err)
		return;
	dro_buf_puts(&text, err->message);
	dro_redact(redactor, &text);
	explicit_bzero(err->message, sizeof(err->message));
	memcpy(err->message, dro_buf_str(&text), text.length);
	dro_buf_free(&text);
}
