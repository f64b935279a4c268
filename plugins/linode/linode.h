/*
 * The linode plugin inside: instances and images of Linode API v4, objects over S3.
 *
 * An account holds nothing that changes after open, so that any number of threads may use it.
 */
#ifndef DRORCH_PLUGINS_LINODE_H
#define DRORCH_PLUGINS_LINODE_H

#include "base/json.h"
#include "plugins/common/answer.h"
#include "plugins/common/params.h"

#define LI_ID_MAX 24 /* a number, with its NUL */

struct li {
	const struct dro_host *host;
	struct dro_params options; /* owns the texts below */
	const char *endpoint;
	const char *region;	 /* where none is named; "" for none */
	const char *s3_endpoint; /* of Object Storage, with "{region}" in it */
};

/* ---- api.c: one request, and its answer as a checked document -------------------------------- */

/* What a request does decides who may repeat it and what a lost answer means. */
enum li_kind {
	LI_READ,       /* changes nothing */
	LI_REPEATABLE, /* changes something, but a second time nothing more */
	LI_ONCE,       /* must never be sent twice unasked */
};

struct li_ask {
	enum li_kind kind;
	const char *method;
	const char *path[5]; /* below /v4; ends with NULL */
	const struct dro_pair *query;
	size_t query_count;
	const char *filter; /* X-Filter, or NULL */
	const char *body;   /* JSON, or NULL */
};

/*
 * *out (may be NULL: not looked at) is the answer, an object or an array, and is freed with
 * cJSON_Delete. A change whose answer cannot be read is DRO_ETIMEDOUT: it may have been made.
 */
int li_ask(const struct li *li, const struct li_ask *ask, cJSON **out, const struct dro_call *call,
	struct dro_error *err);
/* The same with one JSON object as the body, which is freed and wiped. */
int li_send(const struct li *li, struct li_ask *ask, cJSON *body, cJSON **out,
	const struct dro_call *call, struct dro_error *err);

/* A non-zero return ends the list, and is what li_list gives. */
typedef int (*li_each)(void *arg, const cJSON *item, struct dro_error *err);
/* Every item of every page of a collection, page after page. */
int li_list(const struct li *li, const struct li_ask *ask, li_each each, void *arg,
	const struct dro_call *call, struct dro_error *err);

int li_no_memory(const struct li *li, struct dro_error *err);
/* An error that was looked at first, to the caller's. Returns its code. */
int li_pass_on(const struct li *li, const struct dro_error *from, struct dro_error *err);
/* An answer of another form than the API's; `kind` decides what that means. */
int li_nonsense(const struct li *li, enum li_kind kind, const char *what, struct dro_error *err);
/* The number at `key` as text; "" where there is none. */
void li_id(char out[LI_ID_MAX], const cJSON *object, const char *key);
/* DRO_EINVAL for what can be no number of a thing. */
int li_check_id(const struct li *li, const char *id, struct dro_error *err);
/* `region`, or the account's where it is "" or NULL; "" where neither is given. */
const char *li_region(const struct li *li, const char *region);
/* "label: must be unique", where the answer was a refusal of a request that names it. */
bool li_is_taken(const struct dro_error *err);

/* ---- tags.c: pairs as Linode's flat tags "name=value" ---------------------------------------- */

#define LI_TAG_MAX 50	     /* of an instance */
#define LI_IMAGE_TAG_MAX 100 /* of an image */

/*
 * The tag of one pair. What is longer than `max` is cut and ends with a hash of the whole, so that
 * looking it up goes on working.
 */
int li_tag(const struct li *li, struct dro_buf *out, const struct dro_pair *pair, size_t max,
	struct dro_error *err);
/* An array of tags, to be added to a body. */
int li_tags_write(const struct li *li, cJSON *array, const struct dro_pair *tags, size_t count,
	size_t max, struct dro_error *err);
bool li_has_tag(const cJSON *item, const char *tag);
/* The tags of `item` as pairs; a tag without "=" has the value "". Freed with one free(). */
int li_tags_read(const struct li *li, const cJSON *item, struct dro_pair **tags, size_t *count,
	struct dro_error *err);

/* ---- the capabilities ------------------------------------------------------------------------ */

uint32_t li_instance_state(const char *native);
/* An instance of the API's, emitted; its document may go afterwards. */
int li_emit_instance(const struct li *li, const cJSON *item, dro_emit_instance emit, void *arg,
	struct dro_error *err);
int li_get_instance(const struct li *li, const char *id, cJSON **out, const struct dro_call *call,
	struct dro_error *err);
int li_list_instances(void *account, const struct dro_instance_query *query, dro_emit_instance emit,
	void *arg, const struct dro_call *call, struct dro_error *err);
int li_create_instances(void *account, const struct dro_instance_spec *spec, dro_emit_instance emit,
	void *arg, const struct dro_call *call, struct dro_error *err);
int li_power_instances(void *account, const char *region, const char *const *ids, size_t id_count,
	int power, const struct dro_call *call, struct dro_error *err);
int li_terminate_instances(void *account, const char *region, const char *const *ids,
	size_t id_count, const struct dro_call *call, struct dro_error *err);
int li_check_capacity(void *account, const struct dro_instance_spec *spec,
	const struct dro_call *call, struct dro_error *err);

int li_resize_instance(void *account, const char *region, const char *id, const char *type,
	const struct dro_call *call, struct dro_error *err);
int li_instance_health(void *account, const char *region, const char *const *ids, size_t id_count,
	dro_emit_instance_health emit, void *arg, const struct dro_call *call,
	struct dro_error *err);
int li_mark_instances(void *account, const struct dro_instance_marks *marks,
	const struct dro_call *call, struct dro_error *err);

/* The image as it is in `region` ("" : anywhere). */
uint32_t li_image_state(const cJSON *item, const char *region);
bool li_image_is_in(const cJSON *item, const char *region);
int li_emit_image(const struct li *li, const cJSON *item, const char *region, dro_emit_image emit,
	void *arg, struct dro_error *err);
int li_get_image(const struct li *li, const char *id, cJSON **out, const struct dro_call *call,
	struct dro_error *err);
int li_list_images(void *account, const struct dro_image_query *query, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err);
int li_create_image(void *account, const struct dro_image_spec *spec, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err);
int li_copy_image(void *account, const struct dro_image_spec *spec, dro_emit_image emit, void *arg,
	const struct dro_call *call, struct dro_error *err);
int li_delete_image(void *account, const char *region, const char *id, const struct dro_call *call,
	struct dro_error *err);

extern const struct dro_storage li_storage;
/*
 * Are the keys of Object Storage good? *good: they are. Without keys or a region, and where nobody
 * answers, that stays open and is no error. DRO_EAUTH says which keys the account has, DRO_EINVAL
 * where the region's objects are.
 */
int li_probe_storage(
	const struct li *li, const struct dro_call *call, bool *good, struct dro_error *err);

int li_poll(void *account, const char *operation, uint32_t *state, const struct dro_call *call,
	struct dro_error *err);

#endif
