/*
 * The controller's one port: GET /healthz, and POST /hook, by which a forge says "poll now". A hook
 * carries X-Hub-Signature-256, the form of GitHub and Gitea: "sha256=" and the HMAC-SHA256 of the
 * body. Nothing in the body is looked at. It has a thread of its own.
 */
#ifndef DRORCH_CONTROL_WEBHOOK_H
#define DRORCH_CONTROL_WEBHOOK_H

#include <stdbool.h>

#include "base/log.h"

#define DRO_WEBHOOK_BODY_MAX ((size_t)256 << 10)

struct dro_webhook_config {
	const char *listen; /* "127.0.0.1:9480", "[::1]:0"; port 0: any free one */
	const char *secret; /* NULL: there is no /hook. Copied, and wiped at the end */
	size_t secret_length;
	const struct dro_log *log;
	/* On the webhook's thread: both must not wait. */
	void (*poll_now)(void *arg);
	bool (*is_well)(void *arg); /* is there progress? */
	void *arg;
};

struct dro_webhook;

/* DRO_EINVAL: no numeric address. DRO_EIO: cannot listen there. DRO_EUNSUPPORTED: libmicrohttpd is
 * not installed; it is loaded here, since no other command needs it. */
int dro_webhook_start(
	struct dro_webhook **out, const struct dro_webhook_config *config, struct dro_error *err);
int dro_webhook_port(const struct dro_webhook *webhook);
void dro_webhook_stop(struct dro_webhook *webhook); /* NULL-safe; no callback comes afterwards */

#endif
