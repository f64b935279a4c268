#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "spec/fields.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool only(const char *text, const char *allowed)
{
	return *text && !text[strspn(text, allowed)];
}

/* A path that ends up where it began to point: no "..", ".", or empty segment. */
static bool plain_segments(const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (!length || (length == 1 && path[0] == '.') ||
			(length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += length;
		if (*path == '/')
			path++;
	}
	return true;
}

static bool is_text(const char *text)
{
	return *text && !strpbrk(text, "\r\n");
}

static bool is_name(const char *text)
{
	size_t length = strlen(text);

	return only(text, LOWER DIGITS "-") && text[0] != '-' && text[length - 1] != '-';
}

static bool is_token(const char *text)
{
	return only(text, LOWER UPPER DIGITS "._-/:@+=") && text[0] != '-' && !strstr(text, "..");
}

static bool is_domain(const char *text)
{
	size_t labels = 0;

	if (!only(text, LOWER DIGITS "-._"))
		return false;
	for (;;) {
		size_t length = strcspn(text, ".");

		if (!length || length > 63 || text[0] == '-' || text[length - 1] == '-')
			return false;
		labels++;
		if (!text[length])
			return labels > 1;
		text += length + 1;
	}
}

static bool is_record(const char *text)
{
	return is_domain(strncmp(text, "*.", 2) == 0 ? text + 2 : text);
}

static bool is_host(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1 || strcmp(text, "localhost") == 0 ||
	       (is_domain(text) && !isdigit((unsigned char)text[strlen(text) - 1]));
}

static bool is_inside(const char *text)
{
	return only(text, LOWER UPPER DIGITS "._-/") && text[0] != '/' && text[0] != '-' &&
	       text[strlen(text) - 1] != '/' && plain_segments(text);
}

static bool is_file(const char *text)
{
	return text[0] == '/' && text[1] && is_text(text) && text[strlen(text) - 1] != '/' &&
	       plain_segments(text + 1);
}

static bool is_prefix(const char *text)
{
	return only(text, LOWER UPPER DIGITS "._-/=+@,") && text[0] != '/' && plain_segments(text);
}

static bool is_bucket(const char *text)
{
	size_t length = strlen(text);

	return length >= 3 && only(text, LOWER DIGITS ".-") && isalnum((unsigned char)text[0]) &&
	       isalnum((unsigned char)text[length - 1]) && !strstr(text, "..");
}

static bool is_url_path(const char *text)
{
	return text[0] == '/' && only(text, LOWER UPPER DIGITS "-._~!$&'()*+,;=:@/%?");
}

static bool is_header(const char *text)
{
	return only(text, LOWER UPPER DIGITS "-");
}

/* "HH:MM" at the beginning of `text`. */
static bool begins_with_clock(const char *text)
{
	int hour, minute;

	if (strnlen(text, 5) < 5 || !isdigit((unsigned char)text[0]) ||
		!isdigit((unsigned char)text[1]) || text[2] != ':' ||
		!isdigit((unsigned char)text[3]) || !isdigit((unsigned char)text[4]))
		return false;
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	return hour < 24 && minute < 60;
}

static bool is_clock(const char *text)
{
	return begins_with_clock(text) && !text[5];
}

static bool is_window(const char *text)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	size_t i;

	for (i = 0; i < sizeof(days) / sizeof(days[0]); i++)
		if (strncmp(text, days[i], 3) == 0 && text[3] == ' ') {
			text += 4;
			break;
		}
	return begins_with_clock(text) && text[5] == '-' && is_clock(text + 6);
}

static bool is_email(const char *text)
{
	const char *at = strchr(text, '@');

	return at && at != text && text[0] != '-' && is_domain(at + 1) &&
	       strspn(text, LOWER UPPER DIGITS "._+-") == (size_t)(at - text);
}

static bool is_smtp(const char *text)
{
	bool tls = strncmp(text, "smtps://", 8) == 0;

	if (!tls && strncmp(text, "smtp://", 7) != 0)
		return false;
	return only(text + (tls ? 8 : 7), LOWER UPPER DIGITS ".-:[]");
}

static bool is_variable(const char *text)
{
	return only(text, LOWER UPPER DIGITS "_") && !isdigit((unsigned char)text[0]);
}

const struct dro_format dro_format_text = {"one line of text", "^[^\\r\\n]+$", 4096, is_text};
const struct dro_format dro_format_name = {"a name of a-z, 0-9 and '-', at most 63 long",
	"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", 63, is_name};
const struct dro_format dro_format_token = {
	"a word of letters, digits and ._-/:@+= (no '..' in it, no '-' before it)",
	"^[A-Za-z0-9._/:@+=][A-Za-z0-9._/:@+=-]*$", 255, is_token};
const struct dro_format dro_format_domain = {"a DNS name in lower case such as www.example.com",
	"^[a-z0-9_-]+(\\.[a-z0-9_-]+)+$", 253, is_domain};
const struct dro_format dro_format_record = {"a DNS name in lower case such as www.example.com",
	"^(\\*\\.)?[a-z0-9_-]+(\\.[a-z0-9_-]+)+$", 253, is_record};
const struct dro_format dro_format_host = {
	"a host name or an address", "^[A-Za-z0-9.:_-]+$", 253, is_host};
const struct dro_format dro_format_inside = {
	"a path inside the repository, without '..' and not beginning with '/'",
	"^[A-Za-z0-9._][A-Za-z0-9._/-]*$", 1024, is_inside};
const struct dro_format dro_format_file = {"an absolute path without '..'", "^/.+$", 4095, is_file};
const struct dro_format dro_format_prefix = {
	"a prefix of letters, digits and ._-/=+@, without '..', '//' and a '/' before it",
	"^[A-Za-z0-9._=+@,-][A-Za-z0-9._/=+@,-]*$", 512, is_prefix};
const struct dro_format dro_format_bucket = {"a bucket's name: 3 to 63 of a-z, 0-9, '.' and '-'",
	"^[a-z0-9][a-z0-9.-]+[a-z0-9]$", 63, is_bucket};
const struct dro_format dro_format_url_path = {
	"the path of a URL, such as /healthz", "^/[^\\s]*$", 2048, is_url_path};
const struct dro_format dro_format_header = {
	"the name of an HTTP header", "^[A-Za-z0-9-]+$", 128, is_header};
const struct dro_format dro_format_clock = {
	"a time of day such as \"02:00\"", "^([01][0-9]|2[0-3]):[0-5][0-9]$", 5, is_clock};
const struct dro_format dro_format_window = {
	"a window such as \"Sun 03:00-06:00\" or \"03:00-06:00\"",
	"^((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$", 15,
	is_window};
const struct dro_format dro_format_email = {
	"an e-mail address", "^[A-Za-z0-9._+-]+@[a-z0-9.-]+$", 254, is_email};
const struct dro_format dro_format_smtp = {
	"smtps://HOST:PORT or smtp://HOST:PORT", "^smtps?://[A-Za-z0-9.:\\[\\]-]+$", 300, is_smtp};
const struct dro_format dro_format_variable = {
	"the name of an environment variable", "^[A-Za-z_][A-Za-z0-9_]*$", 128, is_variable};
