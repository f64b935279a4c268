/*
 * Route 53's health checks: what is configured, and what probing the endpoints found. Probes go to
 * loopback and to machines at the hubs of labs only; any other address is one that does not answer.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHealthCheck.html
 */
#ifndef DRORCH_LAB_ROUTE53_HEALTH_H
#define DRORCH_LAB_ROUTE53_HEALTH_H

#include <pthread.h>

#include "lab/route53.h"

#define ROUTE53_STATUS 320

struct route53_finding {
	int64_t at_ms; /* wall clock; 0: nothing was found yet */
	char status[ROUTE53_STATUS];
};

enum route53_forced { ROUTE53_REAL, ROUTE53_UP, ROUTE53_DOWN };

struct route53_health_check {
	struct route53_health_check *next;
	cJSON *doc; /* Id, CallerReference, Version, Config, Asked (the config as created) */
	/* Of the prober; not saved. */
	struct route53_finding last, failure;
	bool healthy;	 /* before inversion; a new check is, until it is known better */
	unsigned streak; /* probes in a row that say otherwise */
	bool probing;
	uint64_t due_ms;
	enum route53_forced forced;
};

struct route53_prober;

struct route53_health {
	struct lab *lab;
	struct dns_zones *dns; /* where endpoints given by name are looked up */
	pthread_mutex_t lock;  /* guards what follows; the last one to be taken */
	struct route53_health_check *first;
	cJSON *gone; /* caller references that were used up */
	int64_t quota;
	int64_t speed; /* how many seconds of a check's interval pass in one */
	struct route53_prober *prober;
};

/* ---- route53_health.c ------------------------------------------------------------------------ */

int route53_health_new(
	struct route53_health **out, struct lab *lab, struct dns_zones *dns, struct dro_error *err);
void route53_health_free(struct route53_health *health); /* NULL-safe; ends the prober */
/* Does the check pass? One that is not there does. For dns_zones_set_health. */
bool route53_healthy(void *health, const char *id);
/* (locked) */
struct route53_health_check *route53_health_find(struct route53_health *health, const char *id);
/* (locked) Puts the doc in, or takes the check out, and saves; on an error nothing has changed. */
int route53_health_add(struct route53_health *health, cJSON *doc, struct dro_error *err);
int route53_health_remove(
	struct route53_health *health, struct route53_health_check *check, struct dro_error *err);
int route53_health_save(struct route53_health *health, struct dro_error *err);
/* `drorch-lab route53 checks | health ID up|down|real | speed N | quota N`; DRO_EUNSUPPORTED: none
 * of these. */
int route53_health_control(struct route53_health *health, int argc, char **argv,
	struct dro_buf *out, struct dro_error *err);

/* ---- route53_health_config.c ----------------------------------------------------------------- */

struct dro_xml_node;
/* A new check's whole config from <HealthCheckConfig>. NULL: *why says what is wrong. (locked) */
cJSON *route53_health_config(
	struct route53_health *health, const struct dro_xml_node *node, struct dro_buf *why);
/* The config as an <UpdateHealthCheckRequest> leaves it. NULL: *why. (locked) */
cJSON *route53_health_updated(struct route53_health *health, const cJSON *config,
	const struct dro_xml_node *request, struct dro_buf *why);
void route53_health_config_write(struct dro_buf *out, const cJSON *config);
bool route53_health_is_calculated(const cJSON *config);

/* ---- route53_probe.c ------------------------------------------------------------------------- */

/* (locked) Begins probing where it does not yet; later, tells it that something is due. */
int route53_probe_wake(struct route53_health *health, struct dro_error *err);
void route53_probe_stop(struct route53_health *health); /* not locked */

#endif
