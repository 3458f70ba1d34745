// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Live update: the daemon is replaced by another binary while its clients stay connected.
 *
 *   CONTROL live-update -f FILE [-c WORDS] ; -s [-t SECONDS] [-F]
 *     wait until no transaction is open, hold new ones of sockets
 *     state stream ──► memory file ──exec FILE --live-update FD──► fresh store ──► goes on
 *
 * Sockets, the listener and the event channels are inherited as they are. If exec fails the daemon goes on and answers
 * with the reason. With -c the new binary is one that does it as C xenstored does: the stream is in the file state_dump
 * of its directory, and its words are those given and -U.
 */
#ifndef ATOLL_XENSTORE_LINUX_LIVE_UPDATE_H
#define ATOLL_XENSTORE_LINUX_LIVE_UPDATE_H

#include "server.h"

struct live_request { /* the first message in some bytes that the store is not to see, or not now */
	size_t before, take; /* bytes that come before it, bytes that end it */
	bool hold;           /* it has to wait */
	struct wire_header header;
	char payload[WIRE_PAYLOAD_MAX + 1];
	size_t len;
};

bool live_update_find(struct server *srv, struct client *c, const unsigned char *bytes, size_t len, struct live_request *q);
void live_update_request(struct server *srv, struct client *c, const struct live_request *q);
/* To be called each turn, and now and then while one is pending. */
void live_update_work(struct server *srv);
bool live_update_pending(const struct server *srv);
void live_update_gone(struct server *srv, const struct client *c); /* who asked for it may have left */

/* The other side: takes over from the stream in @fd; -1: in the file that C xenstored left. */
int live_update_take_over(struct server *srv, int fd);

#endif
