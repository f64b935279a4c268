#include "s3.h"

#include <stdlib.h>

#include "plugins/common/xml.h"

int s3_text_read(const struct s3_call *c, struct dro_buf *out)
{
	struct s3_reader *reader = NULL;
	char chunk[8192];
	ssize_t got;
	int rc = s3_reader_new(&reader, c);

	if (rc < 0)
		return rc;
	while ((got = s3_reader_read(reader, chunk, sizeof(chunk))) > 0)
		dro_buf_append(out, chunk, (size_t)got);
	s3_reader_free(reader);
	return got < 0 ? DRO_EINVAL : 0;
}

int s3_xml_read(const struct s3_call *c, struct dro_xml **out)
{
	struct dro_buf text = DRO_BUF_INIT(S3_XML_MAX);
	int rc = s3_text_read(c, &text);

	if (rc == 0 &&
		(text.failed || dro_xml_parse(out, dro_buf_str(&text), text.length, NULL) < 0))
		rc = s3_refuse(c, "MalformedXML", NULL);
	dro_buf_free(&text);
	return rc;
}
