#include "plugins/aws_lab.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"

#define LAB TEST_BUILD_DIR "/lab/drorch-lab"

char lab_state[64];
char lab_key_id[64], lab_secret[64];
int lab_port;

int lab(struct dro_buf *out, const char *const *words)
{
	struct dro_buf errors = DRO_BUF_INIT(65536);
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_proc_result result = {0};
	char *argv[24] = {LAB};
	size_t n = 1;
	int rc;

	while (*words && n < 20)
		argv[n++] = (char *)*words++;
	argv[n++] = "--state";
	argv[n++] = lab_state;
	rc = dro_proc_run(argv, NULL, NULL, out, &errors, dro_now_ms() + 30000, &result, &err);
	if (rc < 0 || result.exit_code != 0)
		fprintf(stderr, "drorch-lab %s: %s%s\n", argv[1], err.message,
			dro_buf_str(&errors));
	dro_buf_free(&errors);
	return rc < 0 ? rc : result.exit_code;
}

static void read_credential(const char *text, const char *name, char *out, size_t size)
{
	const char *at = strstr(text, name);
	size_t length;

	if (!at)
		return;
	at += strlen(name);
	length = strcspn(at, "\n");
	if (length < size) {
		memcpy(out, at, length);
		out[length] = '\0';
	}
}

static int start_lab(void)
{
	static const char *const up[] = {"up", NULL};
	struct dro_buf text = DRO_BUF_INIT(65536);
	char path[128];
	cJSON *json = NULL;
	int64_t number = 0;

	snprintf(lab_state, sizeof(lab_state), "/tmp/drorch-aws-lab-XXXXXX");
	if (!mkdtemp(lab_state) || lab(NULL, up) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/lab.json", lab_state);
	if (dro_file_read(&text, path, NULL) == 0 &&
		dro_json_parse(&json, text.data, text.length, 65536, NULL) == 0)
		dro_json_int(json, "port", 0, &number, NULL);
	lab_port = (int)number;
	cJSON_Delete(json);
	dro_buf_reset(&text);
	snprintf(path, sizeof(path), "%s/credentials", lab_state);
	if (dro_file_read(&text, path, NULL) == 0) {
		read_credential(
			dro_buf_str(&text), "AWS_ACCESS_KEY_ID=", lab_key_id, sizeof(lab_key_id));
		read_credential(dro_buf_str(&text), "AWS_SECRET_ACCESS_KEY=", lab_secret,
			sizeof(lab_secret));
	}
	dro_buf_free(&text);
	return lab_port && *lab_key_id && *lab_secret ? 0 : -1;
}

static void end_lab(void)
{
	static const char *const down[] = {"down", NULL};
	char *remove[] = {"rm", "-rf", "--", lab_state, NULL};
	struct dro_proc_result result;

	lab(NULL, down);
	dro_proc_run(remove, NULL, NULL, NULL, NULL, dro_now_ms() + 10000, &result, NULL);
}

int lab_calls(const char *operation)
{
	static const char *const log[] = {"log", NULL};
	struct dro_buf out = DRO_BUF_INIT(16u << 20);
	char want[64];
	const char *at;
	int count = 0;

	snprintf(want, sizeof(want), "\"%s\"", operation);
	ck_assert_int_eq(lab(&out, log), 0);
	for (at = dro_buf_str(&out); (at = strstr(at, want)); at++)
		count++;
	dro_buf_free(&out);
	return count;
}

struct live lab_open(void)
{
	return live_open(lab_port, lab_key_id, lab_secret);
}

struct live lab_open_plugin(const char *plugin)
{
	return live_open_plugin(plugin, lab_port, lab_key_id, lab_secret);
}

int lab_run_suite(struct Suite *suite)
{
	int rc = EXIT_FAILURE;

	if (start_lab() < 0)
		fprintf(stderr, "drorch-lab does not come up\n");
	else
		rc = live_run(suite);
	end_lab();
	return rc;
}
