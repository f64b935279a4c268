#include "edge_http.h"

#include <string.h>
#include <strings.h>

#define CHUNK_LINE_MAX 4096

size_t edge_head_length(const char *data, size_t length, size_t *scanned)
{
	size_t from = *scanned > 3 ? *scanned - 3 : 0;
	const char *end = length > from ? memmem(data + from, length - from, "\r\n\r\n", 4) : NULL;

	*scanned = length;
	return end ? (size_t)(end - data) + 4 : 0;
}

bool edge_text_is(struct edge_text text, const char *word)
{
	return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

static struct edge_text trim(struct edge_text text)
{
	while (text.length && (*text.at == ' ' || *text.at == '\t'))
		text.at++, text.length--;
	while (text.length && (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t'))
		text.length--;
	return text;
}

bool edge_list_has(struct edge_text list, struct edge_text word)
{
	while (list.length) {
		const char *comma = memchr(list.at, ',', list.length);
		size_t part = comma ? (size_t)(comma - list.at) : list.length;
		struct edge_text item = trim((struct edge_text){list.at, part});

		if (item.length == word.length && strncasecmp(item.at, word.at, item.length) == 0)
			return true;
		part += comma ? 1 : 0;
		list.at += part;
		list.length -= part;
	}
	return false;
}

const struct edge_field *edge_head_find(const struct edge_head *head, const char *name)
{
	size_t i;

	for (i = 0; i < head->field_count; i++)
		if (edge_text_is(head->fields[i].name, name))
			return &head->fields[i];
	return NULL;
}

bool edge_field_is_hop(const struct edge_head *head, const struct edge_field *field)
{
	static const char *const names[] = {"connection", "keep-alive", "proxy-connection",
		"proxy-authenticate", "proxy-authorization", "te", "upgrade"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (edge_text_is(field->name, names[i]))
			return true;
	/* Both pass through as they are: so do the bytes that they describe. */
	if (edge_text_is(field->name, "transfer-encoding") ||
		edge_text_is(field->name, "content-length"))
		return false;
	for (i = 0; i < head->field_count; i++)
		if (edge_text_is(head->fields[i].name, "connection") &&
			edge_list_has(head->fields[i].value, field->name))
			return true;
	return false;
}

static bool is_token(struct edge_text text)
{
	size_t i;

	for (i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c <= ' ' || c >= 127 || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return text.length > 0;
}

static bool is_clean(struct edge_text text, bool spaces)
{
	size_t i;

	for (i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c == 127 || (c < ' ' && !(spaces && c == '\t')) || (c == ' ' && !spaces))
			return false;
	}
	return true;
}

/* The next line without its CR LF; false at the blank one. */
static bool next_line(struct edge_text *rest, struct edge_text *line)
{
	const char *end = memmem(rest->at, rest->length, "\r\n", 2);

	if (!end || end == rest->at)
		return false;
	line->at = rest->at;
	line->length = (size_t)(end - rest->at);
	rest->at += line->length + 2;
	rest->length -= line->length + 2;
	return true;
}

static int parse_fields(struct edge_head *head, struct edge_text rest)
{
	struct edge_text line;

	while (next_line(&rest, &line)) {
		const char *colon = memchr(line.at, ':', line.length);
		struct edge_field *field;

		if (head->field_count == EDGE_FIELDS_MAX)
			return 431;
		if (!colon)
			return 400;
		field = &head->fields[head->field_count++];
		field->name = (struct edge_text){line.at, (size_t)(colon - line.at)};
		field->value =
			trim((struct edge_text){colon + 1, line.length - field->name.length - 1});
		if (!is_token(field->name) || !is_clean(field->value, true))
			return 400;
	}
	return 0;
}

static int parse_length(struct edge_text text, uint64_t *out)
{
	uint64_t value = 0;
	size_t i;

	if (text.length == 0 || text.length > 18)
		return 400;
	for (i = 0; i < text.length; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return 400;
		value = value * 10 + (uint64_t)(text.at[i] - '0');
	}
	*out = value;
	return 0;
}

/* What the fields say about the body and about the connection. */
static int read_framing(struct edge_head *head)
{
	bool length = false, coding = false, keep = false;
	size_t i;

	for (i = 0; i < head->field_count; i++) {
		struct edge_text name = head->fields[i].name, value = head->fields[i].value;
		uint64_t bytes;

		if (edge_text_is(name, "content-length")) {
			if (parse_length(value, &bytes) || (length && bytes != head->length))
				return 400;
			head->length = bytes;
			length = true;
		} else if (edge_text_is(name, "transfer-encoding")) {
			if (coding || !edge_text_is(value, "chunked"))
				return 501;
			coding = true;
		} else if (edge_text_is(name, "connection")) {
			head->close |= edge_list_has(value, (struct edge_text){"close", 5});
			keep |= edge_list_has(value, (struct edge_text){"keep-alive", 10});
		}
	}
	if (coding && (length || head->minor == 0))
		return 400;
	head->close |= head->minor == 0 && !keep;
	head->framing = coding ? EDGE_CHUNKED : length ? EDGE_LENGTH : EDGE_NO_BODY;
	return 0;
}

static bool parse_version(struct edge_text text, int *minor)
{
	if (text.length != 8 || memcmp(text.at, "HTTP/1.", 7) != 0)
		return false;
	*minor = text.at[7] - '0';
	return *minor == 0 || *minor == 1;
}

int edge_request_parse(struct edge_head *head, const char *data, size_t length)
{
	struct edge_text rest = {data, length}, line;
	const char *first, *last;
	int status;

	memset(head, 0, offsetof(struct edge_head, fields));
	if (!next_line(&rest, &line))
		return 400;
	first = memchr(line.at, ' ', line.length);
	last = memrchr(line.at, ' ', line.length);
	if (!first || first == last)
		return 400;
	head->method = (struct edge_text){line.at, (size_t)(first - line.at)};
	head->target = (struct edge_text){first + 1, (size_t)(last - first - 1)};
	if (!parse_version((struct edge_text){last + 1, line.length - (size_t)(last + 1 - line.at)},
		    &head->minor))
		return 505;
	if (!is_token(head->method) || head->target.length == 0 || !is_clean(head->target, false))
		return 400;
	if ((status = parse_fields(head, rest)) || (status = read_framing(head)))
		return status;
	return 0;
}

int edge_response_parse(struct edge_head *head, const char *data, size_t length, bool bodiless)
{
	struct edge_text rest = {data, length}, line;
	int i;

	memset(head, 0, offsetof(struct edge_head, fields));
	if (!next_line(&rest, &line) || line.length < 12 || line.at[8] != ' ' ||
		!parse_version((struct edge_text){line.at, 8}, &head->minor))
		return -1;
	for (i = 9; i < 12; i++) {
		if (line.at[i] < '0' || line.at[i] > '9')
			return -1;
		head->status = head->status * 10 + line.at[i] - '0';
	}
	if (head->status < 100 || (line.length > 12 && line.at[12] != ' '))
		return -1;
	if (line.length > 13)
		head->reason = (struct edge_text){line.at + 13, line.length - 13};
	if (parse_fields(head, rest) || read_framing(head))
		return -1;
	if (bodiless || head->status < 200 || head->status == 204 || head->status == 304) {
		head->framing = EDGE_NO_BODY;
	} else if (head->framing == EDGE_NO_BODY) {
		head->framing = EDGE_UNTIL_CLOSE;
		head->close = true;
	}
	return 0;
}

/* ---- bodies -------------------------------------------------------------------------------- */

enum chunk_state {
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,
	TRAILER_LINE,
	TRAILER_LF,
	END_LF
};

void edge_body_begin(struct edge_body *body, enum edge_framing framing, uint64_t length)
{
	*body = (struct edge_body){.framing = framing};
	body->left = framing == EDGE_LENGTH ? length : 0;
	body->done = framing == EDGE_NO_BODY || (framing == EDGE_LENGTH && length == 0);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The line with the size of a chunk. */
static bool step_size(struct edge_body *body, char c)
{
	int digit;

	if (++body->line > CHUNK_LINE_MAX)
		return false;
	if (body->state == SIZE && (digit = hex_value(c)) >= 0) {
		body->left = body->left * 16 + (uint64_t)digit;
		return ++body->digits <= 15;
	}
	if (body->digits == 0 || c == '\n')
		return false;
	if (c == '\r')
		body->state = SIZE_LF;
	else if (body->state == SIZE && c != ';' && c != ' ' && c != '\t')
		return false;
	else
		body->state = EXTENSION;
	return true;
}

/* One byte of framing; false: malformed. */
static bool step_chunk(struct edge_body *body, char c)
{
	switch ((enum chunk_state)body->state) {
	case SIZE:
	case EXTENSION:
		return step_size(body, c);
	case SIZE_LF:
		body->state = body->left ? DATA : TRAILER;
		body->digits = 0;
		body->line = 0;
		return c == '\n';
	case DATA_CR:
		body->state = DATA_LF;
		return c == '\r';
	case DATA_LF:
		body->state = SIZE;
		return c == '\n';
	case TRAILER:
		body->state = c == '\r' ? END_LF : TRAILER_LINE;
		return c != '\n';
	case TRAILER_LINE:
		if (c == '\r')
			body->state = TRAILER_LF;
		return c != '\n' && ++body->line <= CHUNK_LINE_MAX;
	case TRAILER_LF:
		body->state = TRAILER;
		return c == '\n';
	case END_LF:
		body->done = true;
		return c == '\n';
	default:
		return false;
	}
}

ssize_t edge_body_scan(struct edge_body *body, const char *data, size_t length)
{
	size_t at = 0;

	if (body->framing == EDGE_UNTIL_CLOSE)
		return (ssize_t)length;
	while (at < length && !body->done) {
		if (body->framing == EDGE_LENGTH || body->state == DATA) {
			size_t part = length - at < body->left ? length - at : (size_t)body->left;

			at += part;
			body->left -= part;
			if (body->left)
				continue;
			body->done = body->framing == EDGE_LENGTH;
			body->state = DATA_CR;
		} else if (!step_chunk(body, data[at++])) {
			return -1;
		}
	}
	return (ssize_t)at;
}
