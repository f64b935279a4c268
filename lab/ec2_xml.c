#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "lab/ec2.h"

void ec2_put(struct ec2_call *c, const char *name, const char *text)
{
	lab_xml_element(&c->reply->body, name, text);
}

static void put_number(struct ec2_call *c, const char *name, int64_t value)
{
	dro_buf_printf(&c->reply->body, "<%s>%lld</%s>", name, (long long)value, name);
}

/* With its milliseconds always, as the vendor writes them. */
static void put_time(struct ec2_call *c, const char *name, int64_t ms)
{
	char text[DRO_TIME_TEXT];

	dro_time_format(text, ms - ms % 1000);
	dro_buf_printf(&c->reply->body, "<%s>%.19s.%03dZ</%s>", name, text, (int)(ms % 1000), name);
}

static void put_tags(struct ec2_call *c, const cJSON *doc)
{
	const cJSON *tag, *tags = cJSON_GetObjectItemCaseSensitive(doc, "tags");

	if (cJSON_GetArraySize(tags) == 0)
		return;
	dro_buf_puts(&c->reply->body, "<tagSet>");
	cJSON_ArrayForEach(tag, tags)
	{
		dro_buf_puts(&c->reply->body, "<item>");
		ec2_put(c, "key", tag->string);
		ec2_put(c, "value", tag->valuestring);
		dro_buf_puts(&c->reply->body, "</item>");
	}
	dro_buf_puts(&c->reply->body, "</tagSet>");
}

int ec2_state_code(int state)
{
	static const int codes[] = {[LAB_PENDING] = 0,
		[LAB_RUNNING] = 16,
		[LAB_SHUTTING_DOWN] = 32,
		[LAB_TERMINATED] = 48,
		[LAB_STOPPING] = 64,
		[LAB_STOPPED] = 80};

	return codes[state];
}

void ec2_put_state(struct ec2_call *c, const char *name, int state)
{
	dro_buf_printf(&c->reply->body, "<%s><code>%d</code><name>%s</name></%s>", name,
		ec2_state_code(state), lab_instance_state_name(state), name);
}

static void put_addresses(struct ec2_call *c, const struct lab_instance *instance)
{
	char host[64];

	if (instance->state == LAB_TERMINATED || instance->state == LAB_SHUTTING_DOWN)
		return;
	snprintf(host, sizeof(host), "ip-%s.%s.compute.internal", instance->guest.address,
		instance->region);
	ec2_put(c, "privateDnsName", host);
	ec2_put(c, "privateIpAddress", instance->guest.address);
	/* The public one belongs to a running machine only. */
	if (instance->state == LAB_RUNNING || instance->state == LAB_STOPPING)
		ec2_put(c, "ipAddress", instance->guest.address);
}

static void put_groups(struct ec2_call *c, const cJSON *doc)
{
	const cJSON *group;

	dro_buf_puts(&c->reply->body, "<groupSet>");
	cJSON_ArrayForEach(group, cJSON_GetObjectItemCaseSensitive(doc, "groups"))
	{
		dro_buf_puts(&c->reply->body, "<item>");
		ec2_put(c, "groupId", group->valuestring);
		ec2_put(c, "groupName", group->valuestring);
		dro_buf_puts(&c->reply->body, "</item>");
	}
	dro_buf_puts(&c->reply->body, "</groupSet>");
}

/* What every lab instance has in common. */
static void put_fixed(struct ec2_call *c)
{
	dro_buf_puts(&c->reply->body,
		"<productCodes/><monitoring><state>disabled</state></monitoring>"
		"<sourceDestCheck>true</sourceDestCheck><architecture>x86_64</architecture>"
		"<rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>"
		"<blockDeviceMapping/><virtualizationType>hvm</virtualizationType>"
		"<hypervisor>xen</hypervisor><ebsOptimized>false</ebsOptimized>"
		"<enaSupport>true</enaSupport>");
}

