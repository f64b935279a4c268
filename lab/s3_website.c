/*
 * Buckets as websites: an index document for what ends in "/", an error document for what cannot
 * be had. No redirects. Whose website it is the host name says: BUCKET.s3-website-REGION.…, or any
 * other name, which then is the bucket's.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "plugins/common/xml.h"

#define SETTING_MAX 8192

/* ---- the setting ----------------------------------------------------------------------------- */

void s3_website_put(struct s3_call *c)
{
	struct dro_buf text = DRO_BUF_INIT(SETTING_MAX);
	const struct dro_xml_node *root;
	struct dro_xml *xml = NULL;
	const char *index, *error;

	if (s3_xml_read(c, &xml) < 0)
		return;
	root = dro_xml_root(xml);
	index = dro_xml_text(root, "IndexDocument/Suffix");
	error = dro_xml_text(root, "ErrorDocument/Key");
	if (dro_xml_child(root, "RedirectAllRequestsTo") || dro_xml_child(root, "RoutingRules")) {
		s3_refuse(c, "NotImplemented", NULL);
	} else if (strcmp(root->name, "WebsiteConfiguration") != 0 || !*index) {
		s3_refuse(c, "MalformedXML", NULL);
	} else if (strchr(index, '/')) {
		s3_refuse(c, "InvalidArgument", "The IndexDocument Suffix is not well formed");
	} else {
		dro_buf_puts(&text, "{\"index\":");
		dro_json_quote(&text, index);
		dro_buf_puts(&text, ",\"error\":");
		dro_json_quote(&text, error);
		dro_buf_puts(&text, "}");
		if (text.failed)
			s3_refuse(c, "InvalidArgument", NULL);
		else
			s3_setting_put(c, "website", dro_buf_str(&text));
	}
	dro_buf_free(&text);
	dro_xml_free(xml);
}

/* NULL: it is no website. */
static cJSON *setting(struct s3_call *c)
{
	char *text = s3_setting_get(c->s3, c->bucket, "website");
	cJSON *json = NULL;

	if (text)
		dro_json_parse(&json, text, strlen(text), SETTING_MAX, NULL);
	free(text);
	return json;
}

void s3_website_get(struct s3_call *c)
{
	cJSON *website = setting(c);

	if (!website) {
		s3_refuse_with(c, "NoSuchWebsiteConfiguration", NULL, "BucketName", c->bucket);
		return;
	}
	s3_begin_xml(c, "WebsiteConfiguration");
	dro_buf_puts(&c->reply->body, "<IndexDocument>");
	lab_xml_element(&c->reply->body, "Suffix", dro_json_text(website, "index"));
	dro_buf_puts(&c->reply->body, "</IndexDocument>");
	if (*dro_json_text(website, "error")) {
		dro_buf_puts(&c->reply->body, "<ErrorDocument>");
		lab_xml_element(&c->reply->body, "Key", dro_json_text(website, "error"));
		dro_buf_puts(&c->reply->body, "</ErrorDocument>");
	}
	s3_end_xml(c, "WebsiteConfiguration");
	cJSON_Delete(website);
}

void s3_website_delete(struct s3_call *c)
{
	s3_setting_put(c, "website", NULL);
}

/* ---- guests ---------------------------------------------------------------------------------- */

bool s3_website_is(struct s3_call *c)
{
	char host[256], region[LAB_REGION], *service;
	struct lab_scope scope;
	int there;

	if (lab_scope_read(c->request, &scope) || c->s3->world->region)
		return false;
	snprintf(host, sizeof(host), "%s", c->request->host);
	host[strcspn(host, ":")] = '\0';
	service = strstr(host, ".s3-website");
	if (service && service > host) {
		*service = '\0';
		snprintf(c->bucket, sizeof(c->bucket), "%s", host);
		return true;
	}
	if (!strchr(host, '.'))
		return false;
	pthread_mutex_lock(&c->s3->lock);
	there = s3_bucket_find(c->s3, host, region, NULL);
	pthread_mutex_unlock(&c->s3->lock);
	if (there > 0)
		snprintf(c->bucket, sizeof(c->bucket), "%s", host);
	return there > 0;
}

static void refuse(struct s3_call *c, int status, const char *code)
{
	c->reply->status = status;
	lab_reply_header(c->reply, "x-amz-error-code", "%s", code);
	lab_reply_header(c->reply, "Content-Type", "text/html; charset=utf-8");
	dro_buf_reset(&c->reply->body);
	if (strcmp(c->request->method, "HEAD") != 0)
		dro_buf_printf(&c->reply->body,
			"<html><head><title>%d</title></head><body><h1>%s</h1></body></html>\n",
			status, code);
}

/* c->key is a copy of `key` from here on. */
static bool show(struct s3_call *c, const char *key, int status)
{
	free(c->key);
	c->key = strdup(key);
	return c->key && *key && s3_public_may(c, "s3:GetObject", key) && s3_object_show(c, status);
}

/* What cannot be had: where the bucket may not be listed nobody learns that it is not there. */
static void show_error(struct s3_call *c, const cJSON *website, bool allowed)
{
	bool missing = allowed && s3_public_may(c, "s3:ListBucket", "");
	int status = missing ? 404 : 403;

	if (!show(c, dro_json_text(website, "error"), status))
		refuse(c, status, missing ? "NoSuchKey" : "AccessDenied");
}

void s3_website_show(struct s3_call *c)
{
	const char *path = c->request->raw_path, *method = c->request->method;
	struct dro_buf key = DRO_BUF_INIT(S3_KEY_MAX + 1);
	cJSON *website = NULL;
	char *decoded = NULL, region[LAB_REGION];
	int there;

	pthread_mutex_lock(&c->s3->lock);
	there = s3_bucket_find(c->s3, c->bucket, region, NULL);
	pthread_mutex_unlock(&c->s3->lock);
	website = there > 0 ? setting(c) : NULL;
	if (there <= 0)
		refuse(c, 404, "NoSuchBucket");
	else if (!website)
		refuse(c, 404, "NoSuchWebsiteConfiguration");
	else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		refuse(c, 405, "MethodNotAllowed");
	else if (lab_decode(&decoded, path + (*path == '/'), strlen(path + (*path == '/')), false) <
		 0)
		refuse(c, 400, "InvalidURI");
	if (!decoded)
		goto out;
	dro_buf_puts(&key, decoded);
	if (!*decoded || decoded[strlen(decoded) - 1] == '/')
		dro_buf_puts(&key, dro_json_text(website, "index"));
	if (key.failed)
		refuse(c, 400, "KeyTooLongError");
	else if (!show(c, dro_buf_str(&key), 200))
		show_error(c, website, s3_public_may(c, "s3:GetObject", dro_buf_str(&key)));
out:
	cJSON_Delete(website);
	dro_buf_free(&key);
	free(decoded);
}
