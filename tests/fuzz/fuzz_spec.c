/*
 * Any bytes as a service's file, and as providers.yaml: the loader must say no or yes, never crash.
 * libFuzzer's entry; with DRORCH_FUZZ_MAIN it reads the files that are its arguments, as AFL and a
 * quick replay want it.
 */
#include <stdint.h>

#include "base/file.h"
#include "spec/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char providers[] = "apiVersion: drorch/v1\nkind: Providers\nproviders:\n"
				"  aws: {plugin: aws}\n  cloudflare: {plugin: cloudflare}\n";

static void load(const char *path, const void *data, size_t size, const char *other)
{
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_tree *tree = NULL;
	struct dro_spec *spec = NULL;

	if (dro_tree_new(&tree, "", "", &err) == 0 &&
		dro_tree_add(tree, path, data, size, &err) == 0 &&
		(!other || dro_tree_add(tree, other, providers, sizeof(providers) - 1, &err) == 0))
		dro_spec_load(&spec, tree, &report, &err);
	dro_spec_free(spec);
	dro_report_fini(&report);
	dro_tree_free(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	load("services/x.yaml", data, size, "providers.yaml");
	load("providers.yaml", data, size, NULL);
	return 0;
}

#ifdef DRORCH_FUZZ_MAIN
int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		struct dro_buf text = DRO_BUF_INIT(DRO_TREE_FILE_MAX);

		if (dro_file_read(&text, argv[i], NULL) == 0)
			LLVMFuzzerTestOneInput((const uint8_t *)dro_buf_str(&text), text.length);
		dro_buf_free(&text);
	}
	return 0;
}
#endif
