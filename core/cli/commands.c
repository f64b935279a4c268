#include "cli/commands.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, 0, NULL, NULL, false                                                         \
	}

static const struct dro_cli_option service_options[] = {
	{"service", 's', "NAME", "this service only", false},
	END,
};

static const struct dro_cli_option service_choice_options[] = {
	{"service", 's', "NAME", "the service, where the spec has several", false},
	END,
};

static const struct dro_cli_option verify_options[] = {
	{"all", 'a', NULL, "every complete backup, not only the newest good one", false},
	END,
};

static const struct dro_cli_option show_options[] = {
	{"journal", 'j', NULL, "every row of the run's journal as well", false},
	END,
};

static const struct dro_cli_option promote_options[] = {
	{"service", 's', "NAME", "the service, where the spec has several", false},
	{"mode", 'm', "MODE", "switchover (nothing is lost) or failover (the old site is gone)",
		false},
	{"as-is", 0, NULL,
		"a pilot light or a warm standby takes over with what runs: nothing is launched "
		"or resized",
		false},
	{"backup", 'b', "ID", "restore this backup, not the newest good one", false},
	{"dry-run", 'n', NULL, "show the plan and stop", false},
	{"confirm", 0, "SITE", "the site's name, instead of being asked for it", false},
	{"override-rule", 0, "RULE", "pass a safety rule that said no; needs --reason", true},
	{"reason", 0, "TEXT", "why a rule is overridden; goes on the record", false},
	END,
};

static const struct dro_cli_option failback_options[] = {
	{"service", 's', "NAME", "the service, where the spec has several", false},
	{"allow", 0, "WAY",
		"how far a host may be changed to become a replica again: follow, flashback, "
		"reseed",
		false},
	{"dry-run", 'n', NULL, "show the plan and stop", false},
	{"confirm", 0, "SITE", "the site's name, instead of being asked for it", false},
	{"override-rule", 0, "RULE", "pass a safety rule that said no; needs --reason", true},
	{"reason", 0, "TEXT", "why a rule is overridden; goes on the record", false},
	END,
};

static const struct dro_cli_option plan_options[] = {
	{"detailed-exitcode", 0, NULL, "exit with 2 where something is to be done", false},
	END,
};

static const struct dro_cli_option apply_options[] = {
	{"service", 's', "NAME", "the service, where the spec has several", false},
	{"confirm", 0, "SERVICE", "the service's name, instead of being asked for it", false},
	{"override-rule", 0, "RULE", "pass a safety rule that said no; needs --reason", true},
	{"reason", 0, "TEXT", "why a rule is overridden; goes on the record", false},
	END,
};

static const struct dro_cli_option adopt_options[] = {
	{"site", 0, "NAME", "whose the instances are, where that cannot be told", false},
	{"group", 0, "NAME", "which of the site's instances they are, likewise", false},
	{"confirm", 0, "SERVICE", "the service's name, instead of being asked for it", false},
	{"override-rule", 0, "RULE", "pass a safety rule that said no; needs --reason", true},
	{"reason", 0, "TEXT", "why a rule is overridden; goes on the record", false},
	END,
};

static const struct dro_cli_option inventory_options[] = {
	{"list", 0, NULL, "all hosts, in groups", false},
	{"host", 0, "NAME", "one host's variables", false},
	END,
};

static const struct dro_cli_option controller_options[] = {
	{"poll", 0, "TIME", "how often git is asked (default: 30s)", false},
	{"period", 0, "TIME", "how often each service is looked at (default: 5m)", false},
	{"listen", 0, "ADDRESS:PORT", "where the webhook and /healthz are", false},
	{"once", 0, NULL, "every service once, to the end of its run, and stop", false},
	END,
};

static const struct dro_cli_option pause_options[] = {
	{"reason", 0, "TEXT", "why; goes on the record", false},
	{"for", 0, "TIME", "how long, such as 2h; then it ends by itself", false},
	END,
};

static const struct dro_cli_option accept_options[] = {
	{"reason", 0, "TEXT", "why; goes on the record", false},
	END,
};

static const struct dro_cli_option schema_options[] = {
	{"reference", 0, NULL, "print the reference page (Markdown) instead", false},
	END,
};

