#include "agent/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* Our source behind libarchive's callback: its error is the cause, libarchive's only an echo. */
struct bridge {
	const struct agent_source *source;
	struct dro_error *err;
	int rc;
};

static int broken(struct bridge *bridge, struct archive *archive)
{
	const char *why = archive_error_string(archive);

	if (bridge->rc < 0)
		return bridge->rc;
	return dro_fail(bridge->err, DRO_ECORRUPT, "%s", why ? why : "the archive is broken");
}

static la_ssize_t read_in(struct archive *archive, void *arg, const void **data)
{
	struct bridge *bridge = arg;
	size_t length = 0;

	if (bridge->rc == 0)
		bridge->rc = bridge->source->read(bridge->source->arg, data, &length, bridge->err);
	if (bridge->rc < 0) {
		archive_set_error(archive, EIO, "read");
		return -1;
	}
	return (la_ssize_t)length;
}

static int open_reader(struct archive **out, bool raw, struct bridge *bridge)
{
	struct archive *archive = archive_read_new();
	int rc;

	if (!archive)
		return dro_fail(bridge->err, DRO_ENOMEM, "out of memory");
	if (archive_read_support_filter_zstd(archive) < ARCHIVE_WARN ||
		(raw ? archive_read_support_format_raw(archive)
		     : archive_read_support_format_tar(archive)) < ARCHIVE_WARN ||
		archive_read_open(archive, bridge, NULL, read_in, NULL) < ARCHIVE_WARN) {
		rc = broken(bridge, archive);
		archive_read_free(archive);
		return rc;
	}
	*out = archive;
	return 0;
}

/* What was never compressed by us would pass as it is. */
static int check_filter(struct bridge *bridge, struct archive *archive)
{
	if (archive_filter_code(archive, 0) != ARCHIVE_FILTER_ZSTD)
		return dro_fail(bridge->err, DRO_ECORRUPT, "the data is not zstd-compressed");
	return 0;
}

/* Is it a name within the folder? */
static bool inside(const char *name)
{
	const char *segment = name, *end;

	if (!name || *name == '/' || !*name)
		return false;
	for (;; segment = end + 1) {
		end = strchrnul(segment, '/');
		if (end - segment == 2 && memcmp(segment, "..", 2) == 0)
			return false;
		if (!*end)
			return true;
	}
}

/* Puts the entry's name, and the name it is a hard link to, below `folder`. */
static int move_below(const char *folder, struct archive_entry *entry, struct dro_error *err)
{
	const char *name = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
	char *path = NULL, *target = NULL;
	int rc = 0;

	if (!inside(name) || (link && !inside(link)))
		return dro_fail(err, DRO_ECORRUPT, "an entry lies outside the folder: \"%.200s\"",
			name ? name : "");
	path = dro_path_join(folder, name);
	if (link)
		target = dro_path_join(folder, link);
	if (!path || (link && !target)) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	archive_entry_copy_pathname(entry, path);
	if (target)
		archive_entry_copy_hardlink(entry, target);
out:
	free(target);
	free(path);
	return rc;
}

static int disk_failed(struct archive *disk, struct archive_entry *entry, struct dro_error *err)
{
	return dro_fail(
		err, DRO_EIO, "%s: %s", archive_entry_pathname(entry), archive_error_string(disk));
}

static int unpack_entry(struct archive *archive, struct archive *disk, struct archive_entry *entry,
	struct agent_tally *tally, const struct dro_log *log, struct bridge *bridge)
{
	const void *data;
	size_t length;
	int64_t at;
	int rc;

	if (archive_write_header(disk, entry) < ARCHIVE_WARN)
		return disk_failed(disk, entry, bridge->err);
	while ((rc = archive_read_data_block(archive, &data, &length, &at)) == ARCHIVE_OK) {
		if (archive_write_data_block(disk, data, length, at) < ARCHIVE_WARN)
			return disk_failed(disk, entry, bridge->err);
		tally->bytes += length;
	}
	if (rc != ARCHIVE_EOF)
		return broken(bridge, archive);
	rc = archive_write_finish_entry(disk);
	if (rc < ARCHIVE_WARN)
		return disk_failed(disk, entry, bridge->err);
	if (rc == ARCHIVE_WARN)
		dro_log(log, DRO_LOG_WARNING, "%s: %s", archive_entry_pathname(entry),
			archive_error_string(disk));
	tally->entries++;
	return 0;
}

int agent_unpack_directory(const char *path, const struct agent_source *source,
	struct agent_tally *tally, const struct dro_log *log, struct dro_error *err)
{
	int flags = ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_ACL |
		    ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
		    ARCHIVE_EXTRACT_SECURE_NODOTDOT | (geteuid() == 0 ? ARCHIVE_EXTRACT_OWNER : 0);
	struct bridge bridge = {.source = source, .err = err};
	struct archive *archive = NULL, *disk = archive_write_disk_new();
	struct archive_entry *entry;
	int rc, got;

	*tally = (struct agent_tally){0};
	if (!disk) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	archive_write_disk_set_options(disk, flags);
	if ((rc = open_reader(&archive, false, &bridge)) < 0)
		goto out;
	while ((got = archive_read_next_header(archive, &entry)) == ARCHIVE_OK ||
		got == ARCHIVE_WARN) {
		if ((rc = check_filter(&bridge, archive)) < 0 ||
			(rc = move_below(path, entry, err)) < 0 ||
			(rc = unpack_entry(archive, disk, entry, tally, log, &bridge)) < 0)
			goto out;
	}
	if (got != ARCHIVE_EOF)
		rc = broken(&bridge, archive);
	else if (archive_write_close(disk) < ARCHIVE_WARN)
		rc = dro_fail(err, DRO_EIO, "%s: %s", path, archive_error_string(disk));
out:
	archive_read_free(archive);
	archive_write_free(disk);
	return rc;
}

int agent_unpack_file(const char *path, const struct agent_source *source,
	struct agent_tally *tally, struct dro_error *err)
{
	struct bridge bridge = {.source = source, .err = err};
	struct archive *archive = NULL;
	struct archive_entry *entry;
	char chunk[65536];
	la_ssize_t got;
	int fd, rc;

	*tally = (struct agent_tally){.entries = 1};
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return dro_fail_errno(err, "%s", path);
	if ((rc = open_reader(&archive, true, &bridge)) < 0)
		goto out;
	if (archive_read_next_header(archive, &entry) < ARCHIVE_WARN) {
		rc = broken(&bridge, archive);
		goto out;
	}
	if ((rc = check_filter(&bridge, archive)) < 0)
		goto out;
	while ((got = archive_read_data(archive, chunk, sizeof(chunk))) > 0) {
		if ((rc = dro_write_all(fd, chunk, (size_t)got, err)) < 0)
			goto out;
		tally->bytes += (uint64_t)got;
	}
	if (got < 0)
		rc = broken(&bridge, archive);
out:
	archive_read_free(archive);
	close(fd);
	return rc;
}
