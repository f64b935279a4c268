/*
 * What a verb of a session found out, as JSON. Like dro_buf, it fails and stays failed where memory
 * runs out: add all, and look at `failed` once. Not for sharing between threads.
 */
#ifndef AGENT_FACTS_H
#define AGENT_FACTS_H

#include "base/json.h"

struct agent_facts {
	cJSON *json; /* an object; NULL where none could be made */
	bool failed;
};

void agent_facts_init(struct agent_facts *facts);
void agent_facts_fini(struct agent_facts *facts);
void agent_facts_text(struct agent_facts *facts, const char *key, const char *text);
void agent_facts_int(struct agent_facts *facts, const char *key, int64_t number);
void agent_facts_bool(struct agent_facts *facts, const char *key, bool yes);
void agent_facts_null(struct agent_facts *facts, const char *key);
/* Takes `inner`, also when it fails, and leaves it empty. */
void agent_facts_put(struct agent_facts *facts, const char *key, struct agent_facts *inner);
bool agent_facts_empty(const struct agent_facts *facts);

#endif
