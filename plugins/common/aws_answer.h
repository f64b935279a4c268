/*
 * Answers as AWS gives them, and those who speak its protocols: XML, with errors as words.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 *   https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
#ifndef DRORCH_PLUGINS_COMMON_AWS_ANSWER_H
#define DRORCH_PLUGINS_COMMON_AWS_ANSWER_H

#include <stdbool.h>

#include "plugins/common/answer.h"
#include "plugins/common/xml.h"

/* What a request does decides who may repeat it and what a lost answer means. */
enum aws_kind {
	AWS_READ,	/* changes nothing */
	AWS_REPEATABLE, /* changes something, but a second time nothing more */
	AWS_ONCE,	/* must never be sent twice unasked */
};

/*
 * Judges an answer. 0: it is a success and *out (may be NULL: the body is not looked at) its tree.
 * Broken XML in a 2xx is DRO_EPROTO, or DRO_ETIMEDOUT where something may have been changed.
 */
int dro_aws_answer(const struct dro_host *host, const struct dro_http_response *response,
	enum aws_kind kind, struct dro_xml **out, struct dro_error *err);
/* An error's word and message as they come inside another answer (DeleteObjects). */
int dro_aws_word_fail(const struct dro_host *host, const char *word, const char *message,
	const char *subject, struct dro_error *err);
/* A successful change whose answer makes no sense: it was made, but what it was is unknown. */
int dro_aws_lost(const struct dro_host *host, const char *what, struct dro_error *err);
/* An error that was looked at first, to the caller's. Returns its code. */
int dro_aws_pass_on(
	const struct dro_host *host, const struct dro_error *from, struct dro_error *err);
bool dro_aws_is_word(const struct dro_error *err, const char *word);

#endif
