#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/fault.h"
#include "lab/images.h"
#include "lab/instances.h"
#include "lab/internal.h"
#include "lab/linode.h"
#include "lab/options.h"

#define HALF_OPEN_MS 60000
#define DRIP_MS 1000

struct context {
	struct lab *lab;
	int argc; /* the words behind the command's own */
	char **argv;
	struct dro_buf *out;
	struct dro_error *err;
};

struct command {
	const char *first;
	const char *second; /* NULL: one word */
	int (*run)(struct context *c);
	const char *usage; /* NULL: another's tells of it */
};

static int run_status(struct context *c)
{
	const struct lab_config *config = &c->lab->config;

	dro_buf_printf(c->out, "API     http://127.0.0.1:%u\n", config->port);
	if (config->edge_port)
		dro_buf_printf(c->out, "edge    http://127.0.0.1:%u\n", config->edge_port);
	dro_buf_printf(c->out, "DNS     127.0.0.1 port %u (Route 53), port %u (Cloudflare)\n",
		config->route53_dns_port, config->cloudflare_dns_port);
	dro_buf_printf(c->out, "origin  port %u of each instance\n", config->origin_port);
	dro_buf_printf(c->out, "latency %u ms a call\n", atomic_load(&c->lab->latency_ms));
	dro_buf_printf(c->out, "account %s\n", config->account);
	lab_faults_list(c->lab->faults, c->out);
	return 0;
}

static int run_instances(struct context *c)
{
	lab_instances_print(c->lab->instances, c->out);
	return 0;
}

static int run_image_list(struct context *c)
{
	lab_images_print(c->lab->images, c->out);
	return 0;
}

/* Until the copy is there; -1 state: it went. */
static int wait_image(struct context *c, const char *id)
{
	int state;

	do {
		struct lab_image *image;

		lab_images_lock(c->lab->images);
		image = lab_image_find(c->lab->images, id);
		state = image ? image->state : -1;
		lab_images_unlock(c->lab->images);
	} while (state == LAB_IMAGE_PENDING && !lab_sleep(c->lab, 5));
	if (state != LAB_IMAGE_AVAILABLE)
		return dro_fail(c->err, DRO_EIO, "image %s could not be copied", id);
	dro_buf_printf(c->out, "%s\n", id);
	return 0;
}

/* A new image's id, its snapshot's, and the vendor's document of it. */
static int name_image(struct context *c, struct lab_image_spec *spec, char id[LAB_ID],
	char snapshot[LAB_ID], struct dro_error *err)
{
	const char *given = lab_option(c->argc, c->argv, "--id");
	char hex[18];

	lab_hex_id(hex);
	snprintf(snapshot, LAB_ID, "snap-%s", hex);
	if (strcmp(spec->vendor, "linode") == 0 && !given)
		return lab_linode_image_new(c->lab, spec->region, id, &spec->doc, err);
	if (strcmp(spec->vendor, "ec2") != 0)
		return dro_fail(err, DRO_EINVAL,
			"--vendor is ec2 or linode; only ec2's images take an --id");
	if (given && (strncmp(given, "ami-", 4) != 0 || strlen(given) > 40 ||
			     strspn(given + 4, "0123456789abcdef") != strlen(given + 4)))
		return dro_fail(err, DRO_EINVAL, "--id is ami- and hex digits");
	if (given)
		snprintf(id, LAB_ID, "%s", given);
	else
		snprintf(id, LAB_ID, "ami-%s", hex);
	spec->doc = cJSON_CreateObject();
	return 0;
}

