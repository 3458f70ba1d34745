/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Codec of include/atoll/console.h: pure and exact; each decoded frame encodes to the same bytes. */
#ifndef ATOLL_CONSOLE_FRAME_H
#define ATOLL_CONSOLE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "atoll/console.h"

union console_fixed {
	struct console_hello hello;
	struct console_add add;
	struct console_remove remove;
	struct console_text text;
	struct console_position position;
	struct console_state state;
	struct console_result result;
	struct console_dropped dropped;
};

/* One message of any type. Its domid and console, if it has them, are those here, not those in its part of the union. */
struct console_frame {
	enum console_message type;
	uint16_t domid, console;
	union {
		union console_fixed fixed;
		struct console_hello hello;
		struct console_add add;
		struct console_remove remove;
		struct console_position position;	/* ACK, OUTPUT */
		struct console_state state;
		struct console_result result;
		struct console_dropped dropped;
	};
	const uint8_t *data;		/* INPUT, OUTPUT: points into the decoded buffer */
	size_t data_len;
};

/* Returns the frame's size, or -EINVAL (bad type or data length), -ENOBUFS (does not fit). */
int console_frame_encode(const struct console_frame *frame, uint8_t *buf, size_t size);

/* Decodes the frame at buf. Returns its size, 0 if more bytes are needed, -EPROTO if it breaks a rule. */
int console_frame_decode(const uint8_t *buf, size_t len, struct console_frame *frame);

#endif
