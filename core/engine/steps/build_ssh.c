#include "engine/steps/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define OPTION_MAX 4400

const char *const build_environment[] = {
	"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", NULL};

int build_ssh_init(
	struct build_ssh *out, const struct dro_step_context *context, struct dro_error *err)
{
	const char **addresses = NULL;
	size_t count = 0;
	int rc;

	*out = (struct build_ssh){.host_keys = "accept-new"};
	if ((rc = dro_step_image_policy(context, &out->policy, err)) < 0 ||
		(rc = dro_step_strings(context, "addresses", &addresses, &count, err)) < 0 ||
		(rc = dro_step_file(context, BUILD_IDENTITY, &out->identity, err)) < 0)
		goto out;
	if (*out->policy->known_hosts) {
		out->host_keys = "yes";
		out->known_hosts = strdup(out->policy->known_hosts);
		rc = out->known_hosts ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
	} else {
		rc = dro_step_file(context, BUILD_KNOWN_HOSTS, &out->known_hosts, err);
	}
	if (rc == 0 && count != 1)
		rc = dro_fail(err, DRO_EINVAL, "one machine is built on, not %zu", count);
	if (rc == 0)
		out->address = addresses[0];
out:
	free(addresses);
	return rc;
}

void build_ssh_free(struct build_ssh *ssh)
{
	free(ssh->identity);
	free(ssh->known_hosts);
}

int build_ssh_run(const struct build_ssh *ssh, const char *command, uint64_t ms,
	struct dro_buf *errors, int *exit_code, struct dro_error *err)
{
	char keys[64], known[OPTION_MAX], *env[BUILD_ENVIRONMENT_MAX];
	char *const argv[] = {"ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=4", "-o",
		"ServerAliveInterval=2", "-o", "ServerAliveCountMax=2", "-o", "IdentitiesOnly=yes",
		"-o", "ControlPath=none", "-o", "GlobalKnownHostsFile=/dev/null", "-o", keys, "-o",
		known, "-i", ssh->identity, "-l", ssh->policy->ssh_user, "--", (char *)ssh->address,
		(char *)command, NULL};
	struct dro_proc_result result = {0};
	int rc;

	snprintf(keys, sizeof(keys), "StrictHostKeyChecking=%s", ssh->host_keys);
	if ((size_t)snprintf(known, sizeof(known), "UserKnownHostsFile=%s", ssh->known_hosts) >=
		sizeof(known))
		return dro_fail(err, DRO_EINVAL, "the path of the known hosts is too long");
	dro_env_pick(env, BUILD_ENVIRONMENT_MAX, build_environment);
	rc = dro_proc_run(argv, env, NULL, NULL, errors, dro_now_ms() + ms, &result, err);
	dro_env_free(env);
	*exit_code = result.exit_code;
	return rc;
}

void build_last_line(char *out, size_t size, const char *text)
{
	size_t end = strlen(text), begin;

	while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == '\r'))
		end--;
	for (begin = end; begin > 0 && text[begin - 1] != '\n'; begin--)
		;
	snprintf(out, size, "%.*s", (int)(end - begin), text + begin);
}
