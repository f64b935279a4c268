#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/dns.h"
#include "lab/fault.h"
#include "lab/gates.h"
#include "lab/images.h"
#include "lab/instances.h"
#include "lab/internal.h"
#include "lab/process.h"

const struct lab_config *lab_config(const struct lab *lab)
{
	return &lab->config;
}

bool lab_sleep(struct lab *lab, uint64_t ms)
{
	struct timespec until;
	bool ending;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&lab->lock);
	while (!lab->ending && pthread_cond_timedwait(&lab->ended, &lab->lock, &until) != ETIMEDOUT)
		;
	ending = lab->ending;
	pthread_mutex_unlock(&lab->lock);
	return ending;
}

void lab_end(struct lab *lab)
{
	pthread_mutex_lock(&lab->lock);
	lab->ending = true;
	pthread_cond_broadcast(&lab->ended);
	pthread_mutex_unlock(&lab->lock);
}

static struct lab *new_lab(const struct lab_options *options)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	pthread_condattr_t monotonic;

	if (!lab)
		return NULL;
	lab->lock_fd = -1;
	lab->dir = strdup(options->dir);
	if (!lab->dir) {
		free(lab);
		return NULL;
	}
	pthread_mutex_init(&lab->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&lab->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	lab->config.dir = lab->dir;
	lab->config.origin_port = options->origin_port;
	lab->config.boot_delay_ms = options->boot_delay_ms;
	lab->config.edge_delay_ms = options->edge_delay_ms;
	lab->config.route53_dns_port = options->route53_dns_port;
	lab->config.cloudflare_dns_port = options->cloudflare_dns_port;
	lab->config.edge_log = options->edge_log;
	atomic_store(&lab->latency_ms, options->latency_ms);
	return lab;
}

/* The folders, and the lock that says a lab lives here. */
static int open_folder(struct lab *lab, struct dro_error *err)
{
	static const char *const folders[] = {"", "/state", "/images", "/instances"};
	struct dro_buf path = DRO_BUF_INIT(4096);
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]) && rc == 0; i++) {
		dro_buf_reset(&path);
		dro_buf_printf(&path, "%s%s", lab->dir, folders[i]);
		if ((rc = dro_buf_check(&path, err)) == 0)
			rc = dro_dir_make(path.data, 0700, err);
	}
	dro_buf_reset(&path);
	dro_buf_printf(&path, "%s/lock", lab->dir);
	if (rc == 0) {
		lab->lock_fd = open(dro_buf_str(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (lab->lock_fd < 0)
			rc = dro_fail_errno(err, "%s", dro_buf_str(&path));
		else if (flock(lab->lock_fd, LOCK_EX | LOCK_NB) < 0)
			rc = dro_fail(err, DRO_EBUSY, "a lab is already running in %s", lab->dir);
	}
	dro_buf_free(&path);
	return rc;
}

static int open_vendors(struct lab *lab, struct dro_error *err)
{
	size_t i;
	int rc;

	for (i = 0; lab_vendors[i] && i < LAB_VENDORS_MAX; i++) {
		const struct lab_vendor *vendor = lab_vendors[i];

		if (vendor->open && (rc = vendor->open(lab, &lab->states[i], err)) < 0) {
			dro_error_context(err, "%s", vendor->name);
			return rc;
		}
		lab->open_vendors = i + 1;
	}
	return 0;
}

void *lab_vendor_state(const struct lab *lab, const char *name)
{
	size_t i;

	for (i = 0; i < lab->open_vendors; i++)
		if (strcmp(lab_vendors[i]->name, name) == 0)
			return lab->states[i];
	return NULL;
}

/* lab.json: what a script needs to find the lab. */
static int write_note(struct lab *lab, struct dro_error *err)
{
	char *path = dro_path_join(lab->dir, "lab.json");
	struct dro_buf text = DRO_BUF_INIT(4096);
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_buf_printf(&text,
		"{\"port\":%u,\"edge_port\":%u,\"origin_port\":%u,\"route53_dns_port\":%u,"
		"\"cloudflare_dns_port\":%u,\"pid\":%d,\"pid_start\":%llu}\n",
		lab->config.port, lab->config.edge_port, lab->config.origin_port,
		lab->config.route53_dns_port, lab->config.cloudflare_dns_port, (int)getpid(),
		(unsigned long long)lab_process_start(getpid()));
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_file_write(path, text.data, text.length, 0644, err);
	dro_buf_free(&text);
	free(path);
	return rc;
}

static int open_gates(struct lab *lab, struct dro_error *err)
{
	const struct lab_config *config = &lab->config;
	const uint16_t ports[LAB_GATES_PORTS] = {config->port, config->edge_port,
		config->route53_dns_port, config->cloudflare_dns_port};

	return lab_gates_open(lab->gates, ports, err);
}

int lab_open(struct lab **out, const struct lab_options *options, struct dro_error *err)
{
	struct lab *lab = new_lab(options);
	int rc;

	if (!lab)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	/* What escapes from a keeper that was killed comes to us, and goes with us. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if ((rc = open_folder(lab, err)) < 0 || (rc = lab_credentials_open(lab, err)) < 0 ||
		(rc = lab_log_open(&lab->log, lab->dir, err)) < 0 ||
		(rc = lab_faults_new(&lab->faults, err)) < 0 ||
		(rc = lab_gates_new(&lab->gates, err)) < 0 ||
		(rc = lab_instances_new(&lab->instances, lab, err)) < 0 ||
		(rc = lab_images_new(&lab->images, lab, err)) < 0 ||
		(rc = open_vendors(lab, err)) < 0 ||
		(rc = lab_edge_start(&lab->edge, lab, options->edge_port, err)) < 0 ||
		(rc = lab_dns_start(&lab->dns, lab, &lab->config.route53_dns_port,
			 &lab->config.cloudflare_dns_port, err)) < 0 ||
		(rc = lab_server_start(&lab->server, lab, options->port, err)) < 0)
		goto out;
	lab->config.edge_port = lab_edge_port(lab->edge);
	lab->config.port = lab_server_port(lab->server);
	if ((rc = open_gates(lab, err)) < 0 ||
		(rc = lab_control_start(&lab->control, lab, err)) < 0 ||
		(rc = write_note(lab, err)) < 0)
		goto out;
	*out = lab;
	lab = NULL;
out:
	lab_close(lab);
	return rc;
}

/* The lock's folder may be another lab's: only its holder takes the note away. */
static void remove_note(struct lab *lab)
{
	char *path = dro_path_join(lab->dir, "lab.json");

	if (path && lab->control)
		unlink(path);
	free(path);
}

void lab_close(struct lab *lab)
{
	size_t i;

	if (!lab)
		return;
	lab_end(lab);
	remove_note(lab);
	lab_control_stop(lab->control);
	lab_server_stop(lab->server);
	lab_edge_stop(lab->edge);
	dns_server_stop(lab->dns);
	for (i = lab->open_vendors; i-- > 0;)
		if (lab_vendors[i]->close)
			lab_vendors[i]->close(lab->states[i]);
	lab_images_free(lab->images);
	lab_instances_free(lab->instances);
	lab_gates_free(lab->gates);
	lab_process_kill_below(getpid());
	lab_faults_free(lab->faults);
	lab_log_close(lab->log);
	for (i = 0; i < sizeof(lab->credentials) / sizeof(lab->credentials[0]); i++)
		free(lab->credentials[i]);
	if (lab->lock_fd >= 0)
		close(lab->lock_fd);
	pthread_cond_destroy(&lab->ended);
	pthread_mutex_destroy(&lab->lock);
	free(lab->dir);
	free(lab);
}
