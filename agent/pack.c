#include "agent/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Our sink behind libarchive's callback: its error is the cause, libarchive's only an echo. */
struct bridge {
	const struct agent_sink *sink;
	struct dro_error *err;
	int rc;
};

static int broken(struct bridge *bridge, struct archive *archive)
{
	const char *why = archive_error_string(archive);

	if (bridge->rc < 0)
		return bridge->rc;
	return dro_fail(bridge->err, DRO_EIO, "%s", why ? why : "the archive is broken");
}

/* ---- writing ------------------------------------------------------------------------------ */

static la_ssize_t write_out(struct archive *archive, void *arg, const void *data, size_t length)
{
	struct bridge *bridge = arg;

	if (bridge->rc == 0)
		bridge->rc = bridge->sink->write(bridge->sink->arg, data, length, bridge->err);
	if (bridge->rc < 0) {
		archive_set_error(archive, EIO, "write");
		return -1;
	}
	return (la_ssize_t)length;
}

static int open_writer(struct archive **out, bool raw, struct bridge *bridge)
{
	struct archive *archive = archive_write_new();
	int rc;

	if (!archive)
		return dro_fail(bridge->err, DRO_ENOMEM, "out of memory");
	if ((raw ? archive_write_set_format_raw(archive) : archive_write_set_format_pax(archive)) <
			ARCHIVE_WARN ||
		archive_write_add_filter_zstd(archive) < ARCHIVE_WARN ||
		archive_write_set_bytes_per_block(archive, 0) < ARCHIVE_WARN ||
		archive_write_open(archive, bridge, NULL, write_out, NULL) < ARCHIVE_WARN) {
		rc = broken(bridge, archive);
		archive_write_free(archive);
		return rc;
	}
	*out = archive;
	return 0;
}

static int close_writer(struct archive *archive, struct bridge *bridge)
{
	return archive_write_close(archive) < ARCHIVE_WARN ? broken(bridge, archive) : 0;
}

/* Has the file another size or time than when the walk saw it? */
static bool changed(struct archive_entry *entry)
{
	struct stat st;

	return lstat(archive_entry_sourcepath(entry), &st) < 0 ||
	       st.st_size != archive_entry_size(entry) ||
	       st.st_mtim.tv_sec != archive_entry_mtime(entry) ||
	       st.st_mtim.tv_nsec != archive_entry_mtime_nsec(entry);
}

static int copy_contents(struct archive *disk, struct archive *archive, struct archive_entry *entry,
	struct agent_tally *tally, struct bridge *bridge)
{
	const char *path = archive_entry_sourcepath(entry);
	const void *data;
	size_t length;
	int64_t at;
	int rc;

	while ((rc = archive_read_data_block(disk, &data, &length, &at)) == ARCHIVE_OK) {
		if (archive_write_data(archive, data, length) != (la_ssize_t)length)
			return broken(bridge, archive);
		tally->bytes += length;
	}
	if (rc != ARCHIVE_EOF)
		return dro_fail(bridge->err, DRO_EIO, "%s: %s", path, archive_error_string(disk));
	if (changed(entry))
		return dro_fail(bridge->err, DRO_EAGAIN,
			"%s changed while it was read: stop what writes it, or back up a snapshot",
			path);
	return 0;
}

static int pack_entry(struct archive *disk, struct archive *archive, struct archive_entry *entry,
	struct agent_tally *tally, const struct dro_log *log, struct bridge *bridge)
{
	mode_t type = archive_entry_filetype(entry);
	int rc;

	if (type == AE_IFSOCK || type == AE_IFCHR || type == AE_IFBLK) {
		dro_log(log, DRO_LOG_WARNING, "%s: a socket or device, left out",
			archive_entry_sourcepath(entry));
		return 0;
	}
	rc = archive_write_header(archive, entry);
	if (rc < ARCHIVE_WARN)
		return broken(bridge, archive);
	if (rc == ARCHIVE_WARN)
		dro_log(log, DRO_LOG_WARNING, "%s: %s", archive_entry_sourcepath(entry),
			archive_error_string(archive));
	tally->entries++;
	/* A further name of a file that is in already has no size. */
	if (type == AE_IFREG && archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0)
		return copy_contents(disk, archive, entry, tally, bridge);
	return 0;
}

