#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "lab/ec2.h"

#define PAGE_MIN 5
#define PAGE_MAX 1000

int ec2_match_text(const char *text, const char *pattern)
{
	return fnmatch(pattern, text, 0) == 0;
}

int ec2_match_tags(const cJSON *doc, const char *name, const char *pattern)
{
	const cJSON *tag, *tags = cJSON_GetObjectItemCaseSensitive(doc, "tags");

	if (strncmp(name, "tag:", 4) == 0) {
		tag = cJSON_GetObjectItemCaseSensitive(tags, name + 4);
		return tag && ec2_match_text(tag->valuestring, pattern);
	}
	if (strcmp(name, "tag-key") != 0)
		return -1;
	cJSON_ArrayForEach(tag, tags) if (ec2_match_text(tag->string, pattern)) return 1;
	return 0;
}

/* One filter: any of its values. */
static bool pass_one(struct ec2_call *c, int n, const char *filter, ec2_field_match match,
	const void *object, bool *bad)
{
	char list[64];
	const char *value;
	size_t i;

	snprintf(list, sizeof(list), "Filter.%d.Value", n);
	if (!ec2_list(c, list, 0)) {
		*bad = true;
		ec2_error(c, 400, "InvalidParameterValue", "The filter '%.64s' has no values",
			filter);
		return false;
	}
	for (i = 0; (value = ec2_list(c, list, i)); i++) {
		int matched = match(object, filter, value);

		if (matched > 0)
			return true;
		if (matched == 0)
			continue;
		*bad = true;
		ec2_error(c, 400, "InvalidParameterValue", "The filter '%.64s' is invalid", filter);
		return false;
	}
	return false;
}

bool ec2_filter(struct ec2_call *c, ec2_field_match match, const void *object, bool *bad)
{
	char name[32];
	int n;

	for (n = 1;; n++) {
		const char *filter;

		snprintf(name, sizeof(name), "Filter.%d.Name", n);
		filter = ec2_param(c, name);
		if (!filter)
			return true;
		if (!pass_one(c, n, filter, match, object, bad))
			return false;
	}
}

bool ec2_check_filters(struct ec2_call *c, ec2_field_match match, const void *empty)
{
	char name[32];
	bool bad = false;
	int n;

	for (n = 1; !bad; n++) {
		const char *filter;

		snprintf(name, sizeof(name), "Filter.%d.Name", n);
		filter = ec2_param(c, name);
		if (!filter)
			break;
		pass_one(c, n, filter, match, empty, &bad);
	}
	return !bad;
}

bool ec2_page_begin(struct ec2_call *c, struct ec2_page *page, const char *id_list)
{
	const char *token = ec2_param(c, "NextToken");

	*page = (struct ec2_page){.passed = !token};
	if (!ec2_int(c, "MaxResults", PAGE_MIN, PAGE_MAX, &page->max))
		return false;
	if (ec2_param(c, "MaxResults") && ec2_list(c, id_list, 0)) {
		ec2_error(c, 400, "InvalidParameterCombination",
			"The parameter %sSet cannot be used with the parameter maxResults",
			id_list);
		return false;
	}
	if (token && (strncmp(token, "after.", 6) != 0 || strlen(token) >= LAB_ID)) {
		ec2_error(c, 400, "InvalidPaginationToken",
			"The specified pagination token is not valid.");
		return false;
	}
	if (token)
		memcpy(page->after, token + 6, strlen(token + 6) + 1);
	return true;
}

bool ec2_page_takes(struct ec2_page *page, const char *id)
{
	if (!page->passed) {
		page->passed = strcmp(page->after, id) == 0;
		return false;
	}
	if (page->max && page->count == page->max) {
		page->more = true;
		return false;
	}
	page->count++;
	snprintf(page->last, sizeof(page->last), "%s", id);
	return true;
}

void ec2_page_end(struct ec2_call *c, struct ec2_page *page)
{
	if (!page->passed) {
		ec2_error(c, 400, "InvalidPaginationToken",
			"The specified pagination token is not valid.");
	} else if (page->more) {
		dro_buf_puts(&c->reply->body, "<nextToken>after.");
		lab_xml_text(&c->reply->body, page->last);
		dro_buf_puts(&c->reply->body, "</nextToken>");
	}
}
