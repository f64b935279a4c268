/* The aws plugin's requests to EC2, and how it reads answers. */
#include <stdio.h>

#include "base/buf.h"
#include "plugins/aws_kit.h"

#define FORM(index, name, value) ck_assert_pstr_eq(scripted_form(kit.host, index, name), value)

static int on_instance(void *arg, const struct dro_instance *instance)
{
	struct lines *lines = arg;
	size_t used = strlen(lines->text), i;

	ck_assert_uint_eq(instance->size, sizeof(*instance));
	used += (size_t)snprintf(lines->text + used, sizeof(lines->text) - used,
		"%s|%s|%u|%s|%s|%s|%s|%s|%s|%s|%lld|", instance->id, instance->name,
		instance->state, instance->native_state, instance->type, instance->image,
		instance->region, instance->zone, instance->public_ipv4, instance->private_ipv4,
		(long long)instance->created_ms);
	for (i = 0; i < instance->tag_count; i++)
		used += (size_t)snprintf(lines->text + used, sizeof(lines->text) - used, "%s=%s,",
			instance->tags[i].name, instance->tags[i].value);
	snprintf(lines->text + used, sizeof(lines->text) - used, "\n");
	return lines_stop(lines);
}

#define INSTANCE(id, state, rest)                                                                  \
	"<item><instanceId>" id "</instanceId><imageId>ami-1</imageId><instanceState><code>0"      \
	"</code><name>" state "</name></instanceState><instanceType>t3.large</instanceType>" rest  \
	"</item>"
#define RESERVATION(items)                                                                         \
	"<item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId><groupSet/>"       \
	"<instancesSet>" items "</instancesSet></item>"
#define DESCRIBED(reservations, tail)                                                              \
	XML_HEAD "<DescribeInstancesResponse" EC2_NS "><requestId>8f7724cf</requestId>"            \
		 "<reservationSet>" reservations "</reservationSet>" tail                          \
		 "</DescribeInstancesResponse>"

START_TEST(lists_by_tags_with_pages)
{
	struct kit kit = kit_open();
	struct dro_pair tags[] = {{"drorch:service", "memphis"}, {"we?rd", "a*b\\c"}};
	struct dro_instance_query query = {.size = sizeof(query), .tags = tags, .tag_count = 2};
	struct lines seen = {0};

	scripted_answer(kit.host, 200,
		DESCRIBED(RESERVATION(INSTANCE("i-1", "running",
				  "<placement><availabilityZone>eu-central-1b</availabilityZone>"
				  "</placement><ipAddress>198.51.100.7</ipAddress>"
				  "<privateIpAddress>10.0.0.7</privateIpAddress>"
				  "<launchTime>2026-11-20T20:22:50.000Z</launchTime>"
				  "<tagSet><item><key>Name</key><value>web 1</value></item>"
				  "<item><key>odd &lt;key&gt;</key><value/></item></tagSet>")
					  INSTANCE("i-2", "pending", "")),
			"<nextToken>t&amp;1+/=</nextToken>"),
		NULL);
	scripted_answer(kit.host, 200,
		DESCRIBED(RESERVATION(INSTANCE("i-3", "shutting-down", ""))
				  RESERVATION(INSTANCE("i-4", "hibernating-soon", "")),
			"<nextToken/>"),
		NULL);
	ck_assert_int_eq(kit.aws->compute->list_instances(
				 kit.account, &query, on_instance, &seen, &kit.call, &kit.err),
		0);
	ck_assert_str_eq(seen.text,
		"i-1|web 1|2|running|t3.large|ami-1|eu-central-1|eu-central-1b|198.51.100.7|"
		"10.0.0.7|1795206170000|Name=web 1,odd <key>=,\n"
		"i-2||1|pending|t3.large|ami-1|eu-central-1||||0|\n"
		"i-3||5|shutting-down|t3.large|ami-1|eu-central-1||||0|\n"
		"i-4||0|hibernating-soon|t3.large|ami-1|eu-central-1||||0|\n");
	FORM(0, "Action", "DescribeInstances");
	FORM(0, "Version", "2016-11-15");
	FORM(0, "Filter.1.Name", "tag:drorch:service");
	FORM(0, "Filter.1.Value.1", "memphis");
	FORM(0, "Filter.2.Name", "tag:we?rd");
	FORM(0, "Filter.2.Value.1", "a\\*b\\\\c");
	FORM(0, "MaxResults", "1000");
	ck_assert_uint_eq(scripted_form_count(kit.host, 0), 7);
	FORM(1, "NextToken", "t&1+/=");
	ck_assert_uint_eq(scripted_form_count(kit.host, 1), 8);
	kit_close(&kit);
}
END_TEST