/* Reads every entry below `root` (no final slash) and writes it under its name within. */
static int walk(struct archive *disk, const char *root, struct archive *archive,
	struct agent_tally *tally, const struct dro_log *log, struct bridge *bridge)
{
	struct archive_entry_linkresolver *links = archive_entry_linkresolver_new();
	struct archive_entry *entry = archive_entry_new(), *spare = NULL;
	int rc = 0, got;

	if (!links || !entry) {
		rc = dro_fail(bridge->err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	archive_entry_linkresolver_set_strategy(links, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE);
	while ((got = archive_read_next_header2(disk, entry)) == ARCHIVE_OK ||
		got == ARCHIVE_WARN) {
		const char *within = archive_entry_pathname(entry) + strlen(root);
		char *name;

		archive_read_disk_descend(disk);
		within += strspn(within, "/");
		name = strdup(*within ? within : ".");
		if (!name) {
			rc = dro_fail(bridge->err, DRO_ENOMEM, "out of memory");
			goto out;
		}
		archive_entry_copy_pathname(entry, name);
		free(name);
		archive_entry_linkify(links, &entry, &spare);
		if ((rc = pack_entry(disk, archive, entry, tally, log, bridge)) < 0)
			goto out;
		archive_entry_clear(entry);
	}
	if (got != ARCHIVE_EOF)
		rc = dro_fail(bridge->err, DRO_EIO, "%s: %s", root, archive_error_string(disk));
out:
	archive_entry_free(entry);
	archive_entry_linkresolver_free(links);
	return rc;
}

int agent_pack_directory(const char *path, const struct agent_sink *sink, struct agent_tally *tally,
	const struct dro_log *log, struct dro_error *err)
{
	struct bridge bridge = {.sink = sink, .err = err};
	struct archive *disk = NULL, *archive = NULL;
	char *root = realpath(path, NULL);
	struct stat st;
	int rc;

	*tally = (struct agent_tally){0};
	if (!root || stat(root, &st) < 0) {
		rc = dro_fail_errno(err, "%s", path);
		goto out;
	}
	if (!S_ISDIR(st.st_mode)) {
		rc = dro_fail(err, DRO_EINVAL, "%s: not a directory", path);
		goto out;
	}
	disk = archive_read_disk_new();
	if (!disk) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	archive_read_disk_set_symlink_physical(disk);
	archive_read_disk_set_behavior(
		disk, ARCHIVE_READDISK_NO_FFLAGS | ARCHIVE_READDISK_NO_SPARSE);
	if (archive_read_disk_open(disk, root) != ARCHIVE_OK) {
		rc = dro_fail(err, DRO_EIO, "%s: %s", root, archive_error_string(disk));
		goto out;
	}
	if ((rc = open_writer(&archive, false, &bridge)) < 0 ||
		(rc = walk(disk, root, archive, tally, log, &bridge)) < 0)
		goto out;
	rc = close_writer(archive, &bridge);
out:
	if (rc < 0)
		bridge.rc = rc; /* nothing more is written */
	archive_read_free(disk);
	archive_write_free(archive);
	free(root);
	return rc;
}

int agent_pack_file(const char *path, const struct agent_sink *sink, struct agent_tally *tally,
	struct dro_error *err)
{
	struct bridge bridge = {.sink = sink, .err = err};
	struct archive_entry *entry = archive_entry_new();
	struct archive *archive = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	char chunk[65536];
	ssize_t got;

	*tally = (struct agent_tally){.entries = 1};
	if (fd < 0 || !entry) {
		rc = fd < 0 ? dro_fail_errno(err, "%s", path)
			    : dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = open_writer(&archive, true, &bridge)) < 0)
		goto out;
	archive_entry_set_pathname(entry, "data");
	archive_entry_set_filetype(entry, AE_IFREG);
	if (archive_write_header(archive, entry) < ARCHIVE_WARN) {
		rc = broken(&bridge, archive);
		goto out;
	}
	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || archive_write_data(archive, chunk, (size_t)got) != got) {
			rc = got < 0 ? dro_fail_errno(err, "%s", path) : broken(&bridge, archive);
			goto out;
		}
		tally->bytes += (uint64_t)got;
	}
	rc = close_writer(archive, &bridge);
out:
	if (rc < 0)
		bridge.rc = rc;
	archive_write_free(archive);
	archive_entry_free(entry);
	if (fd >= 0)
		close(fd);
	return rc;
}
