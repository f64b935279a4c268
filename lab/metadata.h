/*
 * 169.254.169.254 as the machines see it: each the service of its own cloud, known by the address
 * that it asks from. EC2's is version 2 alone: nothing without a session's token.
 *
 * EC2: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 * Linode: https://techdocs.akamai.com/cloud-computing/docs/metadata-service-api
 */
#ifndef DRORCH_LAB_METADATA_H
#define DRORCH_LAB_METADATA_H

#include "lab/instances.h"

struct lab_metadata;

/* Takes `socket` over, which listens at the hub. */
int lab_metadata_start(
	struct lab_metadata **out, struct lab *lab, int socket, struct dro_error *err);
void lab_metadata_stop(struct lab_metadata *metadata); /* NULL-safe */

/* ---- between its files ----------------------------------------------------------------------- */

/* One question of one machine. */
struct lab_metadata_call {
	struct lab_metadata *metadata;
	struct lab *lab;
	const struct lab_instance *instance; /* locked */
	bool put;
	const char *path;
	/* A header of the request, or NULL. */
	const char *(*header)(const struct lab_metadata_call *c, const char *name);
	void *connection;
	int status; /* 200 at entry */
	const char *type;
	struct lab_pairs headers; /* of the answer */
	struct dro_buf body;
};

void lab_metadata_ec2(struct lab_metadata_call *c);
void lab_metadata_linode(struct lab_metadata_call *c);

/* A token of this instance for so many seconds. */
void lab_metadata_token(struct lab_metadata_call *c, int64_t seconds);
/* Is it one, of this instance and in time? NULL is none. */
bool lab_metadata_token_holds(const struct lab_metadata_call *c, const char *token);
/* Its user-data into `out`; false: it has none. */
bool lab_metadata_user_data(const struct lab_metadata_call *c, struct dro_buf *out);
/* A header's number in that range; -1: none such. */
int64_t lab_metadata_number(const char *text, int64_t min, int64_t max);

#endif
