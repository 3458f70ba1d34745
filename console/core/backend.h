/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the console service needs of the world, chosen at link time: pvh/backend.c in the console domain, a
 * fake in unit tests. Nothing here blocks.
 */
#ifndef ATOLL_CONSOLE_BACKEND_H
#define ATOLL_CONSOLE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/console.h>

/*
 * Maps the ring and binds the event channel of a console. Events of the local port arrive as
 * service_on_event(). 0 or -errno.
 */
int backend_open(uint16_t domid, uint32_t port, uint32_t ref, struct xencons_interface **page, uint32_t *local_port);
/* Unmaps and unbinds; also if the domain is dead. */
void backend_close(struct xencons_interface *page, uint32_t local_port);
/*
 * True while the local port is bound to that port of that domain, which is then the same incarnation as at
 * backend_open().
 */
bool backend_connected(uint16_t domid, uint32_t port, uint32_t local_port);
void backend_notify(uint32_t local_port);

/* The session's outgoing stream: room in bytes, and writing len <= room bytes. */
size_t backend_tx_room(void);
void backend_tx(const void *bytes, size_t len);

#endif
