// SPDX-License-Identifier: LGPL-2.1-or-later
/* The store domain's size: what fits into it, and that nobody can fill it for others. */
#include "tap.h"
#include "xenstore-harness.h"

#define STORE_DOMAIN_ARENA (1504u * 1024u) /* what a domain of 2 MiB has for its state */

static struct harness h;

/* A tree like that of a host: directories of devices with short names and values. Returns the number of nodes made. */
static unsigned int fill(store_conn c, unsigned int nodes)
{
	static const char *const names[] = { "backend", "backend-id", "state", "event-channel", "ring-ref", "mac", "handle",
					     "script", "online", "frontend" };
	struct store_usage usage;
	unsigned int made = 0;
	char text[128];
	int n, r = 0;

	for (unsigned int i = 0; made < nodes && !r; i++) {
		n = snprintf(text, sizeof text, "/local/domain/%u/device/vif/%u/%s%cvalue%u", 10 + i / 100, i / 10 % 10,
			     names[i % 10], 0, i % 100);
		r = harness_raw(&h, c, WIRE_WRITE, 0, text, (size_t)n);
		store_usage(&h.s, &usage);
		made = usage.nodes;
	}
	return made;
}

static void test_capacity(void)
{
	struct store_usage usage;
	store_conn d0;
	const char *what = "";
	uint64_t before;
	unsigned int made;

	harness_start(&h, STORE_DOMAIN_ARENA);
	d0 = harness_open(&h, 0);
	store_usage(&h.s, &usage);
	before = usage.free_bytes;
	made = fill(d0, 5000);
	store_usage(&h.s, &usage);
	ok(made >= 5000, "a store domain of 2 MiB holds 5000 nodes (%u)", made);
	ok((before - usage.free_bytes) / made <= 120, "a small node takes at most 120 bytes (%lu)",
	   (unsigned long)((before - usage.free_bytes) / made));
	made = fill(d0, 100000);
	store_usage(&h.s, &usage);
	printf("# full at %u nodes, %lu bytes a node\n", made, (unsigned long)((before - usage.free_bytes) / made));
	ok(ask(&h, d0, WIRE_READ, 0, "/local/domain/10/device/vif/0/state") == 0, "when full it still answers");
	ok(!ask(&h, d0, WIRE_RM, 0, "/local/domain/10") && !put(&h, d0, 0, "/local/domain/9/x\0" "1"),
	   "and after a removal there is room again");
	ok(harness_checked(&h, &what), "the arena checks");
	harness_stop(&h);
}

static void home(store_conn d0, unsigned int domid)
{
	char text[64];
	int n = snprintf(text, sizeof text, "/local/domain/%u", domid);

	harness_raw(&h, d0, WIRE_MKDIR, 0, text, (size_t)n + 1);
	n = snprintf(text, sizeof text, "/local/domain/%u%cn%u", domid, 0, domid);
	harness_raw(&h, d0, WIRE_SET_PERMS, 0, text, (size_t)n + 1);
}

/* Takes all that a guest can get: nodes, transactions, watches, events, half a request. */
static unsigned int greed(store_conn c)
{
	static char big[2100];
	unsigned int got = 0;
	int n;

	for (int i = 0; i < 1000; i++) {
		n = snprintf(big, sizeof big, "n%d", i);
		got += !harness_raw(&h, c, WIRE_WRITE, 0, big, (size_t)n + 1 + 2000);
	}
	for (int i = 0; i < 12; i++) {
		uint32_t tx = harness_begin(&h, c);

		for (int k = 0; tx && k < 600; k++) {
			n = snprintf(big, sizeof big, "t%d/%d", i, k);
			harness_raw(&h, c, WIRE_WRITE, tx, big, (size_t)n + 1 + 1500);
		}
	}
	for (int i = 0; i < 130; i++) {
		n = snprintf(big, sizeof big, "w%d%ct", i, 0);
		memset(big + n + 1, 't', 1000);
		big[n + 1000] = 0;
		harness_raw(&h, c, WIRE_WATCH, 0, big, (size_t)n + 1001);
	}
	n = snprintf(big, sizeof big, "n1");
	for (int i = 0; i < 2000; i++) { /* never read */
		struct wire_header header = { WIRE_READ, 1, 0, 3 };
		unsigned char message[32];

		memcpy(message, &header, sizeof header);
		memcpy(message + sizeof header, "n1", 3);
		store_input(&h.s, c, message, sizeof header + 3);
	}
	return got;
}

