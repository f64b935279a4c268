#include "base/log.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 65536

void dro_vlog(const struct dro_log *log, int level, const char *format, va_list args)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	struct dro_buf line = DRO_BUF_INIT(LINE_MAX_BYTES);
	struct dro_buf out = DRO_BUF_INIT(LINE_MAX_BYTES * 4 + 64);
	char time[DRO_TIME_TEXT];

	if (!log || level > log->level || level < 0)
		return;
	dro_time_format(time, dro_wall_ms());
	dro_buf_vprintf(&line, format, args);
	if (log->redact && line.length)
		log->redact(log->redact_arg, &line);
	dro_buf_printf(
		&out, "%s %s: ", time, names[level <= DRO_LOG_DEBUG ? level : DRO_LOG_DEBUG]);
	if (line.failed)
		dro_buf_puts(&out, "(a message too long to be shown)");
	else
		dro_buf_escape(&out, dro_buf_str(&line), line.length);
	dro_buf_append(&out, "\n", 1);
	if (!out.failed)
		dro_write_all(log->fd, out.data, out.length, NULL);
	dro_buf_free(&line);
	dro_buf_free(&out);
}

void dro_log(const struct dro_log *log, int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	dro_vlog(log, level, format, args);
	va_end(args);
}
