/*
 * Objects over the S3 protocol, signed by the host: one piece for every plugin whose provider
 * speaks it. The functions are those of struct dro_storage, for one place instead of an account;
 * a query's or a reference's own region is not looked at.
 */
#ifndef DRORCH_PLUGINS_COMMON_S3_H
#define DRORCH_PLUGINS_COMMON_S3_H

#include <stdbool.h>

#include "drorch/provider.h"

/* Where to ask. The texts are the caller's. */
struct dro_s3 {
	const struct dro_host *host;
	const char *endpoint; /* scheme://host[:port] of the service, without a final "/" */
	const char *region;   /* of the signature */
	bool path_style;      /* buckets in the path, also where the host name could have them */
};

/* Are the keys good? Lists the buckets; that the keys may not do that is good too. */
int dro_s3_probe(const struct dro_s3 *s3, const struct dro_call *call, struct dro_error *err);

int dro_s3_list_objects(const struct dro_s3 *s3, const struct dro_object_query *query,
	dro_emit_object emit, void *arg, const struct dro_call *call, struct dro_error *err);
int dro_s3_get_object(const struct dro_s3 *s3, const struct dro_object_ref *ref, int fd,
	uint64_t max, uint64_t *length, const struct dro_call *call, struct dro_error *err);
int dro_s3_put_object(const struct dro_s3 *s3, const struct dro_object_ref *ref, int fd,
	uint64_t length, uint32_t flags, const struct dro_call *call, struct dro_error *err);
/* As get_page and put_page of struct dro_storage. */
int dro_s3_get_page(const struct dro_s3 *s3, const struct dro_object_ref *ref, dro_emit_page emit,
	void *arg, const struct dro_call *call, struct dro_error *err);
int dro_s3_put_page(const struct dro_s3 *s3, const struct dro_page *page, const void *content,
	size_t length, const struct dro_call *call, struct dro_error *err);

int dro_s3_delete_objects(const struct dro_s3 *s3, const char *bucket, const char *const *keys,
	size_t key_count, const struct dro_call *call, struct dro_error *err);

#endif