static void test_fairness(void)
{
	struct store_usage usage;
	store_conn d0, guest[4];
	unsigned int got;
	const char *what = "";

	harness_start(&h, STORE_DOMAIN_ARENA);
	d0 = harness_open(&h, 0);
	for (unsigned int i = 0; i < 4; i++) {
		guest[i] = harness_open(&h, i + 1);
		home(d0, i + 1);
	}
	for (unsigned int i = 0; i < 3; i++) {
		got = greed(guest[i]);
		store_usage(&h.s, &usage);
		printf("# guest %u got %u big nodes; %lu KiB are free\n", i + 1, got, (unsigned long)usage.free_bytes / 1024);
		ok(got > 10, "greedy guest %u gets some", i + 1);
	}
	ok(usage.free_bytes > STORE_DOMAIN_ARENA / 8, "three greedy guests leave room");
	got = 0;
	for (int i = 0; i < 200; i++) {
		char text[64];
		int n = snprintf(text, sizeof text, "data/x%d%cvalue", i, 0);

		got += !harness_raw(&h, guest[3], WIRE_WRITE, 0, text, (size_t)n);
	}
	ok(got == 200, "a modest guest gets all it needs (%u of 200)", got);
	ok(!ask(&h, guest[3], WIRE_WATCH, 0, "data\0w") && harness_begin(&h, guest[3]), "watches and transactions too");
	got = fill(d0, usage.nodes + 1000);
	ok(got >= usage.nodes + 1000, "and so does the control domain");
	ok(harness_checked(&h, &what), "the arena checks");
	harness_stop(&h);
}

static int failing_step(void *opaque)
{
	return 0;
}

/* Whichever allocation fails, the request is refused and nothing is changed or leaked. */
static void test_no_memory(void)
{
	store_conn d0;
	const char *what = "";
	unsigned int refused = 0, bad = 0;
	uint64_t used;

	harness_start(&h, 1u << 20);
	d0 = harness_open(&h, 0);
	put(&h, d0, 0, "/w/x\0" "1");
	ask(&h, d0, WIRE_WATCH, 0, "/w\0t");
	harness_take(&h, d0);
	for (uint32_t n = 1; n < 30; n++) {
		uint32_t tx;

		used = h.s.a.header->used_bytes;
		h.s.a.fail_after = n;
		tx = harness_begin(&h, d0);
		put(&h, d0, tx, "/w/a/b/c\0hello");
		if (tx)
			ask(&h, d0, WIRE_TRANSACTION_END, tx, "T");
		h.s.a.fail_after = 0;
		if (tx)
			ask(&h, d0, WIRE_TRANSACTION_END, tx, "F");
		refused += !tx;
		ask(&h, d0, WIRE_RM, 0, "/w/a");
		harness_take(&h, d0);
		while (store_idle(&h.s, 1000))
			;
		bad += h.s.a.header->used_bytes != used || !harness_checked(&h, &what);
	}
	ok(!bad && refused, "a failed allocation leaves nothing behind, wherever it is (%u wrong) %s", bad, what);
	ok(!arena_step(&h.s.a, failing_step, NULL), "and the arena works on");
	harness_stop(&h);
}

int main(void)
{
	test_capacity();
	test_fairness();
	test_no_memory();
	return plan_done();
}
