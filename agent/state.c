#include "agent/state.h"

#include <stdlib.h>

#include "base/file.h"

int agent_state_read(const char *dir, const char *name, size_t max, agent_state_parse *parse,
	void *out, struct dro_error *err)
{
	char *path = dro_path_join(dir, name);
	struct dro_buf text = DRO_BUF_INIT(max);
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = dro_file_read(&text, path, err);
	if (rc == DRO_ENOTFOUND) {
		rc = 0;
	} else if (rc == 0 && parse(out, &text, err) < 0) {
		dro_error_context(err, "%s makes no sense", path);
		rc = err ? (err->code = DRO_ECORRUPT) : DRO_ECORRUPT;
	}
	dro_buf_free(&text);
	free(path);
	return rc;
}

int agent_state_write(
	const char *dir, const char *name, struct dro_buf *text, struct dro_error *err)
{
	char *path = dro_path_join(dir, name);
	int rc = path ? dro_buf_check(text, err) : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (rc == 0)
		rc = dro_file_write(path, text->data, text->length, 0600, err);
	dro_buf_free(text);
	free(path);
	return rc;
}
