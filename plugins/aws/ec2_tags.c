/*
 * Tags of EC2 resources.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html
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
