#include "lab/hub.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "lab/gates.h"
#include "lab/internal.h"
#include "lab/metadata.h"
#include "lab/netns.h"

#define NETWORKS 512 /* /24s of 198.18.0.0/15 */
#define TRIED 16
#define GONE_MS 2000 /* the kernel takes a dead lab's interface away a little later */
#define IP_MS 10000
#define METADATA_PORT 80
#define BRIDGE_HOST 253
#define OUR_HOST 254
/* Fixed ones: a bridge's follows its ports else, a machine's its boot, and neighbours remember. */
#define BRIDGE_MAC "02:64:72:00:00:fd"
#define MACHINE_MAC "02:64:72:00:01:%02x"

struct lab_hub {
	struct lab *lab;
	int ns_fd;
	unsigned network; /* 0 .. NETWORKS - 1 */
	struct lab_metadata *metadata;
};

static int run_ip(const char *script, struct dro_error *err)
{
	char *const argv[] = {"ip", "-batch", "-", NULL};
	struct dro_buf input = DRO_BUF_INIT(8192), errors = DRO_BUF_INIT(4096);
	struct dro_proc_result result = {0};
	int rc;

	dro_buf_puts(&input, script);
	rc = dro_proc_run(argv, NULL, &input, NULL, &errors, dro_now_ms() + IP_MS, &result, err);
	if (rc == 0 && result.exit_code != 0)
		rc = dro_fail(err, DRO_EIO, "ip: %.300s", dro_buf_str(&errors));
	dro_buf_free(&input);
	dro_buf_free(&errors);
	return rc;
}

static int run_script(void *arg, struct dro_error *err)
{
	return run_ip(arg, err);
}

static int in_hub(const struct lab_hub *hub, struct dro_buf *script, struct dro_error *err)
{
	int rc = dro_buf_check(script, err);

	return rc < 0 ? rc : lab_netns_run(hub->ns_fd, run_script, script->data, err);
}

/* ---- the hub itself -------------------------------------------------------------------------- */

static void put_network(const struct lab_hub *hub, struct dro_buf *out)
{
	dro_buf_printf(out, "198.%u.%u.", 18 + hub->network / 256, hub->network % 256);
}

static void host_name(const struct lab_hub *hub, char out[IFNAMSIZ])
{
	snprintf(out, IFNAMSIZ, "drlab%u", hub->network % NETWORKS);
}

/* The host's end; that its name is free is what claims the network for this lab. */
static int link_host(struct lab_hub *hub, struct dro_error *err)
{
	struct dro_buf script = DRO_BUF_INIT(1024);
	char name[IFNAMSIZ];
	int rc;

	host_name(hub, name);
	dro_buf_printf(&script, "link add %s type veth peer name host netns /proc/%d/fd/%d\n", name,
		(int)getpid(), hub->ns_fd);
	if ((rc = dro_buf_check(&script, err)) == 0)
		rc = run_ip(script.data, err);
	dro_buf_reset(&script);
	dro_buf_printf(&script, "link set %s addrgenmode none\naddr add ", name);
	put_network(hub, &script);
	dro_buf_printf(&script, "%d/24 dev %s\nlink set %s up\n", OUR_HOST, name, name);
	if (rc == 0 && (rc = dro_buf_check(&script, err)) == 0)
		rc = run_ip(script.data, err);
	dro_buf_free(&script);
	return rc;
}

static bool name_taken(const struct lab_hub *hub)
{
	char name[IFNAMSIZ];

	host_name(hub, name);
	return if_nametoindex(name) != 0;
}

/*
 * The network comes from the state folder's name, so that a lab keeps its addresses from start to
 * start. Its own interface of before may be there yet when it was killed just now.
 */
static int claim_network(struct lab_hub *hub, struct dro_error *err)
{
	const char *dir = lab_config(hub->lab)->dir;
	uint64_t until = dro_now_ms() + GONE_MS;
	uint8_t hash[DRO_SHA256_BYTES];
	int i, rc;

	if (dro_sha256(hash, dir, strlen(dir)) < 0)
		return dro_fail(err, DRO_ENOMEM, "SHA-256 failed");
	hub->network = ((unsigned)hash[2] << 8 | hash[3]) % NETWORKS;
	while (name_taken(hub) && dro_now_ms() < until)
		dro_clock_real.sleep_ms(&dro_clock_real, 20);
	for (i = 0; i < TRIED; i++, hub->network = (hub->network + 1) % NETWORKS) {
		if (name_taken(hub))
			continue;
		rc = link_host(hub, err);
		/* Another lab was faster: only then is the next one worth a try. */
		if (rc == 0 || !name_taken(hub))
			return rc;
		dro_error_clear(err);
	}
	return dro_fail(err, DRO_EQUOTA, "the networks of this many labs are in use: drlabN");
}

static int make_bridge(struct lab_hub *hub, int *socket, struct dro_error *err)
{
	struct dro_buf script = DRO_BUF_INIT(1024);
	int rc;

	dro_buf_puts(&script,
		"link set lo up\nlink add br0 address " BRIDGE_MAC " type bridge\naddr add ");
	put_network(hub, &script);
	dro_buf_printf(&script,
		"%d/24 dev br0\naddr add %s/32 dev br0\nlink set br0 up\n"
		"link set host master br0\nlink set host up\n",
		BRIDGE_HOST, LAB_HUB_METADATA);
	if ((rc = in_hub(hub, &script, err)) == 0)
		rc = lab_netns_listen(hub->ns_fd, LAB_HUB_METADATA, METADATA_PORT, 0, socket, err);
	dro_buf_free(&script);
	return rc;
}