START_TEST(request_is_signed_and_safe)
{
	struct kit kit = kit_open();
	struct dro_instance_query query = {.size = sizeof(query), .region = "us-west-2"};
	const struct scripted_request *request;
	struct lines seen = {0};

	scripted_answer(kit.host, 200, DESCRIBED("", ""), NULL);
	ck_assert_int_eq(kit.aws->compute->list_instances(
				 kit.account, &query, on_instance, &seen, &kit.call, &kit.err),
		0);
	request = scripted_request(kit.host, 0);
	ck_assert_str_eq(request->method, "POST");
	ck_assert_str_eq(request->endpoint, "https://ec2.us-west-2.amazonaws.com");
	ck_assert_str_eq(request->path, "/");
	ck_assert_str_eq(request->query, "");
	ck_assert_uint_eq(request->auth, DRO_AUTH_SIGV4);
	ck_assert_str_eq(request->auth_service, "ec2");
	ck_assert_str_eq(request->auth_region, "us-west-2");
	ck_assert_uint_eq(request->flags, DRO_HTTP_SAFE);
	ck_assert_uint_eq(request->deadline_ms, kit.call.deadline_ms);
	ck_assert_pstr_eq(scripted_header(kit.host, 0, "content-type"),
		"application/x-www-form-urlencoded; charset=utf-8");
	kit_close(&kit);
}
END_TEST

