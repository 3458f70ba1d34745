/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Codec of include/atoll/console.h: pure and exact; each decoded frame encodes to the same bytes. */
#ifndef ATOLL_CONSOLE_FRAME_H
#define ATOLL_CONSOLE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "atoll/console.h"

/* One message of any type; only the fields of its type are used. */
struct console_frame {
	enum console_message type;
	uint16_t domid, console;
	union {
		struct { uint32_t version; uint64_t generation; } hello;
		struct { uint32_t seq, port, ref; } add;
		struct { uint32_t seq; } remove;
		struct { uint64_t offset; } position;		/* ACK, OUTPUT */
		struct { uint32_t open; uint64_t acked, end; } state;
		struct { uint32_t seq; int32_t error; } result;
		struct { uint64_t count; } dropped;
	};
	const uint8_t *data;		/* INPUT, OUTPUT: points into the decoded buffer */
	size_t data_len;
};

/* Returns the frame's size, or -EINVAL (bad type or data length), -ENOBUFS (does not fit). */
int console_frame_encode(const struct console_frame *frame, uint8_t *buf, size_t size);

/* Decodes the frame at buf. Returns its size, 0 if more bytes are needed, -EPROTO if it breaks a rule. */
int console_frame_decode(const uint8_t *buf, size_t len, struct console_frame *frame);

#endif
