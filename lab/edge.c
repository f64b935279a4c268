#include "edge_internal.h"

#include <stdlib.h>

#include "lab/cloudflare.h"
#include "lab/lab.h"

struct lab_edge {
	struct edge *edge;
};

int lab_edge_start(struct lab_edge **out, struct lab *lab, uint16_t port, struct dro_error *err)
{
	const struct lab_config *config = lab_config(lab);
	struct edge_options options = {.times = edge_times_default,
		.port = port,
		.origin_port = config->origin_port,
		.website_port = &config->port,
		.routes = lab_cloudflare_routes(lab_vendor_state(lab, "cloudflare"))};
	struct lab_edge *edge = calloc(1, sizeof(*edge));
	char *log_path = config->edge_log ? dro_path_join(config->dir, "edge.jsonl") : NULL;
	int rc;

	if (!edge || (config->edge_log && !log_path)) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	options.log_path = log_path;
	rc = edge_start(&edge->edge, &options, err);
	if (rc < 0)
		goto out;
	*out = edge;
	edge = NULL;
out:
	free(edge);
	free(log_path);
	return rc;
}

uint16_t lab_edge_port(const struct lab_edge *edge)
{
	return edge->edge->port;
}

void lab_edge_stop(struct lab_edge *edge)
{
	if (!edge)
		return;
	edge_stop(edge->edge);
	free(edge);
}
