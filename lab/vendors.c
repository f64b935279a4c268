#include "lab/cloudflare.h"
#include "lab/cloudwatch.h"
#include "lab/ec2.h"
#include "lab/lab.h"
#include "lab/linode.h"
#include "lab/linode_objects.h"
#include "lab/route53.h"
#include "lab/s3.h"
#include "lab/sts.h"

/* Asked in this order: a vendor that takes what is left over comes last. */
const struct lab_vendor *const lab_vendors[] = {
	&lab_vendor_cloudflare,
	&lab_vendor_linode,
	&lab_vendor_ec2,
	&lab_vendor_sts,
	&lab_vendor_cloudwatch,
	&lab_vendor_route53,
	&lab_vendor_linode_s3,
	&lab_vendor_s3,
	NULL,
};
