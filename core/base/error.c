#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void dro_error_clear(struct dro_error *err)
{
	if (err)
		*err = (struct dro_error)DRO_ERROR_INIT;
}

int dro_vfail(struct dro_error *err, int code, const char *provider_code, const char *format,
	va_list args)
{
	if (!err)
		return code;
	dro_error_clear(err);
	err->code = code;
	if (provider_code)
		snprintf(err->provider_code, sizeof(err->provider_code), "%s", provider_code);
	vsnprintf(err->message, sizeof(err->message), format, args);
	return code;
}

int dro_fail(struct dro_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	dro_vfail(err, code, NULL, format, args);
	va_end(args);
	return code;
}

int dro_fail_errno(struct dro_error *err, const char *format, ...)
{
	int saved = errno;
	int code = saved == ENOENT ? DRO_ENOTFOUND : saved == ENOMEM ? DRO_ENOMEM : DRO_EIO;
	va_list args;

	va_start(args, format);
	dro_vfail(err, code, NULL, format, args);
	va_end(args);
	if (err) {
		size_t used = strlen(err->message);

		snprintf(err->message + used, sizeof(err->message) - used, ": %s", strerror(saved));
	}
	return code;
}

int dro_error_context(struct dro_error *err, const char *format, ...)
{
	char message[sizeof(err->message)];
	va_list args;
	int used;

	if (!err)
		return DRO_EIO;
	va_start(args, format);
	used = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof(message)) {
		snprintf(message + used, sizeof(message) - (size_t)used, ": %s", err->message);
		memcpy(err->message, message, sizeof(message));
	}
	return err->code;
}

const char *dro_code_name(int code)
{
	static const char *const names[] = {"OK", "EINVAL", "ENOMEM", "EIO", "EAGAIN", "ETIMEDOUT",
		"ECONFLICT", "EAUTH", "EQUOTA", "ENOTFOUND", "EPROTO", "EUNSUPPORTED", "ECANCELLED",
		"EBUSY", "ESAFETY", "ECORRUPT"};
	const int count = (int)(sizeof(names) / sizeof(names[0]));

	if (code > 0 || code <= -count)
		return "EUNKNOWN";
	return names[-code];
}
