#include "agent/ssh.h"

#include <stdio.h>
#include <string.h>

int agent_ssh_line(struct agent_ssh_line *out, const struct agent_ssh *ssh, const char *control,
	struct dro_error *err)
{
	const char *master = *control ? "ControlMaster=auto" : "ControlMaster=no";
	char *const words[] = {"ssh", "-T", "-F", "none", "-p", out->port, "-i", ssh->identity,
		"-l", ssh->user, "-o", out->hosts, "-o", "IdentitiesOnly=yes", "-o",
		"BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR", "-o",
		"ConnectTimeout=5", "-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=3",
		"-o", (char *)master, "-o", out->control, "-o", "ControlPersist=60", NULL};

	_Static_assert(sizeof(words) <= sizeof(out->words), "AGENT_SSH_WORDS");
	snprintf(out->port, sizeof(out->port), "%d", ssh->port);
	if (snprintf(out->hosts, sizeof(out->hosts), "UserKnownHostsFile=%s", ssh->known_hosts) >=
			(int)sizeof(out->hosts) ||
		snprintf(out->control, sizeof(out->control), "ControlPath=%s",
			*control ? control : "none") >= (int)sizeof(out->control))
		return dro_fail(err, DRO_EINVAL, "a path of ssh's is too long");
	memcpy(out->words, words, sizeof(words));
	return 0;
}
