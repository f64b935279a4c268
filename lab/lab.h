/*
 * The lab: the contract between its server and the vendors (EC2, STS, S3, Cloudflare, …) behind
 * the one API port.
 *
 * A call's way: the server reads the request whole, asks the vendors in the order of lab_vendors
 * whether it is theirs (matches), lets that one name the operation and region (classify), looks up
 * the faults for them, waits the latency, lets the vendor answer (handle), writes the log line and
 * sends the reply. One thread a connection: handle() may block, and guards its own state.
 */
#ifndef DRORCH_LAB_LAB_H
#define DRORCH_LAB_LAB_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

#define LAB_ID 64	       /* an id of any vendor, with its NUL */
#define LAB_REGION 32	       /* a region's name */
#define LAB_OPERATION 64       /* an operation's name */
#define LAB_ADDRESS 16	       /* "127.104.3.7" */
#define LAB_BODY_MEMORY 262144 /* a longer request body is spooled to a file */
#define LAB_BODY_MAX (5ull << 30)

struct lab; /* the running lab; opaque to the vendors */

/* What every part of a lab may know; fixed from start to end. */
struct lab_config {
	const char *dir; /* the state folder, absolute */
	uint16_t port;	 /* API */
	uint16_t edge_port;
	uint16_t route53_dns_port; /* of the name servers, UDP and TCP */
	uint16_t cloudflare_dns_port;
	uint16_t origin_port; /* where an instance serves, on its own address */
	uint32_t boot_delay_ms;
	uint32_t edge_delay_ms; /* from a record's change until the edge follows it */
	bool edge_log;		/* a line a request in DIR/edge.jsonl */
	const char *account;	/* 12 digits */
	const char *access_key;
	const char *secret_key;
	const char *cloudflare_token;
	const char *linode_token;
	const char *linode_access_key; /* the first Object Storage key */
	const char *linode_secret_key;
};
const struct lab_config *lab_config(const struct lab *lab);

/* ---- requests -------------------------------------------------------------------------------- */

struct lab_request {
	const char *method;
	const char *raw_path;	     /* as it came, without the query */
	const char *raw_query;	     /* as it came, without "?"; "" for none */
	const char *host;	     /* the Host header, "" where absent */
	const char *client;	     /* the peer's address */
	const char *machine;	     /* the id of the one that asks from within, or "" */
	const char *const *segments; /* decoded; "/" has none, "/a/" is {"a", ""} */
	size_t segment_count;
	const struct dro_pair *query; /* decoded, in the order they came; no "=": value NULL */
	size_t query_count;
	const struct dro_pair *headers; /* names in lower case, values without outer blanks */
	size_t header_count;
	const char *body; /* NUL-terminated; NULL where it is in body_fd */
	int body_fd;	  /* -1: in memory. The server closes it */
	uint64_t body_length;
	char body_sha256[DRO_SHA256_HEX];
};

/* The first header of that (lower-case) name, or NULL. */
const char *lab_header(const struct lab_request *request, const char *name);
/* The first query value of that name ("" for a name alone), or NULL. */
const char *lab_query(const struct lab_request *request, const char *name);

/* Percent-decoded, malloc'd. <0: a bad escape, a NUL, or out of memory. */
int lab_decode(char **out, const char *text, size_t length, bool form);

/* "a=1&b" -> decoded pairs; '+' is a blank where `form`. <0: a bad escape or out of memory. */
struct lab_pairs {
	struct dro_pair *items;
	size_t count;
};
int lab_pairs_parse(struct lab_pairs *out, const char *text, bool form);
int lab_pairs_add(struct lab_pairs *pairs, const char *name, const char *value); /* copies */
void lab_pairs_free(struct lab_pairs *pairs);
const char *lab_pairs_get(const struct lab_pairs *pairs, const char *name);

/* ---- replies --------------------------------------------------------------------------------- */

struct lab_reply {
	int status;
	struct lab_pairs headers; /* lab_reply_header */
	struct dro_buf body;
	int file_fd; /* -1: `body`. Else that range of the file is the body; the server closes it */
	uint64_t file_offset;
	uint64_t file_length;
	/* For the log. */
	char token[128];    /* the caller's idempotency token, or "" */
	struct dro_buf ids; /* what was made or changed: lab_reply_id */
};

