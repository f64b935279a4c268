/* The signer against the published vectors: a selection here, the whole suites where they are. */
#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/uri.h"
#include "net/sigv4.h"

#define KEY_ID "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define MAX_PAIRS 32
#define FILE_MAX 65536

struct pairs {
	struct dro_pair at[MAX_PAIRS];
	size_t count;
};

/* A request as the suites write it, cut in place. */
struct parsed {
	char *text;
	char *method, *path, *body;
	struct pairs query, headers;
};

static void add(struct pairs *pairs, const char *name, const char *value)
{
	ck_assert_uint_lt(pairs->count, MAX_PAIRS);
	pairs->at[pairs->count].name = strdup(name);
	pairs->at[pairs->count++].value = value ? strdup(value) : NULL;
}

static void free_pairs(struct pairs *pairs)
{
	while (pairs->count > 0) {
		pairs->count--;
		free((char *)pairs->at[pairs->count].name);
		free((char *)pairs->at[pairs->count].value);
	}
}

static const char *find(const struct pairs *pairs, const char *name)
{
	size_t i;

	for (i = 0; i < pairs->count; i++)
		if (strcasecmp(pairs->at[i].name, name) == 0)
			return pairs->at[i].value;
	return NULL;
}

/* The file's text without carriage returns; NULL where there is none. */
static char *slurp(const char *dir, const char *name)
{
	struct dro_buf buf = DRO_BUF_INIT(FILE_MAX);
	char path[4096], *text, *from, *to;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (dro_file_read(&buf, path, NULL) < 0)
		return NULL;
	text = dro_buf_take(&buf);
	for (from = to = text; *from; from++)
		if (*from != '\r')
			*to++ = *from;
	*to = '\0';
	return text;
}

static char *decoded(const char *text, size_t length)
{
	struct dro_buf buf = DRO_BUF_INIT(FILE_MAX);
	char *raw = strndup(text, length);

	ck_assert_int_eq(dro_uri_decode(&buf, raw, false), 0);
	free(raw);
	return dro_buf_take(&buf);
}

static void parse_query(struct pairs *out, const char *query)
{
	while (*query) {
		size_t length = strcspn(query, "&");
		const char *equals = memchr(query, '=', length);
		size_t name_length = equals ? (size_t)(equals - query) : length;
		char *name = decoded(query, name_length);
		char *value = equals ? decoded(equals + 1, length - name_length - 1) : NULL;

		if (length > 0)
			add(out, name, value);
		free(name);
		free(value);
		query += length + (query[length] == '&');
	}
}

static void parse_target(struct parsed *request, char *target)
{
	char *query = strchr(target, '?');

	request->path = target;
	if (query) {
		*query = '\0';
		parse_query(&request->query, query + 1);
	}
}

static void parse_headers(struct parsed *request, char *line)
{
	struct pairs *headers = &request->headers;

	while (line && *line && *line != '\n') {
		char *end = strchr(line, '\n'), *colon;

		if (end)
			*end = '\0';
		if (*line == ' ') { /* goes on from the line before */
			char **value = (char **)&headers->at[headers->count - 1].value;
			char *joined = NULL;

			ck_assert_int_gt(asprintf(&joined, "%s\n%s", *value, line), 0);
			free(*value);
			*value = joined;
		} else {
			colon = strchr(line, ':');
			ck_assert_ptr_nonnull(colon);
			*colon = '\0';
			add(headers, line, colon + 1);
		}
		line = end ? end + 1 : NULL;
	}
	request->body = line && *line ? line + 1 : "";
}

static void parse_request(struct parsed *request, char *text)
{
	char *line_end = strchr(text, '\n'), *version;

	memset(request, 0, sizeof(*request));
	request->text = text;
	ck_assert_ptr_nonnull(line_end);
	*line_end = '\0';
	version = strstr(text, " HTTP/1.1");
	ck_assert_ptr_nonnull(version);
	*version = '\0';
	request->method = text;
	text = strchr(text, ' ');
	ck_assert_ptr_nonnull(text);
	*text++ = '\0';
	parse_target(request, text);
	parse_headers(request, line_end + 1);
}

static void free_request(struct parsed *request)
{
	free_pairs(&request->query);
	free_pairs(&request->headers);
	free(request->text);
}

