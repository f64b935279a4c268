/* The lab's insides: what its server, control and vendors share beyond the vendors' contract. */
#ifndef DRORCH_LAB_INTERNAL_H
#define DRORCH_LAB_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "lab/lab.h"

#define LAB_VENDORS_MAX 16

struct lab_faults;
struct lab_gates;
struct lab_log;
struct lab_server;
struct lab_control;
struct lab_instances;
struct lab_images;
struct dns_server;

struct lab {
	struct lab_config config;
	char *dir;
	char *credentials[7]; /* behind config's pointers */
	int lock_fd;	      /* holds DIR/lock while the lab lives */
	struct lab_faults *faults;
	struct lab_log *log;
	struct lab_gates *gates;
	struct lab_instances *instances;
	struct lab_images *images;
	struct lab_server *server;
	struct lab_control *control;
	struct lab_edge *edge;
	struct dns_server *dns;
	void *states[LAB_VENDORS_MAX]; /* of lab_vendors */
	size_t open_vendors;
	_Atomic uint32_t latency_ms; /* of every API call */
	pthread_mutex_t lock;	     /* guards `ending` */
	pthread_cond_t ended;
	bool ending;
	bool ask_end; /* by control: main waits for it */
};

/* lab.c: everything of a lab, begun and ended in order. */
struct lab_options {
	const char *dir;
	uint16_t port;
	uint16_t edge_port;
	uint16_t route53_dns_port;
	uint16_t cloudflare_dns_port;
	uint16_t origin_port;
	uint32_t latency_ms;
	uint32_t boot_delay_ms;
	uint32_t edge_delay_ms;
	bool edge_log;
};
int lab_open(struct lab **out, const struct lab_options *options, struct dro_error *err);
void lab_close(struct lab *lab); /* NULL-safe; every instance is dead after it */
/* Wakes every lab_sleep and refuses new work; lab_close calls it first. */
void lab_end(struct lab *lab);

/* server.c: the API port. */
int lab_server_start(
	struct lab_server **out, struct lab *lab, uint16_t port, struct dro_error *err);
uint16_t lab_server_port(const struct lab_server *server);
void lab_server_stop(struct lab_server *server);

/* control.c: the socket DIR/control.sock, and the asking side. */
int lab_control_start(struct lab_control **out, struct lab *lab, struct dro_error *err);
void lab_control_stop(struct lab_control *control);
/* Asks the running lab of `dir`; *exit_code as the command says, text appended to `out`. */
int lab_control_ask(const char *dir, int argc, char **argv, struct dro_buf *out, int *exit_code,
	struct dro_error *err);
/* commands.c: one command of a running lab. */
int lab_command(struct lab *lab, int argc, char **argv, struct dro_buf *out, struct dro_error *err);
void lab_command_help(FILE *to);
/* commands_instance.c: kill, power, cut, join, freeze, thaw, state, pid. */
int lab_instance_command(struct lab *lab, const char *verb, int argc, char **argv,
	struct dro_buf *out, struct dro_error *err);
/* Of these machines, or of all. DRO_EAGAIN: one has no disk yet. */
int lab_known_hosts_command(
	struct lab *lab, int argc, char **argv, struct dro_buf *out, struct dro_error *err);

/* dns.c: the name servers. Ports 0: chosen by the kernel; they come back as they are. */
int lab_dns_start(struct dns_server **out, struct lab *lab, uint16_t *route53_port,
	uint16_t *cloudflare_port, struct dro_error *err);
/* `drorch-lab dns VENDOR FAULT` */
int lab_dns_command(struct lab *lab, int argc, char **argv, struct dro_error *err);

/* log.c: DIR/calls.jsonl. */
struct lab_log_line {
	const struct lab_request *request;
	const struct lab_call *call;
	const struct lab_reply *reply;
	const char *fault; /* "" for none */
	int status;	   /* as it goes out; 0: no answer */
	uint64_t duration_ms;
};
int lab_log_open(struct lab_log **out, const char *dir, struct dro_error *err);
void lab_log_write(struct lab_log *log, const struct lab_log_line *line);
void lab_log_close(struct lab_log *log);

/* credentials.c: DIR/credentials, made on the first start. */
int lab_credentials_open(struct lab *lab, struct dro_error *err);

/* state.c */
/* Calls back for every state NAME that begins with `prefix`. */
int lab_state_each(const struct lab *lab, const char *prefix,
	int (*each)(void *arg, const cJSON *json, struct dro_error *err), void *arg,
	struct dro_error *err);
int lab_state_remove(const struct lab *lab, const char *name, struct dro_error *err);

#endif
