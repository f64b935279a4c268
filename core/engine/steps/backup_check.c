/* backup.check {policy, id, manifest_sha256}: the chosen backup is still the one that was chosen.
 */
#include "engine/steps/steps.h"

#include <string.h>

#include "observe/backups.h"

int dro_step_backup_check(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	const struct dro_backup_policy *policy;
	const char *id, *expected;
	struct dro_provider *provider;
	char hash[DRO_SHA256_HEX];
	int rc;

	if ((rc = dro_step_backup_policy(context, &policy, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "id", &id, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "manifest_sha256", &expected, err)) <
			0 ||
		(rc = dro_accounts_get(
			 context->world->accounts, policy->provider, &provider, err)) < 0 ||
		(rc = dro_backup_get_manifest(&text, provider, policy, id, &context->call, err)) <
			0)
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
