#include "lab/lab.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX 8192

static const char *find(const struct dro_pair *items, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(items[i].name, name) == 0)
			return items[i].value ? items[i].value : "";
	return NULL;
}

const char *lab_header(const struct lab_request *request, const char *name)
{
	return find(request->headers, request->header_count, name);
}

const char *lab_query(const struct lab_request *request, const char *name)
{
	return find(request->query, request->query_count, name);
}

const char *lab_bearer(const struct lab_request *request)
{
	const char *value = lab_header(request, "authorization");

	return value && strncasecmp(value, "Bearer ", 7) == 0 ? value + 7 : NULL;
}

bool lab_secret_equal(const char *a, const char *b)
{
	size_t i, length;
	unsigned char differ = 0;

	if (!a || !b || (length = strlen(a)) != strlen(b))
		return false;
	for (i = 0; i < length; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

void lab_reply_header(struct lab_reply *reply, const char *name, const char *format, ...)
{
	struct dro_buf text = DRO_BUF_INIT(HEADER_MAX);
	va_list args;
	char *value;
	size_t i;

	va_start(args, format);
	dro_buf_vprintf(&text, format, args);
	va_end(args);
	value = dro_buf_take(&text);
	for (i = 0; value && i < reply->headers.count; i++) {
		struct dro_pair *header = &reply->headers.items[i];

		if (strcasecmp(header->name, name) != 0)
			continue;
		free((char *)header->value);
		header->value = value;
		return;
	}
	if (!value || lab_pairs_add(&reply->headers, name, value) < 0)
		reply->body.failed = DRO_ENOMEM;
	free(value);
}

void lab_reply_id(struct lab_reply *reply, const char *id)
{
	if (reply->ids.length)
		dro_buf_puts(&reply->ids, " ");
	dro_buf_puts(&reply->ids, id);
}

void lab_xml_text(struct dro_buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			dro_buf_puts(out, "&amp;");
		else if (c == '<')
			dro_buf_puts(out, "&lt;");
		else if (c == '>')
			dro_buf_puts(out, "&gt;");
		else if (c == '"' || c == '\'' || c == '\t' || c == '\n' || c == '\r')
			dro_buf_printf(out, "&#%u;", c);
		else if (c < 0x20)
			dro_buf_puts(out, "?"); /* XML 1.0 has no way to say it */
		else
			dro_buf_append(out, text, 1);
	}
}

void lab_xml_element(struct dro_buf *out, const char *name, const char *text)
{
	dro_buf_printf(out, "<%s>", name);
	lab_xml_text(out, text);
	dro_buf_printf(out, "</%s>", name);
}

void lab_query_error(struct lab_reply *reply, const char *id, const char *xmlns, int status,
	const char *code, const char *message)
{
	reply->status = status;
	dro_buf_reset(&reply->body);
	lab_reply_header(reply, "Content-Type", "text/xml");
	dro_buf_printf(&reply->body, "<ErrorResponse xmlns=\"%s\"><Error><Type>%s</Type>", xmlns,
		status < 500 ? "Sender" : "Receiver");
	lab_xml_element(&reply->body, "Code", code);
	lab_xml_element(&reply->body, "Message", message);
	dro_buf_puts(&reply->body, "</Error>");
	lab_xml_element(&reply->body, "RequestId", id);
	dro_buf_puts(&reply->body, "</ErrorResponse>");
}
