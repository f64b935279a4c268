#include "repo/url.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return true;
	return false;
}

static bool is_loopback(const char *host, size_t length)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length && strncmp(host, names[i], length) == 0)
			return true;
	return false;
}

/* The host of scheme://[user@]host[:port]/…; false where it holds a password or is no host. */
static bool find_host(const char *after, const char **host, size_t *length)
{
	size_t authority = strcspn(after, "/?#");
	const char *at = memchr(after, '@', authority), *end = after + authority;

	if (at && memchr(after, ':', (size_t)(at - after)))
		return false;
	*host = at ? at + 1 : after;
	*length = **host == '[' ? strcspn(*host, "]") + 1 : strcspn(*host, ":/?#");
	return *length > 0 && *host + *length <= end && **host != '-';
}

/* user@host:path, as git and scp write it. */
static bool is_scp(const char *url)
{
	const char *colon = strchr(url, ':'), *slash = strchr(url, '/');

	return colon && colon != url && colon[1] && (!slash || colon < slash) && *url != '-';
}

int repo_url_check(const char *url, struct dro_error *err)
{
	const char *scheme_end = strstr(url, "://"), *host;
	size_t length;

	if (!*url || has_control(url))
		return dro_fail(
			err, DRO_EINVAL, "the repository's URL is empty or has spaces in it");
	if (*url == '/' || strncmp(url, "file:///", 8) == 0)
		return 0;
	if (!scheme_end) {
		if (is_scp(url))
			return 0;
		return dro_fail(err, DRO_EINVAL,
			"%s: not https://, ssh://, user@host:path, file:///path or a full path",
			url);
	}
	if (!find_host(scheme_end + 3, &host, &length))
		return dro_fail(err, DRO_EINVAL,
			"the repository's URL has no host, or a password in it: give the password "
			"as a credential");
	if (strncmp(url, "https://", 8) == 0 || strncmp(url, "ssh://", 6) == 0)
		return 0;
	if (strncmp(url, "http://", 7) == 0)
		return is_loopback(host, length)
			       ? 0
			       : dro_fail(err, DRO_EINVAL, "%s: http is for loopback; use https",
					 url);
	return dro_fail(err, DRO_EINVAL, "%s: git over %.*s is not supported", url,
		(int)(scheme_end - url), url);
}
