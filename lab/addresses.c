#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/hub.h"
#include "lab/instances_internal.h"
#include "lab/internal.h"

#define BLOCKS_TRIED 64
#define HOST_MAX 250
#define CLAIM_HOST 253

/* A socket that listens there, or -1. */
static int listen_at(const char *address, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (inet_pton(AF_INET, address, &to.sin_addr) == 1 &&
		bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && listen(fd, 1) == 0)
		return fd;
	close(fd);
	return -1;
}

/*
 * The block comes from the state folder's name, so that a lab keeps its addresses from start to
 * start; a block that another lab holds is passed over.
 */
int lab_block_claim(struct lab_instances *table, struct dro_error *err)
{
	const struct lab_config *config = lab_config(table->lab);
	uint8_t hash[DRO_SHA256_BYTES];
	unsigned seed, i;

	if (dro_sha256(hash, config->dir, strlen(config->dir)) < 0)
		return dro_fail(err, DRO_ENOMEM, "SHA-256 failed");
	seed = (unsigned)hash[0] << 8 | hash[1];
	for (i = 0; i < BLOCKS_TRIED; i++, seed++) {
		char claim[LAB_ADDRESS];

		snprintf(table->block, sizeof(table->block), "127.%u.%u.", 64 + seed / 256 % 128,
			seed % 256);
		snprintf(claim, sizeof(claim), "%s%d", table->block, CLAIM_HOST);
		table->block_fd = listen_at(claim, config->origin_port);
		if (table->block_fd >= 0)
			return 0;
	}
	return dro_fail_errno(err,
		"no loopback addresses with port %u free (choose another with --origin-port)",
		config->origin_port);
}

static bool is_taken(const struct lab_instances *table, const char *address)
{
	const struct lab_instance *instance;

	for (instance = table->first; instance; instance = instance->next)
		if (instance->state != LAB_TERMINATED &&
			strcmp(instance->guest.address, address) == 0)
			return true;
	return false;
}

int lab_address_choose(struct lab_instances *table, char out[LAB_ADDRESS], struct dro_error *err)
{
	int host;

	for (host = 1; host <= HOST_MAX; host++) {
		int fd;

		snprintf(out, LAB_ADDRESS, "%s%d", table->block, host);
		if (is_taken(table, out))
			continue;
		fd = listen_at(out, lab_config(table->lab)->origin_port);
		if (fd < 0)
			continue;
		close(fd);
		return 0;
	}
	return dro_fail(err, DRO_EQUOTA, "all addresses of %s0/24 are in use", table->block);
}

int lab_address_plug(struct lab_instance *instance, struct dro_error *err)
{
	struct lab_instances *table = instance->table;
	struct lab_guest *guest = &instance->guest;
	char address[LAB_ADDRESS];
	int n, rc;

	if (!table->hub && (rc = lab_hub_new(&table->hub, table->lab, err)) < 0)
		return rc;
	guest->hub = table->hub;
	if (lab_hub_has(table->hub, guest->address))
		return 0;
	for (n = 1; n <= LAB_HUB_MACHINES; n++) {
		lab_hub_address(table->hub, n, address);
		if (is_taken(table, address))
			continue;
		memcpy(guest->address, address, sizeof(address));
		return 0;
	}
	return dro_fail(err, DRO_EQUOTA, "all addresses of the hub are in use");
}
