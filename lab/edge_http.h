/*
 * HTTP/1.1 as a proxy must read it: message heads, and where a body ends. Strict, so that nothing
 * can be read in two ways. Nothing here allocates; texts point into the caller's bytes.
 */
#ifndef DRORCH_LAB_EDGE_HTTP_H
#define DRORCH_LAB_EDGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EDGE_HEAD_MAX 32768
#define EDGE_FIELDS_MAX 128

struct edge_text {
	const char *at;
	size_t length;
};

struct edge_field {
	struct edge_text name;
	struct edge_text value;
};

enum edge_framing { EDGE_NO_BODY, EDGE_LENGTH, EDGE_CHUNKED, EDGE_UNTIL_CLOSE };

struct edge_head {
	struct edge_text method; /* of a request */
	struct edge_text target;
	struct edge_text reason; /* of a response */
	int status;
	int minor; /* HTTP/1.minor */
	enum edge_framing framing;
	uint64_t length; /* EDGE_LENGTH: of the body */
	bool close;	 /* the sender ends the connection after this message */
	size_t field_count;
	struct edge_field fields[EDGE_FIELDS_MAX];
};

/* Bytes up to and with the blank line, 0 where it is not there yet. `*scanned` (begins at 0) keeps
 * what was looked at, so that a dripped head is not read again and again. */
size_t edge_head_length(const char *data, size_t length, size_t *scanned);
/* 0, or the status to refuse the request with. `length` as edge_head_length said. */
int edge_request_parse(struct edge_head *head, const char *data, size_t length);
/* 0, or <0 where it makes no sense. `bodiless`: the answer to HEAD. */
int edge_response_parse(struct edge_head *head, const char *data, size_t length, bool bodiless);

bool edge_text_is(struct edge_text text, const char *word); /* ignoring case */
/* Is `word` a member of the comma-separated list? */
bool edge_list_has(struct edge_text list, struct edge_text word);
/* The first field of that name; NULL where there is none. */
const struct edge_field *edge_head_find(const struct edge_head *head, const char *name);
/* Is this a field for one connection only, not to be passed on? */
bool edge_field_is_hop(const struct edge_head *head, const struct edge_field *field);

/* Follows one body through any cutting of its bytes. */
struct edge_body {
	enum edge_framing framing;
	bool done;
	int state;
	unsigned digits;
	size_t line;
	uint64_t left;
};

void edge_body_begin(struct edge_body *body, enum edge_framing framing, uint64_t length);
/* How many of the bytes belong to the body (chunk framing counts); <0: malformed. */
ssize_t edge_body_scan(struct edge_body *body, const char *data, size_t length);

#endif
