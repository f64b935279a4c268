/*
 * site.fence {site, addresses, host, agent, to, self_fence_ms, graceful} -> {stopped, method}: the
 * old site takes no more writes. The agent on its data host (where `host` is given) fences the
 * database, for good. Else its instances are powered off by its provider; where that cannot be
 * asked, the site must be proven dead by its own health check, or have had the time to fence
 * itself: `self_fence_ms` from when the replica on the new site, `to`, withdrew its word. A
 * graceful one is for the agent alone, until the run is downgraded.
 */
#include "engine/steps/database.h"

#include <stdlib.h>
#include <string.h>

#define AGENT_MS 1500 /* one that is gone must not either: then there are other ways */
#define GRACEFUL_MS 5000
#define SELF_MARGIN_MS 1000 /* clocks and schedulers */
#define API_MS 3000	    /* a provider that is gone must not hold the run up */
#define BUSY_MS 20000	    /* one that answers, but not now, is asked again for so long */
#define POLL_LEAST_MS 100
#define POLL_MOST_MS 2000

static int list_site(struct dro_instance_list *out, const struct dro_step_context *context,
	const struct dro_site *site, struct dro_provider *provider, struct dro_error *err)
{
	const struct dro_pair tags[] = {
		{DRO_TAG_SERVICE, context->world->service->name}, {DRO_TAG_SITE, site->name}};
	struct dro_instance_query query = {
		.size = sizeof(query), .region = site->region, .tags = tags, .tag_count = 2};
	struct dro_call call = context->call;
	uint64_t soon = dro_now_ms() + API_MS;

	if (soon < call.deadline_ms)
		call.deadline_ms = soon;
	return dro_provider_list_instances(provider, &query, out, &call, err);
}

static bool runs(const struct dro_instance *instance)
{
	return instance->state == DRO_INSTANCE_RUNNING || instance->state == DRO_INSTANCE_PENDING ||
	       instance->state == DRO_INSTANCE_UNKNOWN;
}

/* Remembers, across polls and crashes, which instances it is we that stop; true: a new one. */
static bool remember(struct dro_step_context *context, const char *id)
{
	cJSON *stopped = cJSON_GetObjectItemCaseSensitive(context->outputs, "stopped"), *known;

	if (!stopped)
		stopped = cJSON_AddArrayToObject(context->outputs, "stopped");
	cJSON_ArrayForEach(known, stopped) if (strcmp(known->valuestring, id) == 0) return false;
	cJSON_AddItemToArray(stopped, cJSON_CreateString(id));
	return true;
}

/*
 * Powers off what runs. 1: everything is off, 0: not yet; *known: how many there are. Names go to
 * the journal a poll before the call: killed right behind it, an abort must know what to start.
 */
static int power_off(struct dro_step_context *context, const struct dro_site *site,
	struct dro_provider *provider, size_t *known, struct dro_error *err)
{
	struct dro_instance_list list = {0};
	const char **ids = NULL;
	size_t count = 0, busy = 0, fresh = 0, i;
	int rc;

	if ((rc = list_site(&list, context, site, provider, err)) < 0)
		goto out;
	*known = list.count;
	ids = calloc(list.count + 1, sizeof(*ids));
	if (!ids) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	for (i = 0; i < list.count; i++) {
		if (runs(list.items[i]))
			ids[count++] = list.items[i]->id;
		busy += runs(list.items[i]) || list.items[i]->state == DRO_INSTANCE_STOPPING;
	}
	for (i = 0; i < count; i++)
		if (remember(context, ids[i]))
			dro_buf_printf(
				&context->note, "%s%s", fresh++ ? ", " : "to power off: ", ids[i]);
	if (count > 0 && fresh == 0)
		rc = dro_provider_power_instances(provider, site->region, ids, count,
			DRO_POWER_FORCE_STOP, &context->call, err);
	if (rc == 0)
		rc = busy == 0;
out:
	free(ids);
	dro_instance_list_free(&list);
	return rc;
}

static bool fences_itself(const struct dro_step_context *context)
{
	int64_t within;

	return dro_json_int(context->inputs, "self_fence_ms", 0, &within, NULL) == 0 &&
	       within > 0 && cJSON_GetObjectItemCaseSensitive(context->inputs, "to");
}

/*
 * A primary that hears neither a controller nor a replica that confirms it fences itself within a
 * time that it told. So its replica confirms it no more, and the time is waited for. 1: not yet; 0:
 * it is over, and its agent cannot be reached still; DRO_EUNSUPPORTED: it does not fence itself.
 */