static int run_image_add(struct context *c)
{
	const char *folder = lab_word(c->argc, c->argv, 0);
	const char *name = lab_option(c->argc, c->argv, "--name");
	const char *region = lab_option(c->argc, c->argv, "--region");
	const char *vendor = lab_option(c->argc, c->argv, "--vendor");
	struct lab_image_source source = {0};
	struct lab_image *image;
	char id[LAB_ID], snapshot[LAB_ID];
	struct lab_image_spec spec = {.id = id,
		.snapshot = snapshot,
		.vendor = vendor ? vendor : "ec2",
		.region = region,
		.name = name};
	int rc;

	if (!folder || !name || !region)
		return dro_fail(c->err, DRO_EINVAL, "image add FOLDER --name NAME --region REGION");
	if ((!lab_image_is_idle(folder) &&
		    (rc = lab_driver_for(folder)->check(folder, c->err)) < 0) ||
		(rc = name_image(c, &spec, id, snapshot, c->err)) < 0)
		return rc;
	source.folder = strdup(folder);
	lab_images_lock(c->lab->images);
	if (lab_image_find(c->lab->images, id)) {
		rc = dro_fail(c->err, DRO_ECONFLICT, "there is an image %s", id);
		cJSON_Delete(spec.doc);
		free(source.folder);
	} else {
		rc = lab_image_create(c->lab->images, &spec, &source, &image, c->err);
	}
	lab_images_unlock(c->lab->images);
	return rc < 0 ? rc : wait_image(c, id);
}

/* Copies an option's value into a field; an absent one leaves it. */
static int text_option(struct context *c, const char *name, char *out, size_t size)
{
	const char *value = lab_option(c->argc, c->argv, name);

	if (value && strlen(value) >= size)
		return dro_fail(c->err, DRO_EINVAL, "%s: longer than %zu", name, size - 1);
	if (value)
		memcpy(out, value, strlen(value) + 1);
	return 0;
}

static int run_fault_add(struct context *c)
{
	const char *kind = lab_word(c->argc, c->argv, 0);
	struct lab_fault fault = {.count = -1, .retry_after_s = -1};
	int64_t status = 0, burst = 1, rate = 1;
	char id[16];
	int rc;

	fault.kind = kind ? lab_fault_kind_of(kind) : -1;
	if (fault.kind < 0)
		return dro_fail(c->err, DRO_EINVAL, "no kind of fault: %s", kind ? kind : "");
	if (fault.kind == LAB_FAULT_HALF_OPEN)
		fault.ms = HALF_OPEN_MS;
	else if (fault.kind == LAB_FAULT_DRIP)
		fault.ms = DRIP_MS;
	if ((rc = text_option(c, "--vendor", fault.vendor, sizeof(fault.vendor))) < 0 ||
		(rc = text_option(c, "--operation", fault.operation, sizeof(fault.operation))) <
			0 ||
		(rc = text_option(c, "--region", fault.region, sizeof(fault.region))) < 0 ||
		(rc = text_option(c, "--code", fault.code, sizeof(fault.code))) < 0 ||
		(rc = text_option(c, "--message", fault.message, sizeof(fault.message))) < 0 ||
		(rc = lab_number(c->argc, c->argv, "--count", 1, 1000000, &fault.count, c->err)) <
			0 ||
		(rc = lab_number(c->argc, c->argv, "--status", 200, 599, &status, c->err)) < 0 ||
		(rc = lab_number(c->argc, c->argv, "--retry-after", 0, 86400, &fault.retry_after_s,
			 c->err)) < 0 ||
		(rc = lab_number(c->argc, c->argv, "--ms", 1, 86400000, &fault.ms, c->err)) < 0 ||
		(rc = lab_number(c->argc, c->argv, "--burst", 1, 1000000, &burst, c->err)) < 0 ||
		(rc = lab_number(c->argc, c->argv, "--rate", 0, 1000000, &rate, c->err)) < 0)
		return rc;
	if ((fault.kind == LAB_FAULT_LATENCY || fault.kind == LAB_FAULT_LATE ||
		    fault.kind == LAB_FAULT_LAG) &&
		!fault.ms)
		return dro_fail(c->err, DRO_EINVAL, "%s needs --ms", kind);
	fault.status = (int)status;
	fault.bucket = (struct lab_bucket){
		.tokens = (double)burst, .size = (double)burst, .per_second = (double)rate};
	if ((rc = lab_faults_add(c->lab->faults, &fault, id, c->err)) == 0)
		dro_buf_printf(c->out, "%s\n", id);
	return rc;
}

