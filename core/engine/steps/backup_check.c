/* backup.check {policy, id, manifest_sha256}: the chosen backup is still the one that was chosen.
 */
#include "engine/steps/steps.h"

#include <stdio.h>
#include <string.h>

#include "observe/backups.h"

int dro_step_backup_check(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	const struct dro_backup_policy *policy;
	const char *name, *id, *expected;
	char hash[DRO_SHA256_HEX], key[1024];
	struct dro_object_ref ref = {.size = sizeof(ref), .key = key};
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, "policy", &name, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "id", &id, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "manifest_sha256", &expected, err)) < 0)
		return rc;
	policy = dro_service_backup(context->world->service, name);
	if (!policy)
		return dro_fail(
			err, DRO_ENOTFOUND, "the spec has no backups \"%s\" any more", name);
	if ((rc = dro_accounts_get(context->world->accounts, policy->provider, &provider, err)) < 0)
		return rc;
	if ((size_t)snprintf(key, sizeof(key), "%s%s/%s", policy->prefix, id, DRO_MANIFEST_KEY) >=
		sizeof(key))
		return dro_fail(err, DRO_EINVAL, "the prefix of backups \"%s\" is too long", name);
	ref.region = dro_backup_region(policy, provider);
	ref.bucket = policy->bucket;
	if ((rc = dro_provider_get_text(provider, &ref, &text, &context->call, err)) < 0)
		goto out;
	rc = dro_sha256_hex(hash, dro_buf_str(&text), text.length);
	if (rc < 0)
		dro_fail(err, rc, "out of memory");
	else if (strcmp(hash, expected) != 0)
		rc = dro_fail(err, DRO_ECORRUPT, "backup %s was changed since it was chosen", id);
	else
		dro_buf_printf(&context->note, "%s is as it was chosen", id);
out:
	dro_buf_free(&text);
	return rc;
}
