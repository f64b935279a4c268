/*
 * image.play {build, playbook, addresses}: runs ansible-playbook on the machine, as a job that goes
 * on when its worker is killed (base/job.h), so that nobody begins it twice. Its lines go to the
 * run's log, the task's name into the note. Undone, it is stopped.
 */
#include "engine/steps/build.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/job.h"

#define POLL_LEAST_MS 150
#define POLL_MOST_MS 2000
#define CHUNK 262144 /* of what it says, at a time; a longer line is cut into such */
#define INVENTORY_MAX (1u << 20)
#define CONTROL_PATH_MAX 70 /* a longer one is no socket's, with what ssh adds */
#define WHY_MAX 700

/* ---- what Ansible is told ----------------------------------------------------------------------
 */

static int write_inventory(const struct dro_step_context *context, const struct build_ssh *ssh,
	const char *path, struct dro_error *err)
{
	const struct dro_image_policy *policy = ssh->policy;
	cJSON *json = cJSON_CreateObject(), *group = cJSON_AddObjectToObject(json, "build"),
	      *hosts = cJSON_AddObjectToObject(group, "hosts"),
	      *vars = cJSON_AddObjectToObject(hosts, policy->name);
	struct dro_buf text = DRO_BUF_INIT(INVENTORY_MAX), args = DRO_BUF_INIT(16384);
	size_t i;
	int rc;

	for (i = 0; i < policy->var_count; i++)
		cJSON_AddStringToObject(vars, policy->vars[i].name, policy->vars[i].value);
	dro_buf_printf(&args,
		"-o UserKnownHostsFile=%s -o StrictHostKeyChecking=%s -o "
		"GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o ConnectTimeout=10 -o "
		"ServerAliveInterval=5 -o ServerAliveCountMax=4",
		ssh->known_hosts, ssh->host_keys);
	cJSON_AddStringToObject(vars, "ansible_host", ssh->address);
	cJSON_AddStringToObject(vars, "ansible_user", policy->ssh_user);
	cJSON_AddStringToObject(vars, "ansible_python_interpreter", "/usr/bin/python3");
	cJSON_AddStringToObject(vars, "ansible_ssh_private_key_file", ssh->identity);
	cJSON_AddStringToObject(vars, "ansible_ssh_common_args", dro_buf_str(&args));
	cJSON_AddStringToObject(vars, "drorch_service", context->world->service->name);
	cJSON_AddStringToObject(vars, "drorch_role", DRO_MARK_BUILD);
	cJSON_AddStringToObject(vars, "drorch_image", policy->name);
	cJSON_AddStringToObject(vars, "drorch_provider", policy->provider);
	cJSON_AddStringToObject(vars, "drorch_region", policy->region);
	dro_json_print(&text, json);
	if ((rc = dro_buf_check(&args, err)) == 0 && (rc = dro_buf_check(&text, err)) == 0)
		rc = dro_file_write(path, text.data, text.length, 0600, err);
	cJSON_Delete(json);
	dro_buf_free(&text);
	dro_buf_free(&args);
	return rc;
}

/* Ours comes before what an ansible.cfg beside the playbook says. */
static int make_environment(char **env, const char *files, struct dro_error *err)
{
	const char *share = strlen(files) + 2 < CONTROL_PATH_MAX
				    ? "-o ControlMaster=auto -o ControlPersist=15s"
				    : "-o ControlMaster=no";
	const struct {
		const char *name, *value, *more;
	} ours[] = {{"ANSIBLE_LOCAL_TEMP", files, "/tmp"},
		{"ANSIBLE_SSH_CONTROL_PATH_DIR", files, "/c"}, {"ANSIBLE_SSH_ARGS", share, ""},
		{"ANSIBLE_STDOUT_CALLBACK", "default", ""}, {"ANSIBLE_NOCOLOR", "1", ""},
		{"ANSIBLE_RETRY_FILES_ENABLED", "0", ""}, {"PYTHONUNBUFFERED", "1", ""}};
	const size_t count = sizeof(ours) / sizeof(ours[0]);
	size_t used, i;

	dro_env_pick(env, BUILD_ENVIRONMENT_MAX - count, build_environment);
	for (used = 0; env[used]; used++)
		;
	for (i = 0; i < count; i++) {
		if (asprintf(&env[used], "%s=%s%s", ours[i].name, ours[i].value, ours[i].more) <
			0) {
			env[used] = NULL;
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		}
		env[++used] = NULL;
	}
	return 0;
}