static void expect(const char *dir, const char *what, const char *wanted, const char *got)
{
	if (!wanted)
		return;
	ck_assert_msg(strcmp(wanted, got) == 0, "%s: %s\n--- wanted\n%s\n--- got\n%s\n", dir, what,
		wanted, got);
}

struct wanted {
	char *canonical, *to_sign, *signature;
};

/* Every stage on its own, then the whole. */
static void check_stages(const char *dir, const struct parsed *parsed, bool as_is,
	const char *payload_hash, const struct dro_sigv4_scope *scope, const char *secret,
	const struct wanted *wanted)
{
	struct dro_buf path = DRO_BUF_INIT(FILE_MAX), canonical = DRO_BUF_INIT(FILE_MAX),
		       to_sign = DRO_BUF_INIT(FILE_MAX);
	struct dro_sigv4_request request = {
		.method = parsed->method,
		.query = parsed->query.at,
		.query_count = parsed->query.count,
		.headers = parsed->headers.at,
		.header_count = parsed->headers.count,
		.payload_hash = payload_hash,
	};
	char signature[DRO_SHA256_HEX];

	dro_sigv4_path(&path, parsed->path, as_is);
	request.path = dro_buf_str(&path);
	ck_assert_int_eq(dro_sigv4_canonical(&canonical, &request, NULL), 0);
	expect(dir, "canonical request", wanted->canonical, dro_buf_str(&canonical));
	ck_assert_int_eq(dro_sigv4_string_to_sign(&to_sign, scope, &canonical, NULL), 0);
	expect(dir, "string to sign", wanted->to_sign, dro_buf_str(&to_sign));
	ck_assert_int_eq(dro_sigv4_signature(signature, scope, secret, &to_sign, NULL), 0);
	expect(dir, "signature", wanted->signature, signature);
	ck_assert_int_eq(dro_sigv4_sign(signature, &request, scope, secret, NULL), 0);
	expect(dir, "signature in one", wanted->signature, signature);
	dro_buf_free(&path);
	dro_buf_free(&canonical);
	dro_buf_free(&to_sign);
}

/* ---- the classic suite: NAME.req, .creq, .sts, .authz ---------------------------------------- */

/* One request leaves the token to its signer, who must have it from the credentials. */
static void add_token(struct pairs *headers, const char *canonical)
{
	static const char name[] = "x-amz-security-token";
	const char *line = strstr(canonical, name);

	if (line && !find(headers, name)) {
		char *value = strndup(line + sizeof(name), strcspn(line + sizeof(name), "\n"));

		add(headers, name, value);
		free(value);
	}
}

static void check_classic(const char *dir)
{
	const char *name = strrchr(dir, '/') + 1;
	char file[256], hash[DRO_SHA256_HEX], *authorization;
	struct dro_buf got = DRO_BUF_INIT(FILE_MAX), path = DRO_BUF_INIT(FILE_MAX);
	struct dro_sigv4_scope scope = {NULL, "us-east-1", "service"};
	struct wanted wanted = {0};
	struct dro_sigv4_request request;
	struct parsed parsed;

	snprintf(file, sizeof(file), "%s.req", name);
	parse_request(&parsed, slurp(dir, file));
	snprintf(file, sizeof(file), "%s.creq", name);
	wanted.canonical = slurp(dir, file);
	snprintf(file, sizeof(file), "%s.sts", name);
	wanted.to_sign = slurp(dir, file);
	snprintf(file, sizeof(file), "%s.authz", name);
	authorization = slurp(dir, file);
	ck_assert(wanted.canonical && wanted.to_sign && authorization);
	add_token(&parsed.headers, wanted.canonical);
	scope.date = find(&parsed.headers, "X-Amz-Date");
	dro_sha256_hex(hash, parsed.body, strlen(parsed.body));
	check_stages(dir, &parsed, false, hash, &scope, SECRET, &wanted);

	dro_sigv4_path(&path, parsed.path, false);
	request = (struct dro_sigv4_request){parsed.method, dro_buf_str(&path), parsed.query.at,
		parsed.query.count, parsed.headers.at, parsed.headers.count, hash};
	ck_assert_int_eq(dro_sigv4_authorization(&got, &request, &scope, KEY_ID, SECRET, NULL), 0);
	expect(dir, "Authorization", authorization, dro_buf_str(&got));
	free(wanted.canonical);
	free(wanted.to_sign);
	free(authorization);
	free_request(&parsed);
	dro_buf_free(&got);
	dro_buf_free(&path);
}

