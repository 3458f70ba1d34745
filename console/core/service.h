/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The console service: a table of consoles, and one session with the control domain. Pure: no I/O but through
 * backend.h, no allocation, no globals. The whole state is one structure (in the console domain's arena), so
 * that it survives an in-place reload.
 *
 *   guest ring --ring_peek--> history --OUTPUT--> session          (per console, round robin, one frame a turn)
 *   session --INPUT--> input queue --ring_write--> guest ring
 *
 * service_work() does a bounded amount of work: at most one ring read for each console, as many frames as the session has
 * room for, and the frames received. Nothing that a guest does costs another guest more than its turn.
 */
#ifndef ATOLL_CONSOLE_SERVICE_H
#define ATOLL_CONSOLE_SERVICE_H

#include <stdbool.h>

#include "core/frame.h"
#include "core/history.h"
#include "core/ring.h"

/* 128 histories of 8 KiB are what fits 2 MiB. */
#define CONSOLES_MAX 128
/* Input that a guest has not taken yet; a person types no faster. */
#define INPUT_MAX 256

enum console_status {
	CONSOLE_FREE,
	CONSOLE_OPEN,			/* has a ring */
	CONSOLE_CLOSED,			/* history only, until the entry is needed */
};

struct console {
	uint32_t status;		/* enum console_status */
	uint16_t domid, console;
	uint32_t remote_port, ref;	/* as given by ADD */
	uint32_t local_port;
	bool ready;			/* the ring may hold output */
	bool announce;			/* CONSOLE is still to be sent in this session */
	struct ring ring;
	uint32_t input_len, input_dropped;
	uint64_t closed_seq;		/* order in which consoles were closed */
	uint8_t input[INPUT_MAX];
	struct history history;
};

struct service {
	uint64_t generation;
	uint64_t closed_seq;
	bool session, greeted;
	uint32_t turn;			/* where the next round begins */
	uint32_t rx_len;
	uint8_t rx[CONSOLE_FRAME_MAX];
	struct console consoles[CONSOLES_MAX];
};

/* The memory has to be zero. */
void service_init(struct service *s, uint64_t generation);
/* After an in-place reload: true if every field is in its bounds. Does not look at rings or ports. */
bool service_valid(const struct service *s);

/* A console whose ring is in our own memory, without an event channel to serve (our own log). */
int service_add_local(struct service *s, uint16_t domid, struct xencons_interface *page);

/* A client came, or went. What was not acknowledged is sent again in the next session. */
void service_session_start(struct service *s);
void service_session_end(struct service *s);

/* Bytes from the client: at most service_rx_room(). */
size_t service_rx_room(const struct service *s);
void service_rx(struct service *s, const void *bytes, size_t len);

/* The event channel of a console fired. */
void service_on_event(struct service *s, uint32_t local_port);

enum service_result {
	SERVICE_IDLE,			/* nothing to do until something happens */
	SERVICE_FLOW,			/* guests speak: more is likely to come at once */
	SERVICE_MORE,			/* call again */
	SERVICE_BROKEN,			/* the client broke the protocol: end the session */
};
/*
 * `hold`: what guests say may wait to be sent until the next ring's worth of it would not fit, since this is called again soon. Large
 * batches wake the client less often.
 */
enum service_result service_work(struct service *s, bool hold);

/* ---- between the parts of the core ---- */
struct console *service_find(struct service *s, uint16_t domid, uint16_t console);
int console_add(struct service *s, const struct console_frame *frame);
int console_remove(struct service *s, uint16_t domid, uint16_t console);
void console_input(struct console *c, const uint8_t *bytes, size_t len);
/* True if it has taken output from the ring. */
bool console_work(struct console *c);

#endif