static int self_fenced(struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_clock *clock = context->world->clock;
	int64_t now = clock->wall_ms(clock), since = 0, within = 0;
	struct step_host from, to;
	bool primary, fenced;
	int rc;

	dro_json_int(context->inputs, "self_fence_ms", 0, &within, NULL);
	dro_json_int(context->outputs, "withdrawn_ms", 0, &since, NULL);
	if (!fences_itself(context))
		return dro_fail(err, DRO_EUNSUPPORTED, "it does not fence itself");
	if ((rc = step_host_read(&from, context, "host", err)) < 0 ||
		(rc = step_host_read(&to, context, "to", err)) < 0)
		return rc;
	if (!since) {
		if ((rc = step_change(NULL, context, &to, "withdraw", NULL, AGENT_MS, err)) < 0)
			return rc;
		since = clock->wall_ms(clock);
		dro_step_output(context, "withdrawn_ms", cJSON_CreateNumber((double)since));
	}
	if (now < since + within + SELF_MARGIN_MS) {
		dro_buf_printf(&context->note, "%s fences itself within %lld s", from.site->name,
			(long long)((since + within + SELF_MARGIN_MS - now) / 1000));
		return 1;
	}
	if (step_role(context, &from, &primary, &fenced, NULL) < 0)
		return 0;
	/* It can be reached again, and may have heard of us: it is fenced as any other. */
	dro_step_output(context, "agent", NULL);
	dro_step_output(context, "withdrawn_ms", NULL);
	return 1;
}

/* The site lives, or nobody can tell, and it cannot be switched off. */
static int await_fence(
	struct dro_step_context *context, const struct dro_site *site, struct dro_error *err)
{
	int rc = self_fenced(context, err);

	if (rc == 0) {
		dro_step_output(context, "method", cJSON_CreateString("self-fenced"));
		dro_buf_reset(&context->note);
		dro_buf_printf(&context->note,
			"%s has been alone long enough to have fenced itself", site->name);
		return DRO_STEP_DONE;
	}
	if (rc == DRO_EBUSY || rc == DRO_ENOMEM)
		return rc;
	if (rc < 0) /* asked again until the step's time is over: the provider may come back */
		dro_buf_puts(&context->note, "stop it by hand");
	return dro_step_pending(context, POLL_MOST_MS, POLL_MOST_MS);
}

static int unproven(struct dro_step_context *context, const struct dro_site *site, const char *why,
	struct dro_error *err)
{
	dro_buf_printf(&context->note,
		"nothing tells whether %s is dead: no address of it is known, and it cannot be "
		"powered off: %.200s; ",
		site->name, why);
	return await_fence(context, site, err);
}

/* It answers, if only to say "later": as long as that may pass, it alone can fence for certain. */
static bool may_answer(const struct dro_step_context *context, const struct dro_error *away)
{
	return (away->code == DRO_EAGAIN || away->code == DRO_ETIMEDOUT) &&
	       away->provider_code[0] && context->elapsed_ms < BUSY_MS;
}

/* Nothing of ours can be stopped, or nobody can be asked to: dead is as good as fenced, alive is
 * not. */
static int prove_dead(struct dro_step_context *context, const struct dro_site *site,
	const char *why, struct dro_error *err)
{
	const char **addresses = NULL;
	size_t count = 0;
	char heard[256];
	bool well;
	int rc;

	if ((rc = dro_step_strings(context, "addresses", &addresses, &count, err)) < 0)
		return rc;
	well = dro_step_any_well(context, site, addresses, count, heard, sizeof(heard));
	free(addresses);
	/* A primary that nobody hears may still be heard by its guests. */
	if (well || fences_itself(context)) {
		dro_buf_printf(&context->note, "%s %s (%.60s) and cannot be powered off: %.200s; ",
			site->name, well ? "answers" : "does not answer", heard, why);
		return await_fence(context, site, err);
	}
	dro_step_output(context, "method", cJSON_CreateString("dead"));
	dro_buf_printf(&context->note, "%s does not answer (%.100s); not powered off: %.200s",
		site->name, heard, why);
	return DRO_STEP_DONE;
}

static bool is_graceful(const struct dro_step_context *context)
{
	return !context->downgraded &&
	       cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(context->inputs, "graceful"));
}

/* A frozen database that is fenced is so for good, whatever boots or comes back. Without grace it
 * is asked once: what may be gone is not waited for again and again. */
static int by_agent(struct dro_step_context *context, struct dro_error *err)
{
	bool graceful = is_graceful(context);
	struct step_host host;
	int rc;

	if (!cJSON_GetObjectItemCaseSensitive(context->inputs, "host"))
		return dro_fail(err, DRO_EUNSUPPORTED, "no agent is known");
	if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(context->inputs, "agent")) ||
		(!graceful && cJSON_GetObjectItemCaseSensitive(context->outputs, "agent")))
		return dro_fail(err, DRO_EAGAIN, "its agent did not answer");
	if ((rc = step_host_read(&host, context, "host", err)) < 0)
		return rc;
	rc = step_change(
		NULL, context, &host, "fence", NULL, graceful ? GRACEFUL_MS : AGENT_MS, err);
	if (rc < 0 && !graceful)
		dro_step_output(context, "agent", cJSON_CreateString(err ? err->message : ""));
	if (rc == 0) {
		dro_step_output(context, "method", cJSON_CreateString("agent"));
		dro_buf_printf(&context->note, "the database of %s is fenced", host.site->name);
	}
	return rc;
}

