#include <stdlib.h>
#include <string.h>

#include "provider/internal.h"

/*
 * A command may be a password manager that takes a second: its answer is kept a while. Variables
 * and files cost nothing and are read afresh, so that a rotated secret is seen at once.
 */
#define KEEP_MS 60000

struct credential {
	char *name;
	struct dro_secret_ref ref;
	struct dro_secret kept; /* of a command */
	uint64_t until_ms;
};

struct dro_credentials {
	const struct dro_registry_config *config;
	pthread_mutex_t lock; /* of what is kept; also makes one command run at a time */
	struct credential *items;
	size_t count;
};

static int copy_ref(struct dro_secret_ref *to, const struct dro_secret_ref *from)
{
	size_t count = 0, i;

	to->kind = from->kind;
	to->value = strdup(dro_text(from->value));
	if (!to->value)
		return DRO_ENOMEM;
	if (!from->argv)
		return 0;
	while (from->argv[count])
		count++;
	to->argv = calloc(count + 1, sizeof(*to->argv));
	if (!to->argv)
		return DRO_ENOMEM;
	for (i = 0; i < count; i++)
		if (!(to->argv[i] = strdup(from->argv[i])))
			return DRO_ENOMEM;
	return 0;
}

int dro_credentials_new(struct dro_credentials **out, const struct dro_account *account,
	const struct dro_registry_config *config, struct dro_error *err)
{
	struct dro_credentials *credentials = calloc(1, sizeof(*credentials));
	size_t i;

	if (!credentials)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	credentials->config = config;
	pthread_mutex_init(&credentials->lock, NULL);
	credentials->items = calloc(account->credential_count + 1, sizeof(*credentials->items));
	for (i = 0; credentials->items && i < account->credential_count; i++) {
		struct credential *item = &credentials->items[credentials->count++];

		item->name = strdup(account->credentials[i].name);
		if (!item->name || copy_ref(&item->ref, &account->credentials[i].ref) < 0)
			break;
	}
	if (!credentials->items || i < account->credential_count) {
		dro_credentials_free(credentials);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	*out = credentials;
	return 0;
}

void dro_credentials_free(struct dro_credentials *credentials)
{
	size_t i, j;

	if (!credentials)
		return;
	for (i = 0; i < credentials->count; i++) {
		struct credential *item = &credentials->items[i];

		for (j = 0; item->ref.argv && item->ref.argv[j]; j++)
			free(item->ref.argv[j]);
		free(item->ref.argv);
		free(item->ref.value);
		free(item->name);
		dro_secret_free(&item->kept);
	}
	free(credentials->items);
	pthread_mutex_destroy(&credentials->lock);
	free(credentials);
}

static int get_kept(struct dro_credentials *credentials, struct credential *item,
	uint64_t deadline_ms, struct dro_secret *out, struct dro_error *err)
{
	const struct dro_registry_config *config = credentials->config;
	uint64_t now = config->clock->now_ms(config->clock);
	int rc = 0;

	pthread_mutex_lock(&credentials->lock);
	if (!item->kept.value || now >= item->until_ms) {
		dro_secret_free(&item->kept);
		rc = dro_secret_resolve(
			&item->kept, &item->ref, config->redactor, deadline_ms, err);
		item->until_ms = now + KEEP_MS;
	}
	if (rc == 0)
		rc = dro_secret_set(out, item->kept.value, item->kept.length, err);
	pthread_mutex_unlock(&credentials->lock);
	return rc;
}

int dro_credentials_get(struct dro_credentials *credentials, const char *name, uint64_t deadline_ms,
	struct dro_secret *out, struct dro_error *err)
{
	size_t i;

	for (i = 0; i < credentials->count; i++) {
		struct credential *item = &credentials->items[i];
		int rc;

		if (strcmp(item->name, name) != 0)
			continue;
		if (item->ref.kind == DRO_SECRET_COMMAND)
			rc = get_kept(credentials, item, deadline_ms, out, err);
		else
			rc = dro_secret_resolve(
				out, &item->ref, credentials->config->redactor, deadline_ms, err);
		return rc < 0 ? dro_error_context(err, "credential \"%s\"", name) : 0;
	}
	return dro_fail(err, DRO_ENOTFOUND, "the account has no credential \"%s\"", name);
}

void dro_credentials_forget(struct dro_credentials *credentials)
{
	size_t i;

	pthread_mutex_lock(&credentials->lock);
	for (i = 0; i < credentials->count; i++)
		credentials->items[i].until_ms = 0;
	pthread_mutex_unlock(&credentials->lock);
}
