#include "provider/internal.h"

#define OPERATION_MAX 256

unsigned dro_provider_dns_flags(const struct dro_provider *provider)
{
	return provider->plugin->dns.flags;
}

struct record_collector {
	struct dro_invoke *invoke;
	struct dro_record_list *list;
};

static int collect_record(void *arg, const struct dro_record *record)
{
	struct record_collector *to = arg;
	struct dro_invoke *invoke = to->invoke;
	struct dro_record *own;

	if (invoke->emit_rc < 0 ||
		(invoke->emit_rc = dro_record_list_add(to->list, record, &invoke->emit)) < 0)
		return invoke->emit_rc;
	own = to->list->items[to->list->count - 1];
	if (!*own->name || !*own->type)
		invoke->emit_rc = dro_fail(&invoke->emit, DRO_EPROTO,
			"the plugin gave a record without a name or type");
	return invoke->emit_rc;
}

int dro_provider_list_records(struct dro_provider *provider, const struct dro_record_query *query,
	struct dro_record_list *out, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_dns *dns = &provider->plugin->dns;
	struct dro_record_query own = *query;
	struct dro_invoke invoke;
	struct record_collector to = {&invoke, out};
	int rc;

	own.size = sizeof(own);
	own.zone = dro_text(own.zone);
	own.name = dro_text(own.name);
	own.type = dro_text(own.type);
	if ((rc = dro_invoke_begin(
		     &invoke, provider, "dns.list_records", 0, dns->list_records, call)) == 0)
		rc = dns->list_records(
			provider->account, &own, collect_record, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

/* A record set that a plugin may take as it is: every string there, values where they are put. */
static int check_sets(
	const struct dro_record *const *sets, size_t count, bool put, struct dro_error *err)
{
	size_t i, j;

	for (i = 0; i < count; i++) {
		const struct dro_record *set = sets[i];

		if (!set->name || !*set->name || !set->type || !*set->type || !set->id ||
			!set->set_id || !set->owner)
			return dro_fail(err, DRO_EINVAL, "a record set without a name or type");
		if (put && !set->value_count && !(set->alias && *set->alias))
			return dro_fail(
				err, DRO_EINVAL, "%s %s without a value", set->name, set->type);
		for (j = 0; j < set->value_count; j++)
			if (!set->values[j])
				return dro_fail(err, DRO_EINVAL, "%s %s without a value", set->name,
					set->type);
	}
	return 0;
}

int dro_provider_apply(struct dro_provider *provider, const char *zone,
	const struct dro_record *const *put, size_t put_count, const struct dro_record *const *del,
	size_t del_count, char *operation, size_t operation_size, const struct dro_call *call,
	struct dro_error *err)
{
	const struct dro_dns *dns = &provider->plugin->dns;
	char unwanted[OPERATION_MAX];
	struct dro_invoke invoke;
	int rc;

	if (!operation) {
		operation = unwanted;
		operation_size = sizeof(unwanted);
	}
	operation[0] = '\0';
	if ((rc = dro_invoke_begin(
		     &invoke, provider, "dns.apply", DRO_INVOKE_MUTATION, dns->apply, call)) == 0 &&
		(rc = check_sets(put, put_count, true, &invoke.err)) == 0 &&
		(rc = check_sets(del, del_count, false, &invoke.err)) == 0)
		rc = dns->apply(provider->account, dro_text(zone), put, put_count, del, del_count,
			operation, operation_size, &invoke.call, &invoke.err);
	operation[operation_size - 1] = '\0';
	return dro_invoke_end(&invoke, rc, err);
}
