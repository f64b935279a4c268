/*
 * The provider plugin ABI: the contract between drorch (the host) and a plugin (a shared object).
 *
 * A plugin exports one symbol, `const struct dro_provider_v1 dro_provider_v1`. The host reads its
 * magic, version and size before it calls anything, copies min(size) bytes of each table into a
 * zeroed one, and refuses a capability whose mandatory functions are not all there.
 *
 * Rules for the whole file:
 * - Growable structs begin with `size` (the writer's sizeof), are passed by pointer (arrays: of
 *   pointers) and have no tail padding. New fields go to the end; a reader looks at `size` first.
 * - Calls block. The host calls from a worker thread and never holds a lock of its own; a plugin
 *   whose `flags` lack DRO_PROVIDER_THREADED gets one call at a time for each open account.
 * - Calls end by `call->deadline_ms` (CLOCK_MONOTONIC). A plugin does no I/O but through its host.
 * - Nothing changes owner but the account and an HTTP response. Emitted structs and strings live
 *   until the callback returns: the host copies.
 * - Functions return 0 or a negative enum dro_code and fill `err` through host->fail().
 * - Strings are UTF-8 and NUL-terminated; times are milliseconds; wall-clock times are Unix ms, 0
 *   where unknown; sizes are bytes.
 */
#ifndef DRORCH_PROVIDER_H
#define DRORCH_PROVIDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DRO_PROVIDER_SYMBOL "dro_provider_v1"
#define DRO_PROVIDER_MAGIC 0x44524f31u /* "DRO1" */
#define DRO_ABI_MAJOR 1
#define DRO_ABI_MINOR 2
#define DRO_EXPORT __attribute__((visibility("default")))

/* What went wrong, and what the host may do about it. */
enum dro_code {
	DRO_OK = 0,
	DRO_EINVAL = -1, /* the request is wrong: do not repeat it */
	DRO_ENOMEM = -2,
	DRO_EIO = -3,	    /* local I/O */
	DRO_EAGAIN = -4,    /* nothing was changed; the same call may be made again */
	DRO_ETIMEDOUT = -5, /* outcome unknown: look before any retry */
	DRO_ECONFLICT = -6, /* the thing exists or is in another state */
	DRO_EAUTH = -7,	    /* credentials refused, or not allowed */
	DRO_EQUOTA = -8,    /* quota or capacity of the provider is used up */
	DRO_ENOTFOUND = -9,
	DRO_EPROTO = -10, /* the answer makes no sense */
	DRO_EUNSUPPORTED = -11,
	DRO_ECANCELLED = -12,
	DRO_EBUSY = -13,    /* somebody else holds the lease */
	DRO_ESAFETY = -14,  /* a safety rule said no */
	DRO_ECORRUPT = -15, /* stored data failed a check */
};

/* An error as its reader sees it. The caller owns it; `size` is set by dro_error_init or the host.
 */
struct dro_error {
	uint32_t size;
	int32_t code;		 /* enum dro_code */
	int32_t http_status;	 /* 0 where no answer came */
	uint32_t retry_after_ms; /* 0 where the provider did not say */
	char provider_code[64];	 /* the provider's own word for it, or "" */
	char message[944];
};

struct dro_pair {
	const char *name;
	const char *value;
};

/* ---- what the host does for a plugin ------------------------------------------------------- */

enum dro_auth {
	DRO_AUTH_NONE = 0,
	DRO_AUTH_BEARER = 1, /* credential `token` */
	DRO_AUTH_SIGV4 = 2,  /* credentials `access_key_id`, `secret_access_key`, `session_token` */
};

enum dro_http_flag {
	DRO_HTTP_SAFE =
		1u << 0, /* repeating it changes nothing: the host retries within the deadline */
};