const struct dro_cli_command dro_cli_commands[] = {
	{"init", "DIR", "write a commented spec repository to begin with", 1, 1, NULL, dro_cmd_init,
		false},
	{"validate", "[PATH]", "check a spec repository; every error at once", 0, 1, NULL,
		dro_cmd_validate, false},
	{"schema", "", "print the JSON Schema of the specs", 0, 0, schema_options, dro_cmd_schema,
		false},
	{"plugins", "", "list the provider plugins and their options", 0, 0, NULL, dro_cmd_plugins,
		false},
	{"backup list", "[SERVICE]", "what backups there are, newest first", 0, 1, NULL,
		dro_cmd_backup_list, false},
	{"backup verify", "[SERVICE]", "read the newest good backup and check every hash", 0, 1,
		verify_options, dro_cmd_backup_verify, false},
	{"image list", "[SERVICE]", "what machine images there are, newest first", 0, 1, NULL,
		dro_cmd_image_list, false},
	{"image build", "NAME", "make a machine image anew, by its playbook", 1, 1,
		service_choice_options, dro_cmd_image_build, false},
	{"plan", "[SERVICE]",
		"what differs from the spec, and what would be done about it; -o FILE keeps it "
		"for apply, -o markdown is for reviews",
		0, 1, plan_options, dro_cmd_plan, false, true},
	{"diff", "[SERVICE]", "every difference from the spec, before and after", 0, 1,
		plan_options, dro_cmd_diff, false},
	{"apply", "[FILE]",
		"make a service's clouds as the spec says, or do exactly what the plan in FILE "
		"says",
		0, 1, apply_options, dro_cmd_apply, false},
	{"adopt", "SERVICE THING...",
		"take over what is there without our mark: records (\"NAME TYPE\"), instances (by "
		"id)",
		2, -1, adopt_options, dro_cmd_adopt, false},
	{"controller", "", "keep every service as the specs in git say, from now on", 0, 0,
		controller_options, dro_cmd_controller, false},
	{"pause", "SERVICE", "have the controller leave a service alone for a while", 1, 1,
		pause_options, dro_cmd_pause, false},
	{"unpause", "SERVICE", "end a pause", 1, 1, NULL, dro_cmd_unpause, false},
	{"accept", "COMMIT", "follow a commit that lacks services of the one before", 1, 1,
		accept_options, dro_cmd_accept, false},
	{"promote", "SITE", "make a standby site the active one", 1, 1, promote_options,
		dro_cmd_promote, false},
	{"failback", "", "make the primary the active site again", 0, 0, failback_options,
		dro_cmd_failback, false},
	{"rejoin", "SITE", "make a site's database a replica of the active one again", 1, 1,
		failback_options, dro_cmd_rejoin, false},
	{"runs", "", "list the runs, newest first", 0, 0, service_options, dro_cmd_runs, false},
	{"show", "[RUN]", "one run with its steps (default: the newest)", 0, 1, show_options,
		dro_cmd_show, false},
	{"attach", "[RUN]", "follow a run that is under way (default: the newest)", 0, 1, NULL,
		dro_cmd_attach, false},
	{"resume", "RUN", "go on with a run that stopped", 1, 1, NULL, dro_cmd_resume, false},
	{"abort", "RUN", "stop a run and take back what can be taken back", 1, 1, NULL,
		dro_cmd_abort, false},
	{"status", "", "which site is active, the last run, the latest backup", 0, 0, NULL,
		dro_cmd_status, false},
	{"events", "", "what happened, newest first", 0, 0, service_options, dro_cmd_events, false},
	{"inventory", "", "the hosts there are, as Ansible's dynamic inventory", 0, 0,
		inventory_options, dro_cmd_inventory, false},
	{"completion", "", "completion for bash, to be sourced", 0, 0, NULL, dro_cmd_completion,
		false},
	{"help", "[COMMAND]", "how a command is used", 0, 2, NULL, dro_cmd_help, false},
	{"version", "", "the program's version", 0, 0, NULL, dro_cmd_version, false},
	{"man", "", "this program's man page, in roff", 0, 0, NULL, dro_cmd_man, true},
	{"worker", "RUN", "drive a run (promote, apply and the controller start this)", 1, 1, NULL,
		dro_cmd_worker, true},
	{NULL, NULL, NULL, 0, 0, NULL, NULL, false},
};
