// SPDX-License-Identifier: LGPL-2.1-or-later
/* A console's bounded history, and the hostile ring that feeds it. */
#include <errno.h>
#include <string.h>

#include "core/history.h"
#include "core/ring.h"
#include "tap.h"

static struct history h;
static uint8_t buf[HISTORY_SIZE + 1];

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 8));
}

static void append(size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = byte_at(h.end + i);
	history_append(&h, buf, len);
}

/* Takes everything that is to be sent; true if the bytes are those of the stream. */
static bool take_all(void)
{
	uint64_t at = h.sent;
	size_t n = history_take(&h, buf, sizeof(buf));

	for (size_t i = 0; i < n; i++)
		if (buf[i] != byte_at(at + i))
			return false;
	return h.sent == h.end;
}

static void test_history(void)
{
	bool same = true;

	ok(history_room(&h, false) == HISTORY_SIZE - HISTORY_RESERVE, "an empty history keeps its reserve");
	append(HISTORY_SIZE - HISTORY_RESERVE);
	ok(history_room(&h, false) == 0, "without acknowledgement it fills up");
	append(HISTORY_RESERVE);
	ok(history_room(&h, true) == 0, "the reserve can be used for the last bytes");
	ok(take_all(), "all bytes come out as they went in");
	ok(history_ack(&h, h.end + 1) == -EINVAL, "bytes that were never there cannot be acknowledged");
	ok(!history_ack(&h, 100) && !history_ack(&h, 50) && h.acked == 100, "an older acknowledgement changes nothing");
	ok(history_room(&h, true) == 100, "acknowledged bytes make room");
	for (int i = 0; i < 100; i++) {
		history_ack(&h, h.sent);
		append(1000);
		same &= take_all();
	}
	ok(same && history_valid(&h), "the stream is whole over many turns");
	append(10);
	ok(!history_ack(&h, h.end) && h.sent == h.end, "an acknowledgement beyond what was sent skips it");
	h.sent = h.end + 1;
	ok(!history_valid(&h), "a state that makes no sense is found");
}

static size_t ring_read(struct ring *ring, void *bytes, size_t max)
{
	size_t n = ring_peek(ring, bytes, max);

	ring_consume(ring, n);
	return n;
}

static void test_ring(void)
{
	static struct xencons_interface page;
	struct ring ring = { 0 };
	char text[RING_OUT_SIZE];

	page.out_prod = 0xfffffff0;
	page.out_cons = 0xfffffff0;
	ring_attach(&ring, &page);
	for (int i = 0; i < 32; i++)
		page.out[page.out_prod++ & (RING_OUT_SIZE - 1)] = (char)('a' + i % 26);
	ok(ring_pending(&ring) == 32, "output across the wrap of the index is seen");
	ok(ring_peek(&ring, text, sizeof(text)) == 32 && ring_pending(&ring) == 32 && page.out_cons == 0xfffffff0,
	   "what is only looked at stays");
	ok(ring_read(&ring, text, 10) == 10 && !memcmp(text, "abcdefghij", 10), "no more than asked for is read");
	ok(page.out_cons == 0xfffffff0 + 10, "the guest sees what was read");
	page.out_cons = 12345;
	ok(ring_read(&ring, text, sizeof(text)) == 22 && text[0] == 'k', "our index in the page is not believed");
	page.out_prod += RING_OUT_SIZE + 1;
	ok(ring_pending(&ring) == 0, "more than a ring of output is nonsense");
	ok(ring_read(&ring, text, sizeof(text)) == 0 && ring.resyncs == 1, "it is skipped and counted");
	page.out[page.out_prod++ & (RING_OUT_SIZE - 1)] = 'x';
	ok(ring_read(&ring, text, sizeof(text)) == 1 && *text == 'x', "the guest is heard again after that");

	memset(text, 'i', sizeof(text));
	ok(ring_write(&ring, text, RING_IN_SIZE + 5) == RING_IN_SIZE, "input fills the ring and no more");
	ok(ring_write(&ring, text, 1) == 0, "a full ring takes no input");
	page.in_cons = page.in_prod + 1;
	ok(ring_write(&ring, text, 1) == 0, "a reader ahead of the writer gets no input");
	page.in_cons = page.in_prod - 5;
	ok(ring_write(&ring, text, 2000) == RING_IN_SIZE - 5, "and some again when it makes sense");
	page.out_cons = 5;
	page.out_prod = 5 + 3000;
	ring_attach(&ring, &page);
	ok(ring_pending(&ring) == 0, "a ring that makes no sense when attached starts empty");
}

int main(void)
{
	test_history();
	test_ring();
	return plan_done();
}
