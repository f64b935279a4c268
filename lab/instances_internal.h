/* Shared by the files of the instance table. */
#ifndef DRORCH_LAB_INSTANCES_INTERNAL_H
#define DRORCH_LAB_INSTANCES_INTERNAL_H

#include "lab/instances.h"

#define LAB_BLOCK 16 /* "127.104.3." */
#define LAB_BUCKETS 4096

struct lab_instances {
	struct lab *lab;
	struct lab_hub *hub; /* made with the first machine */
	pthread_mutex_t lock;
	struct lab_instance *first;
	struct lab_instance **last;
	char block[LAB_BLOCK];
	int block_fd; /* a listening socket that claims the block for this lab */
	struct lab_instance *buckets[LAB_BUCKETS]; /* by id */
	/* Of instances_idle.c. */
	pthread_t idle_thread;
	bool has_idle_thread;
	pthread_cond_t idle_changed;
	bool idle_work;
	uint32_t idle_address; /* the last one given, below 10.0.0.0 */
	bool ending;
};

/* instances_thread.c (locked) */
int lab_instance_thread_start(struct lab_instance *instance, struct dro_error *err);
void lab_instance_set_state(struct lab_instance *instance, int state);

/* instances_state.c */
struct lab_instance *lab_instance_new(struct lab_instances *table, const char *id);
void lab_instance_free(struct lab_instance *instance); /* NULL-safe; no thread any more */
int lab_instances_load(struct lab_instances *table, struct dro_error *err);

/* instances.c (locked): makes it findable by its id. */
void lab_instance_index(struct lab_instance *instance);

/* instances_idle.c: the table's one thread for idle instances; the others (locked) */
int lab_idle_start(struct lab_instances *table, struct dro_error *err);
void lab_idle_end(struct lab_instances *table); /* `ending` is set; not locked */
void lab_idle_wake(struct lab_instances *table);
int lab_idle_address(struct lab_instances *table, char out[LAB_ADDRESS], struct dro_error *err);
/* An idle instance came from the state. */
void lab_idle_loaded(struct lab_instance *instance);
/* Makes the folder of an image of which nothing runs. */
int lab_image_make_idle(const char *folder, struct dro_error *err);

/* addresses.c: finds and claims a block of loopback addresses; (locked) a free one of it. */
int lab_block_claim(struct lab_instances *table, struct dro_error *err);
int lab_address_choose(struct lab_instances *table, char out[LAB_ADDRESS], struct dro_error *err);
/* (locked) Gives the guest of a machine its hub, and an address there where it has none of it. */
int lab_address_plug(struct lab_instance *instance, struct dro_error *err);

#endif
