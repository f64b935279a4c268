#include "plugins/linode_live.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "plugins/aws_lab.h"

void linode_export(const char *name)
{
	struct dro_buf text = DRO_BUF_INIT(65536);
	char path[128], own[64], *value;

	snprintf(path, sizeof(path), "%s/credentials", lab_state);
	snprintf(own, sizeof(own), "DRORCH_TEST_%s", name);
	ck_assert_int_eq(dro_file_read(&text, path, NULL), 0);
	value = strstr(text.data, own + strlen("DRORCH_TEST_"));
	ck_assert_ptr_nonnull(value);
	value = strchr(value, '=') + 1;
	value[strcspn(value, "\n")] = '\0';
	setenv(own, value, 0);
	dro_buf_free(&text);
}

struct dro_provider *linode_open(struct dro_registry *registry, char *endpoint)
{
	char objects[64];
	struct dro_setting settings[] = {{.name = "endpoint", .value = endpoint},
		{.name = "region", .value = "eu-west"}, {.name = "s3_endpoint", .value = objects}};
	struct dro_credential credentials[] = {
		{.name = "token", .ref = {DRO_SECRET_ENV, "DRORCH_TEST_LINODE_TOKEN", NULL}},
		{.name = "access_key_id",
			.ref = {DRO_SECRET_ENV, "DRORCH_TEST_LINODE_ACCESS_KEY_ID", NULL}},
		{.name = "secret_access_key",
			.ref = {DRO_SECRET_ENV, "DRORCH_TEST_LINODE_SECRET_ACCESS_KEY", NULL}}};
	struct dro_account account = {.name = "linode",
		.plugin = "linode",
		.settings = settings,
		.setting_count = 3,
		.credentials = credentials,
		.credential_count = 3};
	struct dro_provider *provider = NULL;
	struct dro_error err = DRO_ERROR_INIT;

	linode_export("LINODE_TOKEN");
	linode_export("LINODE_ACCESS_KEY_ID");
	linode_export("LINODE_SECRET_ACCESS_KEY");
	snprintf(objects, sizeof(objects), "http://127.0.0.1:%d", lab_port);
	ck_assert_msg(
		dro_provider_open(&provider, registry, &account, &err) == 0, "%s", err.message);
	return provider;
}