/* Sets or replaces a header. Out of memory shows as a failed body: a reply is then a 500. */
void lab_reply_header(struct lab_reply *reply, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void lab_reply_id(struct lab_reply *reply, const char *id);
/* Text with & < > " ' and control characters escaped, for XML bodies. */
void lab_xml_text(struct dro_buf *out, const char *text);
/* <name>text</name>. */
void lab_xml_element(struct dro_buf *out, const char *name, const char *text);
/* The error of AWS's Query protocol, as STS and CloudWatch have it, in place of what the reply
 * held. */
void lab_query_error(struct lab_reply *reply, const char *id, const char *xmlns, int status,
	const char *code, const char *message);

/* ---- vendors --------------------------------------------------------------------------------- */

/* What the server and the fault table say about one call. */
struct lab_call {
	const char *vendor;
	char operation[LAB_OPERATION]; /* the vendor's word: "RunInstances", "PutObject", … */
	char region[LAB_REGION];       /* "" where there is none */
	char id[40];		       /* a fresh UUID: for the vendor's request id */
	int64_t at_ms;		       /* wall clock, when it came */
	int64_t lag_ms;		       /* lists hide what was made less than this ago */
};

struct lab_vendor {
	const char *name; /* in faults and logs: "ec2", "sts", "s3", "cloudflare" */
	/* Loads its state; *state comes back in every call. All may be NULL where there is none. */
	int (*open)(struct lab *lab, void **state, struct dro_error *err);
	void (*close)(void *state);
	/* Is the request its own? By SigV4 scope (lab_scope_read) or path; costs nothing. */
	bool (*matches)(const struct lab_request *request);
	/* Fills call->operation and call->region; leaves "Unknown" where it cannot tell. */
	void (*classify)(void *state, const struct lab_request *request, struct lab_call *call);
	/* Checks credentials, validates, does it, fills the reply (status 200, empty at entry). */
	void (*handle)(void *state, const struct lab_request *request, const struct lab_call *call,
		struct lab_reply *reply);
	/* An error in the vendor's form, for faults; `code` NULL: the vendor's usual for `status`.
	 */
	void (*fail)(const struct lab_request *request, const struct lab_call *call,
		struct lab_reply *reply, int status, const char *code, const char *message);
	/*
	 * Optional: `drorch-lab NAME WORDS...` on a running lab (argv has the words behind NAME).
	 * Text for standard output goes to `out`.
	 */
	int (*control)(
		void *state, int argc, char **argv, struct dro_buf *out, struct dro_error *err);
};

extern const struct lab_vendor *const lab_vendors[]; /* vendors.c; ends with NULL */
/* What that vendor's open() gave; NULL where there is none of the name. */
void *lab_vendor_state(const struct lab *lab, const char *name);

/* ---- credentials ----------------------------------------------------------------------------- */

struct lab_scope {
	char access_key[64];
	char date[16];
	char region[LAB_REGION];
	char service[32];
	bool presigned; /* in the query, not in Authorization */
};
/* The credential scope as the request states it, unchecked. false: no SigV4 request. */
bool lab_scope_read(const struct lab_request *request, struct lab_scope *scope);

enum lab_auth {
	LAB_AUTH_OK,
	LAB_AUTH_MISSING,     /* no signature at all */
	LAB_AUTH_MALFORMED,   /* incomplete, or headers that must be signed are not */
	LAB_AUTH_UNKNOWN_KEY, /* not this lab's access key */
	LAB_AUTH_SKEWED,      /* the date is more than 15 minutes off */
	LAB_AUTH_EXPIRED,     /* a presigned URL past its time */
	LAB_AUTH_MISMATCH,    /* the signature is wrong, or the body not what was signed */
};
/*
 * Verifies a SigV4 request; `scope` is filled where it can be read. `message` gets a sentence for
 * the error body. Each vendor has its own codes for the results.
 */
#define LAB_AUTH_MESSAGE 256
enum lab_auth lab_aws_verify(const struct lab *lab, const struct lab_request *request,
	struct lab_scope *scope, char message[LAB_AUTH_MESSAGE]);
/* The same for somebody's own keys: `secret` is that of the scope's key, NULL where none has it. */
enum lab_auth lab_sigv4_verify(const struct lab_request *request, const char *secret,
	struct lab_scope *scope, char message[LAB_AUTH_MESSAGE]);
/* The token of "Authorization: Bearer TOKEN", or NULL. */
const char *lab_bearer(const struct lab_request *request);
/* Compares in constant time; NULL-safe. */
bool lab_secret_equal(const char *a, const char *b);

/* ---- state ----------------------------------------------------------------------------------- */

/* DIR/state/NAME.json, replaced in one step; survives a kill of the lab, not a power cut. */
int lab_state_save(
	const struct lab *lab, const char *name, const cJSON *json, struct dro_error *err);
/* *out is NULL where there is none yet; freed with cJSON_Delete. */
int lab_state_load(const struct lab *lab, const char *name, cJSON **out, struct dro_error *err);

/* A fresh UUID, for the ids of vendors that have such. */
void lab_uuid(char out[40]);

/* Waits; true: the lab is ending, give up now. */
bool lab_sleep(struct lab *lab, uint64_t ms);

/* A token bucket. Guard it with the lock of what it limits. */
struct lab_bucket {
	double tokens; /* begin with `size` */
	double size;
	double per_second;
	int64_t at_ms; /* 0: not used yet */
};
/* Takes `cost` tokens; false: not enough there. */
bool lab_bucket_take(struct lab_bucket *bucket, double cost, int64_t now_ms);

/* ---- the edge -------------------------------------------------------------------------------- */

/* The edge, beside the API port (edge.c). Port 0: chosen by the kernel. */
struct lab_edge;
int lab_edge_start(struct lab_edge **out, struct lab *lab, uint16_t port, struct dro_error *err);
uint16_t lab_edge_port(const struct lab_edge *edge);
void lab_edge_stop(struct lab_edge *edge); /* NULL-safe; ends every connection */

#endif
