#include <stdlib.h>
#include <string.h>

#include "lab/host_key.h"
#include "lab/instances.h"
#include "lab/internal.h"
#include "lab/options.h"

/* What people call it: EC2's tag Name, Linode's label. */
static const char *name_of(const struct lab_instance *instance)
{
	const cJSON *tags = cJSON_GetObjectItemCaseSensitive(instance->doc, "tags");
	const char *label = dro_json_text(instance->doc, "label");

	return *label ? label : cJSON_IsObject(tags) ? dro_json_text(tags, "Name") : "";
}

/* (locked) By its id, its address, or a name that only one has. */
static int find(struct lab_instances *table, const char *word, struct lab_instance **out,
	struct dro_error *err)
{
	struct lab_instance *at = NULL;

	*out = lab_instance_find(table, word);
	if (*out)
		return 0;
	while ((at = lab_instance_next(table, at))) {
		if (at->state == LAB_TERMINATED ||
			(strcmp(name_of(at), word) != 0 && strcmp(at->guest.address, word) != 0))
			continue;
		if (*out)
			return dro_fail(err, DRO_ECONFLICT, "two instances are named %s", word);
		*out = at;
	}
	return *out ? 0 : dro_fail(err, DRO_ENOTFOUND, "no instance %s", word);
}

static int disturb(struct lab_instance *instance, enum lab_disturbance what, struct dro_error *err)
{
	int rc;

	if (!instance->driver->disturb)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"%s is no machine: it can be killed, not cut or frozen", instance->id);
	if (instance->want == LAB_WANT_TERMINATE)
		return dro_fail(err, DRO_ENOTFOUND, "instance %s is gone", instance->id);
	rc = instance->driver->disturb(&instance->guest, what, err);
	if (rc == 0)
		lab_instance_save(instance);
	return rc;
}

static int power(struct lab_instance *instance, const char *onoff, struct dro_error *err)
{
	if (!onoff || (strcmp(onoff, "on") != 0 && strcmp(onoff, "off") != 0))
		return dro_fail(err, DRO_EINVAL, "power INSTANCE on|off");
	if (instance->want == LAB_WANT_TERMINATE)
		return dro_fail(err, DRO_ENOTFOUND, "instance %s is gone", instance->id);
	if (strcmp(onoff, "on") == 0)
		lab_instance_start(instance);
	else
		lab_instance_stop(instance, false);
	return 0;
}

static int put_pid(const struct lab_instance *instance, struct dro_buf *out, struct dro_error *err)
{
	if (!instance->driver->machine)
		return dro_fail(err, DRO_EUNSUPPORTED, "%s is no machine", instance->id);
	if (instance->guest.control_fd < 0)
		return dro_fail(err, DRO_ECONFLICT, "%s does not run", instance->id);
	dro_buf_printf(out, "%d\n", (int)instance->guest.pid);
	return 0;
}

/* What ssh may look it up by. A name with a * or a comma would stand for others too. */
static int put_host_keys(
	const struct lab_instance *instance, struct dro_buf *out, struct dro_error *err)
{
	char *disk = dro_path_join(instance->dir, "disk");
	const char *name = name_of(instance);
	struct dro_buf hosts = DRO_BUF_INIT(1024);
	int rc = 0;

	dro_buf_printf(&hosts, "%s,%s", instance->guest.address, instance->id);
	if (*name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._-") == strlen(name))
		dro_buf_printf(&hosts, ",%s", name);
	if (!disk)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if ((rc = dro_buf_check(&hosts, err)) == 0 &&
		 lab_host_key_lines(disk, hosts.data, out) == 0)
		rc = dro_fail(err, instance->state == LAB_PENDING ? DRO_EAGAIN : DRO_ENOTFOUND,
			"%s has no ssh host key", instance->id);
	dro_buf_free(&hosts);
	free(disk);
	return rc;
}

int lab_known_hosts_command(
	struct lab *lab, int argc, char **argv, struct dro_buf *out, struct dro_error *err)
{
	struct lab_instances *table = lab_instances_of(lab);
	struct lab_instance *instance = NULL;
	int rc = 0, i;

	lab_instances_lock(table);
	for (i = 0; i < argc && rc == 0; i++) {
		if ((rc = find(table, argv[i], &instance, err)) == 0)
			rc = put_host_keys(instance, out, err);
	}
	instance = NULL;
	while (argc == 0 && rc == 0 && (instance = lab_instance_next(table, instance)))
		if (instance->driver->machine && instance->want != LAB_WANT_TERMINATE &&
			(rc = put_host_keys(instance, out, err)) == DRO_ENOTFOUND)
			rc = 0;
	lab_instances_unlock(table);
	return rc;
}

int lab_instance_command(struct lab *lab, const char *verb, int argc, char **argv,
	struct dro_buf *out, struct dro_error *err)
{
	static const char *const disturbances[] = {[LAB_CUT] = "cut",
		[LAB_JOIN] = "join",
		[LAB_FREEZE] = "freeze",
		[LAB_THAW] = "thaw"};
	struct lab_instances *table = lab_instances_of(lab);
	const char *word = lab_word(argc, argv, 0);
	struct lab_instance *instance = NULL;
	int rc, i;

	if (!word)
		return dro_fail(err, DRO_EINVAL, "%s INSTANCE", verb);
	lab_instances_lock(table);
	rc = find(table, word, &instance, err);
	if (rc == 0 && strcmp(verb, "kill") == 0)
		lab_instance_kill(instance);
	else if (rc == 0 && strcmp(verb, "power") == 0)
		rc = power(instance, lab_word(argc, argv, 1), err);
	else if (rc == 0 && strcmp(verb, "state") == 0)
		dro_buf_printf(out, "%s\n", lab_instance_state_name(instance->state));
	else if (rc == 0 && strcmp(verb, "pid") == 0)
		rc = put_pid(instance, out, err);
	for (i = LAB_CUT; i <= LAB_THAW; i++)
		if (rc == 0 && strcmp(verb, disturbances[i]) == 0)
			rc = disturb(instance, (enum lab_disturbance)i, err);
	lab_instances_unlock(table);
	return rc;
}
