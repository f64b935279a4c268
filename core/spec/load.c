#include "spec/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/page.h"
#include "spec/check.h"

#define FOLDER "services/"
#define PAGES "pages/"

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_providers(const char *path)
{
	return strcmp(path, "providers.yaml") == 0 || strcmp(path, "providers.yml") == 0;
}

static bool is_service(const char *path)
{
	const char *name = path + strlen(FOLDER);

	return strncmp(path, FOLDER, strlen(FOLDER)) == 0 && !strchr(name, '/') && name[0] != '.' &&
	       (ends_with(name, ".yaml") || ends_with(name, ".yml"));
}

/* A file's name as messages show it; kept by the spec, since places point to it. */
static const char *add_file(
	struct dro_fill *fill, struct dro_spec *spec, const struct dro_tree *tree, const char *path)
{
	char *name = NULL;

	if (asprintf(&name, "%s%s", tree->origin, path) < 0) {
		fill->rc = DRO_ENOMEM;
		return NULL;
	}
	spec->files[spec->file_count++] = name;
	return name;
}

static int read_file(struct dro_fill *fill, const struct dro_tree_file *file, const char *name,
	const struct dro_form *form, void *target, struct dro_error *err)
{
	struct dro_yaml *yaml = NULL;
	const struct dro_yaml_node *root;
	int rc;

	dro_fill_defaults(fill, form, target);
	rc = dro_yaml_parse(&yaml, name, file->data, file->length, fill->report, err);
	if (rc < 0)
		return rc;
	if (yaml) {
		root = dro_yaml_root(yaml);
		dro_fill_form(fill, form, root, &root->place, target);
	}
	dro_yaml_free(yaml);
	return fill->rc < 0 ? dro_fail(err, fill->rc, "out of memory") : 0;
}

static int read_files(struct dro_fill *fill, struct dro_spec *spec, const struct dro_tree *tree,
	struct dro_error *err)
{
	const char *providers = NULL, *name;
	size_t i;
	int rc;

