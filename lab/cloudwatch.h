/*
 * The simulated CloudWatch: the measures of EC2's instances, over the Query protocol. It keeps no
 * history: there is one point, of the period that is running now.
 */
#ifndef DRORCH_LAB_CLOUDWATCH_H
#define DRORCH_LAB_CLOUDWATCH_H

#include <pthread.h>

#include "lab/lab.h"

struct cloudwatch {
	struct lab *lab;
	pthread_mutex_t lock; /* guards what follows */
	struct lab_bucket bucket;
	bool limited;
};

struct cloudwatch_call {
	struct cloudwatch *cloudwatch;
	const struct lab_call *call;
	struct lab_reply *reply;
	struct lab_pairs params; /* sorted by name: requests have thousands */
	int64_t now_ms;
};

extern const struct lab_vendor lab_vendor_cloudwatch;

void cloudwatch_error(struct cloudwatch_call *c, int status, const char *code, const char *format,
	...) __attribute__((format(printf, 4, 5)));
/* NULL: absent. The second prints the name. */
const char *cloudwatch_param(const struct cloudwatch_call *c, const char *name);
const char *cloudwatch_paramf(const struct cloudwatch_call *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* cloudwatch_data.c */
void cloudwatch_get_metric_data(struct cloudwatch_call *c);
void cloudwatch_get_metric_statistics(struct cloudwatch_call *c);

#endif
