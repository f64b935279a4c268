/* The machine that an image is made on, as ssh reaches it. */
#ifndef DRORCH_ENGINE_STEPS_BUILD_H
#define DRORCH_ENGINE_STEPS_BUILD_H

#include "base/proc.h"
#include "engine/steps/steps.h"

/* Of the run's files (dro_step_file). */
#define DRO_BUILD_PLAYBOOK "playbook" /* the playbook's folder: there before the run is stored */
#define BUILD_IDENTITY "identity"     /* the private key, or a link to it */
#define BUILD_KNOWN_HOSTS "known_hosts"

struct build_ssh {
	const struct dro_image_policy *policy;
	const char *address;   /* the inputs' */
	char *identity;	       /* file */
	char *known_hosts;     /* file */
	const char *host_keys; /* ssh's StrictHostKeyChecking */
};

/* Reads inputs {build, addresses}. Freed with build_ssh_free, also after a failure. */
int build_ssh_init(
	struct build_ssh *out, const struct dro_step_context *context, struct dro_error *err);
void build_ssh_free(struct build_ssh *ssh);

/*
 * Runs the command there, with a deadline of `ms`; what ssh and it say as errors goes to `errors`,
 * as far as there is room. An exit code of 255 is ssh's own. DRO_ETIMEDOUT: it hung.
 */
int build_ssh_run(const struct build_ssh *ssh, const char *command, uint64_t ms,
	struct dro_buf *errors, int *exit_code, struct dro_error *err);

#define BUILD_ENVIRONMENT_MAX 24
/* What children of a build get of our environment; ends with NULL. */
extern const char *const build_environment[];

/* The last line of a text, without its end. */
void build_last_line(char *out, size_t size, const char *text);

#endif
