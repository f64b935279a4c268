/*
 * Who are we?
 *   https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
#include <stdio.h>

#include "plugins/aws/aws.h"

int aws_probe(void *opened, char *identity, size_t identity_size, const struct dro_call *call,
	struct dro_error *err)
{
	const struct aws_account *account = opened;
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	const char *arn;
	int rc;

	aws_action(&params, "GetCallerIdentity", AWS_STS_VERSION);
	rc = aws_query(account, "sts", NULL, &params, AWS_READ, call, &xml, err);
	if (rc < 0)
		goto out;
	arn = dro_xml_text(dro_xml_root(xml), "GetCallerIdentityResult/Arn");
	if (!*arn)
		rc = account->host->fail(err, DRO_EPROTO, NULL, "the answer names no identity");
	else
		snprintf(identity, identity_size, "%s", arn);
out:
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}
