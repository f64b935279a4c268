#include "net/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static int parse_port(const char *text)
{
	int port = 0;

	if (!*text || strlen(text) > 5 || text[strspn(text, "0123456789")])
		return -1;
	for (; *text; text++)
		port = port * 10 + (*text - '0');
	return port >= 1 && port <= 65535 ? port : -1;
}

/* What may stand in a host: a name, an IPv4 address, an IPv6 address in brackets. */
static bool is_host(const char *host)
{
	char address[DRO_HOST_MAX];
	size_t length = strlen(host);
	struct in6_addr six;

	if (host[0] == '[') {
		if (length < 4 || host[length - 1] != ']')
			return false;
		memcpy(address, host + 1, length - 2);
		address[length - 2] = '\0';
		return inet_pton(AF_INET6, address, &six) == 1;
	}
	return length > 0 && host[0] != '.' && host[0] != '-' &&
	       host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._")] == '\0';
}

int dro_endpoint_parse(struct dro_endpoint *out, const char *text, struct dro_error *err)
{
	const char *host, *end;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (strncasecmp(text, "https://", 8) == 0)
		out->https = true;
	else if (strncasecmp(text, "http://", 7) != 0)
		return dro_fail(err, DRO_EINVAL, "not an http or https endpoint: %.200s", text);
	host = text + (out->https ? 8 : 7);
	end = *host == '[' ? strchr(host, ']') : NULL;
	end = end ? end + 1 : host + strcspn(host, ":");
	if ((size_t)(end - host) >= sizeof(out->host))
		return dro_fail(err, DRO_EINVAL, "endpoint with too long a name: %.200s", text);
	for (i = 0; host + i < end; i++)
		out->host[i] = (char)tolower((unsigned char)host[i]);
	if (*end == ':')
		out->port = parse_port(end + 1);
	if (!is_host(out->host) || out->port < 0 || (*end && *end != ':'))
		return dro_fail(err, DRO_EINVAL, "not scheme://host[:port]: %.200s", text);
	if (out->port == (out->https ? 443 : 80))
		out->port = 0;
	return 0;
}

bool dro_host_is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

bool dro_host_is_loopback(const char *host)
{
	static const char suffix[] = ".localhost";
	size_t length = strlen(host);
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (strcmp(host, "[::1]") == 0)
		return true;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return strcasecmp(host, "localhost") == 0 ||
	       (length >= sizeof(suffix) &&
		       strcasecmp(host + length - (sizeof(suffix) - 1), suffix) == 0);
}

void dro_endpoint_host(struct dro_buf *out, const struct dro_endpoint *endpoint)
{
	dro_buf_puts(out, endpoint->host);
	if (endpoint->port)
		dro_buf_printf(out, ":%d", endpoint->port);
}
