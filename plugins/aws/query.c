/*
 * The Query protocol: a form is POSTed, XML comes back.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
 */
#include <string.h>

#include "plugins/aws/aws.h"

/* User data is 16 KiB, 22 KiB as base64; the longest list of ids leaves ample room. */
#define FORM_MAX_BYTES (1024u * 1024)

void aws_action(struct dro_params *params, const char *action, const char *version)
{
	dro_params_add(params, "Action", action);
	dro_params_add(params, "Version", version);
}

void aws_add_list(
	struct dro_params *params, const char *prefix, const char *const *items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		dro_params_addf(params, items[i], "%s.%zu", prefix, i + 1);
}

void aws_add_filter(struct dro_params *params, size_t number, const char *name, const char *value)
{
	struct dro_buf exact = DRO_BUF_INIT(2048);

	for (; *value; value++) {
		if (strchr("*?\\", *value))
			dro_buf_append(&exact, "\\", 1);
		dro_buf_append(&exact, value, 1);
	}
	if (exact.failed)
		params->failed = exact.failed;
	dro_params_addf(params, name, "Filter.%zu.Name", number);
	dro_params_addf(params, dro_buf_str(&exact), "Filter.%zu.Value.1", number);
	dro_buf_free(&exact);
}

/* Apart from `rc`: a callback that ends a list may return any number, 1 too. */
int aws_next_page(struct dro_paging *page, const char *token, bool *more, struct dro_error *err)
{
	int rc = dro_paging_next(page, token, err);

	*more = rc > 0;
	return rc > 0 ? 0 : rc;
}

int aws_send(const struct aws_account *account, const char *service, const char *region,
	const struct dro_params *params, enum aws_kind kind, const struct dro_call *call,
	struct dro_http_response **out, struct dro_error *err)
{
	static const struct dro_pair headers[] = {
		{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
	struct dro_buf form = DRO_BUF_INIT(FORM_MAX_BYTES), endpoint = DRO_BUF_INIT(512);
	struct dro_http_request request = {.size = sizeof(request),
		.flags = kind == AWS_ONCE ? 0 : DRO_HTTP_SAFE,
		.method = "POST",
		.headers = headers,
		.header_count = 1,
		.body_fd = -1,
		.sink_fd = -1,
		.response_max = AWS_LIST_BYTES,
		.auth = DRO_AUTH_SIGV4,
		.auth_service = service,
		.deadline_ms = call->deadline_ms};
	int rc;

	dro_params_form(&form, params);
	if ((rc = dro_params_check(params, err)) < 0 || (rc = dro_buf_check(&form, err)) < 0 ||
		(rc = aws_region(account, region, &request.auth_region, err)) < 0)
		goto out;
	aws_endpoint(account, service, request.auth_region, &endpoint);
	if ((rc = dro_buf_check(&endpoint, err)) < 0)
		goto out;
	request.endpoint = dro_buf_str(&endpoint);
	request.body = dro_buf_str(&form);
	request.body_length = form.length;
	rc = account->host->http(account->host, &request, out, err);
out:
	dro_buf_free(&endpoint);
	dro_buf_free(&form);
	return rc;
}

int aws_query(const struct aws_account *account, const char *service, const char *region,
	const struct dro_params *params, enum aws_kind kind, const struct dro_call *call,
	struct dro_xml **out, struct dro_error *err)
{
	struct dro_http_response *response = NULL;
	int rc = aws_send(account, service, region, params, kind, call, &response, err);

	if (rc == 0)
		rc = aws_answer(account, response, kind, out, err);
	account->host->http_free(response);
	return rc;
}
