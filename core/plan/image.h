/*
 * An image's build: what is known, and the plan made of it. Pure.
 *
 *   probe the account ‖ get ready ‖ capacity ▶ launch ▶ boot ▶ log in ▶ playbook
 *   ▶ bake ▶ take our key out ▶ stop ▶ image ▶ terminate ▶ look at the image
 *
 * A failure takes everything back: the image, the playbook, the machine.
 */
#ifndef DRORCH_PLAN_IMAGE_H
#define DRORCH_PLAN_IMAGE_H

#include "model/graph.h"
#include "model/service.h"

#define DRO_KIND_IMAGE "image" /* of plans: gives way to all but reconcile */
/* Of what an image is called: what the strictest provider takes. */
#define DRO_IMAGE_NAME_MAX 50

struct dro_image_facts {
	const struct dro_spec *spec;
	const struct dro_service *service;
	const struct dro_image_policy *policy;
	const char *active;	     /* site */
	const char *base;	     /* the provider's id of the image to begin with */
	const char *playbook_sha256; /* of the playbook's folder */
	int64_t now_ms;
};

/*
 * The type of the machine: the policy's, else that of the first group that boots the image at its
 * provider. NULL: neither is there.
 */
const char *dro_image_machine_type(
	const struct dro_service *service, const struct dro_image_policy *policy);

/* DRO_EINVAL with the place in the spec where the policy says too little for a build. */
int dro_plan_image(
	struct dro_plan **out, const struct dro_image_facts *facts, struct dro_error *err);

#endif
