/*
 * The guard of a page loop. A provider that hands out the same token again, or pages without end,
 * gets DRO_EPROTO instead of our time:
 *
 *	do {
 *		... ask, with page.token where it is not NULL ...
 *		rc = dro_paging_next(&page, token of the answer or "", err);
 *	} while (rc > 0);
 */
#ifndef DRORCH_PLUGINS_COMMON_PAGING_H
#define DRORCH_PLUGINS_COMMON_PAGING_H

#include "base/error.h"

struct dro_paging {
	const char *what; /* the operation, for messages */
	unsigned max;	  /* pages */
	unsigned pages;	  /* read so far */
	char *token;	  /* of the next page; NULL for the first */
	char *mark;	  /* an earlier token: meeting it again means a circle */
};

#define DRO_PAGING_INIT(operation, max_pages)                                                      \
	{                                                                                          \
		.what = (operation), .max = (max_pages)                                            \
	}

/* 1: there is another page (`token` is copied); 0: that was the last; <0: DRO_EPROTO, DRO_ENOMEM.
 */
int dro_paging_next(struct dro_paging *paging, const char *token, struct dro_error *err);
void dro_paging_free(struct dro_paging *paging);

#endif
