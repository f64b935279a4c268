#include "agent/parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

struct agent_parts {
	struct agent_remote *remote;
	struct dro_manifest *manifest;
	uint64_t part_bytes, deadline_ms;
	int fd;
	uint64_t length; /* of the part in hand */
};

int agent_scratch_open(const char *dir, struct dro_error *err)
{
	char *path = dro_path_join(dir, "part.XXXXXX");
	int fd;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		fd = dro_fail_errno(err, "%s", path);
	else
		unlink(path);
	free(path);
	return fd;
}

int agent_parts_new(struct agent_parts **out, struct agent_remote *remote,
	struct dro_manifest *manifest, const char *dir, uint64_t part_bytes, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct agent_parts *parts = calloc(1, sizeof(*parts));

	if (!parts)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	*parts = (struct agent_parts){.remote = remote,
		.manifest = manifest,
		.part_bytes = part_bytes,
		.deadline_ms = deadline_ms,
		.fd = agent_scratch_open(dir, err)};
	if (parts->fd < 0) {
		int rc = parts->fd;

		free(parts);
		return rc;
	}
	*out = parts;
	return 0;
}

void agent_parts_free(struct agent_parts *parts)
{
	if (!parts)
		return;
	close(parts->fd);
	free(parts);
}

/* Puts the part in hand and begins another. */
static int put(struct agent_parts *parts, struct dro_error *err)
{
	const char *id = parts->manifest->id;
	char name[32], key[DRO_BACKUP_ID_MAX + 40], idem[DRO_BACKUP_ID_MAX + 1];
	char sha256[DRO_SHA256_HEX];
	int rc;

	snprintf(name, sizeof(name), "data/%06zu", parts->manifest->object_count);
	snprintf(key, sizeof(key), "%s/%s", id, name);
	snprintf(idem, sizeof(idem), "%.50s-%zu", id, parts->manifest->object_count);
	if ((rc = dro_sha256_fd(sha256, parts->fd, 0, parts->length, err)) < 0 ||
		(rc = dro_manifest_add(parts->manifest, name, parts->length, sha256, err)) < 0 ||
		(rc = agent_remote_put(parts->remote, key, parts->fd, parts->length, idem,
			 parts->deadline_ms, err)) < 0)
		return rc;
	if (ftruncate(parts->fd, 0) < 0 || lseek(parts->fd, 0, SEEK_SET) < 0)
		return dro_fail_errno(err, "temporary file");
	parts->length = 0;
	return 0;
}

static int write_parts(void *arg, const void *data, size_t length, struct dro_error *err)
{
	struct agent_parts *parts = arg;
	const char *next = data;
	int rc;

	while (length > 0) {
		uint64_t room = parts->part_bytes - parts->length;
		size_t chunk = length < room ? length : (size_t)room;

		if ((rc = dro_write_all(parts->fd, next, chunk, err)) < 0)
			return rc;
		parts->length += chunk;
		next += chunk;
		length -= chunk;
		if (parts->length == parts->part_bytes && (rc = put(parts, err)) < 0)
			return rc;
	}
	return 0;
}

struct agent_sink agent_parts_sink(struct agent_parts *parts)
{
	return (struct agent_sink){write_parts, parts};
}

int agent_parts_finish(struct agent_parts *parts, struct dro_error *err)
{
	return parts->length ? put(parts, err) : 0;
}
