/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publishing the vchan in xenstore: CONSOLE_VCHAN_NODE/ring-ref and event-channel, readable for the client's
 * domain. While no client is connected it is repeated every PUBLISH_PERIOD_NS, so that a store that was late,
 * or was rebuilt without its contents, gets to know.
 */
#ifndef ATOLL_CONSOLE_PUBLISH_H
#define ATOLL_CONSOLE_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "pvh/pvh.h"

#define PUBLISH_PERIOD_NS 2000000000ull
/* A store that has not answered for so long has lost the requests. */
#define PUBLISH_GIVE_UP_NS 20000000000ull

struct publisher {
	bool available;			/* the builder gave us a store ring */
	bool published;			/* logged */
	char refused[24];		/* the last error logged */
	uint64_t next_ns, sent_ns;	/* sent: all of it; 0: answered, or not all sent */
	uint16_t own_domid, client_domid;
	uint32_t ref, port;
};

void publisher_init(struct publisher *p, struct pvh *pvh, uint16_t client_domid, uint32_t ref, uint32_t port);
/* Returns the time at which it wants to be called again. */
uint64_t publisher_work(struct publisher *p, bool connected);

#endif
