#include "cli/spec_source.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "cli/spec_judge.h"
#include "cli/spec_memory.h"
#include "repo/repo.h"
#include "spec/load.h"

#define FETCH_MS 20000
#define CHECK_MS 5000 /* for git where there is a spec to go on with */
#define SUMMARY_MAX (4u << 20)

/* A git remote, its mirror, and the commit last acted on. */
struct source {
	struct dro_repo_config repo;
	struct dro_store *store;
	char *mirror;
	char *fact;   /* the key of the last good commit */
	char *memory; /* the key of its files */
	char *last_good;
};

static bool is_folder(const char *url)
{
	struct stat st;

	return stat(url, &st) == 0 && S_ISDIR(st.st_mode);
}

static void source_free(struct source *source)
{
	free(source->mirror);
	free(source->fact);
	free(source->memory);
	free(source->last_good);
}

static int source_init(struct source *source, const struct dro_config *config,
	struct dro_store *store, struct dro_error *err)
{
	char hash[DRO_SHA256_HEX];

	*source = (struct source){.store = store};
	if (dro_sha256_hex(hash, config->url, strlen(config->url)) < 0 ||
		asprintf(&source->mirror, "%s/repo-%.16s.git", config->state, hash) < 0 ||
		asprintf(&source->fact, "spec-commit %s %s", config->url, config->branch) < 0 ||
		asprintf(&source->memory, "spec-files %s %s %s", config->url, config->branch,
			config->path) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (dro_store_fact_get(store, "", source->fact, &source->last_good, NULL, NULL) < 0)
		source->last_good = strdup("");
	source->repo = (struct dro_repo_config){.url = config->url,
		.branch = config->branch,
		.path = config->path,
		.mirror = source->mirror,
		.allowed_signers = *config->allowed_signers ? config->allowed_signers : NULL,
		.token = getenv("DRORCH_GIT_TOKEN"),
		.allow_rewind = config->allow_rewind,
		.deadline_ms = dro_now_ms() + FETCH_MS};
	return source->last_good ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
}

/* Loads a tree; what is wrong with it is printed. */
static int load(struct dro_spec **out, const struct dro_tree *tree, struct dro_error *err)
{
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	int rc = dro_spec_load(out, tree, &report, err);

	dro_report_print(&report, &text);
	if (text.length)
		fputs(text.data, stderr);
	dro_buf_free(&text);
	dro_report_fini(&report);
	return rc;
}

/* From the store where that has it: git is a child, and may be damaged. */
static int load_commit(struct dro_spec **out, const struct source *source, const char *commit,
	bool remember, struct dro_error *err)
{
	struct dro_tree *tree = NULL;
	int rc;

	if (dro_spec_recall(&tree, source->store, source->memory, commit, NULL) == 0)
		remember = false;
	else if ((rc = dro_repo_read(&source->repo, commit, &tree, err)) < 0)
		return rc;
	rc = load(out, tree, err);
	if (rc == 0 && remember &&
		(rc = dro_spec_remember(source->store, source->memory, tree, err)) < 0) {
		dro_spec_free(*out);
		*out = NULL;
	}
	dro_tree_free(tree);
	return rc;
}

static bool has_service(const struct dro_tree *tree)
{
	size_t i;

	for (i = 0; i < tree->file_count; i++)
		if (strncmp(tree->files[i].path, "services/", 9) == 0)
			return true;
	return false;
}

/* Against the commit that was acted on last. Where that cannot be read any more, there is nothing
 * to compare with. */
static int judge(const struct source *source, const struct dro_spec *spec, struct dro_error *err)
{
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_spec *before = NULL;
	struct dro_tree *tree = NULL;
	int rc = 0;

	if ((dro_spec_recall(&tree, source->store, source->memory, source->last_good, NULL) == 0 ||
		    dro_repo_read(&source->repo, source->last_good, &tree, NULL) == 0) &&
		dro_spec_load(&before, tree, &report, NULL) == 0)
		rc = dro_spec_judge(source->store, before, spec, err);
	dro_report_fini(&report);
	dro_spec_free(before);
	dro_tree_free(tree);
	return rc;
}

/* A commit that is not the last good one: to be read, judged, and only then remembered. */
static int load_new(struct dro_spec **out, const struct source *source, const char *commit,
	struct dro_error *err)
{
	struct dro_spec *spec = NULL;
	struct dro_tree *tree = NULL;
	int rc;

