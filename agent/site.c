#include "agent/site.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define FILE_NAME "site"

int agent_site_keep(const struct agent_config *config, const char *site, struct dro_error *err)
{
	char *path = dro_path_join(config->state, FILE_NAME);
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_dir_make(config->state, 0700, err)) == 0)
		rc = dro_file_write(path, site, strlen(site), 0600, err);
	free(path);
	return rc;
}

int agent_site_read(struct dro_buf *out, const struct agent_config *config, struct dro_error *err)
{
	char *path = dro_path_join(config->state, FILE_NAME);
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = dro_file_read(out, path, err);
	free(path);
	if (rc == DRO_ENOTFOUND)
		rc = 0;
	if (rc == 0 && !out->length)
		dro_buf_puts(out, config->site);
	return rc < 0 ? rc : dro_buf_check(out, err);
}
