/* The aws plugin's sizes and health of instances, and calls that are too large for one. */
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "plugins/aws_kit.h"

#define FORM(index, name, value) ck_assert_pstr_eq(scripted_form(kit.host, index, name), value)
/* In forms too long for FORM: "&NAME=VALUE" as it was sent. */
#define HAS(index, text)                                                                           \
	ck_assert_ptr_nonnull(strstr(scripted_request(kit.host, index)->body, text))
#define HAS_NOT(index, text)                                                                       \
	ck_assert_ptr_null(strstr(scripted_request(kit.host, index)->body, text))
#define CW_NS " xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\""
#define CW_ERROR(code, message)                                                                    \
	"<ErrorResponse" CW_NS "><Error><Type>Sender</Type><Code>" code "</Code><Message>" message \
	"</Message></Error><RequestId>1</RequestId></ErrorResponse>"
#define STATUS(id, state, system, instance, rest)                                                  \
	"<item><instanceId>" id "</instanceId><instanceState><code>0</code><name>" state           \
	"</name></instanceState><systemStatus><status>" system                                     \
	"</status></systemStatus><instanceStatus><status>" instance                                \
	"</status></instanceStatus>" rest "</item>"
#define STATUSES(items)                                                                            \
	XML_HEAD "<DescribeInstanceStatusResponse" EC2_NS "><requestId>1</requestId>"              \
		 "<instanceStatusSet>" items                                                       \
		 "</instanceStatusSet></DescribeInstanceStatusResponse>"
#define LOAD(id, times, values)                                                                    \
	"<member><Timestamps>" times "</Timestamps><Values>" values "</Values><Label>x</Label>"    \
	"<Id>" id "</Id><StatusCode>Complete</StatusCode></member>"
#define M(text) "<member>" text "</member>"
#define LOADS(members, tail)                                                                       \
	"<GetMetricDataResponse" CW_NS "><GetMetricDataResult><Messages/>"                         \
	"<MetricDataResults>" members "</MetricDataResults>" tail                                  \
	"</GetMetricDataResult></GetMetricDataResponse>"
#define GONE EC2_ERROR("InvalidInstanceID.NotFound", "The instance ID does not exist")

static int on_health(void *arg, const struct dro_instance_health *health)
{
	struct lines *lines = arg;
	size_t used = strlen(lines->text);

	ck_assert_uint_eq(health->size, sizeof(*health));
	snprintf(lines->text + used, sizeof(lines->text) - used, "%s|%u|%s|%lld|%u\n", health->id,
		health->state, health->text, (long long)health->measured_ms, health->cpu_permille);
	return lines_stop(lines);
}

static int ask(struct kit *kit, const char *const *ids, size_t count, struct lines *seen)
{
	return kit->aws->compute->instance_health(
		kit->account, "", ids, count, on_health, seen, &kit->call, &kit->err);
}

/* The scripted host's time, `back` minutes ago, as CloudWatch writes it. */
static const char *ago(struct kit *kit, int back, char text[DRO_TIME_TEXT])
{
	const struct dro_host *host = scripted_host(kit->host);
	int64_t now = host->wall_ms(host);

	dro_time_format(text, now - now % 1000 - back * 60000);
	return text;
}

