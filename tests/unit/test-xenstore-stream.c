// SPDX-License-Identifier: LGPL-2.1-or-later
/* The state stream: a store written and read again is the same; what is not exact is refused. */
#include "stream/stream.h"
#include "tap.h"
#include "xenstore-harness.h"

static unsigned char bytes[1 << 20], again[1 << 20];

struct buffer {
	unsigned char *at;
	size_t len;
};

static int buffer_put(void *opaque, const void *from, size_t len)
{
	struct buffer *b = opaque;

	if (b->len + len > sizeof bytes)
		return -ENOSPC;
	memcpy(b->at + b->len, from, len);
	b->len += len;
	return 0;
}

static int32_t save_handle(void *opaque, store_conn conn)
{
	return 7;
}

static struct stream_bytes save_held(void *opaque, store_conn conn)
{
	return (struct stream_bytes){ NULL, 0 };
}

static size_t save(struct harness *h, unsigned char *to, store_conn answer)
{
	struct buffer b = { to, 0 };
	struct stream_out out = { .put = buffer_put, .opaque = &b };
	struct stream_save how = {
		.socket = 3, .evtchn = 4, .handle = save_handle, .held = save_held, .answer = answer,
		.request = { WIRE_CONTROL, 99, 0, 0 },
	};

	return store_stream_save(&h->s, &how, &out) ? 0 : b.len;
}

static int load_global(void *opaque, int32_t socket, int32_t evtchn)
{
	return socket == 3 && evtchn == 4 ? 0 : -EINVAL;
}

static int load_ring(void *opaque, uint32_t domid, uint32_t port, struct store_ring_start *start)
{
	return 0;
}

static store_conn conns[8];
static unsigned int conn_count;

static int load_connection(void *opaque, store_conn conn, enum store_conn_kind kind, int32_t handle)
{
	if (conn_count < 8)
		conns[conn_count++] = conn;
	return handle == 7 ? 0 : -EINVAL;
}

static void load_input(void *opaque, store_conn conn, const unsigned char *at, size_t len)
{
	struct harness *h = opaque;

	store_input(&h->s, conn, at, len);
}

static int load(struct harness *h, const unsigned char *from, size_t len)
{
	struct stream_load how = { load_global, load_ring, load_connection, load_input, h };
	unsigned char *copy = malloc(len ? len : 1); /* exactly as long, so that a read beyond is found */
	int r;

	memcpy(copy, from, len);
	conn_count = 0;
	harness_start(h, 1 << 20);
	r = store_stream_load(&h->s, copy, len, &how);
	free(copy);
	return r;
}

static void fill(struct harness *h, store_conn *a, store_conn *ring)
{
	struct store_ring_start start = { 0 };
	static const unsigned char half[] = { WIRE_READ, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, '/' };

	*a = harness_open(h, 0);
	ask(h, *a, WIRE_WATCH, 0, "@introduceDomain\0tok");
	store_introduce_mapped(&h->s, 3, 12, &start, ring);
	store_introduce_mapped(&h->s, 4, 13, &start, &(store_conn){ 0 });
	put(h, *a, 0, "/a/b\0value");
	put(h, *a, 0, "/a/c\0");
	put(h, *a, 0, "/local/domain/3/x\0y");
	ask(h, *a, WIRE_SET_PERMS, 0, "/local/domain/3\0n3\0r4");
	ask(h, *a, WIRE_SET_PERMS, 0, "@releaseDomain\0n0\0r3");
	ask(h, *a, WIRE_SET_TARGET, 0, "3\0004");
	ask(h, *a, WIRE_SET_QUOTA, 0, "3\0nodes\00077");
	ask(h, *a, WIRE_SET_QUOTA, 0, "watches\0001");
	ask(h, *ring, WIRE_WATCH, 0, "x\0rel\0001");
	ask(h, *a, WIRE_WATCH, 0, "/a\0deep");
	harness_take(h, *a);
	put(h, *a, 0, "/a/b\0new");
	/* A half-read request, an event half sent. */
	store_input(&h->s, *ring, half, sizeof half);
	store_output_done(&h->s, *a, 3);
}

