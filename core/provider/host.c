#include <string.h>

#include "provider/internal.h"

/* What a request may last where the plugin forgot to say. */
#define DEFAULT_DEADLINE_MS 30000

/* A look-up on behalf of one request. */
struct look_up {
	struct dro_provider *provider;
	uint64_t deadline_ms;
};

static struct dro_provider *provider_of(const struct dro_host *host)
{
	return host->impl;
}

static uint64_t host_now_ms(const struct dro_host *host)
{
	const struct dro_clock *clock = provider_of(host)->registry->config.clock;

	return clock->now_ms(clock);
}

static int64_t host_wall_ms(const struct dro_host *host)
{
	const struct dro_clock *clock = provider_of(host)->registry->config.clock;

	return clock->wall_ms(clock);
}

static int credential(void *arg, const char *name, struct dro_secret *out, struct dro_error *err)
{
	const struct look_up *look_up = arg;

	return dro_credentials_get(
		look_up->provider->credentials, name, look_up->deadline_ms, out, err);
}

static bool only_looks(const struct dro_http_request *request)
{
	return request->method &&
	       (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
}

static int host_http(const struct dro_host *host, const struct dro_http_request *request,
	struct dro_http_response **out, struct dro_error *err)
{
	struct dro_provider *provider = provider_of(host);
	const struct dro_registry_config *config = &provider->registry->config;
	struct dro_http_request own = {.body_fd = -1, .sink_fd = -1};
	struct look_up look_up = {.provider = provider};
	struct dro_net_context context = {
		.credential = credential,
		.credential_arg = &look_up,
		.budget = config->budget,
		.account = provider->name,
		.budget_class = config->budget_class,
		.log = config->log,
	};

	int rc;

	*out = NULL;
	if (!config->net)
		return dro_fail(err, DRO_EUNSUPPORTED, "this program was started without network");
	memcpy(&own, request, request->size < sizeof(own) ? request->size : sizeof(own));
	own.size = sizeof(own);
	if (config->may_send && provider->mutations && !only_looks(&own) &&
		(rc = config->may_send(config->arg, err)) < 0)
		return rc;
	if (!own.deadline_ms)
		own.deadline_ms = host_now_ms(host) + DEFAULT_DEADLINE_MS;
	look_up.deadline_ms = own.deadline_ms;
	return dro_net_request(config->net, &own, &context, out, err);
}

static int host_fail(
	struct dro_error *err, int code, const char *provider_code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	dro_vfail(err, code, provider_code, format, args);
	va_end(args);
	return code;
}

static void host_log(const struct dro_host *host, int level, const char *format, ...)
{
	const struct dro_provider *provider = provider_of(host);
	struct dro_buf line = DRO_BUF_INIT(4096);
	va_list args;

	dro_buf_printf(&line, "%s: ", provider->name);
	va_start(args, format);
	dro_buf_vprintf(&line, format, args);
	va_end(args);
	dro_log(provider->registry->config.log, level, "%s", dro_buf_str(&line));
	dro_buf_free(&line);
}

static int host_sleep_ms(
	const struct dro_host *host, uint64_t ms, uint64_t deadline_ms, struct dro_error *err)
{
	const struct dro_clock *clock = provider_of(host)->registry->config.clock;
	uint64_t now = clock->now_ms(clock);
	uint64_t left = deadline_ms > now ? deadline_ms - now : 0;

	clock->sleep_ms(clock, ms < left ? ms : left);
	if (ms >= left)
		return dro_fail(err, DRO_ETIMEDOUT, "the deadline passed while waiting");
	return 0;
}

void dro_host_init(struct dro_provider *provider)
{
	provider->host = (struct dro_host){
		.size = sizeof(struct dro_host),
		.abi_major = DRO_ABI_MAJOR,
		.abi_minor = DRO_ABI_MINOR,
		.impl = provider,
		.http = host_http,
		.http_free = dro_http_response_free,
		.fail = host_fail,
		.log = host_log,
		.now_ms = host_now_ms,
		.wall_ms = host_wall_ms,
		.sleep_ms = host_sleep_ms,
	};
}
