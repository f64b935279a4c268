/*
 * The form of the spec, once: each row says what a key is called, what may stand there, where it
 * goes in the model and what people should know about it. Loading, checking, the JSON Schema and
 * the reference page all walk these tables. Constant, so any thread may read.
 */
#ifndef DRORCH_SPEC_FIELDS_H
#define DRORCH_SPEC_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/service.h"

#define DRO_API_VERSION "drorch/v1"
#define DRO_NO_OFFSET SIZE_MAX

enum dro_field_kind {
	DRO_FIELD_CONST,       /* exactly `fallback`; kept nowhere */
	DRO_FIELD_STRING,      /* char *, of `format`, or one of `words` */
	DRO_FIELD_ENUM,	       /* an enum: the value of one of `words` */
	DRO_FIELD_FLAGS,       /* unsigned: a list of `words`, or'ed */
	DRO_FIELD_INT,	       /* int, min..max */
	DRO_FIELD_BOOL,	       /* bool */
	DRO_FIELD_DURATION,    /* int64_t milliseconds, min..max */
	DRO_FIELD_STRINGS,     /* char ** and its count, each of `format` */
	DRO_FIELD_SECRET,      /* struct dro_secret_ref */
	DRO_FIELD_OBJECT,      /* `object`, embedded at the offset */
	DRO_FIELD_MAP,	       /* array of `object` and its count, from a mapping by name */
	DRO_FIELD_LIST,	       /* array of `object` and its count, from a list */
	DRO_FIELD_SETTINGS,    /* array of struct dro_setting and its count */
	DRO_FIELD_CREDENTIALS, /* array of struct dro_credential and its count */
	DRO_FIELD_IMAGE,       /* of a dro_instance_group: an id, or {name, newest} */
	DRO_FIELD_POLICY,      /* of a dro_traffic: a word, or {weighted: {SITE: WEIGHT}} */
	DRO_FIELD_CHANGES,     /* of a dro_safety: a percentage, or a number */
};

struct dro_format {
	const char *what;    /* what was expected: "a name of a-z, 0-9 and '-'" */
	const char *pattern; /* the same for the schema, or NULL */
	size_t max;	     /* bytes */
	bool (*check)(const char *text);
};

struct dro_word {
	const char *word;
	int value;
};

enum dro_field_flag { DRO_FIELD_REQUIRED = 1u << 0 };

struct dro_field {
	const char *name;
	enum dro_field_kind kind;
	size_t offset, count;		 /* in the object; `count` for arrays */
	const char *help;		 /* one line */
	const char *example;		 /* as it is written in YAML */
	const char *fallback;		 /* what holds where it is not given, as text; or NULL */
	unsigned flags;			 /* enum dro_field_flag */
	int64_t min, max;		 /* both 0: any that fits */
	const struct dro_format *format; /* NULL: any text */
	const struct dro_word *words;	 /* ends with a NULL word */
	const struct dro_form *object;
};

struct dro_form {
	const char *name; /* "site": of the schema's definition and the reference's section */
	const char *help;
	const struct dro_field *fields; /* ends with a NULL name */
	size_t size;
	size_t key;   /* char *: the name it has in a map; DRO_NO_OFFSET: none */
	size_t place; /* struct dro_place; DRO_NO_OFFSET: none */
	size_t given; /* bool: it is there; DRO_NO_OFFSET: none */
	/* Keys that no field names: kept as settings here; DRO_NO_OFFSET: refused. */
	size_t settings, setting_count;
};

extern const struct dro_form dro_form_providers; /* fills a struct dro_spec */
extern const struct dro_form dro_form_service;

/* Each of these says no to a text that is not of its kind. */
extern const struct dro_format dro_format_text;	  /* a line of anything */
extern const struct dro_format dro_format_name;	  /* our own names */
extern const struct dro_format dro_format_token;  /* a provider's word: region, type, image, … */
extern const struct dro_format dro_format_domain; /* a DNS name */
extern const struct dro_format dro_format_record; /* the same, "*." before it allowed */
extern const struct dro_format dro_format_host;	  /* a DNS name or an address */
extern const struct dro_format dro_format_inside; /* a path inside the repository */
extern const struct dro_format dro_format_file;	  /* an absolute path on the machine */
extern const struct dro_format dro_format_prefix; /* of object keys */
extern const struct dro_format dro_format_bucket;
extern const struct dro_format dro_format_url_path;
extern const struct dro_format dro_format_header;
extern const struct dro_format dro_format_clock;  /* "02:00" */
extern const struct dro_format dro_format_window; /* "Sun 03:00-06:00" */
extern const struct dro_format dro_format_email;
extern const struct dro_format dro_format_smtp;
extern const struct dro_format dro_format_variable; /* of the environment */

#endif
