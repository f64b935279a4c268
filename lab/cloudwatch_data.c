#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/cloudwatch.h"
#include "lab/ec2.h"
#include "lab/load.h"

#define QUERIES_MAX 500
#define POINTS_MAX 1440 /* of GetMetricStatistics */

/* One measure that was asked for. */
struct query {
	const char *space;
	const char *metric;
	const char *instance; /* NULL: another dimension, or several */
	int64_t period_s;
};

struct span {
	int64_t start_ms, end_ms;
};

/* false: answered. `code` is what the operation calls it. */
static bool read_span(struct cloudwatch_call *c, const char *code, struct span *span)
{
	static const char *const names[] = {"StartTime", "EndTime"};
	int64_t *times[] = {&span->start_ms, &span->end_ms};
	size_t i;

	for (i = 0; i < 2; i++) {
		const char *text = cloudwatch_param(c, names[i]);

		if (!text || !*text) {
			cloudwatch_error(c, 400, "MissingParameter",
				"The request must contain the parameter %s.", names[i]);
			return false;
		}
		if (dro_time_parse(text, times[i]) < 0) {
			cloudwatch_error(c, 400, "InvalidParameterValue",
				"The value %.40s for parameter %s is invalid.", text, names[i]);
			return false;
		}
	}
	if (span->start_ms < span->end_ms)
		return true;
	cloudwatch_error(
		c, 400, code, "The parameter StartTime must be less than the parameter EndTime.");
	return false;
}

/* 1, 5, 10, 30, or whole minutes. 0: it is none. */
static int64_t read_period(const char *text)
{
	char *end = NULL;
	long long period = text ? strtoll(text, &end, 10) : 0;

	if (!text || !*text || *end || period <= 0 || period > 86400 * 365)
		return 0;
	return period == 1 || period == 5 || period == 10 || period == 30 || period % 60 == 0
		       ? period
		       : 0;
}

/* (instances locked) The value of a query's one point; false: there is none. */
static bool measure(struct cloudwatch_call *c, const struct query *query,
	const struct lab_processes *processes, double *value)
{
	struct lab_instance *instance;

	if (!query->instance || strcmp(query->space, "AWS/EC2") != 0)
		return false;
	instance = lab_instance_find(lab_instances_of(c->cloudwatch->lab), query->instance);
	if (!instance || strcmp(instance->vendor, "ec2") != 0 ||
		strcmp(instance->region, c->call->region) != 0 || instance->state != LAB_RUNNING)
		return false;
	if (strcmp(query->metric, "CPUUtilization") == 0)
		*value = lab_instance_load(instance, processes);
	else if (strcmp(query->metric, "StatusCheckFailed") == 0 ||
		 strcmp(query->metric, "StatusCheckFailed_Instance") == 0)
		*value = strcmp(ec2_checks(instance), "impaired") == 0;
	else if (strcmp(query->metric, "StatusCheckFailed_System") == 0)
		*value = 0;
	else
		return false;
	return true;
}

/* When a query's point begins; false: not within the span. */
static bool point_at(const struct cloudwatch_call *c, const struct query *query,
	const struct span *span, int64_t *at_ms)
{
	int64_t period_ms = query->period_s * 1000;
	/* The vendor rounds the start down to the period too, else it would see half of one. */
	int64_t start_ms = span->start_ms - span->start_ms % period_ms;

	*at_ms = c->now_ms - c->now_ms % period_ms;
	return *at_ms >= start_ms && *at_ms < span->end_ms;
}

/* ---- GetMetricData --------------------------------------------------------------------------- */

static bool id_is_good(const char *id)
{
	if (!islower((unsigned char)*id))
		return false;
	while (isalnum((unsigned char)*id) || *id == '_')
		id++;
	return !*id;
}

