/* backup.delete {policy, id}: removes a backup that is kept no longer. There is no way back. */
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
	return dro_backup_remove(context->world->accounts, context->world->service, policy, id,
		context->repeated, &context->call, err);
}