	for (i = 0; i < tree->file_count; i++) {
		const struct dro_tree_file *file = &tree->files[i];
		bool service = is_service(file->path);

		if (!service && !is_providers(file->path))
			continue;
		if (!(name = add_file(fill, spec, tree, file->path)))
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		if (!service && providers) {
			dro_report_add(fill->report, &(struct dro_place){.file = name},
				"there is %s already: keep one of them", providers);
			continue;
		}
		if (!service)
			providers = name;
		rc = read_file(fill, file, name, service ? &dro_form_service : &dro_form_providers,
			service ? (void *)&spec->services[spec->service_count++] : spec, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* A page is part of the spec, so that the last good one is there whatever becomes of git. One that
 * is missing keeps nothing else of the spec from being used: `validate` warns, `plan` tells. */
static void take_page(struct dro_fill *fill, const struct dro_tree *tree, struct dro_site *site)
{
	const struct dro_place *given = dro_fill_place(fill, &site->page);
	const struct dro_place *place = given ? given : &site->place;
	const struct dro_tree_file *file = dro_tree_find(tree, site->page);

	if (strncmp(site->page, PAGES, strlen(PAGES)) != 0)
		dro_report_add(fill->report, place, "a page stands below " PAGES);
	else if (!dro_page_content_type(site->page))
		dro_report_add(fill->report, place, "a page's name ends in .html, .htm or .txt");
	else if (file && !file->length)
		dro_report_add(fill->report, place, "the page %s is empty", site->page);
	if (!file || dro_report_total(fill->report))
		return;
	site->page_data = malloc(file->length + 1);
	if (!site->page_data || dro_sha256_hex(site->page_sha256, file->data, file->length) < 0) {
		fill->rc = DRO_ENOMEM;
		return;
	}
	memcpy(site->page_data, file->data, file->length + 1);
	site->page_length = file->length;
}

static void take_pages(struct dro_fill *fill, struct dro_spec *spec, const struct dro_tree *tree)
{
	size_t i, j;

	for (i = 0; i < spec->service_count; i++)
		for (j = 0; j < spec->services[i].site_count; j++)
			if (spec->services[i].sites[j].strategy == DRO_STRATEGY_STATIC_PAGE &&
				*spec->services[i].sites[j].page)
				take_page(fill, tree, &spec->services[i].sites[j]);
}

static void check_files(struct dro_fill *fill, struct dro_spec *spec, const struct dro_tree *tree)
{
	bool providers = false;
	const char *name;
	size_t i;

	for (i = 0; i < tree->file_count; i++)
		providers = providers || is_providers(tree->files[i].path);
	if (!providers && (name = add_file(fill, spec, tree, "providers.yaml")))
		dro_report_add(fill->report, &(struct dro_place){.file = name},
			"the file is missing: it names the accounts (`drorch init` writes an "
			"example)");
	if (!spec->service_count && (name = add_file(fill, spec, tree, FOLDER)))
		dro_report_add(fill->report, &(struct dro_place){.file = name},
			"there is no service: each is a file services/NAME.yaml");
	if (dro_report_total(fill->report) == 0 && !spec->account_count)
		dro_report_add(fill->report, &(struct dro_place){.file = spec->files[0]},
			"there is no provider");
}

static int compare_services(const void *a, const void *b)
{
	return strcmp(((const struct dro_service *)a)->name, ((const struct dro_service *)b)->name);
}

/* What a site does not say is what its service says. */
static void inherit(struct dro_service *service)
{
	size_t i;

	for (i = 0; i < service->site_count; i++) {
		struct dro_objectives *own = &service->sites[i].objectives;

		if (own->rto_ms == DRO_UNSET)
			own->rto_ms = service->objectives.rto_ms;
		if (own->rpo_ms == DRO_UNSET)
			own->rpo_ms = service->objectives.rpo_ms;
	}
}

static int new_spec(struct dro_spec **out, const struct dro_tree *tree, struct dro_error *err)
{
	struct dro_spec *spec = calloc(1, sizeof(*spec));
	size_t i, services = 0;

	for (i = 0; i < tree->file_count; i++)
		services += is_service(tree->files[i].path);
	if (services > DRO_SPEC_SERVICES_MAX) {
		free(spec);
		return dro_fail(err, DRO_EINVAL, "%s%s: %zu services: at most %d", tree->origin,
			FOLDER, services, DRO_SPEC_SERVICES_MAX);
	}
	if (spec) {
		spec->commit = strdup(tree->commit);
		spec->services = calloc(services + 1, sizeof(*spec->services));
		spec->files = calloc(tree->file_count + 2, sizeof(*spec->files));
	}
	if (!spec || !spec->commit || !spec->services || !spec->files) {
		dro_spec_free(spec);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	*out = spec;
	return dro_tree_digest(tree, spec->digest, err);
}

static int finish(
	struct dro_fill *fill, struct dro_spec *spec, size_t before, struct dro_error *err)
{
	size_t wrong, i;

	dro_report_sort(fill->report);
	wrong = dro_report_total(fill->report) - before;
	if (fill->rc < 0)
		return dro_fail(err, fill->rc, "out of memory");
	if (wrong)
		return dro_fail(
			err, DRO_EINVAL, "the spec has %zu error%s", wrong, wrong == 1 ? "" : "s");
	for (i = 0; i < spec->service_count; i++)
		inherit(&spec->services[i]);
	qsort(spec->services, spec->service_count, sizeof(*spec->services), compare_services);
	return 0;
}

int dro_spec_load(struct dro_spec **out, const struct dro_tree *tree, struct dro_report *report,
	struct dro_error *err)
{
	struct dro_fill fill = {.report = report};
	size_t before = dro_report_total(report);
	struct dro_spec *spec = NULL;
	int rc;

	if ((rc = new_spec(&spec, tree, err)) < 0 || (rc = read_files(&fill, spec, tree, err)) < 0)
		goto out;
	check_files(&fill, spec, tree);
	take_pages(&fill, spec, tree);
	dro_check_spec(&fill, spec, dro_report_total(report) == before);
	if ((rc = finish(&fill, spec, before, err)) < 0)
		goto out;
	*out = spec;
	spec = NULL;
out:
	dro_fill_fini(&fill);
	dro_spec_free(spec);
	return rc;
}

int dro_spec_load_accounts(
	struct dro_spec **out, const struct dro_tree *tree, struct dro_error *err)
{
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_fill fill = {.report = &report};
	struct dro_tree only = *tree;
	struct dro_spec *spec = NULL;
	int rc;

	for (only.file_count = 0; only.files < tree->files + tree->file_count; only.files++)
		if (is_providers(only.files->path)) {
			only.file_count = 1;
			break;
		}
	if ((rc = new_spec(&spec, &only, err)) == 0 &&
		(rc = read_files(&fill, spec, &only, err)) == 0 && dro_report_total(&report))
		rc = dro_fail(err, DRO_EINVAL, "the accounts have errors");
	if (rc == 0) {
		*out = spec;
		spec = NULL;
	}
	dro_fill_fini(&fill);
	dro_report_fini(&report);
	dro_spec_free(spec);
	return rc;
}
