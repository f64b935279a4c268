#include "agent/facts.h"

void agent_facts_init(struct agent_facts *facts)
{
	facts->json = cJSON_CreateObject();
	facts->failed = !facts->json;
}

void agent_facts_fini(struct agent_facts *facts)
{
	cJSON_Delete(facts->json);
	*facts = (struct agent_facts){0};
}

static void add(struct agent_facts *facts, const char *key, cJSON *value)
{
	if (value && !facts->failed && cJSON_AddItemToObject(facts->json, key, value))
		return;
	cJSON_Delete(value);
	facts->failed = true;
}

void agent_facts_text(struct agent_facts *facts, const char *key, const char *text)
{
	add(facts, key, cJSON_CreateString(text));
}

void agent_facts_int(struct agent_facts *facts, const char *key, int64_t number)
{
	add(facts, key, cJSON_CreateNumber((double)number));
}

void agent_facts_bool(struct agent_facts *facts, const char *key, bool yes)
{
	add(facts, key, cJSON_CreateBool(yes));
}

void agent_facts_null(struct agent_facts *facts, const char *key)
{
	add(facts, key, cJSON_CreateNull());
}

void agent_facts_put(struct agent_facts *facts, const char *key, struct agent_facts *inner)
{
	cJSON *json = inner->json;

	if (inner->failed)
		facts->failed = true;
	*inner = (struct agent_facts){0};
	add(facts, key, json);
}

bool agent_facts_empty(const struct agent_facts *facts)
{
	return !facts->json || !facts->json->child;
}
