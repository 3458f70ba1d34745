// SPDX-License-Identifier: LGPL-2.1-or-later
/* Codec of include/atoll/console.h. */
#include "core/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire structures are used as they are");

#define NOWHERE 255

/* The fixed part of each message: its size, where domid and console stand in it, and whether text follows. */
struct kind {
	uint8_t size, domid;
	bool data;
};

static const struct kind kinds[] = {
	[CONSOLE_HELLO] = { sizeof(struct console_hello), NOWHERE, false },
	[CONSOLE_ADD] = { sizeof(struct console_add), offsetof(struct console_add, domid), false },
	[CONSOLE_REMOVE] = { sizeof(struct console_remove), offsetof(struct console_remove, domid), false },
	[CONSOLE_INPUT] = { sizeof(struct console_text), 0, true },
	[CONSOLE_ACK] = { sizeof(struct console_position), 0, false },
	[CONSOLE_CONSOLE] = { sizeof(struct console_state), 0, false },
	[CONSOLE_OUTPUT] = { sizeof(struct console_position), 0, true },
	[CONSOLE_RESULT] = { sizeof(struct console_result), NOWHERE, false },
	[CONSOLE_DROPPED] = { sizeof(struct console_dropped), 0, false },
};

static const struct kind *kind_of(unsigned int type)
{
	return type < sizeof(kinds) / sizeof(kinds[0]) && kinds[type].size ? &kinds[type] : NULL;
}

static bool data_fits(const struct kind *kind, size_t len)
{
	return kind->data ? len && len <= CONSOLE_DATA_MAX : !len;
}

int console_frame_encode(const struct console_frame *frame, uint8_t *buf, size_t size)
{
	const struct kind *kind = kind_of(frame->type);
	struct console_header header = { .type = (uint8_t)frame->type };
	uint8_t *fixed = buf + sizeof(header);

	if (!kind || !data_fits(kind, frame->data_len))
		return -EINVAL;
	header.length = (uint32_t)(kind->size + frame->data_len);
	if (sizeof(header) + header.length > size)
		return -ENOBUFS;
	memcpy(buf, &header, sizeof(header));
	memcpy(fixed, &frame->fixed, kind->size);
	if (kind->domid != NOWHERE) {
		memcpy(fixed + kind->domid, &frame->domid, sizeof(frame->domid));
		memcpy(fixed + kind->domid + sizeof(frame->domid), &frame->console, sizeof(frame->console));
	}
	if (frame->data_len)
		memcpy(fixed + kind->size, frame->data, frame->data_len);
	return (int)(sizeof(header) + header.length);
}

/* False if a reserved field is not 0 or a value is out of its range. */
static bool is_valid(const struct console_frame *f)
{
	switch (f->type) {
	case CONSOLE_HELLO:
		return !f->hello.reserved;
	case CONSOLE_INPUT:
		return !f->fixed.text.reserved;
	case CONSOLE_ACK:
	case CONSOLE_OUTPUT:
		return !f->position.reserved;
	case CONSOLE_CONSOLE:
		return f->state.open <= 1 && f->state.acked <= f->state.end;
	case CONSOLE_DROPPED:
		return !f->dropped.reserved;
	case CONSOLE_RESULT:
		return f->result.error >= 0;
	default:
		return true;
	}
}

int console_frame_decode(const uint8_t *buf, size_t len, struct console_frame *frame)
{
	const uint8_t *fixed = buf + sizeof(struct console_header);
	struct console_header header;
	const struct kind *kind;

	if (len < sizeof(header))
		return 0;
	memcpy(&header, buf, sizeof(header));
	kind = kind_of(header.type);
	if (!kind || header.reserved[0] || header.reserved[1] || header.reserved[2] || header.length < kind->size ||
	    !data_fits(kind, header.length - kind->size))
		return -EPROTO;
	if (len < sizeof(header) + header.length)
		return 0;
	*frame = (struct console_frame){ .type = (enum console_message)header.type, .data_len = header.length - kind->size };
	memcpy(&frame->fixed, fixed, kind->size);
	if (kind->domid != NOWHERE) {
		memcpy(&frame->domid, fixed + kind->domid, sizeof(frame->domid));
		memcpy(&frame->console, fixed + kind->domid + sizeof(frame->domid), sizeof(frame->console));
	}
	if (frame->data_len)
		frame->data = fixed + kind->size;
	return is_valid(frame) ? (int)(sizeof(header) + header.length) : -EPROTO;
}
