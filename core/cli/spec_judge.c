#include "cli/spec_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define ATTEMPT "spec-attempt"
#define ACCEPTED "spec-accepted"
#define TEXT_MAX 16384
#define PREFIX_MIN 7

/* ---- what was tried -------------------------------------------------------------------------- */

int dro_spec_attempt_get(
	struct dro_store *store, struct dro_spec_attempt *out, struct dro_error *err)
{
	char *text = NULL;
	cJSON *json = NULL;
	int rc;

	*out = (struct dro_spec_attempt){0};
	if ((rc = dro_store_fact_get(store, "", ATTEMPT, &text, NULL, err)) < 0 ||
		(rc = dro_json_parse(&json, text, strlen(text), TEXT_MAX, err)) < 0)
		goto out;
	snprintf(out->commit, sizeof(out->commit), "%s", dro_json_text(json, "commit"));
	snprintf(out->code, sizeof(out->code), "%s", dro_json_text(json, "code"));
	snprintf(out->rule, sizeof(out->rule), "%s", dro_json_text(json, "rule"));
	snprintf(out->error, sizeof(out->error), "%s", dro_json_text(json, "error"));
	rc = dro_json_int(json, "at_ms", 0, &out->at_ms, err);
out:
	cJSON_Delete(json);
	free(text);
	return rc;
}

static int write_attempt(struct dro_store *store, const struct dro_spec_attempt *attempt)
{
	struct dro_buf text = DRO_BUF_INIT(TEXT_MAX);
	cJSON *json = cJSON_CreateObject();
	int rc;

	cJSON_AddStringToObject(json, "commit", attempt->commit);
	cJSON_AddStringToObject(json, "code", attempt->code);
	cJSON_AddStringToObject(json, "rule", attempt->rule);
	cJSON_AddStringToObject(json, "error", attempt->error);
	cJSON_AddNumberToObject(json, "at_ms", (double)attempt->at_ms);
	dro_json_print(&text, json);
	cJSON_Delete(json);
	rc = text.failed ? DRO_ENOMEM
			 : dro_store_fact_set(store, "", ATTEMPT, dro_buf_str(&text), NULL);
	dro_buf_free(&text);
	return rc;
}

/* Git is away; what it says then differs from time to time. */
static bool is_away(const struct dro_spec_attempt *attempt)
{
	return !*attempt->commit &&
	       (strcmp(attempt->code, "EAGAIN") == 0 || strcmp(attempt->code, "ETIMEDOUT") == 0);
}

static bool is_same(const struct dro_spec_attempt *a, const struct dro_spec_attempt *b)
{
	if (is_away(a) && is_away(b))
		return true;
	return strcmp(a->commit, b->commit) == 0 && strcmp(a->error, b->error) == 0;
}

void dro_spec_attempted(struct dro_store *store, const char *commit, const struct dro_error *error)
{
	struct dro_spec_attempt before, now = {.at_ms = dro_wall_ms()};
	struct dro_buf text = DRO_BUF_INIT(4096);

	snprintf(now.commit, sizeof(now.commit), "%s", commit);
	if (error) {
		snprintf(now.code, sizeof(now.code), "%s", dro_code_name(error->code));
		snprintf(now.error, sizeof(now.error), "%s", error->message);
		if (error->code == DRO_ESAFETY)
			snprintf(now.rule, sizeof(now.rule), "%.31s", error->provider_code);
	}
	if (dro_spec_attempt_get(store, &before, NULL) == 0 && is_same(&before, &now))
		return;
	write_attempt(store, &now);
	if (!error)
		return;
	dro_buf_printf(&text, "the newest commit is not followed: %s", error->message);
	dro_store_event_add(store, "", "spec", "", dro_buf_str(&text), NULL);
	dro_buf_free(&text);
}

/* ---- the rule -------------------------------------------------------------------------------- */

static int refuse(const char *commit, const char *what, struct dro_error *err)
{
	dro_fail(err, DRO_ESAFETY,
		"rule " DRO_RULE_SHRUNKEN ": commit %.12s %s; if that is meant: "
		"`drorch accept %.12s --reason TEXT`",
		commit, what, commit);
	if (err)
		snprintf(err->provider_code, sizeof(err->provider_code), "%s", DRO_RULE_SHRUNKEN);
	return DRO_ESAFETY;
}

int dro_spec_judge_empty(const char *commit, struct dro_error *err)
{
	return dro_fail(err, DRO_ESAFETY,
		"rule " DRO_RULE_SHRUNKEN ": commit %.12s holds no spec at all", commit);
}

int dro_spec_judge(struct dro_store *store, const struct dro_spec *before,
	const struct dro_spec *now, struct dro_error *err)
{
	struct dro_buf gone = DRO_BUF_INIT(300); /* of very many, the first */
	size_t count = 0, i;
	int rc = 0;

	dro_buf_puts(&gone, "lacks");
	for (i = 0; i < before->service_count; i++) {
		if (dro_spec_service(now, before->services[i].name))
			continue;
		if (gone.length + strlen(before->services[i].name) + 3 < gone.max - 20)
			dro_buf_printf(&gone, "%s %s", count ? "," : "", before->services[i].name);
		count++;
	}
	if (count > 0 && !dro_spec_accepted(store, now->commit)) {
		if (before->service_count > 1)
			dro_buf_printf(&gone, " (%zu of %zu)", count, before->service_count);
		rc = refuse(now->commit, dro_buf_str(&gone), err);
	}
	dro_buf_free(&gone);
	return rc;
}

bool dro_spec_accepted(struct dro_store *store, const char *commit)
{
	char *text = NULL;
	bool is = dro_store_fact_get(store, "", ACCEPTED, &text, NULL, NULL) == 0 &&
		  strcmp(text, commit) == 0;

	free(text);
	return is;
}

int dro_spec_accept(struct dro_store *store, const char *commit, const char *by, const char *reason,
	char accepted[65], struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(8192);
	struct dro_spec_attempt attempt;
	int rc = dro_spec_attempt_get(store, &attempt, err);

	if (rc < 0 && rc != DRO_ENOTFOUND)
		return rc;
	if (rc < 0 || strcmp(attempt.rule, DRO_RULE_SHRUNKEN) != 0)
		return dro_fail(err, DRO_ENOTFOUND, "no commit waits to be accepted");
	if (strlen(commit) < PREFIX_MIN || strncmp(attempt.commit, commit, strlen(commit)) != 0)
		return dro_fail(err, DRO_ENOTFOUND,
			"the commit that waits to be accepted is %s, not %.64s", attempt.commit,
			commit);
	dro_buf_printf(&text, "rule " DRO_RULE_SHRUNKEN " overridden for commit %s by %s: %s (%s)",
		attempt.commit, by, reason, attempt.error);
	/* The event first: nothing passes without being on record. */
	if ((rc = dro_buf_check(&text, err)) == 0 &&
		(rc = dro_store_event_add(store, "", "safety", "", dro_buf_str(&text), err)) == 0)
		rc = dro_store_fact_set(store, "", ACCEPTED, attempt.commit, err);
	if (rc == 0)
		memcpy(accepted, attempt.commit, sizeof(attempt.commit));
	dro_buf_free(&text);
	return rc;
}
