/* The aws plugin: EC2, CloudWatch and S3. What it is, its options, opening and closing. */
#include "plugins/aws/aws.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/common/aws_keys.h"

#define OPTION(option_name, option_kind, option_flags, option_fallback, option_help)               \
	&(const struct dro_option)                                                                 \
	{                                                                                          \
		.size = sizeof(struct dro_option), .kind = (option_kind), .flags = (option_flags), \
		.name = (option_name), .fallback = (option_fallback), .help = (option_help)        \
	}

static const struct dro_option *const options[] = {
	OPTION("region", DRO_OPTION_STRING, DRO_OPTION_REQUIRED, NULL,
		"region where none is named, such as eu-central-1"),
	OPTION("endpoint", DRO_OPTION_URL, 0, NULL,
		"scheme://host[:port] asked for every service instead of AWS's own"),
	OPTION("s3_endpoint", DRO_OPTION_URL, 0, NULL,
		"scheme://host[:port] of an S3 service, instead of `endpoint`"),
	OPTION("monitoring_endpoint", DRO_OPTION_URL, 0, NULL,
		"scheme://host[:port] of CloudWatch, instead of `endpoint`"),
	OPTION("path_style", DRO_OPTION_BOOL, 0, "false",
		"name buckets in the path instead of the host name"),
	&dro_aws_access_key_id,
	&dro_aws_secret_access_key,
	&dro_aws_session_token,
	NULL,
};

int aws_no_memory(const struct aws_account *account, struct dro_error *err)
{
	return account->host->fail(err, DRO_ENOMEM, NULL, "out of memory");
}

int aws_region(const struct aws_account *account, const char *region, const char **out,
	struct dro_error *err)
{
	const char *name = region && *region ? region : account->region;
	size_t length = strlen(name);

	/* It becomes part of a host name. */
	if (length == 0 || length > 40 ||
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
		return account->host->fail(err, DRO_EINVAL, NULL, "\"%.40s\" is no region", name);
	*out = name;
	return 0;
}

static void put_origin(struct dro_buf *out, const char *url)
{
	size_t length = strlen(url);

	dro_buf_append(out, url, length && url[length - 1] == '/' ? length - 1 : length);
}

void aws_endpoint(const struct aws_account *account, const char *service, const char *region,
	struct dro_buf *out)
{
	const char *own = strcmp(service, "s3") == 0	       ? account->s3_endpoint
			  : strcmp(service, "monitoring") == 0 ? account->monitoring_endpoint
							       : "";

	if (*own)
		put_origin(out, own);
	else if (*account->endpoint)
		put_origin(out, account->endpoint);
	else
		dro_buf_printf(out, "https://%s.%s.amazonaws.com%s", service, region,
			strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

static void aws_close(void *opened)
{
	struct aws_account *account = opened;

	if (!account)
		return;
	dro_params_free(&account->options);
	free(account);
}

static int aws_open(const struct dro_host *host, const struct dro_pair *pairs, size_t count,
	void **opened, struct dro_error *err)
{
	struct aws_account *account = calloc(1, sizeof(*account));
	const char *region;
	int rc;

	if (!account)
		return host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	account->host = host;
	if ((rc = dro_params_copy(&account->options, pairs, count, err)) < 0)
		goto out;
	account->region = dro_params_get(&account->options, "region", "");
	account->endpoint = dro_params_get(&account->options, "endpoint", "");
	account->s3_endpoint = dro_params_get(&account->options, "s3_endpoint", "");
	account->monitoring_endpoint = dro_params_get(&account->options, "monitoring_endpoint", "");
	account->path_style = dro_pair_true(pairs, count, "path_style");
	if ((rc = aws_region(account, NULL, &region, err)) < 0)
		goto out;
	*opened = account;
	account = NULL;
out:
	aws_close(account);
	return rc;
}

const struct dro_compute aws_compute = {
	.size = sizeof(struct dro_compute),
	.list_instances = ec2_list_instances,
	.create_instances = ec2_create_instances,
	.power_instances = ec2_power_instances,
	.terminate_instances = ec2_terminate_instances,
	.list_images = ec2_list_images,
	.check_capacity = ec2_check_capacity,
	.create_image = ec2_create_image,
	.copy_image = ec2_copy_image,
	.delete_image = ec2_delete_image,
	.resize_instance = ec2_resize_instance,
	.instance_health = ec2_instance_health,
	.mark_instances = ec2_mark_instances,
};

extern const struct dro_provider_v1 dro_provider_v1;

DRO_EXPORT const struct dro_provider_v1 dro_provider_v1 = {
	.magic = DRO_PROVIDER_MAGIC,
	.abi_major = DRO_ABI_MAJOR,
	.abi_minor = DRO_ABI_MINOR,
	.size = sizeof(struct dro_provider_v1),
	.flags = DRO_PROVIDER_THREADED,
	.name = "aws",
	.version = DRORCH_VERSION,
	.options = options,
	.open = aws_open,
	.close = aws_close,
	.probe = aws_probe,
	.compute = &aws_compute,
	.storage = &aws_storage,
};
