/*
 * Telling systemd how we are, by the protocol of sd_notify(3), which that page gives for programs
 * that do not want to link libsystemd: datagrams of "NAME=value" lines to $NOTIFY_SOCKET. Where no
 * systemd waits for them nothing is sent. Thread-safe once opened.
 */
#ifndef DRORCH_CONTROL_SYSTEMD_H
#define DRORCH_CONTROL_SYSTEMD_H

#include <stdint.h>

#include "base/error.h"

struct dro_systemd;

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child
 * speaks for us: call it before there are threads. A socket that makes no sense is DRO_EINVAL.
 */
int dro_systemd_open(struct dro_systemd **out, struct dro_error *err);
void dro_systemd_close(struct dro_systemd *systemd); /* NULL-safe */

/* One message, such as "READY=1\nSTATUS=200 services". Never waits; NULL-safe. DRO_EIO: it was not
 * taken. */
int dro_systemd_tell(struct dro_systemd *systemd, struct dro_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* How often "WATCHDOG=1" is to be sent: half of what systemd waits for. 0: never. NULL-safe. */
uint64_t dro_systemd_watchdog_ms(const struct dro_systemd *systemd);

#endif
