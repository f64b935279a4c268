#include <string.h>

#include "lab/ec2.h"

/* One of the four: which states it takes, and what it does. */
struct power {
	bool (*allowed)(int state);
	void (*apply)(struct lab_instance *instance, bool force);
	bool changes; /* the reply shows the states before and after */
};

/* (locked) All or nothing: every id is there and in a fitting state. */
static bool check_states(struct ec2_call *c, struct lab_instances *table, const struct power *power)
{
	const char *id;
	size_t at = 0;

	while ((id = ec2_each(c, "InstanceId", &at))) {
		const struct lab_instance *instance = lab_instance_find(table, id);

		if (!instance || !ec2_sees_instance(c, instance)) {
			ec2_error(c, 400, "InvalidInstanceID.NotFound",
				"The instance ID '%s' does not exist", id);
			return false;
		}
		if (!power->allowed(instance->state)) {
			ec2_error(c, 400, "IncorrectInstanceState",
				"The instance '%s' is not in a state from which it can be %s.", id,
				c->call->operation);
			return false;
		}
	}
	return true;
}

static void change_one(
	struct ec2_call *c, struct lab_instance *instance, const struct power *power, bool force)
{
	int before = instance->state;

	power->apply(instance, force);
	lab_reply_id(c->reply, instance->id);
	if (!power->changes)
		return;
	dro_buf_puts(&c->reply->body, "<item>");
	ec2_put(c, "instanceId", instance->id);
	ec2_put_state(c, "currentState", instance->state);
	ec2_put_state(c, "previousState", before);
	dro_buf_puts(&c->reply->body, "</item>");
}

static void run(struct ec2_call *c, const struct power *power, bool force)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	const char *id;
	size_t at = 0;

	if (!ec2_check_ids(c, "InstanceId", "i-", "InvalidInstanceID.Malformed"))
		return;
	lab_instances_lock(table);
	if (check_states(c, table, power) && ec2_go(c)) {
		dro_buf_puts(&c->reply->body, power->changes ? "<instancesSet>" : "");
		while ((id = ec2_each(c, "InstanceId", &at)))
			change_one(c, lab_instance_find(table, id), power, force);
		dro_buf_puts(&c->reply->body,
			power->changes ? "</instancesSet>" : "<return>true</return>");
	}
	lab_instances_unlock(table);
}

static bool may_start(int state)
{
	return state == LAB_STOPPED || state == LAB_PENDING || state == LAB_RUNNING;
}

static bool may_stop(int state)
{
	return state != LAB_TERMINATED && state != LAB_SHUTTING_DOWN;
}

static bool may_reboot(int state)
{
	return state == LAB_RUNNING || state == LAB_PENDING;
}

static bool always(int state)
{
	(void)state;
	return true;
}

static void start(struct lab_instance *instance, bool force)
{
	(void)force;
	lab_instance_start(instance);
}

static void reboot(struct lab_instance *instance, bool force)
{
	(void)force;
	lab_instance_reboot(instance);
}

static void terminate(struct lab_instance *instance, bool force)
{
	(void)force;
	lab_instance_terminate(instance);
}

void ec2_start_instances(struct ec2_call *c)
{
	static const struct power power = {may_start, start, true};

	run(c, &power, false);
}

void ec2_stop_instances(struct ec2_call *c)
{
	static const struct power power = {may_stop, lab_instance_stop, true};
	bool force, hibernate;

	if (ec2_bool(c, "Force", &force) && ec2_bool(c, "Hibernate", &hibernate))
		run(c, &power, force);
}

void ec2_reboot_instances(struct ec2_call *c)
{
	static const struct power power = {may_reboot, reboot, false};

	run(c, &power, false);
}

/* Idempotent: what is gone may be terminated again. */
void ec2_terminate_instances(struct ec2_call *c)
{
	static const struct power power = {always, terminate, true};

	run(c, &power, true);
}
