#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lab/route53.h"

/* The elements of a set, in the order in which they must stand. */
static const struct element {
	const char *name;
	const char *parts[4]; /* of a nested one, ends with NULL */
} elements[] = {
	{"Name", {NULL}},
	{"Type", {NULL}},
	{"SetIdentifier", {NULL}},
	{"Weight", {NULL}},
	{"Region", {NULL}},
	{"GeoLocation", {"ContinentCode", "CountryCode", "SubdivisionCode", NULL}},
	{"Failover", {NULL}},
	{"MultiValueAnswer", {NULL}},
	{"TTL", {NULL}},
	{"ResourceRecords", {NULL}},
	{"AliasTarget", {"HostedZoneId", "DNSName", "EvaluateTargetHealth", NULL}},
	{"HealthCheckId", {NULL}},
};
#define ELEMENTS (sizeof(elements) / sizeof(elements[0]))

/* ---- names ----------------------------------------------------------------------------------- */

static int escaped_byte(const char *text)
{
	size_t i;

	for (i = 1; i <= 3; i++)
		if (text[i] < '0' || text[i] > (i == 1 ? '3' : '7'))
			return -1;
	return (text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0';
}

bool route53_name(char out[ROUTE53_NAME], const char *name)
{
	size_t used = 0, label = 0;

	if (!*name || strlen(name) > ROUTE53_NAME - 2)
		return false;
	while (*name) {
		int byte = *name == '\\' ? escaped_byte(name) : (unsigned char)*name;
		bool escape = *name == '\\';

		if (byte < 0 || used + 6 > ROUTE53_NAME)
			return false;
		name += escape ? 4 : 1;
		if (byte == '.' && !escape) {
			if (label == 0 || label > 63)
				return false;
			label = 0;
			out[used++] = '.';
			continue;
		}
		label++;
		byte = tolower(byte);
		if (byte < 128 && (isalnum(byte) || byte == '-' || byte == '_')) {
			out[used++] = (char)byte;
			continue;
		}
		out[used++] = '\\';
		out[used++] = (char)('0' + byte / 64);
		out[used++] = (char)('0' + byte / 8 % 8);
		out[used++] = (char)('0' + byte % 8);
	}
	if (label > 63)
		return false;
	if (label)
		out[used++] = '.';
	out[used] = '\0';
	return used <= 255;
}

char *route53_key(const char *name, const char *type, const char *set_id)
{
	struct dro_buf key = DRO_BUF_INIT(4096);
	size_t end = strlen(name);

	if (end && name[end - 1] == '.')
		end--;
	while (end) {
		size_t begin = end;

		while (begin && name[begin - 1] != '.')
			begin--;
		dro_buf_append(&key, name + begin, end - begin);
		end = begin ? begin - 1 : 0;
		if (end)
			dro_buf_puts(&key, ROUTE53_LABEL_BREAK);
	}
	if (*type)
		dro_buf_printf(&key, ROUTE53_PART_BREAK "%s", type);
	if (*set_id)
		dro_buf_printf(&key, ROUTE53_PART_BREAK "%s", set_id);
	return dro_buf_take(&key);
}

/* ---- the sets of a zone ---------------------------------------------------------------------- */

size_t route53_sets_find(const struct route53_sets *sets, const char *key, bool *found)
{
	size_t low = 0, high = sets->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(sets->items[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < sets->count && strcmp(sets->items[low].key, key) == 0;
	return low;
}

static int reserve(struct route53_sets *sets, size_t count)
{
	size_t capacity = sets->capacity ? sets->capacity : 64;
	struct route53_set *grown;

	if (count <= sets->capacity)
		return 0;
	while (capacity < count)
		capacity *= 2;
	grown = realloc(sets->items, capacity * sizeof(*grown));
	if (!grown)
		return DRO_ENOMEM;
	sets->items = grown;
	sets->capacity = capacity;
	return 0;
}

int route53_sets_insert(struct route53_sets *sets, size_t at, char *key, cJSON *doc)
{
	if (!key || !doc || reserve(sets, sets->count + 1) < 0)
		return DRO_ENOMEM;
	memmove(&sets->items[at + 1], &sets->items[at], (sets->count - at) * sizeof(*sets->items));
	sets->items[at] = (struct route53_set){key, doc};
	sets->count++;
	return 0;
}

void route53_sets_free(struct route53_sets *sets)
{
	size_t i;

	for (i = 0; i < sets->count; i++) {
		free(sets->items[i].key);
		cJSON_Delete(sets->items[i].doc);
	}
	free(sets->items);
	*sets = (struct route53_sets){0};
}

int route53_sets_copy(struct route53_sets *to, const struct route53_sets *from)
{
	*to = (struct route53_sets){0};
	if (reserve(to, from->count + 1) < 0)
		return DRO_ENOMEM;
	if (from->count)
		memcpy(to->items, from->items, from->count * sizeof(*to->items));
	to->count = from->count;
	return 0;
}

/* ---- a set as XML and JSON ------------------------------------------------------------------- */

static bool read_parts(cJSON *doc, const struct element *element, const struct dro_xml_node *node,
	struct dro_buf *why)
{
	cJSON *object = cJSON_AddObjectToObject(doc, element->name);
	const struct dro_xml_node *child;
	size_t i;

	for (child = node->children; child; child = child->sibling) {
		for (i = 0; element->parts[i]; i++)
			if (strcmp(element->parts[i], child->name) == 0)
				break;
		if (!element->parts[i]) {
			dro_buf_printf(
				why, "Unexpected element %.64s in %s", child->name, element->name);
			return false;
		}
		cJSON_AddStringToObject(object, child->name, child->text);
	}
	return true;
}

static bool read_values(cJSON *doc, const struct dro_xml_node *node, struct dro_buf *why)
{
	cJSON *values = cJSON_AddArrayToObject(doc, "ResourceRecords");
	const struct dro_xml_node *record;

	for (record = node->children; record; record = record->sibling) {
		const struct dro_xml_node *value = dro_xml_child(record, "Value");

		if (strcmp(record->name, "ResourceRecord") != 0 || !value) {
			dro_buf_puts(why, "ResourceRecords holds no ResourceRecord with a Value");
			return false;
		}
		cJSON_AddItemToArray(values, cJSON_CreateString(value->text));
	}
	return true;
}

cJSON *route53_set_read(const struct dro_xml_node *node, struct dro_buf *why)
{
	cJSON *doc = cJSON_CreateObject();
	const struct dro_xml_node *child = node ? node->children : NULL;
	bool good = true;
	size_t i;

	for (i = 0; child && good; child = child->sibling, i++) {
		for (; i < ELEMENTS; i++)
			if (strcmp(elements[i].name, child->name) == 0)
				break;
		if (i == ELEMENTS) {
			dro_buf_printf(why,
				"Unexpected element %.64s in ResourceRecordSet, or not in its "
				"place",
				child->name);
			good = false;
		} else if (elements[i].parts[0]) {
			good = read_parts(doc, &elements[i], child, why);
		} else if (strcmp(child->name, "ResourceRecords") == 0) {
			good = read_values(doc, child, why);
		} else {
			cJSON_AddStringToObject(doc, child->name, child->text);
		}
	}
	if (!good) {
		cJSON_Delete(doc);
		doc = NULL;
	}
	return doc;
}

void route53_set_write(struct dro_buf *out, const cJSON *doc)
{
	const cJSON *item, *part;
	size_t i;

	dro_buf_puts(out, "<ResourceRecordSet>");
	for (i = 0; i < ELEMENTS; i++) {
		item = cJSON_GetObjectItemCaseSensitive(doc, elements[i].name);
		if (!item)
			continue;
		if (cJSON_IsString(item)) {
			lab_xml_element(out, elements[i].name, item->valuestring);
			continue;
		}
		dro_buf_printf(out, "<%s>", elements[i].name);
		cJSON_ArrayForEach(part, item)
		{
			dro_buf_puts(out, cJSON_IsArray(item) ? "<ResourceRecord>" : "");
			lab_xml_element(out, cJSON_IsArray(item) ? "Value" : part->string,
				part->valuestring);
			dro_buf_puts(out, cJSON_IsArray(item) ? "</ResourceRecord>" : "");
		}
		dro_buf_printf(out, "</%s>", elements[i].name);
	}
	dro_buf_puts(out, "</ResourceRecordSet>");
}

/* Does every value of `a` stand in `b`? */
static bool within(const cJSON *a, const cJSON *b)
{
	const cJSON *x, *y;

	cJSON_ArrayForEach(x, a)
	{
		bool found = false;

		cJSON_ArrayForEach(y, b) found =
			found || strcmp(x->valuestring, y->valuestring) == 0;
		if (!found)
			return false;
	}
	return true;
}

bool route53_set_equal(const cJSON *a, const cJSON *b)
{
	size_t i;

	for (i = 0; i < ELEMENTS; i++) {
		const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, elements[i].name);
		const cJSON *y = cJSON_GetObjectItemCaseSensitive(b, elements[i].name);

		if (!x != !y)
			return false;
		if (x && cJSON_IsArray(x) && !(within(x, y) && within(y, x)))
			return false;
		if (x && !cJSON_IsArray(x) && !cJSON_Compare(x, y, true))
			return false;
	}
	return true;
}
