/*
 * drorch image build NAME: from the spec's playbook to a machine image, as a run. What the playbook
 * needs is taken out of the repository before anything is launched, so that a run that is taken up
 * again has what it was planned with.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/worker.h"
#include "engine/start.h"
#include "engine/steps/build.h"
#include "observe/images.h"
#include "plan/image.h"

#define ASK_MS 20000

/* ---- the playbook ------------------------------------------------------------------------------
 */

/* The folder that a playbook stands in, malloc'd; "" : the specs' own. */
static char *folder_of(const char *playbook)
{
	const char *slash = strrchr(playbook, '/');

	return strndup(playbook, slash ? (size_t)(slash - playbook) : 0);
}

static int need_file(const struct dro_tree *tree, const char *folder, const char *playbook,
	const struct dro_image_policy *policy, struct dro_error *err)
{
	const char *path = playbook + (*folder ? strlen(folder) + 1 : 0);

	if (!*playbook || dro_tree_find(tree, path))
		return 0;
	return dro_fail(err, DRO_ENOTFOUND, "%s:%d:%d: the spec's repository has no %s",
		policy->place.file, policy->place.line, policy->place.column, playbook);
}

/* The playbook's folder, with all that stands in it. */
static int read_playbook(struct dro_tree **out, const struct dro_setup *setup,
	const struct dro_image_policy *policy, struct dro_error *err)
{
	char *folder = folder_of(policy->playbook);
	int rc;

	if (!folder)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_spec_folder(out, setup->config, setup->store, setup->spec, folder, err)) < 0)
		dro_error_context(err, "%s", policy->playbook);
	else if ((rc = need_file(*out, folder, policy->playbook, policy, err)) == 0)
		rc = need_file(*out, folder, policy->bake, policy, err);
	free(folder);
	return rc;
}

static int write_file(const char *folder, const struct dro_tree_file *file, struct dro_error *err)
{
	char *path = dro_path_join(folder, file->path), *slash;
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	slash = strrchr(path, '/');
	*slash = '\0';
	rc = dro_dir_make(path, 0755, err);
	*slash = '/';
	if (rc == 0)
		rc = dro_file_write(path, file->data, file->length, 0644, err);
	free(path);
	return rc;
}

/* Into the run's files: STATE/runs/RUN.files, malloc'd into *files also after a failure. */
static int write_playbook(char **files, const struct dro_tree *tree, const struct dro_setup *setup,
	const struct dro_plan *plan, struct dro_error *err)
{
	char *folder = NULL;
	size_t i;
	int rc;

	if (asprintf(files, "%s/runs/%s.files", setup->config->state, plan->id) < 0) {
		*files = NULL;
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	folder = dro_path_join(*files, DRO_BUILD_PLAYBOOK);
	rc = folder ? dro_dir_make(*files, 0700, err) : dro_fail(err, DRO_ENOMEM, "out of memory");
	if (rc == 0)
		rc = dro_dir_make(folder, 0755, err);
	for (i = 0; i < tree->file_count && rc == 0; i++)
		rc = write_file(folder, &tree->files[i], err);
	free(folder);
	return rc;
}

/* ---- the build ---------------------------------------------------------------------------------
 */

/* What is to be run here: said before a machine is paid for. */
static int check_programs(struct dro_error *err)
{
	static const char *const programs[][2] = {{"ansible-playbook", "ansible-core"},
		{"ssh", "openssh-client"}, {"ssh-keygen", "openssh-client"}};
	struct dro_buf path = DRO_BUF_INIT(4096);
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]) && rc == 0; i++)
		if ((rc = dro_proc_find(&path, programs[i][0], err)) < 0)
			rc = dro_fail(err, DRO_EUNSUPPORTED,
				"a build runs %s here: apt-get install %s", programs[i][0],
				programs[i][1]);
	dro_buf_free(&path);
	return rc;
}

static int find_base(char **out, const struct dro_setup *setup,
	const struct dro_image_policy *policy, struct dro_error *err)
{
	struct dro_provider *provider;
	int rc = dro_accounts_get(setup->accounts, policy->provider, &provider, err);

	return rc < 0 ? rc
		      : dro_image_find(out, provider, policy->region, policy->base, false,
				dro_now_ms() + ASK_MS, err);
}

static int build(struct dro_cli *cli, struct dro_setup *setup, struct dro_image_facts *facts)
{
	struct dro_error err = DRO_ERROR_INIT;
	char *base = NULL, *files = NULL, digest[DRO_SHA256_HEX];
	struct dro_tree *tree = NULL;
	struct dro_plan *plan = NULL;
	struct dro_run_row *run = NULL;
	int rc;

	if (dro_run_check_open(setup->store, facts->service->name, DRO_KIND_IMAGE, &err) < 0 ||
		check_programs(&err) < 0 || read_playbook(&tree, setup, facts->policy, &err) < 0 ||
		dro_tree_digest(tree, digest, &err) < 0 ||
		find_base(&base, setup, facts->policy, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	facts->base = base;
	facts->playbook_sha256 = digest;
	facts->now_ms = dro_wall_ms();
	if (dro_plan_image(&plan, facts, &err) < 0 ||
		write_playbook(&files, tree, setup, plan, &err) < 0) {
		rc = dro_cli_error(cli, &err);
	} else {
		if (!cli->json)
			dro_print_line(stdout, "%s, by %s (%.12s) on a %s at %s", plan->summary,
				facts->policy->playbook, digest,
				dro_image_machine_type(facts->service, facts->policy),
				facts->policy->provider);
		rc = dro_worker_run(cli, setup, plan, NULL, NULL);
	}
	/* Those of a run are its own to drop. */
	if (files && dro_store_run_get(setup->store, plan->id, &run, NULL) == DRO_ENOTFOUND)
		dro_dir_remove(files, NULL);
out:
	dro_run_row_free(run);
	dro_plan_free(plan);
	dro_tree_free(tree);
	free(files);
	free(base);
	return rc;
}

static int no_such_image(
	const struct dro_cli *cli, const struct dro_service *service, const char *name)
{
	struct dro_buf images = DRO_BUF_INIT(300); /* of very many, the first */
	struct dro_error err = DRO_ERROR_INIT;
	size_t i;

	for (i = 0; i < service->image_count; i++)
		dro_buf_printf(&images, "%s%s", i ? ", " : "", service->images[i].name);
	dro_fail(&err, DRO_ENOTFOUND, "service %s has no image \"%s\"; it has %s", service->name,
		name, service->image_count ? dro_buf_str(&images) : "none");
	dro_buf_free(&images);
	return dro_cli_error(cli, &err);
}

int dro_cmd_image_build(struct dro_cli *cli)
{
	struct dro_image_facts facts = {0};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	char *active = NULL;
	int64_t since;
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_PROVIDERS)) != 0)
		goto out;
	facts.spec = setup.spec;
	facts.service = dro_setup_service(&setup, cli, dro_cli_value(cli, "service"), &rc);
	if (!facts.service)
		goto out;
	facts.policy = dro_service_image(facts.service, cli->args[0]);
	if (!facts.policy) {
		rc = no_such_image(cli, facts.service, cli->args[0]);
		goto out;
	}
	if (dro_setup_active(&active, &since, &setup, facts.service, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	facts.active = active;
	rc = build(cli, &setup, &facts);
out:
	free(active);
	dro_setup_free(&setup);
	return rc;
}
