/* Rows of the agent's configuration that stand in files of their own. */
#ifndef AGENT_CONFIG_ROWS_H
#define AGENT_CONFIG_ROWS_H

#include "agent/config.h"
#include "spec/fields.h"

extern const struct dro_form agent_database_form;   /* fills a struct agent_database */
extern const struct dro_form agent_files_form;	    /* a struct agent_files */
extern const struct dro_form agent_limits_form;	    /* a struct agent_limits */
extern const struct dro_form agent_self_fence_form; /* a struct agent_self_fence */

#endif
