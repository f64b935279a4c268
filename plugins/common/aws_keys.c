#include "plugins/common/aws_keys.h"

const struct dro_option dro_aws_access_key_id = {
	.size = sizeof(dro_aws_access_key_id),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_CREDENTIAL | DRO_OPTION_REQUIRED,
	.name = "access_key_id",
	.help = "access key",
};
const struct dro_option dro_aws_secret_access_key = {
	.size = sizeof(dro_aws_secret_access_key),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_CREDENTIAL | DRO_OPTION_REQUIRED,
	.name = "secret_access_key",
	.help = "secret of the access key",
};
const struct dro_option dro_aws_session_token = {
	.size = sizeof(dro_aws_session_token),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_CREDENTIAL,
	.name = "session_token",
	.help = "token of temporary credentials",
};