int dro_step_fence(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_error away = DRO_ERROR_INIT;
	struct dro_provider *provider;
	const struct dro_site *site;
	size_t known = 0;
	int rc;

	if ((rc = dro_step_site(context, "site", &site, NULL, err)) < 0)
		return rc;
	rc = by_agent(context, err);
	if (rc == 0 || rc == DRO_EBUSY || is_graceful(context))
		return rc;
	if ((rc = dro_accounts_get(context->world->accounts, site->provider, &provider, &away)) ==
		0)
		rc = power_off(context, site, provider, &known, &away);
	if (rc == DRO_EBUSY || rc == DRO_ENOMEM) {
		*err = away;
		return rc;
	}
	if (rc < 0 && may_answer(context, &away)) {
		dro_buf_printf(&context->note, "asking again: %.200s", away.message);
		return dro_step_pending(context, POLL_MOST_MS, POLL_MOST_MS);
	}
	if (rc < 0)
		return cJSON_GetArraySize(
			       cJSON_GetObjectItemCaseSensitive(context->inputs, "addresses")) > 0
			       ? prove_dead(context, site, away.message, err)
			       : unproven(context, site, away.message, err);
	if (known == 0)
		return prove_dead(context, site, "it has no instances that carry our tags", err);
	if (rc == 0 && context->note.length) /* named now, to be stopped at the next call */
		return dro_step_pending(context, 0, 0);
	if (rc == 0) {
		dro_buf_puts(&context->note, "powering off");
		return dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
	}
	dro_step_output(context, "method", cJSON_CreateString("powered-off"));
	dro_buf_printf(&context->note, "powered off: %zu of its instances",
		(size_t)cJSON_GetArraySize(
			cJSON_GetObjectItemCaseSensitive(context->outputs, "stopped")));
	return DRO_STEP_DONE;
}

static bool stopped_by_us(const struct dro_step_context *context, const char *id)
{
	const cJSON *known;

	cJSON_ArrayForEach(known, cJSON_GetObjectItemCaseSensitive(context->outputs, "stopped"))
	{
		if (strcmp(known->valuestring, id) == 0)
			return true;
	}
	return false;
}

/* By the agent, where that may have been the way. One that never answered has nothing to undo. */
static int open_again(struct dro_step_context *context, struct dro_error *err)
{
	bool fenced = strcmp(dro_json_text(context->outputs, "method"), "agent") == 0;
	struct step_host host;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0)
		return rc;
	rc = step_thaw(context, &host, true, err);
	return rc < 0 && !fenced && !is_graceful(context) ? DRO_STEP_DONE : rc;
}

/*
 * Starts again what the fence stopped, and nothing else. What is still stopping cannot be started
 * yet; what is gone by now cannot at all.
 */
int dro_step_unfence(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_instance_list list = {0};
	struct dro_provider *provider;
	const struct dro_site *site;
	size_t count = 0, busy = 0, i;
	const char **ids = NULL;
	int rc;

	if (!cJSON_GetObjectItemCaseSensitive(context->outputs, "stopped") &&
		cJSON_GetObjectItemCaseSensitive(context->inputs, "host"))
		return open_again(context, err);
	if (!cJSON_GetObjectItemCaseSensitive(context->outputs, "stopped"))
		return DRO_STEP_DONE;
	if ((rc = dro_step_site(context, "site", &site, &provider, err)) < 0 ||
		(rc = list_site(&list, context, site, provider, err)) < 0)
		goto out;
	ids = calloc(list.count + 1, sizeof(*ids));
	if (!ids) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	for (i = 0; i < list.count; i++) {
		const struct dro_instance *instance = list.items[i];

		if (!stopped_by_us(context, instance->id))
			continue;
		busy += instance->state == DRO_INSTANCE_STOPPING;
		if (instance->state == DRO_INSTANCE_STOPPED || runs(instance))
			ids[count++] = instance->id;
	}
	if (count > 0)
		rc = dro_provider_power_instances(
			provider, site->region, ids, count, DRO_POWER_START, &context->call, err);
	if (rc == 0 && busy > 0) {
		dro_buf_puts(&context->note, "still powering off");
		rc = dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
	} else if (rc == 0) {
		dro_buf_printf(&context->note, "%zu started again", count);
	}
out:
	free(ids);
	dro_instance_list_free(&list);
	return rc;
}
