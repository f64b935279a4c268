/*
 * Tags of EC2 resources.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html
 *   .../API_CreateTags.html, API_DeleteTags.html
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/aws/aws.h"

void aws_add_tags(struct dro_params *params, size_t number, const char *resource, const char *name,
	const struct dro_pair *tags, size_t count)
{
	/* A key that comes twice is refused: a tag "Name" of the caller's own wins. */
	bool named = !name || !*name || dro_pair_get(tags, count, "Name", NULL);
	size_t i, tag = 0;

	if (named && count == 0)
		return;
	dro_params_addf(params, resource, "TagSpecification.%zu.ResourceType", number);
	if (!named) {
		dro_params_addf(params, "Name", "TagSpecification.%zu.Tag.%zu.Key", number, ++tag);
		dro_params_addf(params, name, "TagSpecification.%zu.Tag.%zu.Value", number, tag);
	}
	for (i = 0; i < count; i++) {
		dro_params_addf(
			params, tags[i].name, "TagSpecification.%zu.Tag.%zu.Key", number, ++tag);
		dro_params_addf(
			params, tags[i].value, "TagSpecification.%zu.Tag.%zu.Value", number, tag);
	}
}

int aws_read_tags(const struct aws_account *account, const struct dro_xml_node *node,
	struct dro_pair **tags, size_t *count, struct dro_error *err)
{
	const struct dro_xml_node *item;
	size_t n = 0;

	*tags = NULL;
	*count = 0;
	for (item = dro_xml_child(node, "tagSet/item"); item; item = dro_xml_next(item))
		n++;
	if (n == 0)
		return 0;
	*tags = calloc(n, sizeof(**tags));
	if (!*tags)
		return aws_no_memory(account, err);
	for (item = dro_xml_child(node, "tagSet/item"); item; item = dro_xml_next(item))
		(*tags)[(*count)++] =
			(struct dro_pair){dro_xml_text(item, "key"), dro_xml_text(item, "value")};
	return 0;
}

/* ---- of instances that are there ------------------------------------------------------------- */

/* CreateTags, or DeleteTags: a key that is given without a value goes whatever its value. */
static int change_tags(const struct aws_account *account, const struct dro_instance_marks *marks,
	size_t from, size_t count, bool drop, const struct dro_call *call, struct dro_error *err)
{
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	size_t i;
	int rc;

	aws_action(&params, drop ? "DeleteTags" : "CreateTags", AWS_EC2_VERSION);
	aws_add_list(&params, "ResourceId", marks->ids + from, count);
	for (i = 0; !drop && i < marks->tag_count; i++) {
		dro_params_addf(&params, marks->tags[i].name, "Tag.%zu.Key", i + 1);
		dro_params_addf(&params, marks->tags[i].value, "Tag.%zu.Value", i + 1);
	}
	for (i = 0; drop && i < marks->drop_count; i++)
		dro_params_addf(&params, marks->drop[i], "Tag.%zu.Key", i + 1);
	rc = aws_query(account, "ec2", marks->region, &params, AWS_REPEATABLE, call, &xml, err);
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}

/* One id that does not exist fails the whole request, and none is marked. */
int ec2_mark_instances(void *opened, const struct dro_instance_marks *marks,
	const struct dro_call *call, struct dro_error *err)
{
	size_t done, count;
	int rc = 0;

	for (done = 0; rc == 0 && done < marks->id_count; done += count) {
		count = marks->id_count - done;
		count = count < EC2_IDS_MAX ? count : EC2_IDS_MAX;
		if (marks->tag_count)
			rc = change_tags(opened, marks, done, count, false, call, err);
		if (rc == 0 && marks->drop_count)
			rc = change_tags(opened, marks, done, count, true, call, err);
	}
	return rc;
}
