#include "provider/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/nearest.h"
#include "provider/check.h"
#include "provider/elf.h"

#define FOLDER "plugin folder %s (--plugins, DRORCH_PLUGINS)"
#define SUFFIX ".so"
#define MAX_PLUGINS 256

static bool good_name(const char *name, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	return length > 0 && length <= DRO_PLUGIN_NAME_MAX && strchr(letters, name[0]) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") >= length;
}

/* Whoever can write here can run code as us. */
static int check_trust(const struct stat *st, const char *what, struct dro_error *err)
{
	if (st->st_mode & S_IWOTH)
		return dro_fail(err, DRO_EINVAL, "%s is writable by everybody", what);
	if (st->st_mode & S_IWGRP)
		return dro_fail(err, DRO_EINVAL, "%s is writable by its group", what);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return dro_fail(err, DRO_EINVAL, "%s belongs to user %u, neither root nor us", what,
			(unsigned)st->st_uid);
	return 0;
}

static int check_dir(const char *dir, struct dro_error *err)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return dro_fail_errno(err, FOLDER, dir);
	if (!S_ISDIR(st.st_mode))
		return dro_fail(err, DRO_EINVAL, FOLDER ": not a folder", dir);
	return check_trust(&st, "the plugin folder", err);
}

/* DIR/NAME.so without links, which must still be in DIR. malloc'd. */
static int resolve(char **out, const char *dir, const char *name, struct dro_error *err)
{
	char *real_dir = realpath(dir, NULL), *path = NULL, *real = NULL;
	size_t length;
	int rc = 0;

	if (!real_dir || asprintf(&path, "%s/%s" SUFFIX, real_dir, name) < 0) {
		rc = dro_fail_errno(err, FOLDER, dir);
		path = NULL;
		goto out;
	}
	real = realpath(path, NULL);
	if (!real) {
		rc = dro_fail_errno(err, "%s", path);
		goto out;
	}
	length = strlen(real_dir);
	if (strncmp(real, real_dir, length) != 0 || real[length] != '/' ||
		strchr(real + length + 1, '/')) {
		rc = dro_fail(err, DRO_EINVAL, "is a link out of the plugin folder");
		goto out;
	}
	*out = real;
	real = NULL;
out:
	free(real_dir);
	free(path);
	free(real);
	return rc;
}

/* Everything that can be known without running it. */
static int check_file(const char *path, const char *name, struct dro_error *err)
{
	struct dro_elf *elf = NULL;
	uint64_t address, size;
	struct stat st;
	int fd, rc = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return dro_fail_errno(err, "cannot be opened");
	if (fstat(fd, &st) < 0)
		rc = dro_fail_errno(err, "fstat");
	else if (!S_ISREG(st.st_mode))
		rc = dro_fail(err, DRO_EINVAL, "is not a regular file");
	if (rc < 0 || (rc = check_trust(&st, "the file", err)) < 0 ||
		(rc = dro_elf_open(&elf, fd, err)) < 0 ||
		(rc = dro_elf_symbol(elf, DRO_PROVIDER_SYMBOL, &address, &size, err)) < 0)
		goto out;
	rc = dro_plugin_check(elf, address, size, name, err);
out:
	dro_elf_close(elf);
	close(fd);
	return rc;
}

/* Copies a table of the plugin into a zeroed one of ours. */
static void *copy_table(void *own, size_t own_size, const void *from)
{
	uint32_t size;

	if (!from)
		return NULL;
	memcpy(&size, from, sizeof(size));
	memcpy(own, from, size < own_size ? size : own_size);
	return own;
}

static int copy_options(struct dro_plugin *plugin, struct dro_error *err)
{
	const struct dro_option *const *from = plugin->provider.options;
	struct dro_option *option;

	for (; from && *from; from++) {
		if (plugin->option_count == DRO_PLUGIN_OPTIONS_MAX)
			return dro_fail(err, DRO_EINVAL, "has more than %d options",
				DRO_PLUGIN_OPTIONS_MAX);
		option = &plugin->options[plugin->option_count];
		copy_table(option, sizeof(*option), *from);
		if (!option->name || !*option->name)
			return dro_fail(err, DRO_EINVAL, "has an option without a name");
		option->help = option->help ? option->help : "";
		plugin->option_list[plugin->option_count++] = option;
	}
	return 0;
}

