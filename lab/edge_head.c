#include "edge_internal.h"

#include <stdio.h>
#include <time.h>

/* What the edge itself says, by Cloudflare's numbers. */
static const struct page {
	int status;
	int code; /* of a 1xxx error; 0: the status is the code */
	const char *reason;
	const char *text;
} pages[] = {
	{400, 0, "Bad Request", "The request could not be understood."},
	{403, 1000, "Forbidden", "DNS points to prohibited IP"},
	{408, 0, "Request Timeout", "The request took too long to arrive."},
	{409, 1001, "Conflict", "DNS resolution error"},
	{413, 0, "Content Too Large", "The request is too large."},
	{431, 0, "Request Header Fields Too Large", "The request's header fields are too large."},
	{501, 0, "Not Implemented", "The transfer coding is not known here."},
	{502, 0, "Bad Gateway", "Bad gateway"},
	{505, 0, "HTTP Version Not Supported", "HTTP/1.0 and HTTP/1.1 are spoken here."},
	{520, 0, "Unknown Error", "Web server is returning an unknown error"},
	{521, 0, "Web Server Is Down", "Web server is down"},
	{522, 0, "Connection Timed Out", "Connection timed out"},
	{523, 0, "Origin Unreachable", "Origin is unreachable"},
	{524, 0, "A Timeout Occurred", "A timeout occurred"},
	{530, 1016, "Origin DNS Error", "Origin DNS error"},
};

static const struct page *find_page(int status)
{
	size_t i;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (pages[i].status == status)
			return &pages[i];
	return &pages[0];
}

static void put_text(struct dro_buf *out, struct edge_text text)
{
	dro_buf_append(out, text.at, text.length);
}

static void put_field(struct dro_buf *out, const struct edge_field *field)
{
	put_text(out, field->name);
	dro_buf_puts(out, ": ");
	put_text(out, field->value);
	dro_buf_puts(out, "\r\n");
}

static bool is_edge_field(struct edge_text name)
{
	static const char *const names[] = {"cf-connecting-ip", "cf-ray", "cf-visitor", "cdn-loop",
		"x-forwarded-for", "x-forwarded-proto"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (edge_text_is(name, names[i]))
			return true;
	return false;
}

void edge_head_request(
	struct dro_buf *out, const struct edge_head *head, const struct edge_client *client)
{
	const struct edge_field *forwarded = edge_head_find(head, "x-forwarded-for");
	size_t i;

	put_text(out, head->method);
	dro_buf_puts(out, " ");
	put_text(out, head->target);
	dro_buf_printf(out, " HTTP/1.%d\r\n", head->minor);
	for (i = 0; i < head->field_count; i++)
		if (!edge_field_is_hop(head, &head->fields[i]) &&
			!is_edge_field(head->fields[i].name))
			put_field(out, &head->fields[i]);
	dro_buf_puts(out, "X-Forwarded-For: ");
	if (forwarded) {
		put_text(out, forwarded->value);
		dro_buf_puts(out, ", ");
	}
	dro_buf_printf(out,
		"%s\r\nX-Forwarded-Proto: http\r\nCF-Connecting-IP: %s\r\nCF-Ray: %s\r\n"
		"CF-Visitor: {\"scheme\":\"http\"}\r\nCDN-Loop: cloudflare; loops=1\r\n\r\n",
		client->address, client->address, client->ray);
}

void edge_head_answer(
	struct dro_buf *out, const struct edge_head *head, const struct edge_client *client)
{
	size_t i;

	dro_buf_printf(out, "HTTP/1.1 %d ", head->status);
	put_text(out, head->reason);
	dro_buf_puts(out, "\r\n");
	for (i = 0; i < head->field_count; i++)
		if (!edge_field_is_hop(head, &head->fields[i]) &&
			!edge_text_is(head->fields[i].name, "server") &&
			!edge_text_is(head->fields[i].name, "cf-ray"))
			put_field(out, &head->fields[i]);
	if (head->status >= 200)
		dro_buf_printf(out,
			"Connection: %s\r\nServer: cloudflare\r\nCF-Cache-Status: DYNAMIC\r\n"
			"CF-RAY: %s\r\n",
			client->keep ? "keep-alive" : "close", client->ray);
	dro_buf_puts(out, "\r\n");
}

void edge_page(struct dro_buf *out, const struct edge_client *client, int status, int code)
{
	const struct page *page = find_page(status);
	struct dro_buf body = DRO_BUF_INIT(4096);
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	if (code == 0)
		code = page->code ? page->code : status;
	/* The host is the client's own text: it stays out of the page. */
	dro_buf_printf(&body,
		"<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>%d: %s</title></head>\n"
		"<body><h1>Error %d</h1><h2>%s</h2><p>Cloudflare Ray ID: %s</p></body></html>\n",
		code, page->text, code, page->text, client->ray);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	dro_buf_printf(out,
		"HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/html; charset=UTF-8\r\n"
		"Content-Length: %zu\r\nCache-Control: private, max-age=0, no-store\r\n"
		"Connection: %s\r\nServer: cloudflare\r\nCF-RAY: %s\r\n\r\n",
		page->status, page->reason, date, body.length,
		client->keep ? "keep-alive" : "close", client->ray);
	if (!client->head_only)
		dro_buf_append(out, dro_buf_str(&body), body.length);
	dro_buf_free(&body);
}