void ec2_put_instance(struct ec2_call *c, const struct lab_instance *instance)
{
	const cJSON *doc = instance->doc, *index = cJSON_GetObjectItemCaseSensitive(doc, "index");

	dro_buf_puts(&c->reply->body, "<item>");
	ec2_put(c, "instanceId", instance->id);
	ec2_put(c, "imageId", instance->image);
	ec2_put_state(c, "instanceState", instance->state);
	put_addresses(c, instance);
	ec2_put(c, "reason", "");
	if (*dro_json_text(doc, "key"))
		ec2_put(c, "keyName", dro_json_text(doc, "key"));
	put_number(c, "amiLaunchIndex", index ? index->valueint : 0);
	ec2_put(c, "instanceType", dro_json_text(doc, "type"));
	put_time(c, "launchTime", instance->launched_ms - instance->launched_ms % 1000);
	dro_buf_puts(&c->reply->body, "<placement>");
	ec2_put(c, "availabilityZone", dro_json_text(doc, "zone"));
	dro_buf_puts(&c->reply->body, "<groupName/><tenancy>default</tenancy></placement>");
	if (*dro_json_text(doc, "subnet"))
		ec2_put(c, "subnetId", dro_json_text(doc, "subnet"));
	put_groups(c, doc);
	put_fixed(c);
	if (*dro_json_text(doc, "token"))
		ec2_put(c, "clientToken", dro_json_text(doc, "token"));
	put_tags(c, doc);
	dro_buf_puts(&c->reply->body, "</item>");
}

void ec2_put_image(struct ec2_call *c, const struct lab_image *image)
{
	const char *account = lab_config(c->ec2->lab)->account;
	struct dro_buf *body = &c->reply->body;

	dro_buf_puts(body, "<item>");
	ec2_put(c, "imageId", image->id);
	dro_buf_printf(body, "<imageLocation>%s/", account);
	lab_xml_text(body, image->name);
	dro_buf_puts(body, "</imageLocation>");
	ec2_put(c, "imageState", lab_image_state_name(image->state));
	ec2_put(c, "imageOwnerId", account);
	put_time(c, "creationDate", image->created_ms);
	dro_buf_puts(body, "<isPublic>false</isPublic><architecture>x86_64</architecture>"
			   "<imageType>machine</imageType>");
	ec2_put(c, "name", image->name);
	ec2_put(c, "description", dro_json_text(image->doc, "description"));
	dro_buf_puts(body,
		"<rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>"
		"<virtualizationType>hvm</virtualizationType><hypervisor>xen</hypervisor>"
		"<enaSupport>true</enaSupport>");
	/* The snapshot has no id before the copy is through. */
	if (image->state != LAB_IMAGE_PENDING) {
		dro_buf_puts(
			body, "<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs>");
		ec2_put(c, "snapshotId", image->snapshot);
		dro_buf_puts(body,
			"<volumeSize>8</volumeSize><deleteOnTermination>true</deleteOnTermination>"
			"<volumeType>gp3</volumeType><encrypted>false</encrypted></ebs></item>"
			"</blockDeviceMapping>");
	}
	put_tags(c, image->doc);
	dro_buf_puts(body, "</item>");
}

void ec2_put_snapshot(struct ec2_call *c, const struct lab_image *image)
{
	static const char *const states[] = {"pending", "completed", "error"};
	struct dro_buf *body = &c->reply->body;

	dro_buf_puts(body, "<item>");
	ec2_put(c, "snapshotId", image->snapshot);
	ec2_put(c, "volumeId", "vol-ffffffff");
	ec2_put(c, "status", states[image->state]);
	put_time(c, "startTime", image->created_ms);
	ec2_put(c, "progress", image->state == LAB_IMAGE_AVAILABLE ? "100%" : "0%");
	ec2_put(c, "ownerId", lab_config(c->ec2->lab)->account);
	put_number(c, "volumeSize", 8);
	dro_buf_puts(body, "<description>Created for ");
	lab_xml_text(body, image->id);
	dro_buf_puts(body, "</description><encrypted>false</encrypted>");
	put_tags(c, cJSON_GetObjectItemCaseSensitive(image->doc, "snapshot"));
	dro_buf_puts(body, "</item>");
}