static int run_fault_list(struct context *c)
{
	lab_faults_list(c->lab->faults, c->out);
	return 0;
}

static int run_fault_clear(struct context *c)
{
	dro_buf_printf(
		c->out, "%zu\n", lab_faults_clear(c->lab->faults, lab_word(c->argc, c->argv, 0)));
	return 0;
}

static int begin_outage(struct context *c, const char *vendor, const char *region, int64_t status)
{
	struct lab_fault fault = {
		.kind = LAB_FAULT_OUTAGE, .count = -1, .status = (int)status, .retry_after_s = -1};
	char id[16];

	if (strlen(vendor) >= sizeof(fault.vendor) || strlen(region) >= sizeof(fault.region))
		return dro_fail(c->err, DRO_EINVAL, "the name is too long");
	memcpy(fault.vendor, vendor, strlen(vendor) + 1);
	memcpy(fault.region, region, strlen(region) + 1);
	lab_faults_restore(c->lab->faults, vendor, region);
	return lab_faults_add(c->lab->faults, &fault, id, c->err);
}

static int run_outage(struct context *c)
{
	const char *what = lab_word(c->argc, c->argv, 0);
	const char *name = lab_word(c->argc, c->argv, 1);
	const char *onoff = lab_word(c->argc, c->argv, 2);
	int64_t status = 0;
	bool provider;
	int rc;

	if (!what || !name || !onoff ||
		(strcmp(what, "provider") != 0 && strcmp(what, "region") != 0) ||
		(strcmp(onoff, "on") != 0 && strcmp(onoff, "off") != 0))
		return dro_fail(
			c->err, DRO_EINVAL, "outage provider|region NAME on|off [--status CODE]");
	rc = lab_number(c->argc, c->argv, "--status", 400, 599, &status, c->err);
	if (rc < 0)
		return rc;
	provider = strcmp(what, "provider") == 0;
	if (strcmp(onoff, "on") == 0)
		return begin_outage(c, provider ? name : "*", provider ? "*" : name, status);
	lab_faults_restore(c->lab->faults, provider ? name : "*", provider ? "*" : name);
	return 0;
}

static int run_kill_site(struct context *c)
{
	const char *region = lab_word(c->argc, c->argv, 0);
	int rc;

	if (!region)
		return dro_fail(c->err, DRO_EINVAL, "kill-site REGION");
	/* The API goes first: nobody can start there what would be missed. */
	if ((rc = begin_outage(c, "*", region, 0)) == 0)
		dro_buf_printf(c->out, "%zu instances killed\n",
			lab_instances_kill_site(c->lab->instances, region));
	return rc;
}

static int run_restore_site(struct context *c)
{
	const char *region = lab_word(c->argc, c->argv, 0);

	if (!region)
		return dro_fail(c->err, DRO_EINVAL, "restore-site REGION");
	dro_buf_printf(c->out, "%zu instances booting\n",
		lab_instances_restore_site(c->lab->instances, region));
	lab_faults_restore(c->lab->faults, "*", region);
	return 0;
}

/* Its verb is the word before. */
static int run_instance(struct context *c)
{
	return lab_instance_command(c->lab, c->argv[-1], c->argc, c->argv, c->out, c->err);
}

static int run_known_hosts(struct context *c)
{
	return lab_known_hosts_command(c->lab, c->argc, c->argv, c->out, c->err);
}

static int run_dns(struct context *c)
{
	return lab_dns_command(c->lab, c->argc, c->argv, c->err);
}

