#include "cli/cli.h"

int main(int argc, char **argv)
{
	return dro_cli_main(argc, argv);
}