START_TEST(health_of_several)
{
	static const char *const ids[] = {"i-1", "i-2", "i-3", "i-4", "i-5"};
	struct kit kit = kit_open();
	struct dro_buf loads = DRO_BUF_INIT(8192), want = DRO_BUF_INIT(4096);
	const struct dro_host *host = scripted_host(kit.host);
	int64_t now = host->wall_ms(host), whole = now - now % 1000;
	struct lines seen = {0};
	char old[DRO_TIME_TEXT], new[DRO_TIME_TEXT], fresh[DRO_TIME_TEXT];

	scripted_answer(kit.host, 200,
		STATUSES(STATUS("i-2", "running", "ok", "initializing", "") STATUS("i-1", "running",
			"ok", "ok", "") STATUS("i-3", "running", "ok", "impaired", "")
				STATUS("i-4", "stopped", "not-applicable", "not-applicable", "")
					STATUS("i-5", "running", "ok", "ok",
						"<attachedEbsStatus><status>impaired"
						"</status></attachedEbsStatus>")),
		NULL);
	/* Out of order; beyond all bounds; none at all; and one whose period is still running. */
	dro_buf_printf(&loads,
		LOADS(LOAD("m0", M("%s") M("%s"), M("42.36") M("1.5")) LOAD("m1", "", "")
				LOAD("m2", M("%s"), M("250.0")) LOAD("m3", M("%s"), M("1.0E-1")),
			""),
		ago(&kit, 10, new), ago(&kit, 20, old), new, ago(&kit, 1, fresh));
	scripted_answer(kit.host, 200, dro_buf_str(&loads), NULL);
	ck_assert_int_eq(ask(&kit, ids, 5, &seen), 0);
	dro_buf_printf(&want,
		"i-1|1|system ok, instance ok|%lld|424\n"
		"i-2|0|system ok, instance initializing|0|0\n"
		"i-3|2|system ok, instance impaired|%lld|1000\n"
		"i-4|0|stopped|0|0\n"
		"i-5|2|system ok, instance ok, volumes impaired|%lld|1\n",
		(long long)whole - 5 * 60000, (long long)whole - 5 * 60000, (long long)now);
	ck_assert_str_eq(seen.text, dro_buf_str(&want));
	FORM(0, "Action", "DescribeInstanceStatus");
	FORM(0, "IncludeAllInstances", "true");
	FORM(0, "InstanceId.5", "i-5");
	FORM(0, "MaxResults", NULL);
	FORM(1, "Action", "GetMetricData");
	FORM(1, "Version", "2010-08-01");
	FORM(1, "MetricDataQueries.member.3.Id", "m2");
	FORM(1, "MetricDataQueries.member.3.MetricStat.Metric.Namespace", "AWS/EC2");
	FORM(1, "MetricDataQueries.member.3.MetricStat.Metric.MetricName", "CPUUtilization");
	FORM(1, "MetricDataQueries.member.3.MetricStat.Metric.Dimensions.member.1.Name",
		"InstanceId");
	FORM(1, "MetricDataQueries.member.3.MetricStat.Metric.Dimensions.member.1.Value", "i-3");
	FORM(1, "MetricDataQueries.member.3.MetricStat.Period", "300");
	FORM(1, "MetricDataQueries.member.3.MetricStat.Stat", "Average");
	FORM(1, "MetricDataQueries.member.5.Id", NULL); /* a stopped one has no load */
	ck_assert_str_eq(scripted_request(kit.host, 1)->endpoint,
		"https://monitoring.eu-central-1.amazonaws.com");
	ck_assert_str_eq(scripted_request(kit.host, 1)->auth_service, "monitoring");
	ck_assert_uint_eq(scripted_request(kit.host, 1)->flags, DRO_HTTP_SAFE);
	dro_buf_free(&loads);
	dro_buf_free(&want);
	kit_close(&kit);
}
END_TEST

START_TEST(health_without_cloudwatch)
{
	static const char *const ids[] = {"i-1"};
	struct kit kit = kit_open();
	struct lines seen = {0};

	scripted_answer(kit.host, 200, STATUSES(STATUS("i-1", "running", "ok", "ok", "")), NULL);
	scripted_answer(kit.host, 403,
		CW_ERROR("AccessDenied", "not authorized to perform: cloudwatch:GetMetricData"),
		NULL);
	ck_assert_int_eq(ask(&kit, ids, 1, &seen), 0);
	ck_assert_str_eq(seen.text, "i-1|1|system ok, instance ok|0|0\n");
	scripted_answer(kit.host, 200, STATUSES(STATUS("i-1", "running", "ok", "ok", "")), NULL);
	scripted_no_answer(kit.host, DRO_ETIMEDOUT);
	ck_assert_int_eq(ask(&kit, ids, 1, &seen), 0);
	/* A load for nobody is no answer. */
	scripted_answer(kit.host, 200, STATUSES(STATUS("i-1", "running", "ok", "ok", "")), NULL);
	scripted_answer(kit.host, 200, LOADS(LOAD("m1", "", ""), ""), NULL);
	ck_assert_int_eq(ask(&kit, ids, 1, &seen), 0);
	ck_assert_uint_eq(seen.count, 3);
	/* EC2's own refusal is the call's. */
	scripted_answer(kit.host, 403, EC2_ERROR("UnauthorizedOperation", "no"), NULL);
	ck_assert_int_eq(ask(&kit, ids, 1, &seen), DRO_EAUTH);
	ck_assert_str_eq(kit.err.provider_code, "UnauthorizedOperation");
	ck_assert_int_eq(kit.err.http_status, 403);
	ck_assert_int_eq(ask(&kit, NULL, 0, &seen), 0);
	ck_assert_uint_eq(seen.count, 3);
	kit_close(&kit);
}
END_TEST

