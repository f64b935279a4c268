/* backup.delete {policy, id}: removes a backup that is kept no longer. There is no way back.
 * One that is not whole is for people: it fails once, and is then known to the passes. */
#include "engine/steps/steps.h"
#include "observe/backups.h"

int dro_step_backup_delete(struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_backup_policy *policy;
	const char *id;
	int rc;

	if ((rc = dro_step_backup_policy(context, &policy, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "id", &id, err)) < 0)
		return rc;
	rc = dro_backup_remove(context->world->accounts, context->world->service, policy, id,
		context->repeated, &context->call, err);
	if (rc == DRO_ECORRUPT)
		dro_backup_left(context->world->store, context->world->service, policy, id,
			err->message, NULL);
	return rc;
}
