/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A vchan server for one client, compatible with libxenvchan's client (xen/io/libxenvchan.h). The ring pages,
 * their grants and the event channel are made once and serve all sessions, one after the other; the state
 * lives in the arena.
 *
 *               client sets cli_live = 1          we set it to 3 (compare and swap)
 *   OFFERED ------------------------------------------------------------------------> CONNECTED
 *      ^                                                                                  | cli_live = 0 (closed, killed)
 *      |  cli_live 0 -> 2, srv_live = 1                                                   | cli_live = 1 (the next one, already)
 *      +------------------------------------------- CLOSING (srv_live = 0) <--------------+ client broke a rule
 *
 * The value 3 is ours alone: it tells a client that we have accepted from one that came after the first had
 * died. A client can only bind to the event channel after the last one has let go of it.
 */
#ifndef ATOLL_CONSOLE_VCHAN_H
#define ATOLL_CONSOLE_VCHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/libxenvchan.h>

/* Client to server: small frames. Server to client: 16 KiB hold the bursts of 8 guests. */
#define VCHAN_LEFT_ORDER	12
#define VCHAN_RIGHT_ORDER	14
#define VCHAN_LEFT_SIZE		(1u << VCHAN_LEFT_ORDER)
#define VCHAN_RIGHT_SIZE	(1u << VCHAN_RIGHT_ORDER)
#define VCHAN_DATA_PAGES	((VCHAN_LEFT_SIZE + VCHAN_RIGHT_SIZE) / 4096)

/* Granted to the client: page-aligned, and nothing else in these pages. */
struct vchan_pages {
	union {
		struct vchan_interface ring;
		uint8_t ring_page[4096];
	};
	uint8_t left[VCHAN_LEFT_SIZE], right[VCHAN_RIGHT_SIZE];
};

enum vchan_status { VCHAN_OFFERED, VCHAN_CONNECTED, VCHAN_CLOSING };

struct vchan {
	struct vchan_pages *pages;
	uint32_t status;		/* enum vchan_status */
	uint16_t client_domid;
	uint32_t port, ref;
	uint32_t left_cons, right_prod;	/* private copies of our indexes */
	bool wrote, consumed;		/* since the last vchan_notify() */
	uint32_t room_seen;		/* by the last vchan_room() */
};

/*
 * Grants the pages (zeroed by the caller) to the client's domain and allocates the event channel. 0 or
 * -errno.
 */
int vchan_init(struct vchan *v, struct vchan_pages *pages, uint16_t client_domid);
/* After an in-place reload: takes the handler over again. False if the state makes no sense. */
bool vchan_resume(struct vchan *v, struct vchan_pages *pages, uint16_t client_domid);

enum vchan_change { VCHAN_SAME, VCHAN_CAME, VCHAN_WENT };
/* Looks for a client that came or went. */
enum vchan_change vchan_poll(struct vchan *v);
/* Ends the session: the client finds the channel closed and has to connect again. */
void vchan_kick(struct vchan *v);

/* Received bytes, at most max. */
size_t vchan_read(struct vchan *v, void *bytes, size_t max);
size_t vchan_room(struct vchan *v);
void vchan_write(struct vchan *v, const void *bytes, size_t len);
/* Tells the client what was written and consumed, if it wants to know. */
void vchan_notify(struct vchan *v);
/*
 * Asks for events before idling. Returns true if there is something to do already: room, or, if `reading`,
 * bytes to read.
 */
bool vchan_arm(struct vchan *v, bool reading);

#endif
