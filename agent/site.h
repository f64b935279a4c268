/*
 * Which site this host is: what its user-data said at boot, else its configuration. Kept in the
 * state folder, so that a backup taken later is labelled with the site that the host really is, not
 * with the one its image was made for.
 */
#ifndef AGENT_SITE_H
#define AGENT_SITE_H

#include "agent/config.h"
#include "base/buf.h"

/* `site` "" : the host has no user-data, and the configuration tells. Makes the state folder. */
int agent_site_keep(const struct agent_config *config, const char *site, struct dro_error *err);
/* Appends the site's name to `out`; "" where neither tells. */
int agent_site_read(struct dro_buf *out, const struct agent_config *config, struct dro_error *err);

#endif
