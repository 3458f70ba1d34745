// SPDX-License-Identifier: LGPL-2.1-or-later
/* The console protocol's codec: round trips, and what it refuses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/frame.h"
#include "tap.h"

#define MUTATIONS 200000

static uint8_t text[CONSOLE_DATA_MAX];

static const struct console_frame samples[] = {
	{ .type = CONSOLE_HELLO, .hello = { .version = CONSOLE_VERSION, .generation = 0x1122334455667788 } },
	{ .type = CONSOLE_ADD, .domid = 32, .console = 3, .add = { .seq = 7, .port = 12, .ref = 0xffffffff } },
	{ .type = CONSOLE_REMOVE, .domid = 0x7fef, .console = 0, .remove.seq = 9 },
	{ .type = CONSOLE_INPUT, .domid = 32, .data = text, .data_len = 1 },
	{ .type = CONSOLE_ACK, .domid = 32, .console = 1, .position.offset = UINT64_MAX },
	{ .type = CONSOLE_CONSOLE, .domid = 1, .state = { .open = 1, .acked = 20, .end = 30 } },
	{ .type = CONSOLE_OUTPUT, .domid = 1, .position.offset = 1234, .data = text, .data_len = sizeof(text) },
	{ .type = CONSOLE_RESULT, .result = { 3, ENOENT } },
	{ .type = CONSOLE_DROPPED, .domid = 2, .dropped.count = 99 },
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void test_round_trip(const struct console_frame *in)
{
	uint8_t first[CONSOLE_FRAME_MAX + 1], second[CONSOLE_FRAME_MAX];
	struct console_frame out;
	int n = console_frame_encode(in, first, sizeof(first)), m;
	bool incomplete = true;

	ok(n > 0, "message %d is encoded", in->type);
	for (int len = 0; len < n; len++)
		incomplete &= console_frame_decode(first, (size_t)len, &out) == 0;
	ok(incomplete, "message %d: each shorter prefix is incomplete", in->type);
	m = console_frame_decode(first, (size_t)n, &out);
	ok(m == n, "message %d is decoded whole", in->type);
	m = console_frame_encode(&out, second, sizeof(second));
	ok(m == n && !memcmp(first, second, (size_t)n), "message %d gives the same bytes again", in->type);
	ok(console_frame_encode(in, first, (size_t)n - 1) == -ENOBUFS, "message %d does not fit one byte less", in->type);
}

static int decode_changed(const struct console_frame *in, size_t at, uint8_t value)
{
	uint8_t bytes[CONSOLE_FRAME_MAX];
	struct console_frame out;

	console_frame_encode(in, bytes, sizeof(bytes));
	bytes[at] = value;
	return console_frame_decode(bytes, sizeof(bytes), &out);
}

static void test_refusals(void)
{
	struct console_frame empty = { .type = CONSOLE_INPUT, .data = text, .data_len = 0 };
	struct console_frame large = { .type = CONSOLE_OUTPUT, .data = text, .data_len = CONSOLE_DATA_MAX + 1 };
	uint8_t bytes[CONSOLE_FRAME_MAX];

	ok(console_frame_encode(&empty, bytes, sizeof(bytes)) == -EINVAL, "input without text is not encoded");
	ok(console_frame_encode(&large, bytes, sizeof(bytes)) == -EINVAL, "too much text is not encoded");
	ok(decode_changed(&samples[0], 4, 0) == -EPROTO, "type 0 is refused");
	ok(decode_changed(&samples[0], 4, 200) == -EPROTO, "an unknown type is refused");
	ok(decode_changed(&samples[0], 5, 1) == -EPROTO, "a reserved header byte is refused");
	ok(decode_changed(&samples[0], 0, 15) == -EPROTO, "a HELLO too short is refused");
	ok(decode_changed(&samples[0], 0, 17) == -EPROTO, "a HELLO too long is refused");
	ok(decode_changed(&samples[0], 3, 0x80) == -EPROTO, "a length of 2 GiB is refused at once");
	ok(decode_changed(&samples[0], 8 + 4, 1) == -EPROTO, "a reserved field is refused");
	ok(decode_changed(&samples[3], 0, 8) == -EPROTO, "input without text is refused");
	ok(decode_changed(&samples[5], 8 + 4, 2) == -EPROTO, "a state that is neither open nor closed is refused");
	ok(decode_changed(&samples[5], 8 + 8, 31) == -EPROTO, "an acknowledgement of more than there is is refused");
	ok(decode_changed(&samples[7], 8 + 7, 0x80) == -EPROTO, "a negative error is refused");
	ok(decode_changed(&samples[8], 8 + 4, 9) == -EPROTO, "so is a reserved field of a loss");
}

/* Whatever decodes encodes to the same bytes. */
static void test_mutations(void)
{
	uint8_t bytes[CONSOLE_FRAME_MAX], again[CONSOLE_FRAME_MAX];
	struct console_frame frame;
	unsigned int decoded = 0, different = 0;

	srand(1);
	for (unsigned int i = 0; i < MUTATIONS; i++) {
		int n = console_frame_encode(&samples[(unsigned int)rand() % SAMPLES], bytes, sizeof(bytes)), m;

		for (int changes = rand() % 4; changes; changes--)
			bytes[rand() % (n < 48 ? n : 48)] = (uint8_t)rand();
		m = console_frame_decode(bytes, (size_t)n, &frame);
		if (m <= 0)
			continue;
		decoded++;
		if (console_frame_encode(&frame, again, sizeof(again)) != m || memcmp(bytes, again, (size_t)m))
			different++;
	}
	ok(decoded > MUTATIONS / 4 && !different, "%u mutated frames that decode are exact", decoded);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < SAMPLES; i++)
		test_round_trip(&samples[i]);
	test_refusals();
	test_mutations();
	return plan_done();
}
