/* What a scalar is, by the core schema of YAML 1.2. */
#include "spec/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool dro_yaml_is_null(const struct dro_yaml_node *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};
	size_t i;

	if (node->kind != DRO_YAML_SCALAR || !node->plain)
		return false;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(node->text, words[i]) == 0)
			return true;
	return false;
}

bool dro_yaml_bool(const struct dro_yaml_node *node, bool *out)
{
	if (node->kind != DRO_YAML_SCALAR || !node->plain)
		return false;
	*out = strcmp(node->text, "true") == 0;
	return *out || strcmp(node->text, "false") == 0;
}

bool dro_yaml_int(const struct dro_yaml_node *node, int64_t *out)
{
	const char *text = node->text, *allowed = "0123456789";
	int base = 10;
	long long value;

	if (node->kind != DRO_YAML_SCALAR || !node->plain)
		return false;
	if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x')) {
		base = text[1] == 'o' ? 8 : 16;
		allowed = base == 8 ? "01234567" : "0123456789abcdefABCDEF";
		text += 2;
	} else if (*text == '-' || *text == '+') {
		text++;
	}
	if (!*text || text[strspn(text, allowed)])
		return false;
	errno = 0;
	value = strtoll(base == 10 ? node->text : text, NULL, base);
	if (errno)
		return false;
	*out = value;
	return true;
}

const char *dro_yaml_describe(const struct dro_yaml_node *node)
{
	int64_t number;
	bool flag;

	if (node->kind == DRO_YAML_MAP)
		return "a mapping";
	if (node->kind == DRO_YAML_LIST)
		return "a list";
	if (!node->plain)
		return "text in quotes";
	if (dro_yaml_is_null(node))
		return "nothing";
	if (dro_yaml_int(node, &number))
		return "a number";
	return dro_yaml_bool(node, &flag) ? "true or false" : "text";
}
