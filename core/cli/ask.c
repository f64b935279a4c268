#include "cli/ask.h"

#include <string.h>

#include "cli/print.h"

int dro_ask_check(const struct dro_cli *cli, const char *name)
{
	const char *reason = dro_cli_value(cli, "reason");

	if (dro_cli_flag(cli, "override-rule") && (!reason || !*reason))
		return dro_cli_usage(cli, "--override-rule needs --reason TEXT: it goes on record");
	if (reason && !dro_cli_flag(cli, "override-rule"))
		return dro_cli_usage(cli, "--reason is for --override-rule RULE");
	if (cli->json && !dro_cli_flag(cli, "confirm") && !dro_cli_flag(cli, "dry-run"))
		return dro_cli_usage(cli, "with -o json nothing is asked: give --confirm %s", name);
	return 0;
}

static bool overridden(const struct dro_cli *cli, const char *rule)
{
	const char *reason = dro_cli_value(cli, "reason");
	int v;

	for (v = 0; v < cli->value_count; v++)
		if (strcmp(cli->values[v].option->name, "override-rule") == 0 &&
			strcmp(cli->values[v].value, rule) == 0)
			return reason && *reason;
	return false;
}

int dro_ask_rules(const struct dro_cli *cli, struct dro_store *store, const struct dro_plan *plan,
	const struct dro_refusal *refusals, size_t count)
{
	int refused = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		char text[700];

		if (overridden(cli, refusals[i].rule)) {
			snprintf(text, sizeof(text), "rule %s overridden: %.200s (%s)",
				refusals[i].rule, dro_cli_value(cli, "reason"), refusals[i].text);
			dro_store_event_add(store, plan->service, "safety", plan->id, text, NULL);
			dro_print_line(stderr, "drorch: %s", text);
			continue;
		}
		refused = DRO_EXIT_SAFETY;
		dro_print_line(stderr, "drorch: refused by rule %s: %s", refusals[i].rule,
			refusals[i].text);
		fprintf(stderr, "        to pass it: --override-rule %s --reason TEXT\n",
			refusals[i].rule);
	}
	return refused;
}

int dro_ask_confirm(const struct dro_cli *cli, const char *what, const char *name)
{
	const char *given = dro_cli_value(cli, "confirm");
	char line[256];

	if (!given && !cli->in_tty) {
		fprintf(stderr, "drorch: nothing was done: without a terminal, give --confirm %s\n",
			name);
		return DRO_EXIT_USAGE;
	}
	if (!given) {
		fprintf(stderr, "Type the %s's name to go on: ", what);
		if (!fgets(line, sizeof(line), stdin)) {
			fprintf(stderr, "\ndrorch: nothing was done\n");
			return DRO_EXIT_INTERRUPTED;
		}
		line[strcspn(line, "\r\n")] = '\0';
		given = line;
	}
	if (strcmp(given, name) != 0) {
		dro_print_line(stderr, "drorch: nothing was done: \"%s\" is not %s", given, name);
		return DRO_EXIT_USAGE;
	}
	return 0;
}
