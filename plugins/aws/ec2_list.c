/* Every page of a Describe call. */
#include "plugins/aws/aws.h"

/* *more: page->token names another one. */
static int list_page(const struct ec2_list *list, const char *region, struct dro_paging *page,
	bool *more, const struct dro_call *call, struct dro_error *err)
{
	struct dro_params params = DRO_PARAMS_INIT;
	const struct dro_xml_node *item;
	struct dro_xml *xml = NULL;
	int rc;

	if ((rc = dro_params_copy(&params, list->params->items, list->params->count, err)) < 0)
		goto out;
	dro_params_add_set(&params, "NextToken", page->token);
	rc = aws_query(list->account, "ec2", region, &params, AWS_READ, call, &xml, err);
	if (rc < 0)
		goto out;
	item = dro_xml_child(dro_xml_root(xml), list->items);
	for (; item && rc == 0; item = dro_xml_next(item))
		rc = list->each(list, item, region, err);
	if (rc == 0)
		rc = aws_next_page(page, dro_xml_text(dro_xml_root(xml), "nextToken"), more, err);
out:
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}

int ec2_list(const struct ec2_list *list, const struct dro_call *call, struct dro_error *err)
{
	struct dro_paging page = DRO_PAGING_INIT(list->action, AWS_MAX_PAGES);
	const char *region = NULL;
	bool more = false;
	int rc;

	if ((rc = dro_params_check(list->params, err)) < 0 ||
		(rc = aws_region(list->account, list->region, &region, err)) < 0)
		return rc;
	do
		rc = list_page(list, region, &page, &more, call, err);
	while (rc == 0 && more);
	dro_paging_free(&page);
	return rc;
}
