/* The credentials of whatever speaks to AWS, as options. The host signs with them. */
#ifndef DRORCH_PLUGINS_COMMON_AWS_KEYS_H
#define DRORCH_PLUGINS_COMMON_AWS_KEYS_H

#include "drorch/provider.h"

extern const struct dro_option dro_aws_access_key_id;
extern const struct dro_option dro_aws_secret_access_key;
extern const struct dro_option dro_aws_session_token;

#endif
