/* Every page of a Describe call. */
#include "plugins/aws/aws.h"
#include "plugins/common/ahead.h"

struct reading {
	const struct ec2_list *list;
	const char *region;
	const struct dro_call *call;
};

static int fetch(
	void *arg, const char *token, struct dro_http_response **out, struct dro_error *err)
{
	const struct reading *reading = arg;
	const struct ec2_list *list = reading->list;
	struct dro_params params = DRO_PARAMS_INIT;
	int rc;

	if ((rc = dro_params_copy(&params, list->params->items, list->params->count, err)) == 0) {
		dro_params_add_set(&params, "NextToken", token);
		rc = aws_send(list->account, "ec2", reading->region, &params, AWS_READ,
			reading->call, out, err);
	}
	dro_params_free(&params);
	return rc;
}

static int take_apart(const struct reading *reading, const struct dro_http_response *response,
	struct dro_paging *page, bool *more, struct dro_error *err)
{
	const struct ec2_list *list = reading->list;
	const struct dro_xml_node *item;
	struct dro_xml *xml = NULL;
	int rc;

	if ((rc = aws_answer(list->account, response, AWS_READ, &xml, err)) < 0)
		return rc;
	item = dro_xml_child(dro_xml_root(xml), list->items);
	for (; item && rc == 0; item = dro_xml_next(item))
		rc = list->each(list, item, reading->region, err);
	if (rc == 0)
		rc = aws_next_page(page, dro_xml_text(dro_xml_root(xml), "nextToken"), more, err);
	dro_xml_free(xml);
	return rc;
}

int ec2_list(const struct ec2_list *list, const struct dro_call *call, struct dro_error *err)
{
	struct dro_paging page = DRO_PAGING_INIT(list->action, AWS_MAX_PAGES);
	struct reading reading = {.list = list, .call = call};
	struct dro_ahead ahead = {.host = list->account->host, .fetch = fetch, .arg = &reading};
	struct dro_http_response *response;
	char guess[DRO_AHEAD_TOKEN];
	bool more = false;
	int rc;

	if ((rc = dro_params_check(list->params, err)) < 0 ||
		(rc = aws_region(list->account, list->region, &reading.region, err)) < 0)
		return rc;
	do {
		response = NULL;
		more = false;
		rc = dro_ahead_get(&ahead, page.token, &response, err);
		if (rc == 0 && dro_ahead_find(response, "<nextToken>", "</nextToken>", guess,
				       sizeof(guess)))
			dro_ahead_start(&ahead, page.token, guess);
		if (rc == 0)
			rc = take_apart(&reading, response, &page, &more, err);
		list->account->host->http_free(response);
	} while (rc == 0 && more);
	dro_ahead_fini(&ahead);
	dro_paging_free(&page);
	return rc;
}
