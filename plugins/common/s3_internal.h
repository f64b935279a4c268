/* Shared by the files of plugins/common/s3.h: one request to a bucket. */
#ifndef DRORCH_PLUGINS_COMMON_S3_INTERNAL_H
#define DRORCH_PLUGINS_COMMON_S3_INTERNAL_H

#include "base/buf.h"
#include "plugins/common/aws_answer.h"
#include "plugins/common/s3.h"

struct s3_request {
	enum aws_kind kind;
	const char *method;
	const char *bucket; /* NULL: the service itself */
	const char *key;    /* NULL: the bucket itself */
	const struct dro_pair *query;
	size_t query_count;
	const struct dro_pair *headers;
	size_t header_count;
	const void *body; /* or NULL */
	size_t body_length;
	int body_fd; /* -1: none */
	uint64_t body_offset;
	int sink_fd;	       /* -1: into memory */
	uint64_t response_max; /* 0: the host's cap */
	bool anonymous;	       /* not signed: as everybody asks */
};

/*
 * Makes the request and judges the answer. `xml` may be NULL where no body is wanted, `response`
 * where no header is. On success *response is freed with host->http_free, *xml with dro_xml_free.
 */
int dro_s3_send(const struct dro_s3 *s3, const struct s3_request *request,
	const struct dro_call *call, struct dro_http_response **response, struct dro_xml **xml,
	struct dro_error *err);
int dro_s3_no_memory(const struct dro_s3 *s3, struct dro_error *err);

int dro_s3_put_parts(const struct dro_s3 *s3, const struct dro_object_ref *ref, int fd,
	uint64_t length, uint32_t flags, const struct dro_call *call, struct dro_error *err);

#endif