	if ((rc = dro_repo_read(&source->repo, commit, &tree, err)) < 0)
		return rc;
	if (*source->last_good && !has_service(tree))
		rc = dro_spec_judge_empty(commit, err);
	else
		rc = load(&spec, tree, err);
	if (rc == 0 && *source->last_good)
		rc = judge(source, spec, err);
	if (rc == 0)
		rc = dro_spec_remember(source->store, source->memory, tree, err);
	if (rc == 0) {
		*out = spec;
		spec = NULL;
	}
	dro_spec_free(spec);
	dro_tree_free(tree);
	return rc;
}

static int load_newest(struct dro_spec **out, const struct source *source,
	const struct dro_log *log, struct dro_error *err)
{
	char commit[DRO_COMMIT_TEXT] = "";
	int rc;

	if ((rc = dro_repo_sync(&source->repo, source->last_good, commit, err)) == 0)
		rc = strcmp(commit, source->last_good) == 0
			     ? load_commit(out, source, commit, true, err)
			     : load_new(out, source, commit, err);
	dro_spec_attempted(source->store, commit, rc < 0 ? err : NULL);
	if (rc == 0 || !*source->last_good || rc == DRO_ENOMEM)
		return rc;
	dro_log(log, DRO_LOG_WARNING, "%s; going on with the last good commit, %.12s", err->message,
		source->last_good);
	return load_commit(out, source, source->last_good, false, err);
}

/* How a person, or Ansible, gets onto the site's hosts. Where keys are, never what they are. */
static void add_ssh(cJSON *json, const struct dro_agent *agent)
{
	cJSON *ssh;

	if (!dro_agent_has_session(agent))
		return;
	ssh = cJSON_AddObjectToObject(json, "ssh");
	cJSON_AddStringToObject(ssh, "user", agent->ssh_user);
	cJSON_AddStringToObject(ssh, "known_hosts", agent->known_hosts);
	if (agent->identity.kind == DRO_SECRET_FILE)
		cJSON_AddStringToObject(ssh, "identity", agent->identity.value);
}

/* What `status` and `inventory` show without reading the repository. */
static int remember_summary(
	const struct dro_spec *spec, struct dro_store *store, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(SUMMARY_MAX);
	cJSON *json = cJSON_CreateObject(), *services;
	char *before = NULL;
	size_t i, j;
	int rc;

	cJSON_AddStringToObject(json, "commit", spec->commit);
	services = cJSON_AddArrayToObject(json, "services");
	for (i = 0; i < spec->service_count; i++) {
		const struct dro_service *service = &spec->services[i];
		cJSON *entry = cJSON_CreateObject(),
		      *sites = cJSON_AddArrayToObject(entry, "sites");

		cJSON_AddStringToObject(entry, "name", service->name);
		for (j = 0; j < service->site_count; j++) {
			cJSON *site = cJSON_CreateObject();

			cJSON_AddStringToObject(site, "name", service->sites[j].name);
			cJSON_AddBoolToObject(
				site, "primary", service->sites[j].role == DRO_ROLE_PRIMARY);
			cJSON_AddStringToObject(
				site, "strategy", dro_strategy_name(service->sites[j].strategy));
			add_ssh(site, &service->sites[j].agent);
			cJSON_AddItemToArray(sites, site);
		}
		cJSON_AddItemToArray(services, entry);
	}
	dro_json_print(&text, json);
	cJSON_Delete(json);
	rc = dro_buf_check(&text, err);
	if (rc == 0 && (dro_store_fact_get(store, "", "spec-summary", &before, NULL, NULL) < 0 ||
			       strcmp(before, text.data) != 0))
		rc = dro_store_fact_set(store, "", "spec-summary", text.data, err);
	free(before);
	dro_buf_free(&text);
	return rc;
}

static int load_git(struct dro_spec **out, const struct dro_config *config, struct dro_store *store,
	const char *commit, const struct dro_log *log, struct dro_error *err)
{
	struct source source;
	int rc;

	if ((rc = source_init(&source, config, store, err)) == 0)
		rc = commit ? load_commit(out, &source, commit, false, err)
			    : load_newest(out, &source, log, err);
	if (rc == 0 && !commit && strcmp((*out)->commit, source.last_good) != 0)
		rc = dro_store_fact_set(store, "", source.fact, (*out)->commit, err);
	source_free(&source);
	return rc;
}

static int load_folder(struct dro_spec **out, const char *folder, struct dro_error *err)
{
	struct dro_tree *tree = NULL;
	int rc;

	if ((rc = dro_repo_read_dir(folder, &tree, err)) == 0)
		rc = load(out, tree, err);
	dro_tree_free(tree);
	return rc;
}

int dro_spec_from_source(struct dro_spec **out, const struct dro_config *config,
	struct dro_store *store, const char *commit, const struct dro_log *log,
	struct dro_error *err)
{
	int rc;

	if (!*config->url)
		return dro_fail(err, DRO_EINVAL,
			"no spec repository is configured: give --repo URL, set DRORCH_REPO, or "
			"write "
			"repository.url into the configuration file");
	if (is_folder(config->url))
		rc = load_folder(out, config->url, err);
	else
		rc = load_git(out, config, store, commit && *commit ? commit : NULL, log, err);
	return rc == 0 ? remember_summary(*out, store, err) : rc;
}

int dro_spec_folder(struct dro_tree **out, const struct dro_config *config, struct dro_store *store,
	const struct dro_spec *spec, const char *folder, struct dro_error *err)
{
	struct source source;
	char *path;
	int rc;

	if (is_folder(config->url)) {
		path = dro_path_join(config->url, folder);
		rc = path ? dro_repo_read_dir_all(path, out, err)
			  : dro_fail(err, DRO_ENOMEM, "out of memory");
		free(path);
		return rc;
	}
	if ((rc = source_init(&source, config, store, err)) == 0)
		rc = dro_repo_read_all(&source.repo, spec->commit, folder, out, err);
	source_free(&source);
	return rc;
}

/* ---- again and again ------------------------------------------------------------------------- */

/* A commit that was no good is none now, unless somebody let it pass. */
static int refused_before(const struct source *source, const char *commit, struct dro_error *err)
{
	struct dro_spec_attempt attempt;

	if (dro_spec_attempt_get(source->store, &attempt, NULL) < 0 || !*attempt.error ||
		strcmp(attempt.commit, commit) != 0 || dro_spec_accepted(source->store, commit))
		return 0;
	return dro_fail(err, *attempt.rule ? DRO_ESAFETY : DRO_EINVAL, "%s", attempt.error);
}

static int poll_source(
	struct dro_spec **out, const struct source *source, const char *have, struct dro_error *err)
{
	char commit[DRO_COMMIT_TEXT] = "";
	int rc;

