/* Which URLs a repository may have. */
#ifndef DRORCH_REPO_URL_H
#define DRORCH_REPO_URL_H

#include "base/error.h"

/* https, ssh, user@host:path, file, an absolute path; http to loopback only. DRO_EINVAL says why
 * not. A password in a URL is refused: it would end up in messages and process lists. */
int repo_url_check(const char *url, struct dro_error *err);

#endif
