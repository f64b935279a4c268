#include "agent/guard.h"

#include "agent/heard.h"
#include "base/clock.h"

int64_t agent_guard_within_ms(const struct agent_config *config)
{
	return config->self_fence.after_ms + AGENT_WATCH_TICK_MS + AGENT_WATCH_LOOK_MS +
	       AGENT_WATCH_ASK_MS + AGENT_WATCH_FENCE_MS + AGENT_WATCH_KILL_MS;
}

int agent_guard_heard(int64_t *out_ms, const struct agent_config *config, struct dro_error *err)
{
	static const enum agent_heard sources[] = {
		AGENT_HEARD_CONTROLLER, AGENT_HEARD_PEER, AGENT_HEARD_GRACE};
	size_t i;

	*out_ms = 0;
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		int64_t at;
		int rc = agent_heard_read(&at, config, sources[i], err);

		if (rc < 0)
			return rc;
		if (at > *out_ms)
			*out_ms = at;
	}
	return 0;
}

/* Milliseconds ago; null: never in this boot. */
static int put_ago(struct agent_facts *facts, const char *key, const struct agent_config *config,
	enum agent_heard which, struct dro_error *err)
{
	int64_t at, now = agent_boot_ms();
	int rc = agent_heard_read(&at, config, which, err);

	if (rc < 0)
		return rc;
	if (at)
		agent_facts_int(facts, key, at < now ? now - at : 0);
	else
		agent_facts_null(facts, key);
	return 0;
}

int agent_guard_facts(struct agent_facts *facts, const struct agent_config *config,
	const struct agent_lease *lease, struct dro_error *err)
{
	char since[DRO_TIME_TEXT];
	int rc;

	agent_facts_bool(facts, "fenced", lease->fenced);
	agent_facts_bool(facts, "self_fenced", lease->fenced && lease->self_fenced_ms > 0);
	if (lease->fenced && lease->self_fenced_ms > 0) {
		dro_time_format(since, lease->self_fenced_ms);
		agent_facts_text(facts, "self_fenced_since", since);
	} else {
		agent_facts_null(facts, "self_fenced_since");
	}
	if (config->self_fence.given) {
		agent_facts_int(facts, "self_fence_after_ms", config->self_fence.after_ms);
		agent_facts_int(facts, "self_fence_within_ms", agent_guard_within_ms(config));
	} else {
		agent_facts_null(facts, "self_fence_after_ms");
		agent_facts_null(facts, "self_fence_within_ms");
	}
	if ((rc = put_ago(facts, "heard_ms", config, AGENT_HEARD_CONTROLLER, err)) < 0 ||
		(rc = put_ago(facts, "heard_peer_ms", config, AGENT_HEARD_PEER, err)) < 0)
		return rc;
	return put_ago(facts, "watched_ms", config, AGENT_HEARD_WATCH, err);
}