static void round_trip(void)
{
	struct harness h, g;
	const char *what = "";
	store_conn a, ring;
	uint32_t tx;
	size_t n, m;
	unsigned char out[4096], out2[4096];

	harness_start(&h, 1 << 20);
	fill(&h, &a, &ring);
	while (store_output_bytes(&h.s, ring))
		store_output_done(&h.s, ring, 1);
	n = save(&h, bytes, 0);
	ok(n > 0, "saved, %zu bytes", n);
	ok(!load(&g, bytes, n), "loaded");
	ok(harness_checked(&g, &what), "the loaded store checks %s", what);
	m = save(&g, again, 0);
	/* But for the generation, which goes on. */
	memcpy(again + 40, bytes + 40, 8);
	ok(m == n && !memcmp(bytes, again, n), "saved again it is the same to the byte (%zu)", m);
	n = store_output_peek(&h.s, a, out, sizeof out);
	m = store_output_peek(&g.s, conns[0], out2, sizeof out2);
	ok(n == m && n && !memcmp(out, out2, n), "the same waits to be sent, half an event first (%zu)", n);
	store_output_done(&g.s, conns[0], m);
	store_input(&g.s, conns[1], "a", 2);
	ok(harness_take(&g, conns[1]) && g.reply_req == 5 && g.reply_type == WIRE_ERROR, "the half-read request is answered");
	put(&g, conns[0], 0, "/a/b\0newer");
	put(&g, conns[0], 0, "/local/domain/3/x\0z");
	ok(g.event_count && !strcmp(g.events[(g.event_count - 1) % 64], "/a/b deep"), "the watch fires: %s",
	   g.events[(g.event_count - 1) % 64]);
	harness_take(&g, conns[1]);
	ok(!strcmp(g.events[(g.event_count - 1) % 64], "x rel"), "the relative one too: %s",
	   g.events[(g.event_count - 1) % 64]);
	ok(!ask(&g, conns[0], WIRE_GET_QUOTA, 0, "3\0nodes") && !strcmp(g.reply, "77"), "the quota is kept");
	ok(ask(&g, conns[1], WIRE_WATCH, 0, "/b\0t") == -ENOSPC, "and that of all");
	tx = harness_begin(&g, conns[0]);
	n = save(&g, bytes, conns[0]);
	harness_stop(&h);
	ok(tx && n && !load(&h, bytes, n), "with a transaction");
	ok(harness_take(&h, conns[0]) && h.reply_req == 99 && !strcmp(h.reply, "OK"), "the live update is answered");
	ok(!ask(&h, conns[0], WIRE_READ, tx, "/a/b") && !strcmp(h.reply, "newer"), "it reads");
	ok(ask(&h, conns[0], WIRE_TRANSACTION_END, tx, "T") == -EAGAIN, "its end is EAGAIN");
	ok(harness_checked(&h, &what), "checks %s", what);
	harness_stop(&g);
	harness_stop(&h);
}

static void hostile(void)
{
	struct harness h, g;
	store_conn a, ring;
	unsigned int bad = 0, taken = 0;
	uint64_t state = 7;
	const char *what;
	size_t n;

	harness_start(&h, 1 << 20);
	fill(&h, &a, &ring);
	n = save(&h, bytes, a);
	harness_stop(&h);
	for (size_t cut = 0; cut < n; cut += 1 + cut / 64) {
		taken += !load(&g, bytes, cut);
		harness_stop(&g);
	}
	ok(!taken, "a stream that is cut is refused");
	for (int i = 0; i < 3000; i++) {
		memcpy(again, bytes, n);
		for (int k = 0; k < 1 + i % 3; k++) {
			state = state * 6364136223846793005ull + 1442695040888963407ull;
			again[(state >> 33) % n] ^= (unsigned char)(1u << (state >> 20) % 8);
		}
		if (!load(&g, again, n)) {
			taken++;
			bad += !harness_checked(&g, &what);
		}
		harness_stop(&g);
	}
	ok(!bad, "of 3000 with a few bits changed %u were loaded, and all of those check", taken);
}

int main(void)
{
	round_trip();
	hostile();
	return plan_done();
}
