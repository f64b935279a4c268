#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/internal.h"
#include "lab/linode_objects.h"

#define CREDENTIALS_MAX 4096

static const char *const keys[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
	"CLOUDFLARE_API_TOKEN", "LAB_ACCOUNT", "LINODE_TOKEN", "LINODE_ACCESS_KEY_ID",
	"LINODE_SECRET_ACCESS_KEY"};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* Lines a shell can read: `set -a; . DIR/credentials`. */
static int make(const char *path, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(CREDENTIALS_MAX);
	char access[17], secret[41], token[41], account[13];
	size_t i;
	int rc;

	dro_random_id(access, 16);
	dro_random_id(secret, 40);
	dro_random_id(token, 40);
	dro_random_id(account, 12);
	for (i = 0; access[i]; i++)
		access[i] = (char)toupper((unsigned char)access[i]);
	for (i = 0; account[i]; i++)
		account[i] = (char)('0' + (unsigned char)account[i] % 10);
	dro_buf_printf(&text, "%s=AKIA%s\n%s=%s\n%s=%s\n%s=%s\n", keys[0], access, keys[1], secret,
		keys[2], token, keys[3], account);
	rc = dro_buf_check(&text, err);
	if (rc == 0)
		rc = dro_file_write(path, text.data, text.length, 0600, err);
	dro_buf_free(&text);
	return rc;
}

static char *value_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	while (*text) {
		size_t line = strcspn(text, "\n");

		if (line > length && strncmp(text, key, length) == 0 && text[length] == '=')
			return strndup(text + length + 1, line - length - 1);
		text += line + (text[line] == '\n');
	}
	return NULL;
}

/* Linode's came later: a file of before has none of them. */
static int complete(struct dro_buf *text, const char *path, struct dro_error *err)
{
	size_t before = text->length;
	char random[65];
	int rc;

	if (!strstr(dro_buf_str(text), "LINODE_TOKEN=")) {
		dro_random_id(random, 64);
		dro_buf_printf(text, "%s=%s\n", keys[4], random);
	}
	if (!strstr(dro_buf_str(text), "LINODE_ACCESS_KEY_ID=")) {
		lab_linode_key_id(random);
		dro_buf_printf(text, "%s=%s\n", keys[5], random);
		dro_random_id(random, 40);
		dro_buf_printf(text, "%s=%s\n", keys[6], random);
	}
	if (text->length == before)
		return 0;
	if ((rc = dro_buf_check(text, err)) < 0)
		return rc;
	return dro_file_write(path, text->data, text->length, 0600, err);
}

int lab_credentials_open(struct lab *lab, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(CREDENTIALS_MAX);
	char *path = dro_path_join(lab->dir, "credentials");
	size_t i;
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = dro_file_read(&text, path, err);
	if (rc == DRO_ENOTFOUND && (rc = make(path, err)) == 0)
		rc = dro_file_read(&text, path, err);
	if (rc == 0)
		rc = complete(&text, path, err);
	for (i = 0; i < KEYS && rc == 0; i++) {
		lab->credentials[i] = value_of(dro_buf_str(&text), keys[i]);
		if (!lab->credentials[i])
			rc = dro_fail(err, DRO_EINVAL, "%s has no %s", path, keys[i]);
	}
	lab->config.access_key = lab->credentials[0];
	lab->config.secret_key = lab->credentials[1];
	lab->config.cloudflare_token = lab->credentials[2];
	lab->config.account = lab->credentials[3];
	lab->config.linode_token = lab->credentials[4];
	lab->config.linode_access_key = lab->credentials[5];
	lab->config.linode_secret_key = lab->credentials[6];
	dro_buf_free(&text);
	free(path);
	return rc;
}
