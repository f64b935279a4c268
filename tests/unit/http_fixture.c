#include "unit/http_fixture.h"

#include <string.h>

struct dro_net *net;
struct raw_server *server;
struct dro_error err;
struct dro_http_response *answer;

static void set_up(void)
{
	err = (struct dro_error)DRO_ERROR_INIT;
	answer = NULL;
	server = NULL;
	ck_assert_int_eq(dro_net_new(&net, NULL, &err), 0);
}

static void tear_down(void)
{
	dro_http_response_free(answer);
	dro_net_free(net);
	raw_server_stop(server);
}

void serve(const char *bytes, enum raw_end end)
{
	struct raw_answer script = {bytes, 0, end, NULL, 0};

	server = raw_server_start(&script, 1);
}

struct dro_http_request request_of(const char *method, unsigned ms)
{
	return (struct dro_http_request){
		.size = sizeof(struct dro_http_request),
		.method = method,
		.endpoint = server ? raw_server_url(server) : "",
		.body_fd = -1,
		.sink_fd = -1,
		.deadline_ms = dro_now_ms() + ms,
	};
}

int send_it(const struct dro_http_request *request, const struct dro_net_context *context)
{
	dro_http_response_free(answer);
	answer = NULL;
	return dro_net_request(net, request, context, &answer, &err);
}

int get_safely(unsigned ms)
{
	struct dro_http_request request = request_of("GET", ms);

	request.flags = DRO_HTTP_SAFE;
	return send_it(&request, NULL);
}

int post(unsigned ms)
{
	struct dro_http_request request = request_of("POST", ms);

	request.body = "Action=RunInstances";
	request.body_length = strlen(request.body);
	return send_it(&request, NULL);
}

int run_http_tests(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *group = tcase_create(name);
	SRunner *runner;
	int failed;
	size_t i;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_set_timeout(group, 60);
	for (i = 0; i < count; i++)
		tcase_add_test(group, tests[i]);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