START_TEST(lists_by_id_without_page_size)
{
	struct kit kit = kit_open();
	const char *ids[] = {"i-1", "i-2"};
	struct dro_instance_query query = {.size = sizeof(query), .ids = ids, .id_count = 2};
	struct lines seen = {0};

	scripted_answer(kit.host, 400,
		EC2_ERROR("InvalidInstanceID.NotFound", "The instance ID 'i-2' does not exist"),
		NULL);
	ck_assert_int_eq(kit.aws->compute->list_instances(
				 kit.account, &query, on_instance, &seen, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	ck_assert_str_eq(kit.err.provider_code, "InvalidInstanceID.NotFound");
	ck_assert_int_eq(kit.err.http_status, 400);
	FORM(0, "InstanceId.1", "i-1");
	FORM(0, "InstanceId.2", "i-2");
	FORM(0, "MaxResults", NULL);
	ck_assert_uint_eq(scripted_form_count(kit.host, 0), 4);
	kit_close(&kit);
}
END_TEST

START_TEST(list_ends_where_the_callback_says)
{
	struct kit kit = kit_open();
	struct dro_instance_query query = {.size = sizeof(query)};
	struct lines seen = {.stop_after = 1};

	scripted_answer(kit.host, 200,
		DESCRIBED(
			RESERVATION(INSTANCE("i-1", "running", "") INSTANCE("i-2", "running", "")),
			"<nextToken>more</nextToken>"),
		NULL);
	/* Asked for before the first page was taken apart, and not looked at. */
	scripted_answer(
		kit.host, 200, DESCRIBED(RESERVATION(INSTANCE("i-3", "running", "")), ""), NULL);
	ck_assert_int_eq(kit.aws->compute->list_instances(
				 kit.account, &query, on_instance, &seen, &kit.call, &kit.err),
		7);
	ck_assert_uint_eq(seen.count, 1);
	kit_close(&kit);
}
END_TEST

START_TEST(pages_without_progress_end)
{
	struct kit kit = kit_open();
	struct dro_instance_query query = {.size = sizeof(query)};
	struct lines seen = {0};

	scripted_answer(kit.host, 200, DESCRIBED("", "<nextToken>a</nextToken>"), NULL);
	scripted_answer(kit.host, 200, DESCRIBED("", "<nextToken>a</nextToken>"), NULL);
	ck_assert_int_eq(kit.aws->compute->list_instances(
				 kit.account, &query, on_instance, &seen, &kit.call, &kit.err),
		DRO_EPROTO);
	kit_close(&kit);
}
END_TEST

/* What comes back, to a read and to a change. */
static const struct {
	int status;
	const char *body;
	int read, change;
	uint32_t retry_after_ms;
} answers[] = {
	{503, EC2_ERROR("RequestLimitExceeded", "Request limit exceeded."), DRO_EAGAIN, DRO_EAGAIN,
		4000},
	{400, EC2_ERROR("Throttling", "Rate exceeded"), DRO_EAGAIN, DRO_EAGAIN, 4000},
	{401, EC2_ERROR("AuthFailure", "AWS was not able to validate"), DRO_EAUTH, DRO_EAUTH, 4000},
	{403, EC2_ERROR("UnauthorizedOperation", "You are not authorized"), DRO_EAUTH, DRO_EAUTH,
		4000},
	{400, EC2_ERROR("RequestExpired", "Request has expired."), DRO_EAUTH, DRO_EAUTH, 4000},
	{500, EC2_ERROR("InsufficientInstanceCapacity", "no capacity"), DRO_EQUOTA, DRO_EQUOTA,
		4000},
	{400, EC2_ERROR("VcpuLimitExceeded", "vCPU limit of 32"), DRO_EQUOTA, DRO_EQUOTA, 4000},
	{400, EC2_ERROR("IdempotentParameterMismatch", "other arguments"), DRO_ECONFLICT,
		DRO_ECONFLICT, 4000},
	{400, EC2_ERROR("InvalidAMIID.Unavailable", "unavailable"), DRO_ENOTFOUND, DRO_ENOTFOUND,
		4000},
	{400, EC2_ERROR("InvalidAMIID.Malformed", "Invalid id: \"x\""), DRO_EINVAL, DRO_EINVAL,
		4000},
	{400, EC2_ERROR("SomethingNew", "of next year"), DRO_EINVAL, DRO_EINVAL, 4000},
	{500, EC2_ERROR("InternalError", "An internal error has occurred"), DRO_EAGAIN,
		DRO_ETIMEDOUT, 4000},
	{503, EC2_ERROR("Unavailable", "The server is overloaded"), DRO_EAGAIN, DRO_ETIMEDOUT,
		4000},
	{502, "<html><body>Bad Gateway</body></html>", DRO_EAGAIN, DRO_ETIMEDOUT, 4000},
	{504, "", DRO_EAGAIN, DRO_ETIMEDOUT, 4000},
	{403, "<html><body>Blocked by your proxy<br></body></html>", DRO_EPROTO, DRO_EPROTO, 4000},
	{403, "", DRO_EAUTH, DRO_EAUTH, 4000},
	{302, "", DRO_EPROTO, DRO_EPROTO, 4000},
	{200, "<html><body>Welcome to the hotel<br></html>", DRO_EPROTO, DRO_ETIMEDOUT, 0},
	{200, "<DescribeInstancesResponse><reservationSet><item>", DRO_EPROTO, DRO_ETIMEDOUT, 0},
	{200, "{\"message\": \"json\"}", DRO_EPROTO, DRO_ETIMEDOUT, 0},
	{200, "", DRO_EPROTO, DRO_ETIMEDOUT, 0},
	{200, "<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>", DRO_EPROTO, DRO_ETIMEDOUT, 0},
	{200, EC2_ERROR("InternalError", "in a 200"), DRO_EAGAIN, DRO_ETIMEDOUT, 0},
	{200, DESCRIBED(RESERVATION("<item/>"), ""), DRO_EPROTO, DRO_ETIMEDOUT, 0},
};

START_TEST(reads_errors)
{
	struct kit kit = kit_open();
	struct dro_instance_query query = {.size = sizeof(query)};
	struct lines seen = {0};
	int rc;

	if (answers[_i].retry_after_ms)
		scripted_answer(
			kit.host, answers[_i].status, answers[_i].body, "retry-after", "4", NULL);
	else
		scripted_answer(kit.host, answers[_i].status, answers[_i].body, NULL);
	rc = kit.aws->compute->list_instances(
		kit.account, &query, on_instance, &seen, &kit.call, &kit.err);
	ck_assert_int_eq(rc, answers[_i].read);
	ck_assert_int_eq(kit.err.code, rc);
	ck_assert_uint_eq(kit.err.retry_after_ms, answers[_i].retry_after_ms);
	ck_assert(kit.err.message[0] != '\0');
	kit_close(&kit);
}
END_TEST

static struct dro_pair tags[] = {{"drorch:service", "memphis"}, {"drorch:site", "tier2"}};
static struct dro_pair run_options[] = {{"subnet", "subnet-1"},
	{"security_groups", "sg-1, web,sg-2"}, {"key_name", "ops"}, {"zone", "eu-central-1a"},
	{"instance_profile", "site"}};
static const struct dro_instance_spec web = {.size = sizeof(web),
	.count = 2,
	.name = "memphis-tier2-web",
	.type = "t3.large",
	.image = "ami-1",
	.user_data = "#cloud-config\n",
	.user_data_length = 14,
	.tags = tags,
	.tag_count = 2,
	.options = run_options,
	.option_count = 5};

START_TEST(changes_read_errors)
{
	struct kit kit = kit_open();
	struct lines seen = {0};
	int rc;

	scripted_answer(kit.host, answers[_i].status, answers[_i].body, NULL);
	rc = kit.aws->compute->create_instances(
		kit.account, &web, on_instance, &seen, &kit.call, &kit.err);
	ck_assert_int_eq(rc, answers[_i].change);
	ck_assert_int_eq(kit.err.code, rc);
	ck_assert_uint_eq(scripted_count(kit.host), 1);
	kit_close(&kit);
}
END_TEST

#define RUN(items)                                                                                 \
	XML_HEAD "<RunInstancesResponse" EC2_NS "><requestId>59dbff89</requestId>"                 \
		 "<reservationId>r-9</reservationId><ownerId>1</ownerId><groupSet/>"               \
		 "<instancesSet>" items "</instancesSet></RunInstancesResponse>"

START_TEST(runs_instances)
{
	struct kit kit = kit_open();
	struct lines seen = {0};

	scripted_answer(kit.host, 200,
		RUN(INSTANCE("i-1", "pending", "") INSTANCE("i-2", "pending", "")), NULL);
	ck_assert_int_eq(kit.aws->compute->create_instances(
				 kit.account, &web, on_instance, &seen, &kit.call, &kit.err),
		0);
	ck_assert_uint_eq(seen.count, 2);
	FORM(0, "Action", "RunInstances");
	FORM(0, "ClientToken", "run-7-launch-web");
	FORM(0, "MinCount", "2");
	FORM(0, "MaxCount", "2");
	FORM(0, "ImageId", "ami-1");
	FORM(0, "InstanceType", "t3.large");
	FORM(0, "UserData", "I2Nsb3VkLWNvbmZpZwo=");
	FORM(0, "SubnetId", "subnet-1");
	FORM(0, "SecurityGroupId.1", "sg-1");
	FORM(0, "SecurityGroupId.2", "sg-2");
	FORM(0, "SecurityGroup.1", "web");
	FORM(0, "KeyName", "ops");
	FORM(0, "Placement.AvailabilityZone", "eu-central-1a");
	FORM(0, "IamInstanceProfile.Name", "site");
	FORM(0, "TagSpecification.1.ResourceType", "instance");
	FORM(0, "TagSpecification.1.Tag.1.Key", "Name");
	FORM(0, "TagSpecification.1.Tag.1.Value", "memphis-tier2-web");
	FORM(0, "TagSpecification.1.Tag.2.Key", "drorch:service");
	FORM(0, "TagSpecification.1.Tag.2.Value", "memphis");
	FORM(0, "TagSpecification.1.Tag.3.Key", "drorch:site");
	FORM(0, "TagSpecification.2.ResourceType", "volume");
	FORM(0, "TagSpecification.2.Tag.3.Value", "tier2");
	FORM(0, "DryRun", NULL);
	ck_assert_uint_eq(scripted_form_count(kit.host, 0), 29);
	ck_assert_uint_eq(scripted_request(kit.host, 0)->flags, 0);
	kit_close(&kit);
}
END_TEST

START_TEST(a_lost_answer_stays_unknown)
{
	struct kit kit = kit_open();
	struct lines seen = {0};

	scripted_no_answer(kit.host, DRO_ETIMEDOUT);
	ck_assert_int_eq(kit.aws->compute->create_instances(
				 kit.account, &web, on_instance, &seen, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	/* Half of the instances in a success: also unknown, never a success. */
	scripted_answer(kit.host, 200, RUN(INSTANCE("i-1", "pending", "")), NULL);
	ck_assert_int_eq(kit.aws->compute->create_instances(
				 kit.account, &web, on_instance, &seen, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	ck_assert_str_eq(scripted_request(kit.host, 0)->body, scripted_request(kit.host, 1)->body);
	kit_close(&kit);
}
END_TEST

START_TEST(refuses_before_asking)
{
	struct kit kit = kit_open();
	struct dro_instance_spec spec = web;
	struct dro_pair unknown = {"subnett", "x"};
	char *large = calloc(1, 16385);
	struct lines seen = {0};
	struct dro_call keyless = scripted_call(kit.host, NULL);
	struct dro_call long_key = scripted_call(
		kit.host, "12345678901234567890123456789012345678901234567890123456789012345");

	ck_assert_ptr_nonnull(large);
#define REFUSED(spec, call)                                                                        \
	ck_assert_int_eq(kit.aws->compute->create_instances(                                       \
				 kit.account, spec, on_instance, &seen, call, &kit.err),           \
		DRO_EINVAL)
	REFUSED(&web, &keyless);
	REFUSED(&web, &long_key);
	spec.user_data = large;
	spec.user_data_length = 16385;
	REFUSED(&spec, &kit.call);
	spec = web;
	spec.options = &unknown;
	spec.option_count = 1;
	REFUSED(&spec, &kit.call);
	ck_assert_ptr_nonnull(strstr(kit.err.message, "subnett"));
	spec = web;
	spec.region = "evil.example/";
	REFUSED(&spec, &kit.call);
	spec = web;
	spec.count = 0;
	REFUSED(&spec, &kit.call);
	ck_assert_uint_eq(scripted_count(kit.host), 0);
	free(large);
	kit_close(&kit);
}
END_TEST

START_TEST(messages_stay_text)
{
	struct kit kit = kit_open();
	struct dro_instance_query query = {.size = sizeof(query)};
	struct dro_buf body = DRO_BUF_INIT(8192);
	struct lines seen = {0};
	int i;

	dro_buf_puts(&body, "<Response><Errors><Error><Code>X</Code><Message>a&#10;b");
	for (i = 0; i < 400; i++)
		dro_buf_puts(&body, "\xe2\x82\xac");
	dro_buf_puts(&body, "</Message></Error></Errors></Response>");
	scripted_answer(kit.host, 400, dro_buf_str(&body), NULL);
	ck_assert_int_eq(kit.aws->compute->list_instances(
				 kit.account, &query, on_instance, &seen, &kit.call, &kit.err),
		DRO_EINVAL);
	ck_assert_int_eq(strncmp(kit.err.message, "X: a b\xe2\x82\xac", 9), 0);
	ck_assert_uint_eq((strlen(kit.err.message) - 6) % 3, 0);
	dro_buf_free(&body);
	kit_close(&kit);
}
END_TEST

START_TEST(capacity_by_dry_run)
{
	struct kit kit = kit_open();

	scripted_answer(kit.host, 412,
		EC2_ERROR(
			"DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
		NULL);
	ck_assert_int_eq(
		kit.aws->compute->check_capacity(kit.account, &web, &kit.call, &kit.err), 0);
	FORM(0, "DryRun", "true");
	FORM(0, "ClientToken", NULL);
	scripted_answer(kit.host, 400, EC2_ERROR("InstanceLimitExceeded", "no more"), NULL);
	ck_assert_int_eq(kit.aws->compute->check_capacity(kit.account, &web, &kit.call, &kit.err),
		DRO_EQUOTA);
	ck_assert_str_eq(kit.err.provider_code, "InstanceLimitExceeded");
	scripted_answer(kit.host, 200, RUN(INSTANCE("i-1", "pending", "")), NULL);
	ck_assert_int_eq(kit.aws->compute->check_capacity(kit.account, &web, &kit.call, &kit.err),
		DRO_EPROTO);
	kit_close(&kit);
}
END_TEST

START_TEST(power)
{
	static const struct {
		int power;
		const char *action;
		uint32_t flags;
		size_t fields;
	} cases[] = {
		{DRO_POWER_START, "StartInstances", DRO_HTTP_SAFE, 4},
		{DRO_POWER_STOP, "StopInstances", DRO_HTTP_SAFE, 4},
		{DRO_POWER_FORCE_STOP, "StopInstances", DRO_HTTP_SAFE, 5},
		{DRO_POWER_REBOOT, "RebootInstances", 0, 4},
	};
	struct kit kit = kit_open();
	const char *ids[] = {"i-1", "i-2"};
	size_t i;

	for (i = 0; i < 4; i++) {
		scripted_answer(kit.host, 200, "<R><return>true</return></R>", NULL);
		ck_assert_int_eq(kit.aws->compute->power_instances(kit.account, "", ids, 2,
					 cases[i].power, &kit.call, &kit.err),
			0);
		FORM(i, "Action", cases[i].action);
		FORM(i, "InstanceId.2", "i-2");
		FORM(i, "Force", cases[i].power == DRO_POWER_FORCE_STOP ? "true" : NULL);
		ck_assert_uint_eq(scripted_form_count(kit.host, i), cases[i].fields);
		ck_assert_uint_eq(scripted_request(kit.host, i)->flags, cases[i].flags);
	}
	ck_assert_int_eq(
		kit.aws->compute->power_instances(kit.account, "", ids, 2, 99, &kit.call, &kit.err),
		DRO_EINVAL);
	scripted_answer(kit.host, 400, EC2_ERROR("IncorrectInstanceState", "stopping"), NULL);
	ck_assert_int_eq(kit.aws->compute->power_instances(
				 kit.account, "", ids, 2, DRO_POWER_START, &kit.call, &kit.err),
		DRO_ECONFLICT);
	kit_close(&kit);
}
END_TEST

#define GONE EC2_ERROR("InvalidInstanceID.NotFound", "The instance ID does not exist")

START_TEST(terminates_also_what_is_gone)
{
	struct kit kit = kit_open();
	const char *ids[] = {"i-1", "i-2", "i-3"};

	scripted_answer(kit.host, 400, GONE, NULL);
	scripted_answer(kit.host, 200, "<TerminateInstancesResponse/>", NULL);
	scripted_answer(kit.host, 400, GONE, NULL);
	scripted_answer(kit.host, 200, "<TerminateInstancesResponse/>", NULL);
	ck_assert_int_eq(
		kit.aws->compute->terminate_instances(kit.account, "", ids, 3, &kit.call, &kit.err),
		0);
	FORM(0, "InstanceId.3", "i-3");
	FORM(1, "InstanceId.1", "i-1");
	ck_assert_uint_eq(scripted_form_count(kit.host, 1), 3);
	FORM(3, "InstanceId.1", "i-3");
	scripted_answer(kit.host, 400, GONE, NULL);
	ck_assert_int_eq(
		kit.aws->compute->terminate_instances(kit.account, "", ids, 1, &kit.call, &kit.err),
		0);
	scripted_answer(
		kit.host, 400, EC2_ERROR("OperationNotPermitted", "may not be terminated"), NULL);
	ck_assert_int_eq(
		kit.aws->compute->terminate_instances(kit.account, "", ids, 3, &kit.call, &kit.err),
		DRO_ECONFLICT);
	kit_close(&kit);
}
END_TEST

START_TEST(probe_says_who)
{
	struct kit kit = kit_open();
	char identity[128] = "";

	scripted_answer(kit.host, 200,
		"<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
		"<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/dr</Arn>"
		"<UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
		"</GetCallerIdentityResponse>",
		NULL);
	ck_assert_int_eq(
		kit.aws->probe(kit.account, identity, sizeof(identity), &kit.call, &kit.err), 0);
	ck_assert_str_eq(identity, "arn:aws:iam::123456789012:user/dr");
	FORM(0, "Action", "GetCallerIdentity");
	FORM(0, "Version", "2011-06-15");
	ck_assert_str_eq(
		scripted_request(kit.host, 0)->endpoint, "https://sts.eu-central-1.amazonaws.com");
	ck_assert_str_eq(scripted_request(kit.host, 0)->auth_service, "sts");
	scripted_answer(kit.host, 403,
		"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
		"<Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token "
		"included in the request is invalid.</Message></Error></ErrorResponse>",
		NULL);
	ck_assert_int_eq(
		kit.aws->probe(kit.account, identity, sizeof(identity), &kit.call, &kit.err),
		DRO_EAUTH);
	ck_assert_str_eq(kit.err.provider_code, "InvalidClientTokenId");
	kit_close(&kit);
}
END_TEST

START_TEST(accounts_stand_apart)
{
	struct scripted *host = scripted_new("aws");
	struct kit one = kit_with(host, scripted_open(host, "region", "cn-north-1", NULL));
	struct kit two = kit_with(host, scripted_open(host, "region", "us-east-1", "endpoint",
						"http://127.0.0.1:5000/", NULL));
	struct dro_instance_query query = {.size = sizeof(query)};
	struct lines seen = {0};
	void *none = NULL;

	scripted_answer(host, 200, DESCRIBED("", ""), NULL);
	scripted_answer(host, 200, DESCRIBED("", ""), NULL);
	ck_assert_int_eq(one.aws->compute->list_instances(
				 one.account, &query, on_instance, &seen, &one.call, &one.err),
		0);
	ck_assert_int_eq(two.aws->compute->list_instances(
				 two.account, &query, on_instance, &seen, &two.call, &two.err),
		0);
	ck_assert_str_eq(
		scripted_request(host, 0)->endpoint, "https://ec2.cn-north-1.amazonaws.com.cn");
	ck_assert_str_eq(scripted_request(host, 1)->endpoint, "http://127.0.0.1:5000");
	ck_assert_str_eq(scripted_request(host, 1)->auth_region, "us-east-1");
	ck_assert_int_eq(
		one.aws->open(scripted_host(host), (struct dro_pair[]){{"region", "not a region"}},
			1, &none, &one.err),
		DRO_EINVAL);
	one.aws->close(NULL);
	scripted_free(host);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugins/aws/ec2");
	TCase *tcase = tcase_create("ec2");
	int count = sizeof(answers) / sizeof(answers[0]);

	tcase_add_test(tcase, lists_by_tags_with_pages);
	tcase_add_test(tcase, request_is_signed_and_safe);
	tcase_add_test(tcase, lists_by_id_without_page_size);
	tcase_add_test(tcase, list_ends_where_the_callback_says);
	tcase_add_test(tcase, pages_without_progress_end);
	tcase_add_loop_test(tcase, reads_errors, 0, count);
	tcase_add_loop_test(tcase, changes_read_errors, 0, count);
	tcase_add_test(tcase, runs_instances);
	tcase_add_test(tcase, a_lost_answer_stays_unknown);
	tcase_add_test(tcase, refuses_before_asking);
	tcase_add_test(tcase, messages_stay_text);
	tcase_add_test(tcase, capacity_by_dry_run);
	tcase_add_test(tcase, power);
	tcase_add_test(tcase, terminates_also_what_is_gone);
	tcase_add_test(tcase, probe_says_who);
	tcase_add_test(tcase, accounts_stand_apart);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
