/* What the tests of the aws plugin share: an opened account on a scripted host, and collectors. */
#ifndef DRORCH_TESTS_AWS_KIT_H
#define DRORCH_TESTS_AWS_KIT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/scripted_host.h"

struct kit {
	struct scripted *host;
	const struct dro_provider_v1 *aws;
	void *account;
	struct dro_error err;
	struct dro_call call;
};

static inline struct kit kit_with(struct scripted *host, void *account)
{
	return (struct kit){.host = host,
		.aws = scripted_provider(host),
		.account = account,
		.err = DRO_ERROR_INIT,
		.call = scripted_call(host, "run-7-launch-web")};
}

static inline struct kit kit_open(void)
{
	struct scripted *host = scripted_new("aws");

	return kit_with(host, scripted_open(host, "region", "eu-central-1", NULL));
}

static inline void kit_close(struct kit *kit)
{
	scripted_free(kit->host);
}

/* Everything an emit callback was given, one line each. */
struct lines {
	char text[65536];
	size_t count;
	int stop_after; /* > 0: returns 7 at that entry */
};

static inline int lines_stop(struct lines *lines)
{
	lines->count++;
	return lines->stop_after && (int)lines->count == lines->stop_after ? 7 : 0;
}

#define EC2_NS " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""
#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define EC2_ERROR(code, message)                                                                   \
	XML_HEAD "<Response><Errors><Error><Code>" code "</Code><Message>" message                 \
		 "</Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example"           \
		 "</RequestID></Response>"
#define S3_ERROR(code, message)                                                                    \
	XML_HEAD "<Error><Code>" code "</Code><Message>" message                                   \
		 "</Message><RequestId>4442587FB7D0A2F9</RequestId><HostId>x</HostId></Error>"

static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
