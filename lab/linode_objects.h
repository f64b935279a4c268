/*
 * Linode's Object Storage in the lab: the API of its keys and buckets, and the S3 behind it, which
 * shares the code of the lab's S3 and nothing else. A key is known by how it begins, so that an
 * S3 request can be told from one to AWS.
 */
#ifndef DRORCH_LAB_LINODE_OBJECTS_H
#define DRORCH_LAB_LINODE_OBJECTS_H

#include "lab/linode.h"
#include "lab/s3.h"

/* A fresh access key. */
#define LINODE_KEY_ID 21
void lab_linode_key_id(char out[LINODE_KEY_ID]);
bool linode_key_is(const char *access_key); /* Linode's, whether it is good or not */

/* ---- linode_keys.c --------------------------------------------------------------------------- */

/* The keys, saved or the first one of the credentials. */
int linode_keys_open(struct linode *linode, struct dro_error *err);
void linode_list_keys(struct linode_call *c);
void linode_create_key(struct linode_call *c);
void linode_get_key(struct linode_call *c);
void linode_update_key(struct linode_call *c);
void linode_delete_key(struct linode_call *c);
/* Of struct s3_world. Both lock. */
bool linode_key_secret(struct lab *lab, const char *access_key, char out[S3_SECRET]);
bool linode_key_allows(struct lab *lab, const char *access_key, enum s3_may may, const char *bucket,
	const char *region);

/* ---- linode_objects.c ------------------------------------------------------------------------ */

/* "eu-west" of that, or of its cluster's name "eu-west-1"; false: there is no such place. */
bool linode_object_region(const char *place, char region[LAB_REGION]);
/* The host and port where the lab has every region's objects. */
void linode_object_host(const struct lab *lab, char *out, size_t size);
void linode_list_clusters(struct linode_call *c);
void linode_get_cluster(struct linode_call *c);
void linode_list_endpoints(struct linode_call *c);
void linode_list_buckets(struct linode_call *c);
void linode_create_bucket(struct linode_call *c);
void linode_list_region_buckets(struct linode_call *c);
void linode_get_bucket(struct linode_call *c);
void linode_delete_bucket(struct linode_call *c);

extern const struct lab_vendor lab_vendor_linode_s3;

#endif