	if ((rc = dro_repo_sync(&source->repo, source->last_good, commit, err)) == 0) {
		if (strcmp(commit, have) == 0)
			goto out;
		if ((rc = refused_before(source, commit, err)) < 0)
			return rc;
		rc = strcmp(commit, source->last_good) == 0
			     ? load_commit(out, source, commit, true, err)
			     : load_new(out, source, commit, err);
	}
	if (rc == 0 && strcmp(commit, source->last_good) != 0)
		rc = dro_store_fact_set(source->store, "", source->fact, commit, err);
	if (rc == 0)
		rc = remember_summary(*out, source->store, err);
	if (rc < 0) {
		dro_spec_free(*out);
		*out = NULL;
	}
out:
	dro_spec_attempted(source->store, commit, rc < 0 ? err : NULL);
	return rc;
}

int dro_spec_poll(struct dro_spec **out, const struct dro_config *config, struct dro_store *store,
	const char *have, struct dro_error *err)
{
	struct source source;
	int rc;

	*out = NULL;
	if (is_folder(config->url))
		return dro_fail(err, DRO_EUNSUPPORTED,
			"%s is a folder: there is no commit to follow", config->url);
	if ((rc = source_init(&source, config, store, err)) == 0)
		rc = poll_source(out, &source, have, err);
	source_free(&source);
	return rc;
}

/* ---- early ----------------------------------------------------------------------------------- */

struct dro_spec_check {
	struct source source;
	pthread_t thread;
	char commit[DRO_COMMIT_TEXT];
	int rc;
	struct dro_error err;
};

static void *ask_git(void *arg)
{
	struct dro_spec_check *check = arg;

	check->rc = dro_repo_sync(
		&check->source.repo, check->source.last_good, check->commit, &check->err);
	return NULL;
}

/* The thread takes no signal: those are for main. */
static int start_check(struct dro_spec_check *check, struct dro_error *err)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&check->thread, NULL, ask_git, check);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc ? dro_fail(err, DRO_ENOMEM, "no thread could be started") : 0;
}

/* The last good commit, where the store has its files. */
static int load_remembered(struct dro_spec **out, const struct source *source,
	const struct dro_spec_reader *reader, struct dro_error *err)
{
	struct dro_tree *tree = NULL;
	int rc;

	if (!*source->last_good)
		return dro_fail(err, DRO_ENOTFOUND, "no commit is remembered");
	if ((rc = dro_spec_recall(&tree, source->store, source->memory, source->last_good, err)) ==
		0) {
		if (reader->begins)
			reader->begins(reader->arg, tree);
		rc = load(out, tree, err);
	}
	dro_tree_free(tree);
	return rc;
}

int dro_spec_early(struct dro_spec **out, struct dro_spec_check **check,
	const struct dro_config *config, struct dro_store *store, const struct dro_log *log,
	const struct dro_spec_reader *reader, struct dro_error *err)
{
	struct dro_spec_check *made = calloc(1, sizeof(*made));

	*check = NULL;
	if (!made)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	made->err = (struct dro_error)DRO_ERROR_INIT;
	if (!*config->url || is_folder(config->url) ||
		source_init(&made->source, config, store, NULL) < 0)
		goto ordinary;
	made->source.repo.deadline_ms = dro_now_ms() + CHECK_MS;
	if (load_remembered(out, &made->source, reader, NULL) < 0)
		goto ordinary;
	if (start_check(made, NULL) == 0) {
		*check = made;
		return 0;
	}
	dro_spec_free(*out);
	*out = NULL;
ordinary:
	source_free(&made->source);
	free(made);
	return dro_spec_from_source(out, config, store, NULL, log, err);
}

bool dro_spec_check_end(struct dro_spec_check *check, const struct dro_log *log)
{
	bool moved;

	if (!check)
		return false;
	pthread_join(check->thread, NULL);
	if (check->rc < 0)
		dro_log(log, DRO_LOG_WARNING, "%s; going on with the last good commit, %.12s",
			check->err.message, check->source.last_good);
	moved = check->rc == 0 && strcmp(check->commit, check->source.last_good) != 0;
	source_free(&check->source);
	free(check);
	return moved;
}
