/*
 * How the rows of the tables are written, and the forms that one file of them has for the others.
 */
#ifndef DRORCH_SPEC_ROWS_H
#define DRORCH_SPEC_ROWS_H

#include "spec/fields.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define ARRAY(type, member, counter)                                                               \
	.offset = offsetof(struct type, member), .count = offsetof(struct type, counter)
#define HERE .offset = 0 /* a group of keys that has no struct of its own */
#define NEED .flags = DRO_FIELD_REQUIRED
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define NOT_KEPT                                                                                   \
	.key = DRO_NO_OFFSET, .place = DRO_NO_OFFSET, .given = DRO_NO_OFFSET,                      \
	.settings = DRO_NO_OFFSET

extern const struct dro_word dro_words_scheme[];

extern const struct dro_form dro_form_objectives; /* fields_site.c */
extern const struct dro_form dro_form_site;
extern const struct dro_form dro_form_backup; /* fields_backup.c */
extern const struct dro_form dro_form_image;

#endif
