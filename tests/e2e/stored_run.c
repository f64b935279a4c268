/*
 * stored_run DIR STEPS: a run in a store, as a worker would write it. Takes the service's lease,
 * stores a run of so many steps, prints its id, then does what standard input says until that ends:
 *
 *   STEP|STATE|NOTE|ERROR   the step as it now is ("step-3|running|half|")
 *   =|STATE                 the run's state
 *   !|KIND|TEXT             an event
 *   ?|KEY|VALUE             a fact of the service ("?|*KEY|VALUE": of none)
 *
 * Each is answered with a line. What is written as ^[ is an escape character.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/graph.h"
#include "store/store.h"

#define SERVICE "memphis"
#define OUTCOME "{\"recovery_time_ms\":61000,\"rto_ms\":120000,\"error\":\"because \\u001b[31m\"}"

static struct dro_error err = DRO_ERROR_INIT;

static int fail(void)
{
	fprintf(stderr, "stored_run: %s\n", err.message);
	return 1;
}

static int make_plan(struct dro_plan **out, int steps)
{
	static const char *const kinds[] = {
		"provider.probe", "compute.launch", "restore.wait", "traffic.switch"};
	struct dro_step *step;
	char id[32];
	int i;

	if (dro_plan_new(out, "promote", SERVICE, &err) < 0)
		return -1;
	free((*out)->mode);
	(*out)->mode = strdup("cold");
	free((*out)->from);
	(*out)->from = strdup("main");
	free((*out)->to);
	(*out)->to = strdup("tier2");
	free((*out)->summary);
	(*out)->summary = strdup("Promote tier2\033[2J");
	for (i = 0; i < steps; i++) {
		snprintf(id, sizeof(id), "step-%d", i);
		if (dro_plan_add(*out, &step, id, kinds[i % 4], "tier2", 60000, &err) < 0)
			return -1;
	}
	return 0;
}

static int add_run(struct dro_store *store, const struct dro_lease *lease, struct dro_plan *plan)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	const char **ids = calloc(plan->step_count + 1, sizeof(*ids));
	struct dro_run_row row = {.id = plan->id,
		.service = plan->service,
		.kind = plan->kind,
		.mode = plan->mode,
		.from = plan->from,
		.to = plan->to,
		.state = (char *)"planned",
		.outcome = (char *)"{}",
		.created_ms = dro_wall_ms(),
		.epoch = lease->epoch};
	size_t i;
	int rc;

	for (i = 0; i < plan->step_count; i++)
		ids[i] = plan->steps[i]->id;
	if ((rc = dro_plan_print(plan, &text, &err)) == 0) {
		row.plan = text.data;
		rc = dro_store_run_add(store, lease, &row, ids, plan->step_count, &err);
	}
	dro_buf_free(&text);
	free(ids);
	return rc;
}

/* The next field of a line; "" where there is none. */
static char *field(char **rest)
{
	static char nothing[1];
	char *at = *rest ? strsep(rest, "|") : nothing;
	char *escape;

	while ((escape = strstr(at, "^["))) {
		*escape = '\033';
		memmove(escape + 1, escape + 2, strlen(escape + 2) + 1);
	}
	return at;
}

static int obey(struct dro_store *store, struct dro_lease *lease, const char *run, char *line)
{
	char *first = field(&line), *second = field(&line), *third = field(&line);
	struct dro_step_row row = {.id = first,
		.state = second,
		.outputs = (char *)"{}",
		.note = third,
		.error = field(&line),
		.attempts = 1,
		.started_ms = dro_wall_ms() - 1000};

	if (*first == '=') {
		char holder[128];
		int rc;

		/* Whoever drives a run that ends gives the lease back. */
		dro_store_holder(holder);
		if ((rc = dro_store_lease_take(store, SERVICE, holder, 600000, lease, &err)) == 0)
			rc = dro_store_run_state(store, lease, run, second,
				strcmp(second, "running") == 0 ? "{}" : OUTCOME, &err);
		if (rc == 0 && strcmp(second, "failed") == 0)
			rc = dro_store_lease_release(store, lease, &err);
		return rc;
	}
	if (*first == '!')
		return dro_store_event_add(store, SERVICE, second, run, third, &err);
	if (*first == '?' && *second == '*')
		return dro_store_fact_set(store, "", second + 1, third, &err);
	if (*first == '?')
		return dro_store_fact_set(store, SERVICE, second, third, &err);
	if (strcmp(second, "pending") == 0)
		row.started_ms = 0;
	if (strcmp(second, "done") == 0 || strcmp(second, "failed") == 0)
		row.ended_ms = dro_wall_ms();
	return dro_store_step(store, lease, run, &row, "progress", "{\"x\":\"\\u001b[31m\"}", &err);
}

int main(int argc, char **argv)
{
	struct dro_store *store = NULL;
	struct dro_plan *plan = NULL;
	struct dro_lease lease;
	char holder[128], line[4096];
	int rc = 0;

	if (argc != 3)
		return 3;
	dro_store_holder(holder);
	if (dro_store_open(&store, argv[1], false, &err) < 0 ||
		dro_store_lease_take(store, SERVICE, holder, 600000, &lease, &err) < 0 ||
		make_plan(&plan, atoi(argv[2])) < 0 || add_run(store, &lease, plan) < 0)
		return fail();
	puts(plan->id);
	fflush(stdout);
	while (rc == 0 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		rc = obey(store, &lease, plan->id, line);
		puts(rc == 0 ? "ok" : err.message);
		fflush(stdout);
	}
	dro_store_lease_release(store, &lease, NULL);
	dro_plan_free(plan);
	dro_store_close(store);
	return rc < 0 ? fail() : 0;
}