int lab_hub_new(struct lab_hub **out, struct lab *lab, struct dro_error *err)
{
	struct lab_hub *hub = calloc(1, sizeof(*hub));
	int socket = -1, rc;

	if (!hub)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	hub->lab = lab;
	hub->ns_fd = -1;
	if ((rc = lab_netns_new(&hub->ns_fd, err)) == 0 && (rc = claim_network(hub, err)) == 0 &&
		(rc = make_bridge(hub, &socket, err)) == 0)
		rc = lab_metadata_start(&hub->metadata, lab, socket, err);
	if (rc < 0) {
		dro_error_context(err, "machines need root and iproute2");
		lab_hub_free(hub);
		return rc;
	}
	*out = hub;
	return 0;
}

void lab_hub_free(struct lab_hub *hub)
{
	if (!hub)
		return;
	lab_metadata_stop(hub->metadata);
	if (hub->ns_fd >= 0) {
		char name[IFNAMSIZ];
		struct dro_buf script = DRO_BUF_INIT(64);

		/* The kernel would take it away too, only later than we are gone. */
		host_name(hub, name);
		dro_buf_puts(&script, "link del host\n");
		in_hub(hub, &script, NULL);
		dro_buf_free(&script);
		close(hub->ns_fd);
	}
	free(hub);
}

/* ---- machines -------------------------------------------------------------------------------- */

void lab_hub_address(const struct lab_hub *hub, int n, char out[LAB_ADDRESS])
{
	snprintf(out, LAB_ADDRESS, "198.%u.%u.%u", 18 + hub->network / 256 % 2, hub->network % 256,
		(unsigned)n % 256);
}

static bool read_address(const char *address, unsigned part[4])
{
	char end;

	return sscanf(address, "%u.%u.%u.%u%c", part, part + 1, part + 2, part + 3, &end) == 4 &&
	       part[0] == 198 && (part[1] == 18 || part[1] == 19) && part[2] < 256 && part[3] < 256;
}

bool lab_hub_range_has(const char *address)
{
	unsigned part[4];

	return read_address(address, part);
}

bool lab_hub_has(const struct lab_hub *hub, const char *address)
{
	unsigned part[4];

	return read_address(address, part) && (part[1] - 18) * 256 + part[2] == hub->network &&
	       part[3] >= 1 && part[3] <= LAB_HUB_MACHINES;
}

/* The hub's end of its link. */
static unsigned port_of(const char *address)
{
	unsigned part[4] = {0};

	read_address(address, part);
	return part[3];
}

/* What an earlier boot left of it goes with its namespace, but not at once. */
static void drop_port(struct lab_hub *hub, const char *address)
{
	struct dro_buf script = DRO_BUF_INIT(64);

	dro_buf_printf(&script, "link del p%u\n", port_of(address));
	in_hub(hub, &script, NULL);
	dro_buf_free(&script);
}

int lab_hub_plug(struct lab_hub *hub, const char *address, const char *id, int *net_fd,
	struct dro_error *err)
{
	struct dro_buf script = DRO_BUF_INIT(1024);
	unsigned port = port_of(address);
	int fd = -1, rc;

	drop_port(hub, address);
	/* No way to anywhere else: a rehearsal must not reach what is real. */
	dro_buf_printf(&script,
		"link set lo up\nlink add eth0 address " MACHINE_MAC
		" type veth peer name p%u netns /proc/%d/fd/%d\n"
		"addr add %s/24 dev eth0\nlink set eth0 up\nroute add %s/32 dev eth0\n",
		port, port, (int)getpid(), hub->ns_fd, address, LAB_HUB_METADATA);
	if ((rc = dro_buf_check(&script, err)) == 0 && (rc = lab_netns_new(&fd, err)) == 0)
		rc = lab_netns_run(fd, run_script, script.data, err);
	dro_buf_reset(&script);
	dro_buf_printf(&script, "link set p%u master br0\n", port);
	if (rc == 0 && (rc = in_hub(hub, &script, err)) == 0)
		rc = lab_gates_add(hub->lab->gates, address, id, fd, err);
	dro_buf_free(&script);
	if (rc == 0)
		*net_fd = fd;
	else if (fd >= 0)
		close(fd);
	return rc;
}

void lab_hub_unplug(struct lab_hub *hub, const char *address, int *net_fd)
{
	if (*net_fd < 0)
		return;
	lab_gates_remove(hub->lab->gates, address);
	close(*net_fd);
	*net_fd = -1;
}

int lab_hub_cut(struct lab_hub *hub, const char *address, bool cut, struct dro_error *err)
{
	struct dro_buf script = DRO_BUF_INIT(64);
	int rc;

	dro_buf_printf(&script, "link set p%u %s\n", port_of(address), cut ? "down" : "up");
	if ((rc = in_hub(hub, &script, err)) == 0)
		lab_gates_cut(hub->lab->gates, address, cut);
	dro_buf_free(&script);
	return rc;
}
