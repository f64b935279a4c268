#include "plugins/aws_live.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

struct live live_open_plugin(const char *plugin, int port, const char *key_id, const char *secret)
{
	struct live live = {.err = DRO_ERROR_INIT};
	struct dro_setting settings[] = {{.name = "endpoint", .value = live.endpoint},
		{.name = "region", .value = "us-east-1"}};
	struct dro_credential credentials[] = {
		{.name = "access_key_id", .ref = {.kind = DRO_SECRET_ENV, .value = "TEST_AWS_KEY"}},
		{.name = "secret_access_key",
			.ref = {.kind = DRO_SECRET_ENV, .value = "TEST_AWS_SECRET"}}};
	struct dro_account account = {.name = "live",
		.plugin = (char *)plugin,
		.settings = settings,
		.setting_count = strcmp(plugin, "aws") == 0 ? 2 : 1,
		.credentials = credentials,
		.credential_count = 2};
	struct dro_registry_config config = {.plugin_dir = TEST_BUILD_DIR "/plugins"};

	setenv("TEST_AWS_KEY", key_id, 1);
	setenv("TEST_AWS_SECRET", secret, 1);
	snprintf(live.endpoint, sizeof(live.endpoint), "http://127.0.0.1:%d", port);
	ck_assert_msg(dro_net_new(&live.net, NULL, &live.err) == 0, "%s", live.err.message);
	config.net = live.net;
	ck_assert_msg(
		dro_registry_new(&live.registry, &config, &live.err) == 0, "%s", live.err.message);
	ck_assert_msg(dro_provider_open(&live.provider, live.registry, &account, &live.err) == 0,
		"%s", live.err.message);
	live.call = (struct dro_call){.size = sizeof(live.call),
		.deadline_ms = dro_now_ms() + 60000,
		.idem_key = "run-1-step",
		.trace = "run-1/step"};
	return live;
}

struct live live_open(int port, const char *key_id, const char *secret)
{
	return live_open_plugin("aws", port, key_id, secret);
}

void live_close(struct live *live)
{
	dro_provider_close(live->provider);
	dro_registry_free(live->registry);
	dro_net_free(live->net);
}

static int credential(void *arg, const char *name, struct dro_secret *out, struct dro_error *err)
{
	const char *value = strcmp(name, "access_key_id") == 0	     ? getenv("TEST_AWS_KEY")
			    : strcmp(name, "secret_access_key") == 0 ? getenv("TEST_AWS_SECRET")
								     : NULL;

	(void)arg;
	if (!value)
		return dro_fail(err, DRO_ENOTFOUND, "no %s", name);
	return dro_secret_set(out, value, strlen(value), err);
}

void live_ask(struct live *live, const char *service, const char *method, const char *path,
	const char *form)
{
	const struct dro_pair headers[] = {{"Content-Type",
		*form == '<' ? "application/xml" : "application/x-www-form-urlencoded"}};
	struct dro_net_context context = {.credential = credential};
	const char *segments[4];
	char own[128];
	struct dro_http_request request = {.size = sizeof(request),
		.method = method,
		.endpoint = live->endpoint,
		.path = segments,
		.headers = headers,
		.header_count = *form != '\0',
		.body = form,
		.body_length = strlen(form),
		.body_fd = -1,
		.sink_fd = -1,
		.auth = DRO_AUTH_SIGV4,
		.auth_service = service,
		.auth_region = "us-east-1",
		.deadline_ms = live->call.deadline_ms};
	struct dro_http_response *response = NULL;
	struct dro_pair query = {NULL, NULL};
	char *rest = own;

	ck_assert_uint_lt(strlen(path), sizeof(own));
	memcpy(own, path, strlen(path) + 1);
	query.name = strchr(own, '?');
	if (query.name) {
		own[query.name - own] = '\0';
		query.name++;
		request.query = &query;
		request.query_count = 1;
	}
	while (*path && rest && request.path_count < 4)
		segments[request.path_count++] = strsep(&rest, "/");
	ck_assert_msg(dro_net_request(live->net, &request, &context, &response, &live->err) == 0,
		"%s", live->err.message);
	ck_assert_msg(response->status / 100 == 2, "%s %s: %d %s", method, path, response->status,
		response->body);
	dro_http_response_free(response);
}

void live_make_bucket(struct live *live, const char *name)
{
	live_ask(live, "s3", "PUT", name, "");
}

void live_check_page(struct live *live, const char *bucket, struct dro_page_seen *seen)
{
	const struct dro_object_ref ref = {.size = sizeof(ref), .bucket = bucket, .key = "page"};
	struct dro_object_query query = {.size = sizeof(query), .bucket = bucket};
	struct dro_page page = {.size = sizeof(page),
		.bucket = bucket,
		.key = "page",
		.content_type = "text/html; charset=utf-8",
		.owner = "drorch:memphis/notice",
		.sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
	struct dro_object_list list = {0};
	struct dro_provider *provider = live->provider;
	struct live kit = *live;
	int64_t made;

	ck_assert_int_eq(
		dro_provider_get_page(provider, &ref, seen, &kit.call, &kit.err), DRO_ENOTFOUND);
	live_make_bucket(live, bucket);
	OK(dro_provider_get_page(provider, &ref, seen, &kit.call, &kit.err));
	ck_assert(!seen->there && !seen->shown && !seen->other);
	OK(dro_provider_put_page(provider, &page, "<p>", 3, &kit.call, &kit.err));
	OK(dro_provider_get_page(provider, &ref, seen, &kit.call, &kit.err));
	ck_assert(seen->there && seen->shown && !seen->other);
	ck_assert_str_eq(seen->owner, page.owner);
	ck_assert_str_eq(seen->sha256, page.sha256);
	ck_assert_str_eq(seen->content_type, page.content_type);
	OK(dro_provider_list_objects(provider, &query, &list, &kit.call, &kit.err));
	made = list.items[0]->modified_ms;
	dro_object_list_free(&list);
	/* What is so already is left. */
	OK(dro_provider_put_page(provider, &page, "<p>", 3, &kit.call, &kit.err));
	OK(dro_provider_list_objects(provider, &query, &list, &kit.call, &kit.err));
	ck_assert_int_eq(list.items[0]->modified_ms, made);
	dro_object_list_free(&list);
	page.owner = "drorch:nashville/notice";
	ck_assert_int_eq(dro_provider_put_page(provider, &page, "<b>", 3, &kit.call, &kit.err),
		DRO_ECONFLICT);
	page.key = "other"; /* the website shows the first one */
	ck_assert_int_eq(dro_provider_put_page(provider, &page, "<b>", 3, &kit.call, &kit.err),
		DRO_ECONFLICT);
	OK(dro_provider_get_page(provider, &ref, seen, &kit.call, &kit.err));
}

int live_file(size_t length)
{
	int fd = memfd_create("object", MFD_CLOEXEC);
	size_t i;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)length), 0);
	for (i = 0; i + sizeof(i) <= length; i += 65536)
		ck_assert_int_eq(pwrite(fd, &i, sizeof(i), (off_t)i), sizeof(i));
	return fd;
}

void live_check_same(int one, int two, size_t length)
{
	char *a = mmap(NULL, length, PROT_READ, MAP_SHARED, one, 0);
	char *b = mmap(NULL, length, PROT_READ, MAP_SHARED, two, 0);

	ck_assert(a != MAP_FAILED && b != MAP_FAILED);
	ck_assert_int_eq(memcmp(a, b, length), 0);
	munmap(a, length);
	munmap(b, length);
}

int live_run(struct Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
