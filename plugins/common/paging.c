#include "plugins/common/paging.h"

#include <stdlib.h>
#include <string.h>

int dro_paging_next(struct dro_paging *paging, const char *token, struct dro_error *err)
{
	paging->pages++;
	if (!token || !*token)
		return 0;
	if ((paging->token && strcmp(token, paging->token) == 0) ||
		(paging->mark && strcmp(token, paging->mark) == 0))
		return dro_fail(err, DRO_EPROTO, "%s: the pages go round in a circle (page %u)",
			paging->what, paging->pages);
	if (paging->pages >= paging->max)
		return dro_fail(
			err, DRO_EPROTO, "%s: more than %u pages", paging->what, paging->max);
	/* A mark set at pages 1, 2, 4, 8… meets any circle within twice its length. */
	if ((paging->pages & (paging->pages - 1)) == 0) {
		free(paging->mark);
		paging->mark = paging->token;
	} else {
		free(paging->token);
	}
	paging->token = strdup(token);
	if (!paging->token)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	return 1;
}

void dro_paging_free(struct dro_paging *paging)
{
	free(paging->token);
	free(paging->mark);
	paging->token = paging->mark = NULL;
}