START_TEST(health_pages_of_loads)
{
	static const char *const ids[] = {"i-1", "i-2"};
	struct kit kit = kit_open();
	struct dro_buf first = DRO_BUF_INIT(8192), second = DRO_BUF_INIT(8192);
	struct lines seen = {0};
	char time[DRO_TIME_TEXT];

	ago(&kit, 10, time);
	scripted_answer(kit.host, 200,
		STATUSES(STATUS("i-1", "running", "ok", "ok", "")
				STATUS("i-2", "running", "ok", "ok", "")),
		NULL);
	dro_buf_printf(
		&first, LOADS(LOAD("m0", M("%s"), M("5")), "<NextToken>n1</NextToken>"), time);
	dro_buf_printf(&second, LOADS(LOAD("m1", M("%s"), M("7")), ""), time);
	scripted_answer(kit.host, 200, dro_buf_str(&first), NULL);
	scripted_answer(kit.host, 200, dro_buf_str(&second), NULL);
	ck_assert_int_eq(ask(&kit, ids, 2, &seen), 0);
	ck_assert_ptr_nonnull(strstr(seen.text, "|50\n"));
	ck_assert_ptr_nonnull(strstr(seen.text, "|70\n"));
	FORM(1, "NextToken", NULL);
	FORM(2, "NextToken", "n1");
	FORM(2, "MetricDataQueries.member.2.Id", "m1");
	dro_buf_free(&first);
	dro_buf_free(&second);
	kit_close(&kit);
}
END_TEST

/* "i-0", "i-1", …; free() the array, the texts are in it. */
static const char **many(size_t count)
{
	const char **ids = calloc(count, sizeof(*ids) + 16);
	char *text = (char *)(ids + count);
	size_t i;

	ck_assert_ptr_nonnull(ids);
	for (i = 0; i < count; i++, text += 16) {
		snprintf(text, 16, "i-%zu", i);
		ids[i] = text;
	}
	return ids;
}

START_TEST(health_of_what_is_gone)
{
	struct kit kit = kit_open();
	const char **ids = many(4);
	struct lines seen = {0};

	scripted_answer(kit.host, 400, GONE, NULL); /* all four */
	scripted_answer(kit.host, 200,
		STATUSES(STATUS("i-0", "stopped", "", "", "") STATUS("i-1", "stopped", "", "", "")),
		NULL);
	scripted_answer(kit.host, 400, GONE, NULL); /* 2 and 3 */
	scripted_answer(kit.host, 400, GONE, NULL); /* 2 */
	scripted_answer(kit.host, 200, STATUSES(STATUS("i-3", "stopped", "", "", "")), NULL);
	ck_assert_int_eq(ask(&kit, ids, 4, &seen), 0);
	ck_assert_str_eq(seen.text, "i-0|0|stopped|0|0\ni-1|0|stopped|0|0\ni-3|0|stopped|0|0\n");
	FORM(3, "InstanceId.1", "i-2");
	FORM(3, "InstanceId.2", NULL);
	free(ids);
	kit_close(&kit);
}
END_TEST

/* A hundred a call of EC2, five hundred a call of CloudWatch. */
START_TEST(health_of_many)
{
	struct kit kit = kit_open();
	const char **ids = many(620);
	struct dro_buf answer = DRO_BUF_INIT(1u << 20);
	struct lines seen = {0};
	size_t i;

	for (i = 0; i < 620; i++) {
		dro_buf_printf(&answer, STATUS("%s", "running", "ok", "ok", ""), ids[i]);
		if (i % 100 == 99 || i == 619) {
			struct dro_buf whole = DRO_BUF_INIT(1u << 20);

			dro_buf_printf(&whole, STATUSES("%s"), dro_buf_str(&answer));
			scripted_answer(kit.host, 200, dro_buf_str(&whole), NULL);
			dro_buf_free(&whole);
			dro_buf_reset(&answer);
		}
		if (i == 499 || i == 619)
			scripted_answer(kit.host, 200, LOADS("", ""), NULL);
	}
	ck_assert_int_eq(ask(&kit, ids, 620, &seen), 0);
	ck_assert_uint_eq(seen.count, 620);
	ck_assert_uint_eq(scripted_count(kit.host), 9);
	HAS(5, "Action=GetMetricData");
	HAS(5, "&MetricDataQueries.member.500.Id=m499&");
	HAS_NOT(5, "member.501.");
	HAS(7, "&InstanceId.20=i-619");
	HAS(8, ".member.1.Value=i-500&");
	dro_buf_free(&answer);
	free(ids);
	kit_close(&kit);
}
END_TEST

