/* The linode plugin: options, accounts, probe. */
#include "plugins/linode/linode.h"

#include <stdio.h>
#include <stdlib.h>

static const struct dro_option token = {
	.size = sizeof(token),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_REQUIRED | DRO_OPTION_CREDENTIAL,
	.name = "token",
	.help = "personal access token with linodes and images read_write, events read_only",
};
static const struct dro_option endpoint = {
	.size = sizeof(endpoint),
	.kind = DRO_OPTION_URL,
	.name = "endpoint",
	.fallback = "https://api.linode.com",
	.help = "where the API is",
};
static const struct dro_option region = {
	.size = sizeof(region),
	.kind = DRO_OPTION_STRING,
	.name = "region",
	.help = "region where none is named, such as eu-west",
};
static const struct dro_option s3_endpoint = {
	.size = sizeof(s3_endpoint),
	.kind = DRO_OPTION_URL,
	.name = "s3_endpoint",
	.fallback = "https://{region}-1.linodeobjects.com",
	.help = "where Object Storage is; {region} stands for the region",
};
static const struct dro_option access_key_id = {
	.size = sizeof(access_key_id),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_CREDENTIAL,
	.name = "access_key_id",
	.help = "Object Storage key, where objects are used",
};
static const struct dro_option secret_access_key = {
	.size = sizeof(secret_access_key),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_CREDENTIAL,
	.name = "secret_access_key",
	.help = "secret of the Object Storage key",
};
static const struct dro_option *const options[] = {
	&token, &endpoint, &region, &s3_endpoint, &access_key_id, &secret_access_key, NULL};

static void li_close(void *account)
{
	struct li *li = account;

	if (!li)
		return;
	dro_params_free(&li->options);
	free(li);
}

static int li_open(const struct dro_host *host, const struct dro_pair *given, size_t count,
	void **account, struct dro_error *err)
{
	struct li *li = calloc(1, sizeof(*li));
	int rc;

	if (!li)
		return host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	li->host = host;
	if ((rc = dro_params_copy(&li->options, given, count, err)) < 0) {
		li_close(li);
		return rc;
	}
	li->endpoint = dro_params_get(&li->options, "endpoint", endpoint.fallback);
	li->region = dro_params_get(&li->options, "region", "");
	li->s3_endpoint = dro_params_get(&li->options, "s3_endpoint", s3_endpoint.fallback);
	*account = li;
	return 0;
}

static int li_probe(void *account, char *identity, size_t identity_size,
	const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {.kind = LI_READ, .method = "GET", .path = {"profile"}};
	struct li *li = account;
	cJSON *answer = NULL;
	const char *name;
	bool objects = false;
	int rc;

	if ((rc = li_ask(li, &ask, &answer, call, err)) < 0)
		return rc;
	name = dro_json_text(answer, "username");
	if (!*name)
		rc = li_nonsense(li, LI_READ, "a profile without a user", err);
	else
		rc = li_probe_storage(li, call, &objects, err);
	if (rc == 0)
		snprintf(identity, identity_size, "user %.64s%s%s", name,
			objects ? ", Object Storage in " : "", objects ? li->region : "");
	cJSON_Delete(answer);
	return rc;
}

static const struct dro_compute compute = {
	.size = sizeof(compute),
	.list_instances = li_list_instances,
	.create_instances = li_create_instances,
	.power_instances = li_power_instances,
	.terminate_instances = li_terminate_instances,
	.list_images = li_list_images,
	.check_capacity = li_check_capacity,
	.create_image = li_create_image,
	.copy_image = li_copy_image,
	.delete_image = li_delete_image,
	.resize_instance = li_resize_instance,
	.instance_health = li_instance_health,
	.mark_instances = li_mark_instances,
};

static const struct dro_async async = {.size = sizeof(async), .poll = li_poll};

extern const struct dro_provider_v1 dro_provider_v1;

DRO_EXPORT const struct dro_provider_v1 dro_provider_v1 = {
	.magic = DRO_PROVIDER_MAGIC,
	.abi_major = DRO_ABI_MAJOR,
	.abi_minor = DRO_ABI_MINOR,
	.size = sizeof(struct dro_provider_v1),
	.flags = DRO_PROVIDER_THREADED,
	.name = "linode",
	.version = DRORCH_VERSION,
	.options = options,
	.open = li_open,
	.close = li_close,
	.probe = li_probe,
	.compute = &compute,
	.storage = &li_storage,
	.async = &async,
};
