/*
 * An image goes with its snapshots.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html
 */
#include <string.h>

#include "plugins/aws/aws.h"

static int keep_snapshots(void *arg, const struct dro_image *image)
{
	struct dro_params *ids = arg;
	size_t i;

	for (i = 0; i < image->snapshot_count; i++)
		dro_params_add(ids, "snapshot", image->snapshots[i]);
	return 0;
}

/*
 * With the image gone nothing names its snapshots any more, so EC2 is told to delete them in the
 * same call: a crash in between would leave them behind for ever. `deleted` gets the answer.
 */
static int deregister(const struct aws_account *account, const char *region, const char *id,
	const struct dro_call *call, struct dro_xml **deleted, struct dro_error *err)
{
	struct dro_params params = DRO_PARAMS_INIT;
	int rc;

	aws_action(&params, "DeregisterImage", AWS_EC2_VERSION);
	dro_params_add(&params, "ImageId", id);
	dro_params_add(&params, "DeleteAssociatedSnapshots", "true");
	rc = aws_query(account, "ec2", region, &params, AWS_REPEATABLE, call, deleted, err);
	dro_params_free(&params);
	return rc == DRO_ENOTFOUND ? 0 : rc;
}

static bool is_deleted(const struct dro_xml *xml, const char *id)
{
	const struct dro_xml_node *item =
		dro_xml_child(dro_xml_root(xml), "deleteSnapshotResultSet/item");

	for (; item; item = dro_xml_next(item))
		if (strcmp(dro_xml_text(item, "snapshotId"), id) == 0)
			return strcmp(dro_xml_text(item, "returnCode"), "success") == 0;
	return false;
}

static int delete_snapshot(const struct aws_account *account, const char *region, const char *id,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_error refused = DRO_ERROR_INIT;
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	int rc;

	aws_action(&params, "DeleteSnapshot", AWS_EC2_VERSION);
	dro_params_add(&params, "SnapshotId", id);
	rc = aws_query(account, "ec2", region, &params, AWS_REPEATABLE, call, &xml, &refused);
	dro_xml_free(xml);
	dro_params_free(&params);
	if (rc == DRO_ENOTFOUND)
		return 0;
	if (aws_is_word(&refused, "InvalidSnapshot.InUse")) {
		account->host->log(account->host, DRO_LOG_WARNING,
			"snapshot %s stays: another image uses it", id);
		return 0;
	}
	return rc < 0 ? aws_pass_on(account, &refused, err) : 0;
}

int ec2_delete_image(void *opened, const char *region, const char *id, const struct dro_call *call,
	struct dro_error *err)
{
	const struct aws_account *account = opened;
	struct dro_image_query query = {
		.size = sizeof(query), .region = region, .ids = &id, .id_count = 1};
	struct dro_params snapshots = DRO_PARAMS_INIT; /* the ids are the values */
	struct dro_xml *xml = NULL;
	size_t i;
	int rc;

	rc = ec2_list_images(opened, &query, keep_snapshots, &snapshots, call, err);
	if (rc == DRO_ENOTFOUND) {
		rc = 0;
		goto out;
	}
	if (rc < 0 || (rc = dro_params_check(&snapshots, err)) < 0 ||
		(rc = deregister(account, region, id, call, &xml, err)) < 0)
		goto out;
	for (i = 0; i < snapshots.count && rc == 0; i++)
		if (!is_deleted(xml, snapshots.items[i].value))
			rc = delete_snapshot(account, region, snapshots.items[i].value, call, err);
out:
	dro_xml_free(xml);
	dro_params_free(&snapshots);
	return rc;
}
