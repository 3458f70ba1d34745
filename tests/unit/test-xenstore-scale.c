// SPDX-License-Identifier: LGPL-2.1-or-later
/* The store with 8,000 domains: what a domain costs does not depend on how many there are, and the end of all is the end of all. */
#include "tap.h"
#include "xenstore-harness.h"

#define GUESTS 8000u
#define FEW 100u
#define ARENA (128u << 20)
#define FIRST 32u /* domid */

static struct harness h;
static store_conn guests[GUESTS];
static unsigned int asked;
static bool all_dead;
static uint64_t empty, peak; /* bytes in use */

static unsigned int info(void *opaque, uint32_t domid)
{
	asked++;
	return domid == 0 || !all_dead ? STORE_DOMAIN_EXISTS : 0;
}

static int introduce(void *opaque, store_conn conn, uint32_t domid, uint64_t gfn, uint32_t port, struct store_ring_start *start)
{
	return 0;
}

static void quiet_output(void *opaque, store_conn conn)
{
}

static void quiet_log(void *opaque, const char *text)
{
}

static const struct store_ops ops = {info, introduce, quiet_output, quiet_log};

static bool wrote(store_conn conn, unsigned int domid, const char *rest, const char *value)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "/local/domain/%u%s%c%s", domid, rest, 0, value);

	return harness_raw(&h, conn, WIRE_WRITE, 0, text, (size_t)n) == 0;
}

/* What a toolstack and a guest with an interface and a disk put there. */
static bool settle_in(store_conn d0, unsigned int domid, store_conn *conn)
{
	static const char *const nodes[] = {"/name", "/domid", "/memory/target", "/control/shutdown", "/device/vif/0/backend",
					    "/device/vif/0/backend-id", "/device/vif/0/state", "/device/vif/0/mac", "/device/vif/0/handle",
					    "/device/vbd/51712/backend", "/device/vbd/51712/backend-id", "/device/vbd/51712/state",
					    "/device/vbd/51712/virtual-device", "/console/ring-ref", "/console/port", "/console/type"};
	static const char *const watched[] = {"device", "control/shutdown", "memory/target"};
	char text[256];
	int n, r = 0;

	*conn = 0;
	r |= !wrote(d0, domid, "", "");
	n = snprintf(text, sizeof(text), "/local/domain/%u%cn%u", domid, 0, domid);
	r |= harness_raw(&h, d0, WIRE_SET_PERMS, 0, text, (size_t)n + 1);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		r |= !wrote(d0, domid, nodes[i], "/local/domain/3/backend/vif");
	n = snprintf(text, sizeof(text), "%u%c1%c1", domid, 0, 0);
	r |= harness_raw(&h, d0, WIRE_INTRODUCE, 0, text, (size_t)n + 1);
	*conn = store_connection_of(&h.s, domid);
	if (r || !*conn)
		return false;
	for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++) {
		n = snprintf(text, sizeof(text), "%s%ctoken", watched[i], 0);
		r |= harness_raw(&h, *conn, WIRE_WATCH, 0, text, (size_t)n + 1);
	}
	while (harness_take(&h, *conn))
		; /* the first event of each watch */
	return !r;
}

static unsigned int with_output(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < GUESTS; i++)
		n += store_output_bytes(&h.s, guests[i]) > 0;
	return n;
}

static void test_many(store_conn d0)
{
	struct store_usage usage;
	uint64_t each_of_few = 0, each;
	unsigned int settled = 0;
	const char *what = "";

	store_usage(&h.s, &usage);
	empty = usage.used_bytes;
	for (unsigned int i = 0; i < GUESTS; i++) {
		settled += settle_in(d0, FIRST + i, &guests[i]);
		if (i + 1 == FEW) {
			store_usage(&h.s, &usage);
			each_of_few = (usage.used_bytes - empty) / FEW;
		}
	}
	store_usage(&h.s, &usage);
	peak = usage.used_bytes;
	each = (peak - empty) / GUESTS;
	ok(settled == GUESTS, "%u guests have their nodes, rings and watches (%u)", GUESTS, settled);
	printf("# a guest takes %lu bytes of the store's memory, all of them %lu MiB\n", (unsigned long)each,
	       (unsigned long)(usage.used_bytes >> 20));
	ok(each * 100 <= each_of_few * 105, "the last costs no more memory than the first (%lu bytes, then %lu)",
	   (unsigned long)each_of_few, (unsigned long)each);
	ok(wrote(d0, FIRST + 4242, "/control/shutdown", "poweroff") && with_output() == 1 &&
		   store_output_bytes(&h.s, guests[4242]) > 0,
	   "a word to one of them reaches that one only");
	ok(wrote(guests[GUESTS - 1], FIRST + GUESTS - 1, "/device/vif/0/state", "4"), "the last one writes what is its own");
	ok(!wrote(guests[GUESTS - 1], FIRST, "/device/vif/0/state", "4"), "and not what is the first one's");
	ok(harness_checked(&h, &what), "the arena checks");
}

static void test_end(store_conn d0)
{
	struct store_usage usage;
	const char *what = "";
	store_conn defunct;

	asked = 0;
	all_dead = true;
	store_domains_changed(&h.s);
	ok(asked <= GUESTS + 2, "when all die at once each is asked for once (%u questions)", asked);
	while ((defunct = store_connection_defunct(&h.s)))
		store_connection_close(&h.s, defunct);
	ok(ask(&h, d0, WIRE_RM, 0, "/local/domain") == 0, "all their nodes are removed with one request");
	while (store_idle(&h.s, 1000))
		;
	store_usage(&h.s, &usage);
	ok(usage.connections == 1 && usage.watches == 0, "no connection and no watch is left (%u, %u)", usage.connections,
	   usage.watches);
	ok(usage.used_bytes - empty < peak / 16, "nor their memory, but for a sixteenth for tables (%lu bytes of %lu)",
	   (unsigned long)(usage.used_bytes - empty), (unsigned long)peak);
	ok(harness_checked(&h, &what), "the arena checks");
}

int main(void)
{
	store_conn d0;

	harness_start(&h, ARENA);
	h.s.ops = &ops;
	d0 = harness_open(&h, 0);
	test_many(d0);
	test_end(d0);
	harness_stop(&h);
	return plan_done();
}