/* The playbook's path in its own folder: the spec's has that folder before it. */
static const char *below_folder(const struct dro_image_policy *policy, const char *playbook)
{
	const char *slash = strrchr(policy->playbook, '/');

	return slash ? playbook + (slash - policy->playbook) + 1 : playbook;
}

static int start(const struct dro_step_context *context, const struct build_ssh *ssh,
	const char *path, struct dro_error *err)
{
	char *files = NULL, *inventory = NULL, *folder = NULL, *env[BUILD_ENVIRONMENT_MAX] = {NULL};
	struct dro_buf program = DRO_BUF_INIT(4096);
	const char *playbook;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, "playbook", &playbook, err)) < 0 ||
		(rc = dro_step_file(context, "", &files, err)) < 0 ||
		(rc = dro_step_file(context, "inventory.json", &inventory, err)) < 0 ||
		(rc = dro_step_file(context, DRO_BUILD_PLAYBOOK, &folder, err)) < 0 ||
		(rc = dro_proc_find(&program, "ansible-playbook", err)) < 0 ||
		(rc = write_inventory(context, ssh, inventory, err)) < 0 ||
		(rc = make_environment(env, files, err)) < 0)
		goto out;
	{
		char *const argv[] = {program.data, "-i", inventory,
			(char *)below_folder(ssh->policy, playbook), NULL};
		const struct dro_job job = {.path = path,
			.argv = argv,
			.env = env,
			.folder = folder,
			.timeout_ms = (uint64_t)ssh->policy->deadline_ms};

		rc = dro_job_start(&job, err);
	}
out:
	dro_env_free(env);
	dro_buf_free(&program);
	free(files);
	free(inventory);
	free(folder);
	return rc;
}

/* ---- what it says ------------------------------------------------------------------------------
 */

/* "TASK [install packages] ****" -> "install packages". */
static bool task_name(char *out, size_t size, const char *line)
{
	const char *open = strchr(line, '['), *close = strrchr(line, ']');

	if ((strncmp(line, "TASK [", 6) != 0 && strncmp(line, "RUNNING HANDLER [", 17) != 0) ||
		!close)
		return false;
	snprintf(out, size, "%.*s", (int)(close - open - 1), open + 1);
	return true;
}

/* "fatal: [host]: FAILED! => {"msg": …}" -> the message, and what the command said. */
static void read_failure(char *out, size_t size, const char *line)
{
	const char *json = strstr(line, "=> ");
	const char *says;
	cJSON *what = NULL;

	if (json && dro_json_parse(&what, json + 3, strlen(json + 3), CHUNK, NULL) == 0) {
		says = dro_json_text(what, "stderr");
		says = *says ? says : dro_json_text(what, "module_stderr");
		snprintf(out, size, "%s%s%.300s", dro_json_text(what, "msg"), *says ? ": " : "",
			says);
	} else {
		snprintf(out, size, "%.300s", line);
	}
	cJSON_Delete(what);
}

static void take_line(struct dro_step_context *context, const char *line)
{
	char text[WHY_MAX];

	if (task_name(text, sizeof(text), line)) {
		dro_step_output(context, "task", cJSON_CreateString(text));
		dro_step_output(context, "failure", NULL); /* the one before was let pass */
	} else if (strncmp(line, "fatal: ", 7) == 0 || strncmp(line, "ERROR! ", 7) == 0) {
		read_failure(text, sizeof(text), line);
		dro_step_output(context, "failure", cJSON_CreateString(text));
	} else if (strstr(line, " ok=") && strstr(line, " unreachable=")) {
		snprintf(text, sizeof(text), "%.200s", strstr(line, "ok="));
		dro_step_output(context, "recap", cJSON_CreateString(text));
	}
	if (*line)
		dro_log(context->world->log, DRO_LOG_INFO, "%s: %.4000s", context->step->id, line);
}