/* ---- the newer suite: context.json, request.txt, header-*, query-* --------------------------- */

struct context {
	bool normalize, sign_body, omit_token;
	const char *region, *service, *token, *key_id, *secret;
	char date[DRO_SIGV4_DATE];
};

static void read_context(struct context *out, const cJSON *json)
{
	const cJSON *credentials = cJSON_GetObjectItem(json, "credentials");
	const char *time = dro_json_text(json, "timestamp");
	int rc;

	rc = dro_json_bool(json, "normalize", true, &out->normalize, NULL);
	rc |= dro_json_bool(json, "sign_body", false, &out->sign_body, NULL);
	rc |= dro_json_bool(json, "omit_session_token", false, &out->omit_token, NULL);
	ck_assert_int_eq(rc, 0);
	out->region = dro_json_text(json, "region");
	out->service = dro_json_text(json, "service");
	out->token = dro_json_text(credentials, "token");
	out->key_id = dro_json_text(credentials, "access_key_id");
	out->secret = dro_json_text(credentials, "secret_access_key");
	if (strchr(time, '-')) { /* 2015-08-30T12:36:00Z, without its marks */
		char *to = out->date;

		for (; *time; time++)
			if (*time != '-' && *time != ':')
				*to++ = *time;
		*to = '\0';
	}
}

static void check_header_form(
	const char *dir, const struct context *context, const struct dro_sigv4_scope *scope)
{
	struct wanted wanted = {slurp(dir, "header-canonical-request.txt"),
		slurp(dir, "header-string-to-sign.txt"), slurp(dir, "header-signature.txt")};
	char hash[DRO_SHA256_HEX];
	struct parsed parsed;

	ck_assert(wanted.canonical && wanted.signature);
	parse_request(&parsed, slurp(dir, "request.txt"));
	dro_sha256_hex(hash, parsed.body, strlen(parsed.body));
	add(&parsed.headers, "X-Amz-Date", context->date);
	if (*context->token && !context->omit_token)
		add(&parsed.headers, "X-Amz-Security-Token", context->token);
	if (context->sign_body)
		add(&parsed.headers, "x-amz-content-sha256", hash);
	check_stages(dir, &parsed, !context->normalize, hash, scope, context->secret, &wanted);
	free(wanted.canonical);
	free(wanted.to_sign);
	free(wanted.signature);
	free_request(&parsed);
}

static void check_query_form(
	const char *dir, const struct context *context, const struct dro_sigv4_scope *scope)
{
	struct wanted wanted = {slurp(dir, "query-canonical-request.txt"),
		slurp(dir, "query-string-to-sign.txt"), slurp(dir, "query-signature.txt")};
	struct dro_buf credential = DRO_BUF_INIT(FILE_MAX), names = DRO_BUF_INIT(FILE_MAX);
	char hash[DRO_SHA256_HEX];
	struct parsed parsed;

	ck_assert(wanted.canonical && wanted.signature);
	parse_request(&parsed, slurp(dir, "request.txt"));
	dro_sha256_hex(hash, parsed.body, strlen(parsed.body));
	dro_buf_printf(&credential, "%s/", context->key_id);
	ck_assert_int_eq(dro_sigv4_scope_text(&credential, scope, NULL), 0);
	dro_sigv4_signed_headers(&names, parsed.headers.at, parsed.headers.count);
	add(&parsed.query, "X-Amz-Algorithm", DRO_SIGV4_ALGORITHM);
	add(&parsed.query, "X-Amz-Credential", dro_buf_str(&credential));
	add(&parsed.query, "X-Amz-Date", context->date);
	add(&parsed.query, "X-Amz-Expires", "3600");
	add(&parsed.query, "X-Amz-SignedHeaders", dro_buf_str(&names));
	if (*context->token && !context->omit_token)
		add(&parsed.query, "X-Amz-Security-Token", context->token);
	check_stages(dir, &parsed, !context->normalize, hash, scope, context->secret, &wanted);
	free(wanted.canonical);
	free(wanted.to_sign);
	free(wanted.signature);
	free_request(&parsed);
	dro_buf_free(&credential);
	dro_buf_free(&names);
}