/* The queries are numbered from 1 without a gap; how many there are, or -1: answered. */
static int count_queries(struct cloudwatch_call *c)
{
	int count = 0;

	while (count <= QUERIES_MAX &&
		cloudwatch_paramf(c, "MetricDataQueries.member.%d.Id", count + 1))
		count++;
	if (count > QUERIES_MAX)
		cloudwatch_error(c, 400, "ValidationError",
			"The collection MetricDataQueries must not have a size greater than %d.",
			QUERIES_MAX);
	else if (count == 0)
		cloudwatch_error(c, 400, "MissingParameter",
			"The request must contain the parameter MetricDataQueries.");
	return count == 0 || count > QUERIES_MAX ? -1 : count;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool ids_are_unique(struct cloudwatch_call *c, int count)
{
	const char *ids[QUERIES_MAX];
	int i;

	for (i = 0; i < count; i++)
		ids[i] = cloudwatch_paramf(c, "MetricDataQueries.member.%d.Id", i + 1);
	qsort(ids, (size_t)count, sizeof(ids[0]), compare_texts);
	for (i = 1; i < count; i++)
		if (strcmp(ids[i - 1], ids[i]) == 0) {
			cloudwatch_error(c, 400, "ValidationError",
				"The values for parameter id in MetricDataQueries are not unique.");
			return false;
		}
	return true;
}

/* The number of samples is the only statistic of one sample that is not its value. */
static double statistic(const char *name, double value)
{
	return strcmp(name, "SampleCount") == 0 ? 1 : value;
}

static bool is_statistic(const char *name)
{
	static const char *const names[] = {"Average", "Sum", "Minimum", "Maximum", "SampleCount"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Percentiles and trimmed means too, in GetMetricData: "p99.9", "tm90". */
static bool is_wide_statistic(const char *name)
{
	size_t letters = strspn(name, "pcstmwrC");

	return is_statistic(name) ||
	       (letters && letters < 3 && isdigit((unsigned char)name[letters]));
}

/* false: answered. */
static bool read_query(struct cloudwatch_call *c, int n, struct query *query)
{
#define MEMBER "MetricDataQueries.member.%d."
#define DIMENSION MEMBER "MetricStat.Metric.Dimensions.member."
	const char *stat = cloudwatch_paramf(c, MEMBER "MetricStat.Stat", n);
	const char *dimension = cloudwatch_paramf(c, DIMENSION "1.Name", n);
	const char *what = NULL;

	query->space = cloudwatch_paramf(c, MEMBER "MetricStat.Metric.Namespace", n);
	query->metric = cloudwatch_paramf(c, MEMBER "MetricStat.Metric.MetricName", n);
	query->period_s = read_period(cloudwatch_paramf(c, MEMBER "MetricStat.Period", n));
	query->instance = cloudwatch_paramf(c, DIMENSION "1.Value", n);
	if (!dimension || strcmp(dimension, "InstanceId") != 0 ||
		cloudwatch_paramf(c, DIMENSION "2.Name", n))
		query->instance = NULL;
	if (!id_is_good(cloudwatch_paramf(c, MEMBER "Id", n)))
		what = "Id does not match ^[a-z][a-zA-Z0-9_]*$";
	else if (cloudwatch_paramf(c, MEMBER "Expression", n))
		what = "the lab computes no expressions";
	else if (!query->space || !query->metric || !stat)
		what = "MetricStat needs a Metric and a Stat";
	else if (!is_wide_statistic(stat))
		what = "there is no such Stat";
	else if (!query->period_s)
		what = "Period must be 1, 5, 10, 30 or a multiple of 60";
	if (what)
		cloudwatch_error(
			c, 400, "ValidationError", "MetricDataQueries.member.%d: %s.", n, what);
	return !what;
#undef DIMENSION
#undef MEMBER
}

static void put_time(struct dro_buf *body, const char *name, int64_t ms)
{
	char text[DRO_TIME_TEXT];

	dro_time_format(text, ms);
	lab_xml_element(body, name, text);
}

/* (instances locked) */
static void put_result(struct cloudwatch_call *c, int n, const struct query *query,
	const struct span *span, const struct lab_processes *processes)
{
	const char *label = cloudwatch_paramf(c, "MetricDataQueries.member.%d.Label", n);
	const char *stat = cloudwatch_paramf(c, "MetricDataQueries.member.%d.MetricStat.Stat", n);
	struct dro_buf *body = &c->reply->body;
	int64_t at_ms;
	double value;

	dro_buf_puts(body, "<member>");
	lab_xml_element(body, "Id", cloudwatch_paramf(c, "MetricDataQueries.member.%d.Id", n));
	lab_xml_element(body, "Label", label ? label : query->metric);
	if (point_at(c, query, span, &at_ms) && measure(c, query, processes, &value)) {
		dro_buf_puts(body, "<Timestamps>");
		put_time(body, "member", at_ms);
		dro_buf_printf(body, "</Timestamps><Values><member>%.10g</member></Values>",
			statistic(stat, value));
	} else {
		dro_buf_puts(body, "<Timestamps/><Values/>");
	}
	dro_buf_puts(body, "<StatusCode>Complete</StatusCode></member>");
}

static bool returns_data(struct cloudwatch_call *c, int n)
{
	const char *text = cloudwatch_paramf(c, "MetricDataQueries.member.%d.ReturnData", n);

	return !text || strcmp(text, "false") != 0;
}

void cloudwatch_get_metric_data(struct cloudwatch_call *c)
{
	struct lab_instances *table = lab_instances_of(c->cloudwatch->lab);
	struct dro_error err = DRO_ERROR_INIT;
	struct lab_processes *processes = NULL;
	struct query queries[QUERIES_MAX];
	struct span span;
	int count, i;

	if (!read_span(c, "ValidationError", &span) || (count = count_queries(c)) < 0 ||
		!ids_are_unique(c, count))
		return;
	for (i = 0; i < count; i++)
		if (!read_query(c, i + 1, &queries[i]))
			return;
	if (cloudwatch_param(c, "NextToken")) {
		cloudwatch_error(c, 400, "InvalidNextToken", "The next token is not valid.");
		return;
	}
	if (lab_processes_look(&processes, &err) < 0) {
		cloudwatch_error(c, 500, "InternalServiceFault", "%s", err.message);
		return;
	}
	dro_buf_puts(&c->reply->body, "<Messages/><MetricDataResults>");
	lab_instances_lock(table);
	for (i = 0; i < count; i++)
		if (returns_data(c, i + 1))
			put_result(c, i + 1, &queries[i], &span, processes);
	lab_instances_unlock(table);
	dro_buf_puts(&c->reply->body, "</MetricDataResults>");
	lab_processes_free(processes);
}

/* ---- GetMetricStatistics --------------------------------------------------------------------- */

/* false: answered. */
static bool read_statistics_query(
	struct cloudwatch_call *c, struct query *query, const struct span *span)
{
	static const char *const needed[] = {
		"Namespace", "MetricName", "Period", "Statistics.member.1"};
	const char *dimension = cloudwatch_param(c, "Dimensions.member.1.Name"), *name;
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!cloudwatch_param(c, needed[i])) {
			cloudwatch_error(c, 400, "MissingParameter",
				"The request must contain the parameter %.10s.", needed[i]);
			return false;
		}
	*query = (struct query){.space = cloudwatch_param(c, "Namespace"),
		.metric = cloudwatch_param(c, "MetricName"),
		.instance = cloudwatch_param(c, "Dimensions.member.1.Value"),
		.period_s = read_period(cloudwatch_param(c, "Period"))};
	if (!dimension || strcmp(dimension, "InstanceId") != 0 ||
		cloudwatch_param(c, "Dimensions.member.2.Name"))
		query->instance = NULL;
	if (!query->period_s) {
		cloudwatch_error(c, 400, "InvalidParameterValue",
			"The parameter Period must be 1, 5, 10, 30 or a multiple of 60.");
		return false;
	}
	for (i = 1; (name = cloudwatch_paramf(c, "Statistics.member.%zu", i)); i++)
		if (!is_statistic(name)) {
			cloudwatch_error(c, 400, "InvalidParameterValue",
				"The value %.40s for parameter Statistics is invalid.", name);
			return false;
		}
	if ((span->end_ms - span->start_ms) / 1000 / query->period_s <= POINTS_MAX)
		return true;
	cloudwatch_error(c, 400, "InvalidParameterCombination",
		"You have requested more datapoints than the limit of %d.", POINTS_MAX);
	return false;
}

void cloudwatch_get_metric_statistics(struct cloudwatch_call *c)
{
	struct lab_instances *table = lab_instances_of(c->cloudwatch->lab);
	struct dro_error err = DRO_ERROR_INIT;
	struct lab_processes *processes = NULL;
	struct dro_buf *body = &c->reply->body;
	struct query query;
	struct span span;
	const char *name;
	int64_t at_ms;
	double value = 0;
	size_t i;
	bool there;

	if (!read_span(c, "InvalidParameterCombination", &span) ||
		!read_statistics_query(c, &query, &span))
		return;
	if (lab_processes_look(&processes, &err) < 0) {
		cloudwatch_error(c, 500, "InternalServiceFault", "%s", err.message);
		return;
	}
	lab_instances_lock(table);
	there = point_at(c, &query, &span, &at_ms) && measure(c, &query, processes, &value);
	lab_instances_unlock(table);
	lab_processes_free(processes);
	dro_buf_puts(body, "<Datapoints>");
	if (there) {
		dro_buf_puts(body, "<member>");
		put_time(body, "Timestamp", at_ms);
		for (i = 1; (name = cloudwatch_paramf(c, "Statistics.member.%zu", i)); i++)
			dro_buf_printf(body, "<%s>%.10g</%s>", name, statistic(name, value), name);
		lab_xml_element(body, "Unit",
			strcmp(query.metric, "CPUUtilization") == 0 ? "Percent" : "Count");
		dro_buf_puts(body, "</member>");
	}
	dro_buf_puts(body, "</Datapoints>");
	lab_xml_element(body, "Label", query.metric);
}