static int run_latency(struct context *c)
{
	const char *text = lab_word(c->argc, c->argv, 0);
	char *end = NULL;
	long ms = text ? strtol(text, &end, 10) : -1;

	if (ms < 0 || ms > 600000 || *end)
		return dro_fail(c->err, DRO_EINVAL, "latency MS");
	atomic_store(&c->lab->latency_ms, (uint32_t)ms);
	return 0;
}

static const struct command commands[] = {
	{"status", NULL, run_status, "status                       ports, latency, faults"},
	{"instances", NULL, run_instances, "instances                    every instance"},
	{"image", "add", run_image_add,
		"image add FOLDER --name NAME --region REGION [--vendor linode] [--id ami-…]"},
	{"image", "list", run_image_list, "image list"},
	{"fault", "add", run_fault_add,
		"fault add KIND [--vendor V] [--operation O] [--region R] [--count N] [--ms N]\n"
		"              [--status N] [--code C] [--message M] [--retry-after S]\n"
		"              [--rate N --burst N]\n"
		"    KIND: latency late status drop half-open drip refuse lag rate body truncate"},
	{"fault", "list", run_fault_list, "fault list"},
	{"fault", "clear", run_fault_clear, "fault clear [ID|KIND]"},
	{"outage", NULL, run_outage, "outage provider|region NAME on|off [--status CODE]"},
	{"kill-site", NULL, run_kill_site,
		"kill-site REGION             its instances die, its API is away"},
	{"restore-site", NULL, run_restore_site,
		"restore-site REGION          its API is back, what was killed boots"},
	{"kill", NULL, run_instance,
		"kill INSTANCE [--wait]       power loss; by id, address, tag Name or label"},
	{"power", NULL, run_instance, "power INSTANCE on|off [--wait]   off: a clean stop"},
	{"cut", NULL, run_instance, "cut|join INSTANCE            a machine's link"},
	{"join", NULL, run_instance, NULL},
	{"freeze", NULL, run_instance, "freeze|thaw INSTANCE         a machine hangs, and goes on"},
	{"thaw", NULL, run_instance, NULL},
	{"state", NULL, run_instance, "state INSTANCE               pending, running, stopped, …"},
	{"known-hosts", NULL, run_known_hosts,
		"known-hosts [INSTANCE…]      machines' ssh host keys, for ssh"},
	{"pid", NULL, run_instance, "pid INSTANCE                 of a machine's keeper"},
	{"dns", NULL, run_dns,
		"dns route53|cloudflare silent|servfail|lame|stale|lie ADDRESS|off\n"
		"                               its name servers, whatever its API does"},
	{"latency", NULL, run_latency, "latency MS                   of every API call"},
};

void lab_command_help(FILE *to)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].usage)
			fprintf(to, "  %s\n", commands[i].usage);
}

/* `drorch-lab VENDOR WORDS…` */
static int vendor_command(struct context *c)
{
	size_t i;

	for (i = 0; lab_vendors[i]; i++)
		if (strcmp(lab_vendors[i]->name, c->argv[0]) == 0 && lab_vendors[i]->control)
			return lab_vendors[i]->control(
				c->lab->states[i], c->argc - 1, c->argv + 1, c->out, c->err);
	return dro_fail(c->err, DRO_EINVAL, "no such command: %s", c->argv[0]);
}

int lab_command(struct lab *lab, int argc, char **argv, struct dro_buf *out, struct dro_error *err)
{
	struct context c = {lab, argc, argv, out, err};
	size_t i;

	if (argc < 1)
		return dro_fail(err, DRO_EINVAL, "no command");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int words = commands[i].second ? 2 : 1;

		if (argc < words || strcmp(argv[0], commands[i].first) != 0 ||
			(words == 2 && strcmp(argv[1], commands[i].second) != 0))
			continue;
		c.argc -= words;
		c.argv += words;
		return commands[i].run(&c);
	}
	return vendor_command(&c);
}
