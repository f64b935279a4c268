#include <string.h>

#include "lab/ec2.h"

const char *const lab_aws_regions[] = {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
	"ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
	"eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2",
	"us-west-1", "us-west-2", NULL};

bool lab_aws_region_is(const char *name)
{
	size_t i;

	for (i = 0; lab_aws_regions[i]; i++)
		if (strcmp(lab_aws_regions[i], name) == 0)
			return true;
	return false;
}