START_TEST(puts_marks)
{
	struct scripted *host = scripted_new("aws");
	struct kit kit = kit_with(host, scripted_open(host, "region", "eu-central-1", NULL));
	static const char *const ids[] = {"i-1", "i-2"}, *const drop[] = {"drorch:run"};
	static const struct dro_pair tags[] = {{"drorch:service", "memphis"}};
	struct dro_instance_marks marks = {.size = sizeof(marks),
		.region = "us-west-2",
		.ids = ids,
		.id_count = 2,
		.tags = tags,
		.tag_count = 1};

	scripted_answer(host, 200,
		"<CreateTagsResponse" EC2_NS "><return>true</return></CreateTagsResponse>", NULL);
	ck_assert_int_eq(
		kit.aws->compute->mark_instances(kit.account, &marks, &kit.call, &kit.err), 0);
	FORM(0, "Action", "CreateTags");
	FORM(0, "ResourceId.1", "i-1");
	FORM(0, "ResourceId.2", "i-2");
	FORM(0, "Tag.1.Key", "drorch:service");
	FORM(0, "Tag.1.Value", "memphis");
	ck_assert_uint_eq(scripted_form_count(host, 0), 6);
	ck_assert_str_eq(scripted_request(host, 0)->auth_region, "us-west-2");
	/* Without a key DeleteTags takes them all: it is not called without one. */
	ck_assert_uint_eq(scripted_count(host), 1);
	marks.tag_count = 0;
	marks.drop = drop;
	marks.drop_count = 1;
	scripted_answer(host, 200,
		"<DeleteTagsResponse" EC2_NS "><return>true</return></DeleteTagsResponse>", NULL);
	ck_assert_int_eq(
		kit.aws->compute->mark_instances(kit.account, &marks, &kit.call, &kit.err), 0);
	FORM(1, "Action", "DeleteTags");
	FORM(1, "Tag.1.Key", "drorch:run");
	ck_assert_uint_eq(scripted_form_count(host, 1), 5);
	scripted_answer(host, 400, EC2_ERROR("InvalidInstanceID.NotFound", "no"), NULL);
	ck_assert_int_eq(kit.aws->compute->mark_instances(kit.account, &marks, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	scripted_answer(host, 400, EC2_ERROR("InvalidID", "no"), NULL);
	ck_assert_int_eq(kit.aws->compute->mark_instances(kit.account, &marks, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	scripted_answer(host, 400, EC2_ERROR("TagLimitExceeded", "no"), NULL);
	ck_assert_int_eq(kit.aws->compute->mark_instances(kit.account, &marks, &kit.call, &kit.err),
		DRO_EQUOTA);
	scripted_answer(host, 500, EC2_ERROR("InternalError", "no"), NULL);
	ck_assert_int_eq(kit.aws->compute->mark_instances(kit.account, &marks, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	kit_close(&kit);
}
END_TEST

START_TEST(resizes)
{
	struct scripted *host = scripted_new("aws");
	struct kit kit = kit_with(host,
		scripted_open(host, "region", "eu-central-1", "endpoint", "http://127.0.0.1:5000",
			"monitoring_endpoint", "http://127.0.0.1:5001/", NULL));
	static const struct {
		const char *word;
		int want;
	} refusals[] = {{"IncorrectInstanceState", DRO_ECONFLICT},
		{"InvalidInstanceAttributeValue", DRO_EINVAL},
		{"InvalidInstanceID.NotFound", DRO_ENOTFOUND}, {"Unsupported", DRO_EUNSUPPORTED},
		{"VcpuLimitExceeded", DRO_EQUOTA}};
	static const char *const ids[] = {"i-1"};
	struct lines seen = {0};
	char answer[512];
	size_t i;

	scripted_answer(host, 200,
		"<ModifyInstanceAttributeResponse" EC2_NS "><requestId>1</requestId>"
		"<return>true</return></ModifyInstanceAttributeResponse>",
		NULL);
	ck_assert_int_eq(kit.aws->compute->resize_instance(
				 kit.account, "us-west-2", "i-1", "t3.large", &kit.call, &kit.err),
		0);
	FORM(0, "Action", "ModifyInstanceAttribute");
	FORM(0, "InstanceId", "i-1");
	FORM(0, "InstanceType.Value", "t3.large");
	ck_assert_uint_eq(scripted_form_count(host, 0), 4);
	ck_assert_str_eq(scripted_request(host, 0)->auth_region, "us-west-2");
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		snprintf(answer, sizeof(answer), EC2_ERROR("%s", "no"), refusals[i].word);
		scripted_answer(host, 400, answer, NULL);
		ck_assert_int_eq(kit.aws->compute->resize_instance(
					 kit.account, "", "i-1", "t3.large", &kit.call, &kit.err),
			refusals[i].want);
		ck_assert_str_eq(kit.err.provider_code, refusals[i].word);
	}
	scripted_answer(host, 500, EC2_ERROR("InternalError", "no"), NULL);
	ck_assert_int_eq(kit.aws->compute->resize_instance(
				 kit.account, "", "i-1", "t3.large", &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	ck_assert_int_eq(
		kit.aws->compute->resize_instance(kit.account, "", "i-1", "", &kit.call, &kit.err),
		DRO_EINVAL);
	/* CloudWatch has an address of its own. */
	scripted_answer(host, 200, STATUSES(STATUS("i-1", "running", "ok", "ok", "")), NULL);
	scripted_answer(host, 200, LOADS("", ""), NULL);
	ck_assert_int_eq(ask(&kit, ids, 1, &seen), 0);
	ck_assert_str_eq(scripted_request(host, scripted_count(host) - 1)->endpoint,
		"http://127.0.0.1:5001");
	kit_close(&kit);
}
END_TEST

static int on_instance(void *arg, const struct dro_instance *instance)
{
	ck_assert_ptr_nonnull(instance->id);
	return lines_stop(arg);
}

/* A thousand ids a call, whatever is done with them. */
START_TEST(many_ids_go_in_several_calls)
{
	struct kit kit = kit_open();
	const char **ids = many(1500);
	struct dro_instance_query query = {.size = sizeof(query), .ids = ids, .id_count = 1500};
	struct lines seen = {0};
	const char *done = XML_HEAD "<StopInstancesResponse" EC2_NS "/>";
	size_t i;

	for (i = 0; i < 2; i++)
		scripted_answer(kit.host, 200,
			"<DescribeInstancesResponse><reservationSet><item><instancesSet><item>"
			"<instanceId>i-7</instanceId></item></instancesSet></item>"
			"</reservationSet></DescribeInstancesResponse>",
			NULL);
	for (i = 0; i < 4; i++)
		scripted_answer(kit.host, 200, done, NULL);
	ck_assert_int_eq(kit.aws->compute->list_instances(
				 kit.account, &query, on_instance, &seen, &kit.call, &kit.err),
		0);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_int_eq(kit.aws->compute->power_instances(
				 kit.account, "", ids, 1500, DRO_POWER_STOP, &kit.call, &kit.err),
		0);
	ck_assert_int_eq(kit.aws->compute->terminate_instances(
				 kit.account, "", ids, 1500, &kit.call, &kit.err),
		0);
	for (i = 0; i < 6; i += 2) {
		HAS(i, "&InstanceId.1000=i-999");
		HAS_NOT(i, "InstanceId.1001");
		HAS(i + 1, "&InstanceId.1=i-1000&");
		HAS(i + 1, "&InstanceId.500=i-1499");
	}
	HAS(4, "Action=TerminateInstances&");
	free(ids);
	kit_close(&kit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugins/aws/health");
	TCase *tcase = tcase_create("health");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, health_of_several);
	tcase_add_test(tcase, health_without_cloudwatch);
	tcase_add_test(tcase, health_pages_of_loads);
	tcase_add_test(tcase, health_of_what_is_gone);
	tcase_add_test(tcase, health_of_many);
	tcase_add_test(tcase, puts_marks);
	tcase_add_test(tcase, resizes);
	tcase_add_test(tcase, many_ids_go_in_several_calls);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