/* One request. The URL, and the signature, are derived from the parts; nothing is pre-encoded. */
struct dro_http_request {
	uint32_t size;
	uint32_t flags;		      /* enum dro_http_flag */
	const char *method;	      /* "GET", "POST", … */
	const char *endpoint;	      /* scheme://host[:port], no path */
	const char *const *path;      /* raw segments; the host percent-encodes each */
	size_t path_count;	      /* 0: "/" */
	const struct dro_pair *query; /* raw; value NULL: name alone */
	size_t query_count;
	const struct dro_pair *headers;
	size_t header_count;
	const void *body;      /* or NULL */
	size_t body_length;    /* of `body`, or the bytes to send from body_fd */
	uint64_t body_offset;  /* where in body_fd to begin; read by pread, again on a retry */
	int32_t body_fd;       /* -1: none. Stays the caller's */
	int32_t sink_fd;       /* -1: into memory; else a 2xx body is written there from offset 0 */
	uint64_t response_max; /* 0: the host's cap for memory (8 MiB) */
	const char *
		body_sha256; /* hex of the body, or NULL: the host computes it where it is needed */
	uint32_t auth;	     /* enum dro_auth */
	uint32_t reserved;
	const char *auth_service; /* SigV4: "ec2", "s3", … */
	const char *auth_region;  /* SigV4 */
	const char *budget;	  /* name of a rate budget ("" or NULL: the account's default) */
	uint64_t deadline_ms;	  /* CLOCK_MONOTONIC */
};

struct dro_http_response {
	uint32_t size;
	int32_t status;
	const char *body;		/* NUL-terminated; "" when it went to sink_fd */
	size_t body_length;		/* bytes in memory or in sink_fd */
	const struct dro_pair *headers; /* names in lower case, in the order they came */
	size_t header_count;
};

enum dro_log_level { DRO_LOG_ERROR, DRO_LOG_WARNING, DRO_LOG_INFO, DRO_LOG_DEBUG };

/* Valid from open() until close() returns. Every function may be called from any thread. */
struct dro_host {
	uint32_t size;
	uint16_t abi_major;
	uint16_t abi_minor;
	void *impl; /* the host's own; pass `host` itself back */

