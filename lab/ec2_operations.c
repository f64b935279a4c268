#include <string.h>

#include "lab/ec2.h"

#define TAG_SPECIFICATION                                                                          \
	"TagSpecification.#.ResourceType", "TagSpecification.#.Tag.#.Key",                         \
		"TagSpecification.#.Tag.#.Value"
#define FILTERS "Filter.#.Name", "Filter.#.Value.#"
#define PAGING "MaxResults", "NextToken"

static const char *const run_instances[] = {"ImageId", "InstanceType", "MinCount", "MaxCount",
	"ClientToken", "UserData", "KeyName", "SubnetId", "SecurityGroupId.#", "SecurityGroup.#",
	"Placement.AvailabilityZone", "Placement.Tenancy", "EbsOptimized", "Monitoring.Enabled",
	"DisableApiTermination", "InstanceInitiatedShutdownBehavior", "IamInstanceProfile.*",
	"BlockDeviceMapping.#.*", "NetworkInterface.#.*", "MetadataOptions.*", "PrivateIpAddress",
	TAG_SPECIFICATION, NULL};
static const char *const describe_instances[] = {"InstanceId.#", FILTERS, PAGING, NULL};
static const char *const instance_status[] = {
	"InstanceId.#", "IncludeAllInstances", FILTERS, PAGING, NULL};
static const char *const start_instances[] = {"InstanceId.#", "AdditionalInfo", NULL};
static const char *const stop_instances[] = {
	"InstanceId.#", "Force", "Hibernate", "SkipOsShutdown", NULL};
static const char *const terminate_instances[] = {"InstanceId.#", "Force", "SkipOsShutdown", NULL};
static const char *const reboot_instances[] = {"InstanceId.#", NULL};
static const char *const modify_attribute[] = {
	"InstanceId", "InstanceType.Value", "Attribute", "Value", NULL};
static const char *const describe_images[] = {"ImageId.#", "Owner.#", "ExecutableBy.#",
	"IncludeDeprecated", "IncludeDisabled", FILTERS, PAGING, NULL};
static const char *const create_image[] = {"InstanceId", "Name", "Description", "NoReboot",
	"BlockDeviceMapping.#.*", TAG_SPECIFICATION, NULL};
static const char *const copy_image[] = {"SourceImageId", "SourceRegion", "Name", "Description",
	"ClientToken", "Encrypted", "KmsKeyId", "CopyImageTags", TAG_SPECIFICATION, NULL};
static const char *const deregister_image[] = {"ImageId", "DeleteAssociatedSnapshots", NULL};
static const char *const describe_snapshots[] = {
	"SnapshotId.#", "Owner.#", "RestorableBy.#", FILTERS, PAGING, NULL};
static const char *const delete_snapshot[] = {"SnapshotId", NULL};
static const char *const change_tags[] = {"ResourceId.#", "Tag.#.Key", "Tag.#.Value", NULL};
static const char *const describe_regions[] = {"RegionName.#", "AllRegions", FILTERS, NULL};

static const struct ec2_operation operations[] = {
	{"RunInstances", EC2_RUN, ec2_run_instances, run_instances,
		{"ImageId", "MinCount", "MaxCount"}},
	{"DescribeInstances", EC2_READ, ec2_describe_instances, describe_instances, {NULL}},
	{"DescribeInstanceStatus", EC2_READ, ec2_describe_instance_status, instance_status, {NULL}},
	{"StartInstances", EC2_CHANGE, ec2_start_instances, start_instances, {"InstanceId.1"}},
	{"StopInstances", EC2_CHANGE, ec2_stop_instances, stop_instances, {"InstanceId.1"}},
	{"RebootInstances", EC2_CHANGE, ec2_reboot_instances, reboot_instances, {"InstanceId.1"}},
	{"TerminateInstances", EC2_CHANGE, ec2_terminate_instances, terminate_instances,
		{"InstanceId.1"}},
	{"ModifyInstanceAttribute", EC2_CHANGE, ec2_modify_instance_attribute, modify_attribute,
		{"InstanceId"}},
	{"DescribeImages", EC2_READ, ec2_describe_images, describe_images, {NULL}},
	{"CreateImage", EC2_CHANGE, ec2_create_image, create_image, {"InstanceId", "Name"}},
	{"CopyImage", EC2_CHANGE, ec2_copy_image, copy_image,
		{"SourceImageId", "SourceRegion", "Name"}},
	{"DeregisterImage", EC2_CHANGE, ec2_deregister_image, deregister_image, {"ImageId"}},
	{"DescribeSnapshots", EC2_READ, ec2_describe_snapshots, describe_snapshots, {NULL}},
	{"DeleteSnapshot", EC2_CHANGE, ec2_delete_snapshot, delete_snapshot, {"SnapshotId"}},
	{"CreateTags", EC2_CHANGE, ec2_create_tags, change_tags, {"ResourceId.1", "Tag.1.Key"}},
	{"DeleteTags", EC2_CHANGE, ec2_delete_tags, change_tags, {"ResourceId.1"}},
	{"DescribeRegions", EC2_READ, ec2_describe_regions, describe_regions, {NULL}},
};

const struct ec2_operation *ec2_operation_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}
