/* What a spec means: references, cycles, contradictions. Internal to spec/. */
#ifndef DRORCH_SPEC_CHECK_H
#define DRORCH_SPEC_CHECK_H

#include "spec/fill.h"

struct dro_check {
	const struct dro_spec *spec;
	const struct dro_service *service; /* the one at hand */
	struct dro_fill *fill;
	bool clean; /* the form had no error, so what is not there was not given */
};

/* All of it. What the form's errors left empty is passed over, so nothing is said twice. */
void dro_check_spec(struct dro_fill *fill, const struct dro_spec *spec, bool clean);

/* ---- the parts --------------------------------------------------------------------------------
 */

void dro_check_backups(struct dro_check *check);
void dro_check_images(struct dro_check *check);
void dro_check_drills(struct dro_check *check);
void dro_check_notify(struct dro_check *check);
void dro_check_traffic(struct dro_check *check);
void dro_check_dns(struct dro_check *check);
/* Across services: one name belongs to one of them, one backup store to one policy. */
void dro_check_claims(struct dro_check *check);

/* Where `member` was given, else `otherwise`. */
const struct dro_place *dro_check_place(
	struct dro_check *check, const void *member, const struct dro_place *otherwise);
#define dro_check_complain(check, member, otherwise, ...)                                          \
	dro_report_add(                                                                            \
		(check)->fill->report, dro_check_place(check, member, otherwise), __VA_ARGS__)

/* These are silent on "". The first returns NULL where there is no such account. */
const struct dro_account *dro_check_account(
	struct dro_check *check, char *const *member, const struct dro_place *otherwise);
const struct dro_site *dro_check_site(
	struct dro_check *check, char *const *member, const struct dro_place *otherwise);

#endif
