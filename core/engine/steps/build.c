/*
 * image.prepare {provider, region, build} -> {user_data}: the key by which the machine lets us in,
 * and what has it do so. Ends the machines that earlier builds of the image left: one run of a
 * service goes on at a time, so what is another one's is nobody's. Undone, the run's own files go.
 * image.verify {provider, region, id, playbook_sha256, base}: is the image there, and does it bear
 * what it was made of? The run's files go then.
 */
#include "engine/steps/build.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/secret.h"

#define KEYGEN_MS 10000
#define PUBLIC_KEY_MAX 8192

/* What earlier builds left; *count of them. malloc'd, the strings are the list's. */
static const char **left(const struct dro_step_context *context,
	const struct dro_instance_list *list, size_t *count, struct dro_error *err)
{
	const char **ids = calloc(list->count + 1, sizeof(*ids));
	size_t i;

	*count = 0;
	if (!ids)
		dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; ids && i < list->count; i++) {
		const struct dro_instance *instance = list->items[i];
		const char *run = dro_instance_tag(instance, DRO_TAG_RUN);

		if (instance->state != DRO_INSTANCE_TERMINATED &&
			instance->state != DRO_INSTANCE_TERMINATING &&
			!(run && strcmp(run, context->plan->id) == 0))
			ids[(*count)++] = instance->id;
	}
	return ids;
}

static int end_left(
	struct dro_step_context *context, const struct dro_step_place *place, struct dro_error *err)
{
	const struct dro_pair tags[] = {{DRO_TAG_SERVICE, context->world->service->name},
		{DRO_TAG_ROLE, DRO_MARK_BUILD},
		{DRO_TAG_IMAGE, dro_json_text(context->inputs, "build")}};
	struct dro_instance_query query = {.size = sizeof(query),
		.region = place->region,
		.tags = tags,
		.tag_count = sizeof(tags) / sizeof(tags[0])};
	struct dro_instance_list list = {0};
	const char **ids = NULL;
	size_t count = 0;
	int rc;

	if ((rc = dro_provider_list_instances(
		     place->provider, &query, &list, &context->call, err)) < 0)
		goto out;
	ids = left(context, &list, &count, err);
	rc = !ids	 ? DRO_ENOMEM
	     : count > 0 ? dro_provider_terminate_instances(
				   place->provider, place->region, ids, count, &context->call, err)
			 : 0;
	if (rc == 0 && count > 0)
		dro_buf_printf(&context->note, "%zu machines of earlier builds terminated", count);
out:
	free(ids);
	dro_instance_list_free(&list);
	return rc;
}

/* ---- the key -----------------------------------------------------------------------------------
 */

