#include "model/backup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const struct dro_backup *dro_backup_newest(const struct dro_backup_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->items[i].read && list->items[i].manifest && !*list->items[i].problem)
			return &list->items[i];
	return NULL;
}

int dro_backup_refuse(struct dro_backup *backup, struct dro_error *err, const char *format, ...)
{
	char *reason = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&reason, format, args);
	va_end(args);
	if (length < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	free(backup->problem);
	backup->problem = reason;
	return 0;
}

void dro_backup_list_free(struct dro_backup_list *list)
{
	size_t i;

	if (!list)
		return;
	for (i = 0; i < list->count; i++) {
		free(list->items[i].id);
		free(list->items[i].problem);
		dro_manifest_free(list->items[i].manifest);
	}
	free(list->items);
	*list = (struct dro_backup_list){0};
}
