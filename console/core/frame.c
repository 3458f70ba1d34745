// SPDX-License-Identifier: LGPL-2.1-or-later
/* Codec of include/atoll/console.h. */
#include "core/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire structures are used as they are");

static bool has_data(enum console_message type)
{
	return type == CONSOLE_INPUT || type == CONSOLE_OUTPUT;
}

/* Size of the fixed part, 0 for an unknown type. */
static size_t fixed_size(enum console_message type)
{
	switch (type) {
	case CONSOLE_HELLO:
		return sizeof(struct console_hello);
	case CONSOLE_ADD:
		return sizeof(struct console_add);
	case CONSOLE_REMOVE:
		return sizeof(struct console_remove);
	case CONSOLE_INPUT:
		return sizeof(struct console_text);
	case CONSOLE_ACK:
	case CONSOLE_OUTPUT:
		return sizeof(struct console_position);
	case CONSOLE_CONSOLE:
		return sizeof(struct console_state);
	case CONSOLE_RESULT:
		return sizeof(struct console_result);
	case CONSOLE_DROPPED:
		return sizeof(struct console_dropped);
	}
	return 0;
}

union fixed {
	struct console_hello hello;
	struct console_add add;
	struct console_remove remove;
	struct console_text text;
	struct console_position position;
	struct console_state state;
	struct console_result result;
	struct console_dropped dropped;
};

static void fixed_encode(const struct console_frame *f, union fixed *out)
{
	switch (f->type) {
	case CONSOLE_HELLO:
		out->hello = (struct console_hello){ .version = f->hello.version, .generation = f->hello.generation };
		break;
	case CONSOLE_ADD:
		out->add = (struct console_add){ f->add.seq, f->domid, f->console, f->add.port, f->add.ref };
		break;
	case CONSOLE_REMOVE:
		out->remove = (struct console_remove){ f->remove.seq, f->domid, f->console };
		break;
	case CONSOLE_INPUT:
		out->text = (struct console_text){ f->domid, f->console, 0 };
		break;
	case CONSOLE_ACK:
	case CONSOLE_OUTPUT:
		out->position = (struct console_position){ f->domid, f->console, 0, f->position.offset };
		break;
	case CONSOLE_CONSOLE:
		out->state = (struct console_state){ f->domid, f->console, f->state.open, f->state.acked, f->state.end };
		break;
	case CONSOLE_RESULT:
		out->result = (struct console_result){ f->result.seq, f->result.error };
		break;
	case CONSOLE_DROPPED:
		out->dropped = (struct console_dropped){ f->domid, f->console, 0, f->dropped.count };
		break;
	}
}

int console_frame_encode(const struct console_frame *frame, uint8_t *buf, size_t size)
{
	size_t fixed_len = fixed_size(frame->type), data_len = has_data(frame->type) ? frame->data_len : 0;
	struct console_header header = { .type = (uint8_t)frame->type };
	union fixed fixed;

	if (!fixed_len || (has_data(frame->type) && (!data_len || data_len > CONSOLE_DATA_MAX)))
		return -EINVAL;
	if (sizeof(header) + fixed_len + data_len > size)
		return -ENOBUFS;
	header.length = (uint32_t)(fixed_len + data_len);
	memcpy(buf, &header, sizeof(header));
	fixed_encode(frame, &fixed);
	memcpy(buf + sizeof(header), &fixed, fixed_len);
	if (data_len)
		memcpy(buf + sizeof(header) + fixed_len, frame->data, data_len);
	return (int)(sizeof(header) + fixed_len + data_len);
}

/* Takes the fields over; false if a reserved one is not 0 or a value is out of its range. */
static bool fixed_decode(const union fixed *in, struct console_frame *f)
{
	switch (f->type) {
	case CONSOLE_HELLO:
		f->hello.version = in->hello.version;
		f->hello.generation = in->hello.generation;
		return !in->hello.reserved;
	case CONSOLE_ADD:
		f->domid = in->add.domid;
		f->console = in->add.console;
		f->add.seq = in->add.seq;
		f->add.port = in->add.port;
		f->add.ref = in->add.ref;
		return true;
	case CONSOLE_REMOVE:
		f->domid = in->remove.domid;
		f->console = in->remove.console;
		f->remove.seq = in->remove.seq;
		return true;
	case CONSOLE_INPUT:
		f->domid = in->text.domid;
		f->console = in->text.console;
		return !in->text.reserved;
	case CONSOLE_ACK:
	case CONSOLE_OUTPUT:
		f->domid = in->position.domid;
		f->console = in->position.console;
		f->position.offset = in->position.offset;
		return !in->position.reserved;
	case CONSOLE_CONSOLE:
		f->domid = in->state.domid;
		f->console = in->state.console;
		f->state.open = in->state.open;
		f->state.acked = in->state.acked;
		f->state.end = in->state.end;
		return in->state.open <= 1 && in->state.acked <= in->state.end;
	case CONSOLE_RESULT:
		f->result.seq = in->result.seq;
		f->result.error = in->result.error;
		return in->result.error >= 0;
	case CONSOLE_DROPPED:
		f->domid = in->dropped.domid;
		f->console = in->dropped.console;
		f->dropped.count = in->dropped.count;
		return !in->dropped.reserved;
	}
	return false;
}

int console_frame_decode(const uint8_t *buf, size_t len, struct console_frame *frame)
{
	struct console_header header;
	union fixed fixed;
	size_t fixed_len, data_len;

	if (len < sizeof(header))
		return 0;
	memcpy(&header, buf, sizeof(header));
	fixed_len = fixed_size((enum console_message)header.type);
	if (!fixed_len || header.reserved[0] || header.reserved[1] || header.reserved[2] || header.length < fixed_len)
		return -EPROTO;
	data_len = header.length - fixed_len;
	if (has_data((enum console_message)header.type) ? !data_len || data_len > CONSOLE_DATA_MAX : data_len)
		return -EPROTO;
	if (len < sizeof(header) + header.length)
		return 0;
	memcpy(&fixed, buf + sizeof(header), fixed_len);
	*frame = (struct console_frame){ .type = (enum console_message)header.type };
	if (!fixed_decode(&fixed, frame))
		return -EPROTO;
	if (data_len) {
		frame->data = buf + sizeof(header) + fixed_len;
		frame->data_len = data_len;
	}
	return (int)(sizeof(header) + header.length);
}