/* ssh takes such a path apart: blanks, quotes and percent signs mean something to it. */
static int check_plain(const char *path, struct dro_error *err)
{
	const char *c;

	for (c = path; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/._-+,:@=", *c))
			return dro_fail(err, DRO_EINVAL,
				"%s: ssh can use no path with a '%c' in it", path, *c);
	return 0;
}

static int keygen(char *const argv[], struct dro_buf *out, struct dro_error *err)
{
	struct dro_buf errors = DRO_BUF_INIT(4096);
	char *env[BUILD_ENVIRONMENT_MAX], says[300];
	struct dro_proc_result result = {0};
	int rc;

	dro_env_pick(env, BUILD_ENVIRONMENT_MAX, build_environment);
	rc = dro_proc_run(argv, env, NULL, out, &errors, dro_now_ms() + KEYGEN_MS, &result, err);
	if (rc == 0 && result.exit_code != 0) {
		build_last_line(says, sizeof(says), dro_buf_str(&errors));
		rc = dro_fail(err, DRO_EAUTH, "the key: %s", says);
	}
	dro_env_free(env);
	dro_buf_free(&errors);
	return rc;
}

/* The private key where ssh will look for it: made now, linked to, or written out. Nobody has seen
 * what an earlier try made. */
static int make_key(const struct dro_image_policy *policy, const char *file, uint64_t deadline_ms,
	struct dro_error *err)
{
	char *const argv[] = {
		"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", (char *)file, NULL};
	struct dro_secret secret = DRO_SECRET_INIT;
	int rc;

	unlink(file);
	if (policy->identity.kind == DRO_SECRET_NONE)
		return keygen(argv, NULL, err);
	rc = dro_secret_resolve(&secret, &policy->identity, NULL, deadline_ms, err);
	if (rc == 0 && policy->identity.kind == DRO_SECRET_FILE) {
		if (symlink(policy->identity.value, file) < 0)
			rc = dro_fail_errno(err, "%s", file);
	} else if (rc == 0) {
		secret.value[secret.length] = '\n'; /* its NUL's place: ssh wants a last line */
		rc = dro_file_write(file, secret.value, secret.length + 1, 0600, err);
	}
	dro_secret_free(&secret);
	return rc;
}

/* "ssh-ed25519 AAAA…" of the private key, without its comment. */
static int public_key(char *out, size_t size, const char *file, struct dro_error *err)
{
	char *const argv[] = {"ssh-keygen", "-y", "-P", "", "-f", (char *)file, NULL};
	struct dro_buf text = DRO_BUF_INIT(16384);
	const char *key;
	size_t length;
	int rc;

	if ((rc = keygen(argv, &text, err)) == 0) {
		key = dro_buf_str(&text);
		length = strcspn(key, " \n");
		length += key[length] == ' ' ? 1 + strcspn(key + length + 1, " \n") : 0;
		if (length == 0 || length >= size)
			rc = dro_fail(err, DRO_EAUTH, "the key: ssh-keygen shows no public one");
		else
			snprintf(out, size, "%.*s", (int)length, key);
	}
	dro_buf_free(&text);
	return rc;
}

/* What runs once at the machine's first boot, and lets us in. */
static int output_user_data(struct dro_step_context *context, const struct dro_image_policy *policy,
	const char *key, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(12288);
	int rc;

	dro_buf_printf(&text,
		"#!/bin/sh\n"
		"user='%s'; key='%s drorch-build-%s'\n"
		"home=$(getent passwd \"$user\" | cut -d: -f6)\n"
		"[ -n \"$home\" ] || exit 1\n"
		"mkdir -p \"$home/.ssh\"\n"
		"printf '%%s\\n' \"$key\" >>\"$home/.ssh/authorized_keys\"\n"
		"chmod 700 \"$home/.ssh\"; chmod 600 \"$home/.ssh/authorized_keys\"\n"
		"chown -R \"$user:\" \"$home/.ssh\"\n",
		policy->ssh_user, key, context->plan->id);
	if ((rc = dro_buf_check(&text, err)) == 0)
		dro_step_output(context, "user_data", cJSON_CreateString(text.data));
	dro_buf_free(&text);
	return rc;
}

int dro_step_image_prepare(struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_image_policy *policy;
	struct dro_step_place place;
	char key[PUBLIC_KEY_MAX], *folder = NULL, *identity = NULL;
	int rc;

	if ((rc = dro_step_place(context, &place, err)) < 0 ||
		(rc = dro_step_image_policy(context, &policy, err)) < 0 ||
		(rc = dro_step_file(context, "", &folder, err)) < 0 ||
		(rc = dro_step_file(context, BUILD_IDENTITY, &identity, err)) < 0 ||
		(rc = check_plain(folder, err)) < 0 ||
		(rc = check_plain(policy->known_hosts, err)) < 0 ||
		(rc = dro_dir_make(folder, 0700, err)) < 0 ||
		(rc = make_key(policy, identity, context->call.deadline_ms, err)) < 0 ||
		(rc = public_key(key, sizeof(key), identity, err)) < 0 ||
		(rc = output_user_data(context, policy, key, err)) < 0)
		goto out;
	rc = end_left(context, &place, err);
out:
	free(folder);
	free(identity);
	return rc;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

/* Its key, its playbook, its output: nobody needs them any more. */
static int drop_files(const struct dro_step_context *context, struct dro_error *err)
{
	char *folder;
	int rc;

	if ((rc = dro_step_file(context, "", &folder, err)) == 0)
		rc = dro_dir_remove(folder, err);
	free(folder);
	return rc;
}

int dro_step_image_unprepare(struct dro_step_context *context, struct dro_error *err)
{
	return drop_files(context, err);
}

static int check(const struct dro_step_context *context, const struct dro_image *image,
	struct dro_error *err)
{
	static const struct {
		const char *tag, *input;
	} marks[] = {{DRO_TAG_PLAYBOOK, "playbook_sha256"}, {DRO_TAG_BASE, "base"}};
	size_t i;

	if (image->state != DRO_IMAGE_AVAILABLE)
		return dro_fail(err, DRO_ECONFLICT, "image %s is %s", image->id,
			*image->native_state ? image->native_state : "not available");
	/* Where a provider has no tags there are none to compare. */
	for (i = 0; i < sizeof(marks) / sizeof(marks[0]) && image->tag_count > 0; i++) {
		const char *tag = dro_image_tag(image, marks[i].tag);

		if (!tag || strcmp(tag, dro_json_text(context->inputs, marks[i].input)) != 0)
			return dro_fail(err, DRO_ECONFLICT, "image %s does not bear its %s",
				image->id, marks[i].tag);
	}
	return 0;
}

int dro_step_image_verify(struct dro_step_context *context, struct dro_error *err)
{
	const char *id = dro_json_text(context->inputs, "id");
	struct dro_image_query query = {.size = sizeof(query), .ids = &id, .id_count = 1};
	struct dro_image_list list = {0};
	struct dro_step_place place;
	int rc;

	if ((rc = dro_step_place(context, &place, err)) < 0)
		return rc;
	query.region = place.region;
	rc = dro_provider_list_images(place.provider, &query, &list, &context->call, err);
	if (rc == 0 && list.count == 0)
		rc = dro_fail(err, DRO_ENOTFOUND, "there is no image %s", id);
	if (rc == 0)
		rc = check(context, list.items[0], err);
	if (rc == 0)
		dro_buf_printf(&context->note, "%s %s", id, list.items[0]->name);
	dro_image_list_free(&list);
	return rc == 0 ? drop_files(context, err) : rc;
}
