/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protocol between the console domain (server) and the control domain (client), over the console domain's
 * vchan.
 *
 * A frame is struct console_header and `length` bytes of payload: the fixed part of the message and, for
 * INPUT and OUTPUT, 1 to CONSOLE_DATA_MAX bytes of text. All integers are little-endian. A frame that breaks
 * a rule ends the session.
 *
 *   control                                   console domain
 *      | HELLO version                               |    first frame of a session, nothing is sent before it
 *      |                       HELLO, CONSOLE ...    |    one CONSOLE for each console that the domain has
 *      | ADD seq ...                                 |
 *      |                        RESULT seq, CONSOLE  |
 *      |                     OUTPUT offset, bytes    |
 *      | ACK offset                                  |    these bytes are on disk: they may be overwritten
 *
 * Each console's output is a stream with a 64-bit offset. The domain keeps all bytes from `acked` on: when
 * its history is full of bytes without an acknowledgement it stops reading that guest's ring (and only that
 * one). In a new session it sends from `acked` on, so that a client that died loses nothing. A console stays after REMOVE, closed, until its
 * place is needed (then the one goes that has the least text without an acknowledgement, of these the one
 * closed first). A new ADD of the same (domid, console) goes on with the same stream.
 */
#ifndef ATOLL_CONSOLE_H
#define ATOLL_CONSOLE_H

#include <assert.h>
#include <stdint.h>

#define CONSOLE_VERSION		2
/* Text in one frame: a burst of one guest does not delay the others by more. */
#define CONSOLE_DATA_MAX	3072
/* Node below the console domain's /local/domain/N, without ring-ref and event-channel. */
#define CONSOLE_VCHAN_NODE	"data/vchan/0/console"

enum console_message {
	CONSOLE_HELLO = 1,	/* both: console_hello; answered by HELLO */
	CONSOLE_ADD,		/* control: console_add; answered by RESULT (and CONSOLE if it succeeded) */
	CONSOLE_REMOVE,		/* control: console_remove; answered by RESULT; ENOENT if there is none */
	CONSOLE_INPUT,		/* control: console_text, bytes; no answer but DROPPED */
	CONSOLE_ACK,		/* control: console_position; no answer */
	CONSOLE_CONSOLE,	/* console: console_state */
	CONSOLE_OUTPUT,		/* console: console_position, bytes */
	CONSOLE_RESULT,		/* console: console_result */
	CONSOLE_DROPPED,	/* console: console_dropped */
};

struct console_header {
	uint32_t length;		/* of the payload */
	uint8_t type;			/* enum console_message */
	uint8_t reserved[3];		/* 0 */
};

struct console_hello {
	uint32_t version;		/* CONSOLE_VERSION; another one ends the session */
	uint32_t reserved;
	uint64_t generation;		/* console: boots on its state: 1 means that all earlier state is lost; control: 0 */
};

struct console_add {
	uint32_t seq;			/* repeated in RESULT */
	uint16_t domid, console;
	uint32_t port;			/* the guest's event channel, unbound for the console domain */
	uint32_t ref;			/* grant of the ring; 0 is the reserved reference of the first console */
};

struct console_remove {
	uint32_t seq;
	uint16_t domid, console;
};

struct console_text {
	uint16_t domid, console;
	uint32_t reserved;
};

struct console_position {
	uint16_t domid, console;
	uint32_t reserved;
	uint64_t offset;
};

struct console_state {
	uint16_t domid, console;
	uint32_t open;			/* 1: connected to a ring; 0: only history is left */
	uint64_t acked, end;		/* first byte not acknowledged, next one */
};

struct console_result {
	uint32_t seq;
	int32_t error;			/* 0 or a positive errno */
};

struct console_dropped {
	uint16_t domid, console;
	uint32_t reserved;
	uint64_t count;			/* bytes of input that the guest does not read */
};

#define CONSOLE_PAYLOAD_MAX	(sizeof(struct console_position) + CONSOLE_DATA_MAX)
#define CONSOLE_FRAME_MAX	(sizeof(struct console_header) + CONSOLE_PAYLOAD_MAX)

static_assert(sizeof(struct console_header) == 8, "wire");
static_assert(sizeof(struct console_hello) == 16, "wire");
static_assert(sizeof(struct console_add) == 16, "wire");
static_assert(sizeof(struct console_remove) == 8, "wire");
static_assert(sizeof(struct console_text) == 8, "wire");
static_assert(sizeof(struct console_position) == 16, "wire");
static_assert(sizeof(struct console_state) == 24, "wire");
static_assert(sizeof(struct console_result) == 8, "wire");
static_assert(sizeof(struct console_dropped) == 16, "wire");

#endif
