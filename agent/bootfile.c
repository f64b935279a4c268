#include "agent/bootfile.h"

#include <string.h>

#include "base/file.h"

#define TEXT_MAX 8192

int agent_boot_file_keep(
	const struct agent_database *config, const char *init, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(TEXT_MAX), now = DRO_BUF_INIT(TEXT_MAX);
	int rc = 0;

	if (!*config->boot_file)
		return 0;
	dro_buf_puts(&text,
		"# Written by drorch-agent: this host boots fenced, and opens when it is told to.\n"
		"[mariadbd]\n"
		"read_only=ON\n");
	if (init)
		dro_buf_printf(&text, "init_file=%s\n", init);
	if ((rc = dro_buf_check(&text, err)) == 0 &&
		(dro_file_read(&now, config->boot_file, NULL) < 0 ||
			strcmp(dro_buf_str(&now), dro_buf_str(&text)) != 0))
		rc = dro_file_write(config->boot_file, text.data, text.length, 0644, err);
	dro_buf_free(&text);
	dro_buf_free(&now);
	return rc;
}