	/*
	 * Makes a request and waits. 0: an answer came, whatever its status; *out is freed with
	 * http_free. <0: DRO_EAGAIN nothing was sent; DRO_ETIMEDOUT it may have had its effect.
	 */
	int (*http)(const struct dro_host *host, const struct dro_http_request *request,
		struct dro_http_response **out, struct dro_error *err);
	void (*http_free)(struct dro_http_response *response); /* NULL-safe */
	/* Fills `err` and returns `code`. provider_code may be NULL. */
	int (*fail)(struct dro_error *err, int code, const char *provider_code, const char *format,
		...) __attribute__((format(printf, 4, 5)));
	void (*log)(const struct dro_host *host, int level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	uint64_t (*now_ms)(const struct dro_host *host); /* CLOCK_MONOTONIC */
	int64_t (*wall_ms)(const struct dro_host *host); /* Unix time */
	/* Waits, for a plugin that must ask twice; ends early with DRO_ETIMEDOUT at the deadline.
	 */
	int (*sleep_ms)(const struct dro_host *host, uint64_t ms, uint64_t deadline_ms,
		struct dro_error *err);
};

/* ---- what every call carries --------------------------------------------------------------- */

struct dro_call {
	uint32_t size;
	uint32_t reserved;
	uint64_t deadline_ms; /* CLOCK_MONOTONIC */
	const char *idem_key; /* mutations: 1..64 ASCII characters, the same on every repeat; else
				 NULL */
	const char *trace;    /* "run/step", for the audit log; or NULL */
};

/* What somebody who looks at a thing says of it. */
enum dro_health_state { DRO_HEALTH_UNKNOWN = 0, DRO_HEALTHY, DRO_UNHEALTHY };

/* ---- compute: instances and images --------------------------------------------------------- */

enum dro_instance_state {
	DRO_INSTANCE_UNKNOWN = 0, /* a state this plugin does not know: never taken for a failure */
	DRO_INSTANCE_PENDING,
	DRO_INSTANCE_RUNNING,
	DRO_INSTANCE_STOPPING,
	DRO_INSTANCE_STOPPED,
	DRO_INSTANCE_TERMINATING,
	DRO_INSTANCE_TERMINATED,
};

struct dro_instance {
	uint32_t size;
	uint32_t state; /* enum dro_instance_state */
	const char *id;
	const char *name;
	const char *type;
	const char *image;
	const char *region;
	const char *zone;
	const char *native_state; /* the provider's own word */
	const char *public_ipv4;  /* "" where there is none yet */
	const char *private_ipv4;
	const struct dro_pair *tags;
	size_t tag_count;
	int64_t created_ms;
};

struct dro_instance_query {
	uint32_t size;
	uint32_t reserved;
	const char *region;
	const char *const *ids; /* asked by id where given: works while listing does not */
	size_t id_count;
	const struct dro_pair *tags; /* all must match */
	size_t tag_count;
};

struct dro_instance_spec {
	uint32_t size;
	uint32_t count; /* how many alike, >= 1 */
	const char *name;
	const char *region;
	const char *zone; /* "" : the provider chooses */
	const char *type;
	const char *image;     /* the provider's image id */
	const char *user_data; /* raw; the plugin encodes */
	size_t user_data_length;
	const struct dro_pair *tags;
	size_t tag_count;
	const struct dro_pair
		*options; /* what the spec gave beyond these: subnet, security_groups, key_name */
	size_t option_count;
};

enum dro_power { DRO_POWER_START = 1, DRO_POWER_STOP, DRO_POWER_FORCE_STOP, DRO_POWER_REBOOT };

enum dro_image_state {
	DRO_IMAGE_UNKNOWN = 0,
	DRO_IMAGE_PENDING,
	DRO_IMAGE_AVAILABLE,
	DRO_IMAGE_FAILED,
	DRO_IMAGE_GONE,
};

struct dro_image {
	uint32_t size;
	uint32_t state; /* enum dro_image_state */
	const char *id;
	const char *name;
	const char *region;
	const char *native_state;
	const char *const *snapshots; /* ids of the disks behind it */
	size_t snapshot_count;
	const struct dro_pair *tags;
	size_t tag_count;
	int64_t created_ms;
};

struct dro_image_query {
	uint32_t size;
	uint32_t reserved;
	const char *region;
	/* "" or NULL: any; what has the form of an id is one. Own images only unless by id. */
	const char *name;
	const char *const *ids;
	size_t id_count;
};

struct dro_image_spec {
	uint32_t size;
	uint32_t no_reboot; /* create: crash-consistent, the source keeps running */
	const char *name;
	const char *region;	   /* where the image is to be */
	const char *source;	   /* instance id (create) or image id (copy) */
	const char *source_region; /* copy only */
	const struct dro_pair *tags;
	size_t tag_count;
};

/* Since ABI 1.1: how a running instance is, as its provider measures it. */
struct dro_instance_health {
	uint32_t size;
	uint32_t state; /* enum dro_health_state: the provider's checks of host and system */
	const char *id;
	const char *text;      /* the provider's own words, "" where it has none */
	int64_t measured_ms;   /* when the processors were measured; 0: they were not */
	uint32_t cpu_permille; /* mean load of all processors; meaningless where measured_ms is 0 */
	uint32_t reserved;
};

/* Since ABI 1.2: what is to be written on instances that are there. */
struct dro_instance_marks {
	uint32_t size;
	uint32_t reserved;
	const char *region;
	const char *const *ids;
	size_t id_count;
	const struct dro_pair *tags; /* these they get: an older value of the name goes */
	size_t tag_count;
	const char *const *drop; /* names of tags that go; none is there: a success */
	size_t drop_count;
};

/* A callback's non-zero return ends the list early; the call then returns that value. */
typedef int (*dro_emit_instance)(void *arg, const struct dro_instance *instance);
typedef int (*dro_emit_image)(void *arg, const struct dro_image *image);
typedef int (*dro_emit_instance_health)(void *arg, const struct dro_instance_health *health);

struct dro_compute {
	uint32_t size;
	uint32_t reserved;
	/* Mandatory. */
	int (*list_instances)(void *account, const struct dro_instance_query *query,
		dro_emit_instance emit, void *arg, const struct dro_call *call,
		struct dro_error *err);
	/* Emits what was created (or what an earlier call with this idem_key created). */
	int (*create_instances)(void *account, const struct dro_instance_spec *spec,
		dro_emit_instance emit, void *arg, const struct dro_call *call,
		struct dro_error *err);
	int (*power_instances)(void *account, const char *region, const char *const *ids,
		size_t id_count, int power, const struct dro_call *call, struct dro_error *err);
	/* Idempotent: an instance that is gone is a success. */
	int (*terminate_instances)(void *account, const char *region, const char *const *ids,
		size_t id_count, const struct dro_call *call, struct dro_error *err);
	int (*list_images)(void *account, const struct dro_image_query *query, dro_emit_image emit,
		void *arg, const struct dro_call *call, struct dro_error *err);
	/* Optional (NULL where the provider cannot). */
	int (*check_capacity)(void *account, const struct dro_instance_spec *spec,
		const struct dro_call *call, struct dro_error *err); /* changes nothing */
	int (*create_image)(void *account, const struct dro_image_spec *spec, dro_emit_image emit,
		void *arg, const struct dro_call *call, struct dro_error *err);
	int (*copy_image)(void *account, const struct dro_image_spec *spec, dro_emit_image emit,
		void *arg, const struct dro_call *call, struct dro_error *err);
	/* Deregisters the image and deletes its snapshots; an image that is gone is a success. */
	int (*delete_image)(void *account, const char *region, const char *id,
		const struct dro_call *call, struct dro_error *err);
	/* Since ABI 1.1. */
	/*
	 * Gives a stopped instance another type: DRO_ECONFLICT where it is not stopped. Idempotent.
	 * It stays, or comes to, stopped: what goes on meanwhile is a pending state of the list.
	 */
	int (*resize_instance)(void *account, const char *region, const char *id, const char *type,
		const struct dro_call *call, struct dro_error *err);
	/* One emit an id that exists. */
	int (*instance_health)(void *account, const char *region, const char *const *ids,
		size_t id_count, dro_emit_instance_health emit, void *arg,
		const struct dro_call *call, struct dro_error *err);
	/* Since ABI 1.2. */
	/*
	 * Every other tag, the name and all else that is theirs stays. Idempotent. DRO_ENOTFOUND:
	 * one of them is not there; others may be done.
	 */
	int (*mark_instances)(void *account, const struct dro_instance_marks *marks,
		const struct dro_call *call, struct dro_error *err);
};

/* ---- storage: objects ---------------------------------------------------------------------- */

struct dro_object {
	uint32_t size;
	uint32_t is_prefix; /* a common prefix (delimiter lists), not an object */
	const char *key;
	const char *etag; /* without quotes, or "" */
	uint64_t length;
	int64_t modified_ms;
};

struct dro_object_query {
	uint32_t size;
	uint32_t reserved;
	const char *region;
	const char *bucket;
	const char *prefix;    /* "" : all */
	const char *delimiter; /* "" : none */
};

struct dro_object_ref {
	uint32_t size;
	uint32_t reserved;
	const char *region;
	const char *bucket;
	const char *key;
};

enum dro_put_flag { DRO_PUT_NEW = 1u << 0 }; /* DRO_ECONFLICT if the key is there */

typedef int (*dro_emit_object)(void *arg, const struct dro_object *object);

/* Since ABI 1.2: where everybody reaches what a bucket shows as a website. */
enum dro_website_flag {
	/* The bucket is found by the name that is asked for: who comes by another name than
	 * `host` finds the bucket of that name, or none. */
	DRO_WEBSITE_BY_NAME = 1u << 0,
};

struct dro_website {
	uint32_t size;
	uint32_t flags;		/* enum dro_website_flag */
	const char *host;	/* what a CNAME leads to */
	const char *alias;	/* what an alias leads to, or "" */
	const char *alias_zone; /* the id of its zone, or "" */
};

/* Since ABI 1.2: an object that a bucket's website shows, such as a notice. */
enum dro_page_state {
	DRO_PAGE_THERE = 1u << 0,  /* the object is there */
	DRO_PAGE_SHOWN = 1u << 1,  /* the website shows it for "/", and for what is not there */
	DRO_PAGE_PUBLIC = 1u << 2, /* everybody may read it */
	DRO_PAGE_OTHER = 1u << 3,  /* the website is set up to show something else */
};

struct dro_page {
	uint32_t size;
	uint32_t state; /* enum dro_page_state; of one that is put: 0 */
	const char *region;
	const char *bucket;
	const char *key;
	const char *content_type;
	const char *owner;  /* our ownership mark as stored with the object, or "" */
	const char *sha256; /* of the content, in hex, as stored with the object, or "" */
};

typedef int (*dro_emit_website)(void *arg, const struct dro_website *website);
typedef int (*dro_emit_page)(void *arg, const struct dro_page *page);

struct dro_storage {
	uint32_t size;
	uint32_t reserved;
	/* Mandatory. Keys come in the provider's order, each once. */
	int (*list_objects)(void *account, const struct dro_object_query *query,
		dro_emit_object emit, void *arg, const struct dro_call *call,
		struct dro_error *err);
	/* Writes the object to `fd` from offset 0; *length gets its size. At most `max` bytes. */
	int (*get_object)(void *account, const struct dro_object_ref *ref, int fd, uint64_t max,
		uint64_t *length, const struct dro_call *call, struct dro_error *err);
	/* Optional. Sends `length` bytes of `fd` from offset 0, in parts where it is large. */
	int (*put_object)(void *account, const struct dro_object_ref *ref, int fd, uint64_t length,
		uint32_t flags, const struct dro_call *call, struct dro_error *err);
	int (*delete_objects)(void *account, const char *region, const char *bucket,
		const char *const *keys, size_t key_count, const struct dro_call *call,
		struct dro_error *err); /* a key that is gone is a success */
	/* Since ABI 1.2: all three or none. */
	/* One emit. Asks nobody: it must be known while the provider is away. */
	int (*find_website)(void *account, const char *region, const char *bucket,
		dro_emit_website emit, void *arg, const struct dro_call *call,
		struct dro_error *err);
	/* One emit, also of a page that is not there; DRO_ENOTFOUND: there is no such bucket. */
	int (*get_page)(void *account, const struct dro_object_ref *ref, dro_emit_page emit,
		void *arg, const struct dro_call *call, struct dro_error *err);
	/*
	 * Makes the object as `page` says, with that content, and the website show it; what is so
	 * already is left. Who may read the bucket is not changed. Idempotent. DRO_ECONFLICT where
	 * the key holds what carries another mark, or none, or the website shows something else.
	 */
	int (*put_page)(void *account, const struct dro_page *page, const void *content,
		size_t length, const struct dro_call *call, struct dro_error *err);
};

/* ---- dns: records, also those a proxy answers for ------------------------------------------- */

enum dro_failover { DRO_FAILOVER_NONE = 0, DRO_FAILOVER_PRIMARY, DRO_FAILOVER_SECONDARY };

/*
 * A record set. Sets of one name and type with different `set_id`s are a routed group: by weight,
 * or, where `failover` says so, the primary as long as it is healthy. Of a group all or none have
 * `failover`; a group is put whole, and a member that is to go is in `del`.
 */
struct dro_record {
	uint32_t size;
	uint32_t ttl_s;		   /* 0: automatic */
	const char *id;		   /* the provider's, or "" */
	const char *name;	   /* absolute, lower case, no final dot, no escapes */
	const char *type;	   /* "A", "AAAA", "CNAME", "TXT", "MX", "NS", … */
	const char *const *values; /* as a zone file has them, MX and SRV with their numbers */
	size_t value_count;
	const char *set_id; /* of a weighted or failover set, else "" */
	const char *owner;  /* our ownership mark as stored beside the record, or "" */
	uint32_t proxied;   /* 1: traffic goes through the provider's edge */
	uint32_t weight;    /* of a weighted set: its share, 0..255; 0 gets none */
	/* Since ABI 1.1. */
	uint32_t failover;	  /* enum dro_failover */
	uint32_t evaluate_health; /* of an alias: is it only as healthy as its target? */
	const char *health_check; /* id of the check that takes the set out of the group, or "" */
	const char *alias;	  /* an alias: the target's name; it then has no values. Else "" */
	const char *alias_zone;	  /* an alias: the provider's id of the target's zone, or "" */
};

struct dro_record_query {
	uint32_t size;
	uint32_t reserved;
	const char *zone; /* the zone's name */
	const char *name; /* "" : all of the zone */
	const char *type; /* "" : any */
};

enum dro_dns_flag {
	DRO_DNS_ATOMIC = 1u << 0,  /* apply() is one transaction */
	DRO_DNS_PROXIED = 1u << 1, /* knows proxied records */
	DRO_DNS_OWNER = 1u << 2,   /* stores `owner` with the record */
	DRO_DNS_ALIAS = 1u << 3,   /* knows aliases; since ABI 1.2 */
};

typedef int (*dro_emit_record)(void *arg, const struct dro_record *record);

struct dro_dns {
	uint32_t size;
	uint32_t flags; /* enum dro_dns_flag */
	/* Mandatory. One emit a record set: the values of one name, type and set_id together. */
	int (*list_records)(void *account, const struct dro_record_query *query,
		dro_emit_record emit, void *arg, const struct dro_call *call,
		struct dro_error *err);
	/*
	 * Makes the named record sets exactly as `put` says and removes those in `del`. Declarative
	 * and idempotent; batched to the provider's limits. `operation` (may be NULL) gets the text
	 * id of a change still spreading, or "".
	 */
	int (*apply)(void *account, const char *zone, const struct dro_record *const *put,
		size_t put_count, const struct dro_record *const *del, size_t del_count,
		char *operation, size_t operation_size, const struct dro_call *call,
		struct dro_error *err);
};

/* ---- health: checks that the provider makes from its own vantages. Since ABI 1.1 ------------- */

enum dro_check_kind {
	DRO_CHECK_OTHER = 0, /* of a kind this plugin does not know: listed, never put */
	DRO_CHECK_HTTP,
	DRO_CHECK_HTTPS,
	DRO_CHECK_TCP,
};

struct dro_health_check {
	uint32_t size;
	uint32_t kind; /* enum dro_check_kind */
	const char *id;
	const char *version; /* guards updates, or "" where the provider has none */
	const char *owner;   /* our ownership mark as stored with the check, or "" */
	const char *address; /* IPv4 that is asked; "" : `host` is resolved, or the check is used by
				sets that have addresses of their own */
	const char *host;    /* what is asked for: Host header and SNI; "" : the address */
	const char *path;    /* of http and https */
	uint32_t port;
	uint32_t interval_s;
	uint32_t fail_after; /* answers in a row that change the verdict */
	uint32_t state;	     /* enum dro_health_state; UNKNOWN where the list does not say */
};

/* What one place of the provider sees. */
struct dro_vantage {
	uint32_t size;
	uint32_t state; /* enum dro_health_state */
	const char *name;
	const char *text; /* the provider's own words */
	int64_t checked_ms;
};

typedef int (*dro_emit_check)(void *arg, const struct dro_health_check *check);
typedef int (*dro_emit_vantage)(void *arg, const struct dro_vantage *vantage);

#define DRO_INTERVALS_MAX 32

struct dro_health_checks {
	uint32_t size;
	uint32_t reserved;
	/* Mandatory. All of the account, also those of others. */
	int (*list_checks)(void *account, dro_emit_check emit, void *arg,
		const struct dro_call *call, struct dro_error *err);
	/*
	 * Makes the check where check->id is "" (or finds the one that an earlier call with this
	 * idem_key made), else makes that one as `check` says: DRO_ECONFLICT where it is no longer
	 * at check->version. Intervals and ports that the provider does not have are DRO_EINVAL.
	 * `id` gets the check's id.
	 */
	int (*put_check)(void *account, const struct dro_health_check *check, char *id,
		size_t id_size, const struct dro_call *call, struct dro_error *err);
	/* A check that is gone is a success; one that records use is DRO_ECONFLICT. */
	int (*delete_check)(
		void *account, const char *id, const struct dro_call *call, struct dro_error *err);
	/* One emit a vantage. */
	int (*check_status)(void *account, const char *id, dro_emit_vantage emit, void *arg,
		const struct dro_call *call, struct dro_error *err);
	/* Seconds that checks may be apart, ascending, ended by 0, at most DRO_INTERVALS_MAX of
	 * them, those that every account may have. NULL: any. */
	const uint32_t *intervals;
};

/* ---- async: what is still under way --------------------------------------------------------- */

enum dro_operation_state { DRO_OPERATION_PENDING, DRO_OPERATION_DONE, DRO_OPERATION_FAILED };

struct dro_async {
	uint32_t size;
	uint32_t reserved;
	/* Mandatory. Operation ids are text, so that a restarted process can go on asking. */
	int (*poll)(void *account, const char *operation, uint32_t *state,
		const struct dro_call *call, struct dro_error *err);
	/* Optional. */
	int (*cancel)(void *account, const char *operation, const struct dro_call *call,
		struct dro_error *err);
};

/* ---- the plugin ----------------------------------------------------------------------------- */

enum dro_option_kind { DRO_OPTION_STRING, DRO_OPTION_BOOL, DRO_OPTION_INTEGER, DRO_OPTION_URL };

enum dro_option_flag {
	DRO_OPTION_REQUIRED = 1u << 0,
	DRO_OPTION_CREDENTIAL =
		1u << 1, /* stands under `credentials:`; the plugin never sees its value */
};

struct dro_option {
	uint32_t size;
	uint32_t kind;	/* enum dro_option_kind */
	uint32_t flags; /* enum dro_option_flag */
	uint32_t reserved;
	const char *name;
	const char *fallback; /* what holds where it is not given, or NULL */
	const char *help;     /* one line */
};

enum dro_provider_flag { DRO_PROVIDER_THREADED = 1u << 0 };

struct dro_provider_v1 {
	uint32_t magic;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t size;
	uint32_t flags; /* enum dro_provider_flag */
	const char *name;
	const char *version;
	const struct dro_option *const *options; /* ends with NULL */
	/* `options` holds the checked non-credential options, defaults filled in; copied by the
	 * plugin. */
	int (*open)(const struct dro_host *host, const struct dro_pair *options,
		size_t option_count, void **account, struct dro_error *err);
	void (*close)(void *account); /* NULL-safe */
	/* Are the credentials good? `identity` gets who we are there, never a secret. */
	int (*probe)(void *account, char *identity, size_t identity_size,
		const struct dro_call *call, struct dro_error *err);
	const struct dro_compute *compute; /* NULL: absent, likewise below */
	const struct dro_storage *storage;
	const struct dro_dns *dns;
	const struct dro_async *async;
	const struct dro_health_checks *health; /* since ABI 1.1 */
};

/* A new field that falls into an older struct's tail padding would fool the size check. */
#ifndef __cplusplus
#define DRO_NO_TAIL_PADDING(type, last)                                                            \
	_Static_assert(sizeof(struct type) ==                                                      \
			       offsetof(struct type, last) + sizeof(((struct type *)0)->last),     \
		"struct " #type " has tail padding")
DRO_NO_TAIL_PADDING(dro_error, message);
DRO_NO_TAIL_PADDING(dro_http_request, deadline_ms);
DRO_NO_TAIL_PADDING(dro_http_response, header_count);
DRO_NO_TAIL_PADDING(dro_host, sleep_ms);
DRO_NO_TAIL_PADDING(dro_call, trace);
DRO_NO_TAIL_PADDING(dro_instance, created_ms);
DRO_NO_TAIL_PADDING(dro_instance_query, tag_count);
DRO_NO_TAIL_PADDING(dro_instance_spec, option_count);
DRO_NO_TAIL_PADDING(dro_image, created_ms);
DRO_NO_TAIL_PADDING(dro_image_query, id_count);
DRO_NO_TAIL_PADDING(dro_image_spec, tag_count);
DRO_NO_TAIL_PADDING(dro_instance_health, reserved);
DRO_NO_TAIL_PADDING(dro_instance_marks, drop_count);
DRO_NO_TAIL_PADDING(dro_compute, mark_instances);
DRO_NO_TAIL_PADDING(dro_object, modified_ms);
DRO_NO_TAIL_PADDING(dro_object_query, delimiter);
DRO_NO_TAIL_PADDING(dro_object_ref, key);
DRO_NO_TAIL_PADDING(dro_website, alias_zone);
DRO_NO_TAIL_PADDING(dro_page, sha256);
DRO_NO_TAIL_PADDING(dro_storage, put_page);
DRO_NO_TAIL_PADDING(dro_record, alias_zone);
DRO_NO_TAIL_PADDING(dro_record_query, type);
DRO_NO_TAIL_PADDING(dro_dns, apply);
DRO_NO_TAIL_PADDING(dro_health_check, state);
DRO_NO_TAIL_PADDING(dro_vantage, checked_ms);
DRO_NO_TAIL_PADDING(dro_health_checks, intervals);
DRO_NO_TAIL_PADDING(dro_async, cancel);
DRO_NO_TAIL_PADDING(dro_option, help);
DRO_NO_TAIL_PADDING(dro_provider_v1, health);
#endif

#ifdef __cplusplus
}
#endif

#endif
