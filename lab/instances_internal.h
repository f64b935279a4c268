/* Shared by the files of the instance table. */
#ifndef DRORCH_LAB_INSTANCES_INTERNAL_H
#define DRORCH_LAB_INSTANCES_INTERNAL_H

#include "lab/instances.h"

#define LAB_BLOCK 16 /* "127.104.3." */

struct lab_instances {
	struct lab *lab;
	const struct lab_driver *driver;
	pthread_mutex_t lock;
	struct lab_instance *first;
	struct lab_instance **last;
	char block[LAB_BLOCK];
	int block_fd; /* a listening socket that claims the block for this lab */
	bool ending;
};

/* instances_thread.c (locked) */
int lab_instance_thread_start(struct lab_instance *instance, struct dro_error *err);
void lab_instance_set_state(struct lab_instance *instance, int state);

/* instances_state.c */
struct lab_instance *lab_instance_new(struct lab_instances *table, const char *id);
void lab_instance_free(struct lab_instance *instance); /* NULL-safe; no thread any more */
int lab_instances_load(struct lab_instances *table, struct dro_error *err);

/* addresses.c: finds and claims a block of loopback addresses; (locked) a free one of it. */
int lab_block_claim(struct lab_instances *table, struct dro_error *err);
int lab_address_choose(struct lab_instances *table, char out[LAB_ADDRESS], struct dro_error *err);

#endif
