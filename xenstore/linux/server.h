// SPDX-License-Identifier: LGPL-2.1-or-later
/* The Linux main: what its parts share. */
#ifndef ATOLL_XENSTORE_LINUX_SERVER_H
#define ATOLL_XENSTORE_LINUX_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/ring.h"
#include "../core/store.h"

#define IO_BUFFER (128u * 1024u)
#define CLIENTS_MAX 4096u /* connections in all; also bounded by the limit of open files */

struct client { /* the volatile side of a connection; its index is the connection's cookie 0 */
	store_conn conn;
	int fd; /* socket; -1 for a ring */
	struct xenstore_domain_interface *ring;
	uint32_t port; /* local event channel */
	bool used, writing, paused;
	bool dirty; /* in the list of those to be flushed */
	unsigned char *held; /* bytes read that the store did not want yet */
	size_t held_len;
};

struct server {
	struct store store;
	int epoll, listener;
	struct rings *rings; /* NULL: sockets only */
	struct client clients[CLIENTS_MAX];
	uint32_t dirty[CLIENTS_MAX];
	unsigned int dirty_count;
	unsigned char buffer[IO_BUFFER];
	/* as on the command line */
	const char *path;
	size_t arena_mb;
	bool sockets_only;
};

/* Tags of epoll events; smaller values are client indexes. */
#define EVENT_LISTENER (CLIENTS_MAX + 0u)
#define EVENT_PORTS (CLIENTS_MAX + 1u)
#define EVENT_STOP (CLIENTS_MAX + 2u)

struct client *client_new(struct server *srv, store_conn conn);
void client_mark(struct server *srv, struct client *c); /* to be flushed before the next wait */
void client_free(struct server *srv, struct client *c);
int epoll_set(struct server *srv, int op, int fd, uint32_t events, uint32_t tag);

/* socket.c */
int socket_listen(struct server *srv, const char *path);
void on_listener(struct server *srv);
void on_socket(struct server *srv, struct client *c, uint32_t events);
void socket_flush(struct server *srv, struct client *c);
void socket_input(struct server *srv, struct client *c, const unsigned char *bytes, size_t len);

/* rings.c */
int rings_open(struct server *srv);
void rings_close(struct server *srv);
void on_ports(struct server *srv);
void ring_flush(struct server *srv, struct client *c);
void ring_unmap(struct server *srv, struct client *c);
int ring_introduce(struct server *srv, store_conn conn, uint32_t domid, uint32_t port, struct store_ring_start *start);
unsigned int ring_domain_info(struct server *srv, uint32_t domid);
/* For live updates: event channels that are inherited, and rings on them. */
int rings_event_fd(const struct server *srv); /* -1: none */
int rings_take_over(struct server *srv, int fd);
void rings_death_notice(struct server *srv, bool on); /* VIRQ_DOM_EXC can be bound once */
int ring_map(struct server *srv, uint32_t domid, struct store_ring_start *start);
void ring_adopt(struct server *srv, struct client *c, uint32_t port); /* the one that was mapped last */
/* take-over.c */
void live_update_dump_path(char *path, size_t size);

#endif
