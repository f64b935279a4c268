/*
 * How instances are: EC2's checks of host and system, and the load that CloudWatch measured.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/aws/aws.h"

#define STATUS_IDS 100 /* in one call, as EC2 allows */
#define TEXT_MAX_BYTES 160

/* One that was asked for. */
struct subject {
	const char *id;
	char text[TEXT_MAX_BYTES]; /* "": EC2 has not spoken of it */
	uint32_t state;		   /* enum dro_health_state */
	bool running;
	int64_t measured_ms;
	uint32_t cpu_permille;
};

struct round {
	const struct aws_account *account;
	const char *region;
	struct subject *subjects;
	size_t count;
	const struct dro_call *call;
	bool deaf; /* CloudWatch has failed once: it is not asked again */
};

/* Some of a round's subjects, in one call. */
struct part {
	struct subject *subjects;
	size_t count;
};

/* Volumes are only named where there is something to say. */
static void judge(struct subject *subject, const struct dro_xml_node *item)
{
	const char *host = dro_xml_text(item, "systemStatus/status");
	const char *system = dro_xml_text(item, "instanceStatus/status");
	const char *volumes = dro_xml_text(item, "attachedEbsStatus/status");
	const char *state = dro_xml_text(item, "instanceState/name");
	bool impaired = strcmp(volumes, "impaired") == 0;

	subject->running = strcmp(state, "running") == 0;
	if (!subject->running) {
		snprintf(
			subject->text, sizeof(subject->text), "%.40s", *state ? state : "no state");
		return;
	}
	if (impaired || strcmp(host, "impaired") == 0 || strcmp(system, "impaired") == 0)
		subject->state = DRO_UNHEALTHY;
	else if (strcmp(host, "ok") == 0 && strcmp(system, "ok") == 0)
		subject->state = DRO_HEALTHY;
	snprintf(subject->text, sizeof(subject->text), "system %.40s, instance %.40s%s", host,
		system, impaired ? ", volumes impaired" : "");
}

static int each_status(const struct ec2_list *list, const struct dro_xml_node *item,
	const char *region, struct dro_error *err)
{
	const struct part *part = list->arg;
	const char *id = dro_xml_text(item, "instanceId");
	size_t i;

	(void)region, (void)err;
	for (i = 0; i < part->count; i++)
		if (strcmp(part->subjects[i].id, id) == 0) {
			judge(&part->subjects[i], item);
			break;
		}
	return 0;
}

static int ask(const struct round *round, struct part part, struct dro_error *err)
{
	struct dro_params params = DRO_PARAMS_INIT;
	const struct ec2_list list = {.account = round->account,
		.action = "DescribeInstanceStatus",
		.region = round->region,
		.params = &params,
		.items = "instanceStatusSet/item",
		.each = each_status,
		.arg = &part};
	size_t i;
	int rc;

	aws_action(&params, list.action, AWS_EC2_VERSION);
	dro_params_add(&params, "IncludeAllInstances", "true");
	for (i = 0; i < part.count; i++)
		dro_params_addf(&params, part.subjects[i].id, "InstanceId.%zu", i + 1);
	rc = ec2_list(&list, round->call, err);
	dro_params_free(&params);
	return rc;
}

/* One id that does not exist fails the whole call: halves of it find which one that is. */
static int ask_existing(const struct round *round, struct part part, struct dro_error *err)
{
	struct dro_error refused = DRO_ERROR_INIT;
	size_t half = part.count / 2;
	int rc = ask(round, part, &refused);

	if (rc < 0 && rc != DRO_ENOTFOUND)
		return aws_pass_on(round->account, &refused, err);
	if (rc == 0 || part.count == 1)
		return 0;
	rc = ask_existing(round, (struct part){part.subjects, half}, err);
	return rc < 0 ? rc
		      : ask_existing(
				round, (struct part){part.subjects + half, part.count - half}, err);
}

/* The checks are worth having without the load: whatever CloudWatch says, they are given. */
static int measure(struct round *round, struct dro_error *err)
{
	struct cloudwatch_load loads[CLOUDWATCH_QUERIES] = {{0}};
	struct dro_error refused = DRO_ERROR_INIT;
	size_t count = 0, i;
	int rc = 0;

	for (i = 0; i < round->count; i++)
		if (round->subjects[i].running)
			loads[count++].id = round->subjects[i].id;
	if (count && !round->deaf)
		rc = cloudwatch_loads(
			round->account, round->region, loads, count, round->call, &refused);
	if (rc == DRO_ENOMEM)
		return aws_no_memory(round->account, err);
	if (rc < 0) {
		round->deaf = true;
		round->account->host->log(round->account->host, DRO_LOG_WARNING,
			"no load of instances from CloudWatch: %s", refused.message);
		return 0;
	}
	for (count = i = 0; i < round->count; i++)
		if (round->subjects[i].running) {
			round->subjects[i].measured_ms = loads[count].measured_ms;
			round->subjects[i].cpu_permille = loads[count++].cpu_permille;
		}
	return 0;
}

static int emit_one(const struct subject *subject, dro_emit_instance_health emit, void *arg)
{
	struct dro_instance_health health = {.size = sizeof(health),
		.state = subject->state,
		.id = subject->id,
		.text = subject->text,
		.measured_ms = subject->measured_ms,
		.cpu_permille = subject->cpu_permille};

	return *subject->text ? emit(arg, &health) : 0;
}

static int do_round(struct round *round, const char *const *ids, dro_emit_instance_health emit,
	void *arg, struct dro_error *err)
{
	size_t i, count;
	int rc = 0;

	memset(round->subjects, 0, round->count * sizeof(*round->subjects));
	for (i = 0; i < round->count; i++)
		round->subjects[i].id = ids[i];
	for (i = 0; rc == 0 && i < round->count; i += count) {
		count = round->count - i < STATUS_IDS ? round->count - i : STATUS_IDS;
		rc = ask_existing(round, (struct part){round->subjects + i, count}, err);
	}
	if (rc == 0)
		rc = measure(round, err);
	for (i = 0; rc == 0 && i < round->count; i++)
		rc = emit_one(&round->subjects[i], emit, arg);
	return rc;
}

int ec2_instance_health(void *opened, const char *region, const char *const *ids, size_t id_count,
	dro_emit_instance_health emit, void *arg, const struct dro_call *call,
	struct dro_error *err)
{
	struct round round = {.account = opened, .region = region, .call = call};
	size_t done;
	int rc = 0;

	if (id_count == 0)
		return 0;
	round.subjects = calloc(id_count < CLOUDWATCH_QUERIES ? id_count : CLOUDWATCH_QUERIES,
		sizeof(*round.subjects));
	if (!round.subjects)
		return aws_no_memory(opened, err);
	for (done = 0; rc == 0 && done < id_count; done += round.count) {
		round.count =
			id_count - done < CLOUDWATCH_QUERIES ? id_count - done : CLOUDWATCH_QUERIES;
		rc = do_round(&round, ids + done, emit, arg, err);
	}
	free(round.subjects);
	return rc;
}
