/* The lab's two name servers, one a vendor, as the vendors' own are apart in the world. */
#include "lab/dns.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cloudflare.h"
#include "lab/internal.h"

static const char *const vendors[DNS_SERVICES] = {"route53", "cloudflare"};
static const char *const faults[] = {[DNS_WELL] = "off",
	[DNS_SILENT] = "silent",
	[DNS_SERVFAIL] = "servfail",
	[DNS_LAME] = "lame",
	[DNS_STALE] = "stale",
	[DNS_LIE] = "lie"};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static struct dns_zones *zones_of(const struct lab *lab, size_t i)
{
	void *state = lab_vendor_state(lab, vendors[i]);

	return i == 0 ? ((struct route53 *)state)->dns : ((struct cloudflare *)state)->dns;
}

int lab_dns_start(struct dns_server **out, struct lab *lab, uint16_t *route53_port,
	uint16_t *cloudflare_port, struct dro_error *err)
{
	struct dns_zones *zones[DNS_SERVICES];
	uint16_t ports[DNS_SERVICES] = {*route53_port, *cloudflare_port};
	size_t i;
	int rc;

	for (i = 0; i < DNS_SERVICES; i++)
		zones[i] = zones_of(lab, i);
	if ((rc = dns_server_start(out, zones, ports, err)) < 0)
		return rc;
	*route53_port = ports[0];
	*cloudflare_port = ports[1];
	return 0;
}

int lab_dns_command(struct lab *lab, int argc, char **argv, struct dro_error *err)
{
	unsigned char address[4];
	size_t vendor, fault;

	for (vendor = 0; argc >= 2 && vendor < DNS_SERVICES; vendor++)
		if (strcmp(argv[0], vendors[vendor]) == 0)
			break;
	for (fault = 0; argc >= 2 && fault < FAULTS; fault++)
		if (strcmp(argv[1], faults[fault]) == 0)
			break;
	if (argc < 2 || vendor == DNS_SERVICES || fault == FAULTS ||
		argc != (fault == DNS_LIE ? 3 : 2) ||
		(argc == 3 && inet_pton(AF_INET, argv[2], address) != 1))
		return dro_fail(err, DRO_EINVAL,
			"dns route53|cloudflare silent|servfail|lame|stale|lie ADDRESS|off");
	dns_zones_set_fault(
		zones_of(lab, vendor), (enum dns_fault)fault, argc == 3 ? argv[2] : NULL);
	return 0;
}