static int copy_plugin(struct dro_plugin *plugin, const void *symbol, struct dro_error *err)
{
	struct dro_provider_v1 *own = &plugin->provider;
	const struct dro_provider_v1 *from = symbol;

	memcpy(own, from, from->size < sizeof(*own) ? from->size : sizeof(*own));
	own->compute = copy_table(&plugin->compute, sizeof(plugin->compute), own->compute);
	own->storage = copy_table(&plugin->storage, sizeof(plugin->storage), own->storage);
	own->dns = copy_table(&plugin->dns, sizeof(plugin->dns), own->dns);
	own->async = copy_table(&plugin->async, sizeof(plugin->async), own->async);
	own->health = copy_table(&plugin->health, sizeof(plugin->health), own->health);
	return copy_options(plugin, err);
}

static int load(struct dro_plugin *plugin, const char *path, struct dro_error *err)
{
	const void *symbol;
	int rc;

	plugin->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!plugin->handle)
		return dro_fail(err, DRO_EINVAL, "cannot be loaded: %s", dlerror());
	symbol = dlsym(plugin->handle, DRO_PROVIDER_SYMBOL);
	if (!symbol)
		return dro_fail(err, DRO_EINVAL, "exports no \"" DRO_PROVIDER_SYMBOL "\"");
	/* Once more, on what is really there: the file may have been replaced in between. */
	if ((rc = dro_plugin_check(NULL, (uintptr_t)symbol, UINT64_MAX, plugin->name, err)) < 0)
		return rc;
	return copy_plugin(plugin, symbol, err);
}

static int no_such(const char *dir, const char *name, struct dro_error *err)
{
	const char *nearest;
	char **names = NULL;
	size_t count = 0;
	int rc;

	if ((rc = dro_plugin_names(&names, dir, err)) < 0)
		return rc;
	while (names[count])
		count++;
	nearest = dro_nearest(name, (const char *const *)names, count);
	rc = dro_fail(err, DRO_ENOTFOUND, "no plugin \"%.64s\" in %s%s%s%s", name, dir,
		nearest ? "; is \"" : "", nearest ? nearest : "", nearest ? "\" meant?" : "");
	dro_plugin_names_free(names);
	return rc;
}

int dro_plugin_load(
	struct dro_plugin **out, const char *dir, const char *name, struct dro_error *err)
{
	struct dro_plugin *plugin = NULL;
	char *path = NULL;
	int rc;

	if ((rc = check_dir(dir, err)) < 0)
		return rc;
	if (!good_name(name, strlen(name)) ||
		(rc = resolve(&path, dir, name, err)) == DRO_ENOTFOUND)
		return no_such(dir, name, err);
	if (rc < 0 || (rc = check_file(path, name, err)) < 0)
		goto out;
	plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	memcpy(plugin->name, name, strlen(name) + 1);
	if ((rc = load(plugin, path, err)) < 0)
		goto out;
	*out = plugin;
	plugin = NULL;
out:
	if (rc < 0)
		rc = dro_error_context(err, "plugin %s%s refused", name, SUFFIX);
	dro_plugin_free(plugin);
	free(path);
	return rc;
}

void dro_plugin_free(struct dro_plugin *plugin)
{
	if (!plugin)
		return;
	if (plugin->handle)
		dlclose(plugin->handle);
	free(plugin);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int dro_plugin_names(char ***out, const char *dir, struct dro_error *err)
{
	char **names = calloc(MAX_PLUGINS + 1, sizeof(*names));
	DIR *stream = opendir(dir);
	struct dirent *file;
	size_t count = 0;
	int rc = 0;

	if (!names || !stream) {
		rc = dro_fail_errno(err, FOLDER, dir);
		goto out;
	}
	while (count < MAX_PLUGINS && (file = readdir(stream))) {
		size_t length = strlen(file->d_name), suffix = strlen(SUFFIX);

		if (length <= suffix || strcmp(file->d_name + length - suffix, SUFFIX) != 0 ||
			!good_name(file->d_name, length - suffix))
			continue;
		names[count] = strndup(file->d_name, length - suffix);
		if (!names[count++]) {
			rc = dro_fail(err, DRO_ENOMEM, "out of memory");
			goto out;
		}
	}
	qsort(names, count, sizeof(*names), compare);
	*out = names;
	names = NULL;
out:
	if (stream)
		closedir(stream);
	dro_plugin_names_free(names);
	return rc;
}

void dro_plugin_names_free(char **names)
{
	size_t i;

	for (i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

const struct dro_option *dro_plugin_option(const struct dro_plugin *plugin, const char *name)
{
	size_t i;

	for (i = 0; i < plugin->option_count; i++)
		if (strcmp(plugin->options[i].name, name) == 0)
			return &plugin->options[i];
	return NULL;
}
