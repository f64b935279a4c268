/* drorch schema: the form of a spec, for editors and for people. */
#include "cli/commands.h"
#include "spec/schema.h"

#define TEXT_MAX (4u << 20)

int dro_cmd_schema(struct dro_cli *cli)
{
	struct dro_buf text = DRO_BUF_INIT(TEXT_MAX);
	struct dro_error err = DRO_ERROR_INIT;
	int rc = dro_cli_flag(cli, "reference") ? dro_spec_reference(&text, &err)
						: dro_spec_schema(&text, &err);

	if (rc == 0)
		fputs(dro_buf_str(&text), stdout);
	dro_buf_free(&text);
	return rc < 0 ? dro_cli_error(cli, &err) : DRO_EXIT_OK;
}
