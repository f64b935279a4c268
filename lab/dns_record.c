#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/dns_internal.h"

#define LINE_MAX_BYTES 16384

bool dns_name_text(char out[ROUTE53_NAME], const ldns_rdf *name)
{
	const uint8_t *data = ldns_rdf_data(name);
	size_t length = ldns_rdf_size(name), at = 0, used = 0;

	while (at < length && data[at]) {
		size_t label = data[at++];

		if (label > 63 || at + label > length)
			return false;
		for (; label; label--) {
			int byte = tolower(data[at++]);

			if (used + 6 > ROUTE53_NAME)
				return false;
			if (byte < 128 && (isalnum(byte) || byte == '-' || byte == '_'))
				out[used++] = (char)byte;
			else
				used += (size_t)snprintf(out + used, 5, "\\%03o", (unsigned)byte);
		}
		out[used++] = '.';
	}
	if (!used)
		out[used++] = '.';
	out[used] = '\0';
	return true;
}

/* Route 53 escapes in octal, a zone file in decimal. */
static void put_decimal(struct dro_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text != '\\' || !text[1]) {
			dro_buf_append(out, text, 1);
		} else if (text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
			   text[3] >= '0' && text[3] <= '7') {
			dro_buf_printf(out, "\\%03d",
				(text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
			text += 3;
		} else {
			dro_buf_append(out, text++, 2);
		}
	}
}

/* The parser's lines have no control characters, and these would be another line's. */
static bool is_line(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 && *value != '\t')
			return false;
	return true;
}

ldns_rr *dns_record(const char *owner, const char *type, uint32_t ttl, const char *value)
{
	struct dro_buf line = DRO_BUF_INIT(LINE_MAX_BYTES);
	ldns_rr *rr = NULL;

	put_decimal(&line, owner);
	dro_buf_printf(&line, " %u IN %s ", ttl, type);
	put_decimal(&line, value);
	if (!is_line(value) || line.failed ||
		ldns_rr_new_frm_str(&rr, dro_buf_str(&line), ttl, NULL, NULL) != LDNS_STATUS_OK)
		rr = NULL;
	dro_buf_free(&line);
	return rr;
}

void dns_records_of(const cJSON *set, const char *owner, ldns_rr_list *out)
{
	const char *type = dro_json_text(set, "Type");
	uint32_t ttl = (uint32_t)strtoul(dro_json_text(set, "TTL"), NULL, 10);
	const cJSON *value;

	cJSON_ArrayForEach(value, cJSON_GetObjectItemCaseSensitive(set, "ResourceRecords"))
	{
		ldns_rr *rr = ldns_rr_list_rr_count(out) < DNS_RECORDS_MAX
				      ? dns_record(owner, type, ttl, value->valuestring)
				      : NULL;

		if (rr && !ldns_rr_list_push_rr(out, rr))
			ldns_rr_free(rr);
	}
}