static void check_newer(const char *dir)
{
	char *text = slurp(dir, "context.json");
	struct dro_sigv4_scope scope;
	struct context context;
	cJSON *json = NULL;

	ck_assert_int_eq(dro_json_parse(&json, text, strlen(text), FILE_MAX, NULL), 0);
	read_context(&context, json);
	scope = (struct dro_sigv4_scope){context.date, context.region, context.service};
	check_header_form(dir, &context, &scope);
	check_query_form(dir, &context, &scope);
	cJSON_Delete(json);
	free(text);
}

/* ---- S3 -------------------------------------------------------------------------------------- */

static void check_chunks(const cJSON *vector, const struct dro_sigv4_scope *scope,
	const char *secret, const char *seed)
{
	const cJSON *chunk;

	cJSON_ArrayForEach(chunk, cJSON_GetObjectItem(vector, "chunks"))
	{
		size_t length = (size_t)cJSON_GetObjectItem(chunk, "length")->valuedouble;
		struct dro_buf to_sign = DRO_BUF_INIT(FILE_MAX);
		char hash[DRO_SHA256_HEX], signature[DRO_SHA256_HEX];
		char *data = malloc(length + 1);

		memset(data, *dro_json_text(chunk, "byte"), length);
		dro_sha256_hex(hash, data, length);
		dro_buf_printf(&to_sign, DRO_SIGV4_ALGORITHM "-PAYLOAD\n%s\n", scope->date);
		dro_sigv4_scope_text(&to_sign, scope, NULL);
		dro_buf_printf(&to_sign, "\n%s\n" DRO_SIGV4_EMPTY_SHA256 "\n%s", seed, hash);
		ck_assert_int_eq(dro_sigv4_signature(signature, scope, secret, &to_sign, NULL), 0);
		seed = dro_json_text(chunk, "signature");
		ck_assert_str_eq(signature, seed);
		dro_buf_free(&to_sign);
		free(data);
	}
}

static void check_s3(const cJSON *vector, const cJSON *common)
{
	struct dro_sigv4_scope scope = {dro_json_text(common, "amz_date"),
		dro_json_text(common, "region"), dro_json_text(common, "service")};
	struct wanted wanted = {NULL, NULL, (char *)dro_json_text(vector, "signature")};
	const char *signed_names = dro_json_text(vector, "signed_headers");
	struct dro_buf names = DRO_BUF_INIT(FILE_MAX);
	struct parsed parsed = {.method = (char *)dro_json_text(vector, "method")};
	const cJSON *header;

	parsed.text = strdup(dro_json_text(vector, "target"));
	parse_target(&parsed, parsed.text);
	cJSON_ArrayForEach(header, cJSON_GetObjectItem(vector, "headers"))
		add(&parsed.headers, cJSON_GetArrayItem(header, 0)->valuestring,
			cJSON_GetArrayItem(header, 1)->valuestring);
	dro_sigv4_signed_headers(&names, parsed.headers.at, parsed.headers.count);
	ck_assert_str_eq(dro_buf_str(&names), signed_names);
	check_stages(dro_json_text(vector, "name"), &parsed, true,
		dro_json_text(vector, "payload_hash"), &scope, dro_json_text(common, "secret"),
		&wanted);
	check_chunks(vector, &scope, dro_json_text(common, "secret"), wanted.signature);
	dro_buf_free(&names);
	free_request(&parsed);
}

static size_t check_s3_file(const char *dir)
{
	char *text = slurp(dir, "s3-examples.json");
	const cJSON *vector;
	cJSON *json = NULL;
	size_t count = 0;

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(dro_json_parse(&json, text, strlen(text), FILE_MAX, NULL), 0);
	cJSON_ArrayForEach(vector, cJSON_GetObjectItem(json, "vectors"))
	{
		check_s3(vector, cJSON_GetObjectItem(json, "common"));
		count++;
	}
	cJSON_Delete(json);
	free(text);
	return count;
}

/* ---- the suites ------------------------------------------------------------------------------ */

static size_t classic_count, newer_count;