/* The whole lines of one chunk; how much of it they are. `last`: also what has no end. */
static size_t take_lines(struct dro_step_context *context, char *text, size_t length, bool last)
{
	char *line = text, *end;

	while ((end = memchr(line, '\n', length - (size_t)(line - text)))) {
		*end = '\0';
		take_line(context, line);
		line = end + 1;
	}
	if (last && line < text + length) {
		take_line(context, line);
		line = text + length;
	}
	return (size_t)(line - text);
}

/* What it said since the last look. */
static int hear(
	struct dro_step_context *context, const char *path, bool ended, struct dro_error *err)
{
	char *text = malloc(CHUNK + 1), *file = NULL;
	int64_t heard = 0;
	ssize_t got = 0;
	int fd = -1, rc = 0;

	if (!text || asprintf(&file, "%s.out", path) < 0) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	dro_json_int(context->outputs, "heard", 0, &heard, NULL);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (got = pread(fd, text, CHUNK, heard)) > 0) {
		size_t taken;

		text[got] = '\0';
		taken = take_lines(context, text, (size_t)got, got == CHUNK || ended);
		heard += (int64_t)taken;
		if (!taken)
			break;
	}
	if (fd < 0 || got < 0)
		rc = dro_fail_errno(err, "%s", file);
	dro_step_output(context, "heard", cJSON_CreateNumber((double)heard));
out:
	if (fd >= 0)
		close(fd);
	free(text);
	free(file);
	return rc;
}

static int judge(struct dro_step_context *context, const struct dro_job_status *status,
	struct dro_error *err)
{
	const char *task = dro_json_text(context->outputs, "task"),
		   *failure = dro_json_text(context->outputs, "failure"),
		   *playbook = dro_json_text(context->inputs, "playbook");

	if (status->exit_code == 0) {
		dro_buf_printf(&context->note, "%.200s", dro_json_text(context->outputs, "recap"));
		return DRO_STEP_DONE;
	}
	if (status->late)
		return dro_fail(err, DRO_EIO,
			"%s was stopped at its deadline; it was at task \"%.200s\"", playbook,
			task);
	if (*task)
		return dro_fail(err, DRO_EIO, "%s: task \"%.200s\" failed: %s", playbook, task,
			*failure ? failure : "it did not say why");
	if (status->signal)
		return dro_fail(err, DRO_EIO, "%s: ansible-playbook died of signal %d", playbook,
			status->signal);
	return dro_fail(err, DRO_EIO, "%s: ansible-playbook ended with %d: %s", playbook,
		status->exit_code, failure);
}

/* ---- the step ----------------------------------------------------------------------------------
 */

int dro_step_image_play(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_job_status status;
	struct build_ssh ssh;
	char *path = NULL;
	int rc;

	if ((rc = build_ssh_init(&ssh, context, err)) < 0 ||
		(rc = dro_step_file(context, context->step->id, &path, err)) < 0 ||
		(rc = dro_job_look(path, &status, err)) < 0)
		goto out;
	if (status.state == DRO_JOB_NONE) {
		dro_step_output(context, "heard", NULL);
		if ((rc = start(context, &ssh, path, err)) < 0)
			goto out;
		dro_buf_puts(&context->note, "begins");
		rc = dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
		goto out;
	}
	if ((rc = hear(context, path, status.state == DRO_JOB_ENDED, err)) < 0)
		goto out;
	if (status.state == DRO_JOB_ENDED) {
		rc = judge(context, &status, err);
	} else {
		dro_buf_printf(&context->note, "%.300s", dro_json_text(context->outputs, "task"));
		rc = dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
	}
out:
	build_ssh_free(&ssh);
	free(path);
	return rc;
}

int dro_step_image_unplay(struct dro_step_context *context, struct dro_error *err)
{
	char *path;
	int rc;

	if ((rc = dro_step_file(context, context->step->id, &path, err)) == 0)
		rc = dro_job_stop(path, err);
	free(path);
	return rc;
}
