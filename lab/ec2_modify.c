#include <string.h>

#include "lab/ec2.h"

/* "xlarge", "24xlarge", "metal-48xl" */
static bool is_size(const char *size)
{
	static const char *const sizes[] = {
		"nano", "micro", "small", "medium", "large", "xlarge", "metal"};
	size_t digits = strspn(size, "0123456789"), i;

	if (digits && digits <= 3)
		return strcmp(size + digits, "xlarge") == 0;
	if (strncmp(size, "metal-", 6) == 0) {
		digits = strspn(size + 6, "0123456789");
		return digits && digits <= 3 && strcmp(size + 6 + digits, "xl") == 0;
	}
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strcmp(sizes[i], size) == 0)
			return true;
	return false;
}

/* The form alone: a lab's hardware has every family. */
bool ec2_type_is(const char *type)
{
	size_t letters = strspn(type, "abcdefghijklmnopqrstuvwxyz"), family;

	family = letters + strspn(type + letters, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return letters && family > letters && family < 20 && type[family] == '.' &&
	       is_size(type + family + 1);
}

/* The new type in either spelling; NULL: answered. */
static const char *asked_type(struct ec2_call *c)
{
	const char *type = ec2_param(c, "InstanceType.Value");
	const char *attribute = ec2_param(c, "Attribute");

	if (type && attribute) {
		ec2_error(c, 400, "InvalidParameterCombination",
			"Only one attribute may be modified at a time.");
		return NULL;
	}
	if (!type && !attribute) {
		ec2_error(c, 400, "InvalidParameterCombination", "No attributes specified.");
		return NULL;
	}
	if (attribute && strcmp(attribute, "instanceType") != 0) {
		ec2_error(c, 400, "UnsupportedOperation",
			"The lab modifies no other attribute than instanceType.");
		return NULL;
	}
	if (attribute)
		type = ec2_param(c, "Value");
	if (type && ec2_type_is(type))
		return type;
	ec2_error(c, 400, "InvalidInstanceAttributeValue",
		"Invalid value '%.64s' for InstanceType.", type ? type : "");
	return NULL;
}

void ec2_modify_instance_attribute(struct ec2_call *c)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	const char *id = ec2_param(c, "InstanceId"), *type;
	struct lab_instance *instance;

	if (!ec2_id_is(id, "i-")) {
		ec2_error(c, 400, "InvalidInstanceID.Malformed", "Invalid id: \"%.64s\"", id);
		return;
	}
	if (!(type = asked_type(c)))
		return;
	lab_instances_lock(table);
	instance = lab_instance_find(table, id);
	if (!instance || !ec2_sees_instance(c, instance)) {
		ec2_error(c, 400, "InvalidInstanceID.NotFound",
			"The instance ID '%.64s' does not exist", id);
	} else if (instance->state != LAB_STOPPED) {
		ec2_error(c, 400, "IncorrectInstanceState",
			"The instance '%s' is not in the 'stopped' state.", id);
	} else if (ec2_go(c)) {
		cJSON_DeleteItemFromObjectCaseSensitive(instance->doc, "type");
		cJSON_AddStringToObject(instance->doc, "type", type);
		lab_instance_save(instance);
		lab_reply_id(c->reply, id);
		ec2_put(c, "return", "true");
	}
	lab_instances_unlock(table);
}

/* ---- what the status checks say -------------------------------------------------------------- */

const char *ec2_checks(const struct lab_instance *instance)
{
	const char *set = dro_json_text(instance->doc, "checks");

	return *set ? set : "ok";
}

int ec2_set_checks(struct lab *lab, const char *id, const char *word, struct dro_error *err)
{
	struct lab_instances *table = lab_instances_of(lab);
	struct lab_instance *instance;

	if (strcmp(word, "ok") != 0 && strcmp(word, "impaired") != 0 &&
		strcmp(word, "initializing") != 0)
		return dro_fail(err, DRO_EINVAL, "checks are ok, impaired or initializing");
	lab_instances_lock(table);
	instance = lab_instance_find(table, id);
	if (instance && strcmp(instance->vendor, "ec2") != 0)
		instance = NULL;
	if (instance) {
		cJSON_DeleteItemFromObjectCaseSensitive(instance->doc, "checks");
		cJSON_AddStringToObject(instance->doc, "checks", word);
		lab_instance_save(instance);
	}
	lab_instances_unlock(table);
	return instance ? 0 : dro_fail(err, DRO_ENOTFOUND, "ec2 has no instance %s", id);
}
