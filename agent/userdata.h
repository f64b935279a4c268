/*
 * User-data: what the controller told this host when it made it.
 *
 *   {"drorch": 1, "service": …, "site": …, "role": …, "run": …, "step": …, "epoch": …,
 *    "backup": {"id": …, "policy": …, "store": {"bucket", "prefix", "region"},
 *               "manifest_sha256": …}}
 */
#ifndef AGENT_USERDATA_H
#define AGENT_USERDATA_H

#include "base/json.h"

#define AGENT_USERDATA_MAX 65536
#define AGENT_USERDATA_CLOUD "/var/lib/cloud/instance/user-data.txt"

/* Strings are never NULL; they belong to `json`. */
struct agent_userdata {
	cJSON *json;
	const char *service, *site, *role, *run;
	int64_t epoch;	    /* of the lease in whose name the host was made; 0: none was given */
	const char *backup; /* id; "" : nothing is to be restored */
	const char *bucket, *prefix, *region;
	const char *manifest_sha256; /* hex */
};

/* Checks every rule; DRO_EPROTO says which one was broken. */
int agent_userdata_parse(
	struct agent_userdata *out, const char *text, size_t length, struct dro_error *err);
/* The file; one that is empty, or "", is a host without any: every field is "". */
int agent_userdata_read(struct agent_userdata *out, const char *path, struct dro_error *err);
/*
 * `path`, where that file holds user-data of ours: cloud-init keeps there what the cloud told this
 * host, whoever it was for. "" where there is none, or it is no JSON object.
 */
const char *agent_userdata_find(const char *path);
void agent_userdata_free(struct agent_userdata *userdata); /* NULL-safe */

#endif
