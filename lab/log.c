#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/internal.h"

#define LINE_MAX_BYTES 131072

struct lab_log {
	pthread_mutex_t lock;
	int fd;
	uint64_t seq;
};

/* A log that is there goes on counting. */
static uint64_t count_lines(int fd)
{
	char chunk[65536];
	uint64_t lines = 0;
	off_t at = 0;
	ssize_t got, i;

	while ((got = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		for (i = 0; i < got; i++)
			lines += chunk[i] == '\n';
		at += got;
	}
	return lines;
}

int lab_log_open(struct lab_log **out, const char *dir, struct dro_error *err)
{
	struct lab_log *log = calloc(1, sizeof(*log));
	char *path = dro_path_join(dir, "calls.jsonl");
	int rc = 0;

	if (!log || !path) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	} else if ((log->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) {
		rc = dro_fail_errno(err, "%s", path);
	} else {
		pthread_mutex_init(&log->lock, NULL);
		log->seq = count_lines(log->fd);
		*out = log;
		log = NULL;
	}
	free(log);
	free(path);
	return rc;
}

void lab_log_close(struct lab_log *log)
{
	if (!log)
		return;
	close(log->fd);
	pthread_mutex_destroy(&log->lock);
	free(log);
}

static void put(struct dro_buf *out, const char *key, const char *value)
{
	dro_buf_printf(out, ",\"%s\":", key);
	dro_json_quote(out, value ? value : "");
}

/* The ids as an array; they stand in the reply with blanks between. */
static void put_ids(struct dro_buf *out, const char *ids)
{
	dro_buf_puts(out, ",\"ids\":[");
	while (*ids) {
		const char *end = ids;

		while (*end && *end != ' ')
			end++;
		dro_buf_printf(out, "\"%.*s\"", (int)(end - ids), ids);
		ids = *end ? end + 1 : end;
		if (*ids)
			dro_buf_puts(out, ",");
	}
	dro_buf_puts(out, "]");
}

/* The query stays out: a presigned URL carries its signature there. */
void lab_log_write(struct lab_log *log, const struct lab_log_line *line)
{
	struct dro_buf text = DRO_BUF_INIT(LINE_MAX_BYTES), tail = DRO_BUF_INIT(LINE_MAX_BYTES);

	dro_buf_printf(&tail, ",\"time_ms\":%lld", (long long)line->call->at_ms);
	put(&tail, "vendor", line->call->vendor);
	put(&tail, "operation", line->call->operation);
	put(&tail, "region", line->call->region);
	put(&tail, "method", line->request->method);
	put(&tail, "path", line->request->raw_path);
	dro_buf_printf(&tail, ",\"status\":%d,\"duration_ms\":%llu", line->status,
		(unsigned long long)line->duration_ms);
	put(&tail, "fault", line->fault);
	put(&tail, "token", line->reply->token);
	put_ids(&tail, dro_buf_str(&line->reply->ids));
	put(&tail, "request_id", line->call->id);
	put(&tail, "trace", lab_header(line->request, "x-drorch-trace"));
	put(&tail, "agent", lab_header(line->request, "user-agent"));
	if (*line->request->machine)
		put(&tail, "machine", line->request->machine);
	dro_buf_puts(&tail, "}\n");
	pthread_mutex_lock(&log->lock);
	dro_buf_printf(
		&text, "{\"seq\":%llu%s", (unsigned long long)(log->seq + 1), dro_buf_str(&tail));
	if (!text.failed && !tail.failed &&
		dro_write_all(log->fd, text.data, text.length, NULL) == 0)
		log->seq++;
	pthread_mutex_unlock(&log->lock);
	dro_buf_free(&text);
	dro_buf_free(&tail);
}
