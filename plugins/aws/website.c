/*
 * Where a bucket's website is. AWS tells it in a table of its documentation and by no call:
 *   https://docs.aws.amazon.com/general/latest/gr/s3.html#s3_website_region_endpoints
 *   https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html
 */
#include <stdio.h>
#include <string.h>

#include "plugins/aws/aws.h"

#define HOST_MAX 254

static const struct region {
	const char *name;
	const char *zone; /* of its website endpoint at Route 53 */
	bool dash;	  /* s3-website-REGION; younger ones are s3-website.REGION */
} regions[] = {
	{"af-south-1", "Z83WF9RJE8B12", false},
	{"ap-east-1", "ZNB98KWMFR0R6", false},
	{"ap-northeast-1", "Z2M4EHUR26P7ZW", true},
	{"ap-northeast-2", "Z3W03O7B5YMIYP", false},
	{"ap-northeast-3", "Z2YQB5RD63NC85", false},
	{"ap-south-1", "Z11RGJOFQNVJUP", false},
	{"ap-south-2", "Z02976202B4EZMXIPMXF7", false},
	{"ap-southeast-1", "Z3O0J2DXBE1FTB", true},
	{"ap-southeast-2", "Z1WCIGYICN2BYD", true},
	{"ap-southeast-3", "Z01846753K324LI26A3VV", false},
	{"ap-southeast-4", "Z0312387243XT5FE14WFO", false},
	{"ca-central-1", "Z1QDHH18159H29", false},
	{"ca-west-1", "Z03565811Z33SLEZTHOUL", false},
	{"eu-central-1", "Z21DNDUVLTQW6Q", false},
	{"eu-central-2", "Z030506016YDQGETNASS", false},
	{"eu-north-1", "Z3BAZG2TWCNX0D", false},
	{"eu-south-1", "Z30OZKI7KPW7MI", false},
	{"eu-south-2", "Z0081959F7139GRJC19J", false},
	{"eu-west-1", "Z1BKCTXD74EZPE", true},
	{"eu-west-2", "Z3GKZC51ZF0DB4", false},
	{"eu-west-3", "Z3R1K369G5AVDG", false},
	{"il-central-1", "Z09640613K4A3MN55U7GU", false},
	{"me-central-1", "Z06143092I8HRXZRUZROF", false},
	{"me-south-1", "Z1MPMWCPA7YB62", false},
	{"sa-east-1", "Z7KQH4QJS55SO", true},
	{"us-east-1", "Z3AQBSTGFYJSTF", true},
	{"us-east-2", "Z2O1EMRO9K5GLX", false},
	{"us-gov-west-1", "Z31GFT0UA1I2HV", true},
	{"us-west-1", "Z2F56UZL2M1ACD", true},
	{"us-west-2", "Z3BJ6K6RIION7M", true},
};

/* One that came later has a dot, and no zone that is known here. */
static const struct region *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
		if (strcmp(regions[i].name, name) == 0)
			return &regions[i];
	return NULL;
}

int aws_find_website(void *opened, const char *region, const char *bucket, dro_emit_website emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	const struct aws_account *account = opened;
	char host[HOST_MAX], alias[HOST_MAX];
	const struct region *known;
	const char *name;
	struct dro_website website = {.size = sizeof(website),
		.flags = DRO_WEBSITE_BY_NAME,
		.host = host,
		.alias = "",
		.alias_zone = ""};
	int rc, length;

	(void)call;
	if ((rc = aws_region(account, region, &name, err)) < 0)
		return rc;
	known = find(name);
	snprintf(alias, sizeof(alias), "s3-website%c%s.amazonaws.com%s",
		known && known->dash ? '-' : '.', name, strncmp(name, "cn-", 3) == 0 ? ".cn" : "");
	length = snprintf(host, sizeof(host), "%s.%s", bucket, alias);
	if (length < 0 || (size_t)length >= sizeof(host))
		return account->host->fail(
			err, DRO_EINVAL, NULL, "\"%.80s\" is too long for a website", bucket);
	if (known) {
		website.alias = alias;
		website.alias_zone = known->zone;
	}
	return emit(arg, &website);
}
