/*
 * What CloudWatch measured of instances.
 *   https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 *   https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "plugins/aws/aws.h"
#include "plugins/common/when.h"

#define PERIOD_MS (5 * 60 * 1000) /* what instances without detailed monitoring have */
#define PERIOD_S "300"
#define LOOK_BACK_MS (3 * PERIOD_MS) /* a mean comes some minutes after its period */

struct reading {
	const struct aws_account *account;
	struct cloudwatch_load *loads;
	size_t count;
	int64_t now_ms;
};

/* The answers come back under the ids of the queries: "m0", "m1", … */
static void add_query(struct dro_params *params, size_t n, const char *instance)
{
	static const struct dro_pair fixed[] = {{"Metric.Namespace", "AWS/EC2"},
		{"Metric.MetricName", "CPUUtilization"},
		{"Metric.Dimensions.member.1.Name", "InstanceId"}, {"Period", PERIOD_S},
		{"Stat", "Average"}};
	char id[24];
	size_t i;

	snprintf(id, sizeof(id), "m%zu", n);
	dro_params_addf(params, id, "MetricDataQueries.member.%zu.Id", n + 1);
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		dro_params_addf(params, fixed[i].value,
			"MetricDataQueries.member.%zu.MetricStat.%s", n + 1, fixed[i].name);
	dro_params_addf(params, instance,
		"MetricDataQueries.member.%zu.MetricStat.Metric.Dimensions.member.1.Value", n + 1);
}

static void add_time(struct dro_params *params, const char *name, int64_t ms)
{
	char text[DRO_TIME_TEXT];

	dro_time_format(text, ms - ms % 1000);
	dro_params_add(params, name, text);
}

/* The newest point of one answer: whatever their order, and however many pages they came on. */
static void read_points(const struct reading *reading, struct cloudwatch_load *load,
	const struct dro_xml_node *member)
{
	const struct dro_xml_node *time = dro_xml_child(member, "Timestamps/member");
	const struct dro_xml_node *value = dro_xml_child(member, "Values/member");

	for (; time && value; time = dro_xml_next(time), value = dro_xml_next(value)) {
		int64_t end_ms = dro_when_iso(time->text) + PERIOD_MS;
		char *end;
		double percent = strtod(value->text, &end);

		if (end_ms > reading->now_ms) /* a period that is not over yet */
			end_ms = reading->now_ms;
		if (end_ms <= PERIOD_MS || end_ms <= load->measured_ms || !*value->text || *end ||
			!(percent >= 0))
			continue;
		load->measured_ms = end_ms;
		load->cpu_permille = percent < 100 ? (uint32_t)(percent * 10 + 0.5) : 1000;
	}
}

static int read_page(
	const struct reading *reading, const struct dro_xml_node *result, struct dro_error *err)
{
	const struct dro_xml_node *member = dro_xml_child(result, "MetricDataResults/member");

	for (; member; member = dro_xml_next(member)) {
		const char *id = dro_xml_text(member, "Id");
		char *end = NULL;
		size_t n = *id == 'm' ? strtoul(id + 1, &end, 10) : reading->count;

		if (n >= reading->count || end == id + 1 || *end)
			return reading->account->host->fail(err, DRO_EPROTO, NULL,
				"a measure that was not asked for: \"%.40s\"", id);
		read_points(reading, &reading->loads[n], member);
	}
	return 0;
}

static int ask_page(const struct reading *reading, const char *region, struct dro_paging *page,
	bool *more, const struct dro_call *call, struct dro_error *err)
{
	int64_t from_ms = reading->now_ms - LOOK_BACK_MS;
	struct dro_params params = DRO_PARAMS_INIT;
	const struct dro_xml_node *result;
	struct dro_xml *xml = NULL;
	size_t i;
	int rc;

	aws_action(&params, "GetMetricData", AWS_CLOUDWATCH_VERSION);
	/* Whole periods: the end is exclusive, and right at a period's beginning now would leave
	 * out the one that has just begun. */
	add_time(&params, "StartTime", from_ms - from_ms % PERIOD_MS);
	add_time(&params, "EndTime", reading->now_ms - reading->now_ms % PERIOD_MS + PERIOD_MS);
	for (i = 0; i < reading->count; i++)
		add_query(&params, i, reading->loads[i].id);
	dro_params_add_set(&params, "NextToken", page->token);
	rc = aws_query(reading->account, "monitoring", region, &params, AWS_READ, call, &xml, err);
	if (rc < 0)
		goto out;
	result = dro_xml_child(dro_xml_root(xml), "GetMetricDataResult");
	if ((rc = read_page(reading, result, err)) == 0)
		rc = aws_next_page(page, dro_xml_text(result, "NextToken"), more, err);
out:
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}

int cloudwatch_loads(const struct aws_account *account, const char *region,
	struct cloudwatch_load *loads, size_t count, const struct dro_call *call,
	struct dro_error *err)
{
	struct dro_paging page = DRO_PAGING_INIT("GetMetricData", AWS_MAX_PAGES);
	const struct reading reading = {.account = account,
		.loads = loads,
		.count = count,
		.now_ms = account->host->wall_ms(account->host)};
	bool more = false;
	size_t i;
	int rc;

	for (i = 0; i < count; i++)
		loads[i].measured_ms = 0;
	do
		rc = ask_page(&reading, region, &page, &more, call, err);
	while (rc == 0 && more);
	dro_paging_free(&page);
	return rc;
}
