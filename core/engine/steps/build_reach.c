/*
 * image.reach {build, addresses}: until the machine lets us in, its first boot is done, and it has
 * what Ansible needs there.
 * image.leave {build, addresses}: takes the key that the build came in with out again.
 *
 * Each try is short, so that a run that is to stop, or to give way, soon does.
 */
#include "engine/steps/build.h"

#include <stdio.h>
#include <string.h>

#define TRY_MS 6000
#define SAYS_MAX 16384
#define LEAST_MS 200
#define MOST_MS 3000
#define NOT_YET 75 /* what the machine says while its first boot goes on */
#define NO_PYTHON 76

#define WELL                                                                                       \
	"if command -v cloud-init >/dev/null 2>&1; then case $(cloud-init status 2>/dev/null) "    \
	"in *done*|*error*|*disabled*) ;; *) exit 75;; esac; fi; "                                 \
	"command -v python3 >/dev/null || exit 76"

/* One try. *exit_code 255: ssh did not come through, and `says` tells why. */
static int attempt(struct dro_step_context *context, const struct build_ssh *ssh,
	const char *command, int *exit_code, char *says, size_t size, struct dro_error *err)
{
	struct dro_buf errors = DRO_BUF_INIT(SAYS_MAX);
	int rc = build_ssh_run(ssh, command, TRY_MS, &errors, exit_code, err);

	if (rc == DRO_ETIMEDOUT) {
		*exit_code = 255;
		rc = 0;
	}
	build_last_line(says, size, dro_buf_str(&errors));
	if (rc == 0 && *exit_code != 0)
		dro_buf_printf(
			&context->note, "%s: %s", ssh->address, *says ? says : "no answer yet");
	dro_buf_free(&errors);
	return rc;
}

int dro_step_image_reach(struct dro_step_context *context, struct dro_error *err)
{
	char says[300] = "";
	struct build_ssh ssh;
	int exit_code = -1, rc;

	if ((rc = build_ssh_init(&ssh, context, err)) < 0 ||
		(rc = attempt(context, &ssh, WELL, &exit_code, says, sizeof(says), err)) < 0)
		goto out;
	if (exit_code == 0) {
		dro_buf_printf(&context->note, "%s@%s", ssh.policy->ssh_user, ssh.address);
		rc = DRO_STEP_DONE;
	} else if (exit_code == NO_PYTHON) {
		rc = dro_fail(err, DRO_ECONFLICT,
			"%s has no python3, which Ansible needs there: put it into the base image",
			ssh.policy->base);
	} else if (strstr(says, "Host key verification failed")) {
		rc = dro_fail(err, DRO_EAUTH, "%s has another key than the known one", ssh.address);
	} else {
		if (exit_code == NOT_YET) {
			dro_buf_reset(&context->note);
			dro_buf_puts(&context->note, "its first boot goes on");
		}
		rc = dro_step_pending(context, LEAST_MS, MOST_MS);
	}
out:
	build_ssh_free(&ssh);
	return rc;
}

int dro_step_image_leave(struct dro_step_context *context, struct dro_error *err)
{
	char command[300], says[300] = "";
	struct build_ssh ssh;
	int exit_code = -1, rc;

	snprintf(command, sizeof(command),
		"f=$HOME/.ssh/authorized_keys; [ ! -e \"$f\" ] || sed -i '/ drorch-build-%s$/d' "
		"\"$f\"; sync",
		context->plan->id);
	if ((rc = build_ssh_init(&ssh, context, err)) < 0 ||
		(rc = attempt(context, &ssh, command, &exit_code, says, sizeof(says), err)) < 0)
		goto out;
	if (exit_code == 0 || strstr(says, "Permission denied (")) {
		/* An earlier try, or the playbook, took it out: then nobody lets us in any more. */
		dro_buf_reset(&context->note);
		dro_buf_puts(&context->note, "our key is out");
		rc = DRO_STEP_DONE;
	} else if (exit_code != 255) {
		rc = dro_fail(err, DRO_EIO, "our key could not be taken out: %s", says);
	} else {
		rc = dro_step_pending(context, LEAST_MS, MOST_MS);
	}
out:
	build_ssh_free(&ssh);
	return rc;
}
