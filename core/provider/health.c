#include "provider/internal.h"

#include <string.h>

const uint32_t *dro_provider_check_intervals(const struct dro_provider *provider)
{
	return provider->plugin->health.intervals;
}

struct check_collector {
	struct dro_invoke *invoke;
	struct dro_health_check_list *list;
};

struct vantage_collector {
	struct dro_invoke *invoke;
	struct dro_vantage_list *list;
};

static int collect_check(void *arg, const struct dro_health_check *check)
{
	struct check_collector *to = arg;
	struct dro_invoke *invoke = to->invoke;
	struct dro_health_check *own;

	if (invoke->emit_rc < 0 ||
		(invoke->emit_rc = dro_health_check_list_add(to->list, check, &invoke->emit)) < 0)
		return invoke->emit_rc;
	own = to->list->items[to->list->count - 1];
	if (own->state > DRO_UNHEALTHY)
		own->state = DRO_HEALTH_UNKNOWN;
	if (own->kind > DRO_CHECK_TCP)
		own->kind = DRO_CHECK_OTHER;
	if (!*own->id)
		invoke->emit_rc = dro_fail(
			&invoke->emit, DRO_EPROTO, "the plugin gave a health check without an id");
	return invoke->emit_rc;
}

static int collect_vantage(void *arg, const struct dro_vantage *vantage)
{
	struct vantage_collector *to = arg;
	struct dro_invoke *invoke = to->invoke;
	struct dro_vantage *own;

	if (invoke->emit_rc < 0 ||
		(invoke->emit_rc = dro_vantage_list_add(to->list, vantage, &invoke->emit)) < 0)
		return invoke->emit_rc;
	own = to->list->items[to->list->count - 1];
	if (own->state > DRO_UNHEALTHY)
		own->state = DRO_HEALTH_UNKNOWN;
	return 0;
}

int dro_provider_list_checks(struct dro_provider *provider, struct dro_health_check_list *out,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_health_checks *health = &provider->plugin->health;
	struct dro_invoke invoke;
	struct check_collector to = {&invoke, out};
	int rc;

	if ((rc = dro_invoke_begin(
		     &invoke, provider, "health.list_checks", 0, health->list_checks, call)) == 0)
		rc = health->list_checks(
			provider->account, collect_check, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_put_check(struct dro_provider *provider, const struct dro_health_check *check,
	char *id, size_t id_size, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_health_checks *health = &provider->plugin->health;
	struct dro_health_check own = *check;
	struct dro_invoke invoke;
	int rc;

	own.size = sizeof(own);
	own.id = dro_text(own.id);
	own.version = dro_text(own.version);
	own.owner = dro_text(own.owner);
	own.address = dro_text(own.address);
	own.host = dro_text(own.host);
	own.path = dro_text(own.path);
	memset(id, 0, id_size); /* whatever the plugin writes has an end */
	if ((rc = dro_invoke_begin(&invoke, provider, "health.put_check", DRO_INVOKE_MUTATION,
		     health->put_check, call)) == 0)
		rc = health->put_check(
			provider->account, &own, id, id_size, &invoke.call, &invoke.err);
	id[id_size - 1] = '\0';
	if (rc == 0 && !*id)
		rc = dro_fail(
			&invoke.err, DRO_EPROTO, "the plugin gave a health check without an id");
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_delete_check(struct dro_provider *provider, const char *id,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_health_checks *health = &provider->plugin->health;
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "health.delete_check", DRO_INVOKE_MUTATION,
		     health->delete_check, call)) == 0)
		rc = health->delete_check(provider->account, id, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_check_status(struct dro_provider *provider, const char *id,
	struct dro_vantage_list *out, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_health_checks *health = &provider->plugin->health;
	struct dro_invoke invoke;
	struct vantage_collector to = {&invoke, out};
	int rc;

	if ((rc = dro_invoke_begin(
		     &invoke, provider, "health.check_status", 0, health->check_status, call)) == 0)
		rc = health->check_status(
			provider->account, id, collect_vantage, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}