/* nftw gives its callback no argument of ours: the two counters stand at file level. */
static int visit(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	char dir[4096];
	const char *name = path + ftw->base;
	size_t length = strlen(name);

	(void)st;
	if (kind != FTW_F)
		return 0;
	snprintf(dir, sizeof(dir), "%.*s", ftw->base - 1, path);
	if (strcmp(name, "context.json") == 0) {
		check_newer(dir);
		newer_count++;
	} else if (length > 4 && strcmp(name + length - 4, ".req") == 0) {
		check_classic(dir);
		classic_count++;
	}
	return 0;
}

static void run_suite(const char *root, size_t classic, size_t newer)
{
	classic_count = newer_count = 0;
	ck_assert_int_eq(nftw(root, visit, 16, FTW_PHYS), 0);
	ck_assert_uint_ge(classic_count, classic);
	ck_assert_uint_ge(newer_count, newer);
	ck_assert_uint_eq(check_s3_file(root), 6);
}

START_TEST(selection)
{
	run_suite(TEST_SOURCE_DIR "/unit/sigv4-vectors", 13, 9);
}
END_TEST

START_TEST(whole_suites)
{
	const char *root = getenv("DRORCH_SIGV4_SUITE");

	if (!root)
		root = TEST_SOURCE_DIR "/../../shared/specs/sigv4-testsuite";
	if (access(root, R_OK) < 0) {
		printf("SKIPPED: the whole suites are not at %s (DRORCH_SIGV4_SUITE)\n", root);
		return;
	}
	run_suite(root, 30, 38);
	printf("whole suites: %zu classic, %zu newer\n", classic_count, newer_count);
}
END_TEST

static void expect_path(const char *wire, bool s3, const char *wanted)
{
	struct dro_buf path = DRO_BUF_INIT(FILE_MAX);

	dro_sigv4_path(&path, wire, s3);
	ck_assert_str_eq(dro_buf_str(&path), wanted);
	dro_buf_free(&path);
}

START_TEST(paths)
{
	expect_path("", false, "/");
	expect_path("", true, "/");
	expect_path("/2013-04-01/hostedzone/Z%2A1", false, "/2013-04-01/hostedzone/Z%252A1");
	expect_path("/a/./b//../c/", false, "/a/c/");
	expect_path("/../..", false, "/");
	expect_path("/a/..", false, "/");
	/* S3: dots and empty segments belong to the key, and every encoder's way is one. */
	expect_path("/b/a//../x", true, "/b/a//../x");
	expect_path("/b/a+b=c", true, "/b/a%2Bb%3Dc");
	expect_path("/b/%7euser/%2f/%zz", true, "/b/~user/%2F/%25zz");
}
END_TEST

START_TEST(bad_dates)
{
	static const char *const dates[] = {"", "20150830", "2015-08-30T12:36:00Z",
		"20150830T123600", "20150830T123600Z0", "2015083/T123600Z"};
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	struct dro_error err = DRO_ERROR_INIT;
	char date[DRO_SIGV4_DATE], signature[DRO_SHA256_HEX];
	size_t i;

	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		struct dro_sigv4_scope scope = {dates[i], "r", "s"};

		ck_assert_int_eq(dro_sigv4_scope_text(&text, &scope, &err), DRO_EINVAL);
		ck_assert_int_eq(
			dro_sigv4_signature(signature, &scope, SECRET, &text, &err), DRO_EINVAL);
		ck_assert_ptr_null(strstr(err.message, SECRET));
	}
	dro_sigv4_date(date, 1440938160123);
	ck_assert_str_eq(date, "20150830T123600Z");
	dro_buf_free(&text);
}
END_TEST

START_TEST(comparing)
{
	ck_assert(dro_sigv4_equal("abcd", "abcd"));
	ck_assert(!dro_sigv4_equal("abcd", "abce"));
	ck_assert(!dro_sigv4_equal("abcd", "abc"));
	ck_assert(!dro_sigv4_equal("abcd", ""));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sigv4");
	TCase *tests = tcase_create("sigv4");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, selection);
	tcase_add_test(tests, whole_suites);
	tcase_add_test(tests, paths);
	tcase_add_test(tests, bad_dates);
	tcase_add_test(tests, comparing);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
