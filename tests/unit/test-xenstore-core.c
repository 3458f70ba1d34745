// SPDX-License-Identifier: LGPL-2.1-or-later
/* The store's core: what a client sees. */
#include "tap.h"
#include "xenstore-harness.h"

static struct harness h;

static bool read_is(store_conn c, uint32_t tx, const char *path, const char *value)
{
	return !harness_raw(&h, c, WIRE_READ, tx, path, strlen(path) + 1) && !strcmp(h.reply, value);
}

static void test_tree(store_conn d0)
{
	ok(!put(&h, d0, 0, "/a/b/c\0hello"), "a write makes the nodes on its way");
	ok(read_is(d0, 0, "/a/b/c", "hello"), "and is read back");
	ok(read_is(d0, 0, "/a/b", ""), "the nodes on the way are empty");
	ok(ask(&h, d0, WIRE_READ, 0, "/a/x") == -ENOENT, "a missing node is ENOENT");
	ok(!put(&h, d0, 0, "/a/z\0"  "1") && !put(&h, d0, 0, "/a/d\0"  "1"), "children are made");
	ok(!ask(&h, d0, WIRE_DIRECTORY, 0, "/a") && h.reply_len == 6 && !memcmp(h.reply, "b\0z\0d", 6),
	   "DIRECTORY lists them in the order of their creation");
	ok(!ask(&h, d0, WIRE_DIRECTORY_PART, 0, "/a\0" "2") && !memcmp(h.reply + strlen(h.reply) + 1, "z\0d\0\0", 5),
	   "DIRECTORY_PART begins at the offset and ends with an empty name");
	ok(!ask(&h, d0, WIRE_RM, 0, "/a/b") && ask(&h, d0, WIRE_READ, 0, "/a/b/c") == -ENOENT, "RM takes the subtree");
	ok(!ask(&h, d0, WIRE_RM, 0, "/a/b"), "RM of what is gone is fine while the parent is there");
	ok(ask(&h, d0, WIRE_RM, 0, "/q/b") == -ENOENT, "and ENOENT if it is not");
	ok(ask(&h, d0, WIRE_RM, 0, "/") == -EINVAL, "the root stays");
	ok(ask(&h, d0, WIRE_MKDIR, 0, "/a//b") == -EINVAL && ask(&h, d0, WIRE_MKDIR, 0, "/a/") == -EINVAL &&
		   ask(&h, d0, WIRE_MKDIR, 0, "/a b") == -EINVAL, "bad paths are EINVAL");
	ok(ask(&h, d0, 20, 0, "") == -ENOSYS && ask(&h, d0, 0xffff, 0, "") == -ENOSYS, "unknown messages are ENOSYS");
}

static void test_perms(store_conn d0, store_conn d1)
{
	ok(!put(&h, d0, 0, "/local/domain/1/data\0x") && !ask(&h, d0, WIRE_SET_PERMS, 0, "/local/domain/1/data\0n1"),
	   "the toolstack gives a node away");
	ok(!harness_raw(&h, d1, WIRE_WRITE, 0, "data/k\0v", 8) && read_is(d1, 0, "data/k", "v"), "its owner uses it, relatively");
	ok(!ask(&h, d1, WIRE_GET_PERMS, 0, "data/k") && !strcmp(h.reply, "n1"), "what a guest makes is its own");
	ok(!put(&h, d0, 0, "/secret\0s") && ask(&h, d1, WIRE_READ, 0, "/secret") == -EACCES, "another's node is EACCES");
	ok(ask(&h, d1, WIRE_READ, 0, "/secret/missing") == -EACCES, "and so is what would be below it");
	ok(ask(&h, d1, WIRE_SET_PERMS, 0, "data/k\0n2") == -EPERM, "a guest cannot give its nodes away");
	ok(!ask(&h, d0, WIRE_SET_PERMS, 0, "/secret\0n0\0r1") && read_is(d1, 0, "/secret", "s"), "r1 lets it read");
	ok(ask(&h, d1, WIRE_WRITE, 0, "/secret\0") == -EACCES, "but not write");
	ok(ask(&h, d1, WIRE_INTRODUCE, 0, "2\0" "0\0" "1") == -EACCES && ask(&h, d1, WIRE_CONTROL, 0, "help") == -EACCES,
	   "privileged messages are EACCES for a guest");
}

static void test_watches(store_conn d0, store_conn d1)
{
	h.event_count = 0;
	ok(!ask(&h, d0, WIRE_WATCH, 0, "/w\0tok") && !harness_take(&h, d0) && h.event_count == 1 &&
		   !strcmp(h.events[0], "/w tok"), "a watch fires at once");
	h.event_count = 0;
	put(&h, d0, 0, "/w/a/b\0" "1");
	put(&h, d0, 0, "/wxx\0" "1");
	harness_take(&h, d0);
	ok(h.event_count == 1 && !strcmp(h.events[0], "/w/a/b tok"), "a write below fires once, a sibling does not");
	h.event_count = 0;
	ask(&h, d0, WIRE_WATCH, 0, "/w/a/b\0deep");
	ask(&h, d0, WIRE_RM, 0, "/w");
	harness_take(&h, d0);
	ok(h.event_count == 3 && !strcmp(h.events[2], "/w/a/b deep"), "removal of an ancestor fires the watches below");
	ok(ask(&h, d0, WIRE_WATCH, 0, "/w\0tok") == -EEXIST, "the same watch twice is EEXIST");
	ok(!ask(&h, d0, WIRE_UNWATCH, 0, "/w\0tok") && ask(&h, d0, WIRE_UNWATCH, 0, "/w\0tok") == -ENOENT, "UNWATCH");
	h.event_count = 0;
	ask(&h, d1, WIRE_WATCH, 0, "data\0rel");
	put(&h, d0, 0, "/local/domain/1/data/y\0" "1");
	harness_take(&h, d1);
	ok(h.event_count == 2 && !strcmp(h.events[1], "data/y rel"), "a relative watch reports relative paths");
	h.event_count = 0;
	ask(&h, d1, WIRE_WATCH, 0, "/hidden\0hid");
	put(&h, d0, 0, "/hidden\0" "1");
	harness_take(&h, d1);
	ok(h.event_count == 1, "no event for what may not be read, but the first");
	ok(!ask(&h, d1, WIRE_RESET_WATCHES, 0, ""), "RESET_WATCHES is answered");
	h.event_count = 0;
	put(&h, d0, 0, "/local/domain/1/data/y\0" "2");
	ok(!harness_take(&h, d1) && !h.event_count, "and no event comes after it");
}

static void test_missed(store_conn d0, store_conn d1)
{
	char text[64];
	int i, n;

	ask(&h, d1, WIRE_WATCH, 0, "data\0m");
	for (i = 0; i < 100; i++)
		put(&h, d0, 0, "/local/domain/1/data/y\0" "3");
	h.event_count = 0;
	harness_take(&h, d1);
	ok(h.event_count == 2, "the same event does not wait twice, behind the first of the watch");
	for (i = 0; i < 3000; i++) {
		n = snprintf(text, sizeof text, "/local/domain/1/data/e/%d", i % 1500);
		harness_raw(&h, d0, WIRE_WRITE, 0, text, (size_t)n + 1);
	}
	h.event_count = 0;
	harness_take(&h, d1);
	ok(h.event_count == 1025, "events that nobody reads are bounded (%u)", h.event_count);
	ok(!strcmp(h.events[(h.event_count - 1) % 64], "data m"), "what was missed is made up for by one of the watch itself");
	ask(&h, d0, WIRE_RM, 0, "/local/domain/1/data/e");
	while (store_idle(&h.s, 1000))
		;
	ask(&h, d1, WIRE_RESET_WATCHES, 0, "");
}

static void test_transactions(store_conn d0, store_conn x)
{
	uint32_t t, u;

	put(&h, d0, 0, "/t/k\0old");
	t = harness_begin(&h, d0);
	put(&h, x, 0, "/t/k\0new");
	ok(read_is(d0, t, "/t/k", "old"), "a transaction sees the tree of its start");
	ok(ask(&h, d0, WIRE_TRANSACTION_END, t, "T") == -EAGAIN, "and is refused if what it read did change");
	ok(ask(&h, d0, WIRE_TRANSACTION_END, t, "T") == -ENOENT, "after which it is gone");
	t = harness_begin(&h, d0);
	u = harness_begin(&h, x);
	ok(!put(&h, d0, t, "/t/a\0" "1") && !put(&h, x, u, "/t/b\0" "1"), "two transactions add siblings");
	ok(ask(&h, d0, WIRE_READ, 0, "/t/a") == -ENOENT, "nobody sees them before");
	ok(!ask(&h, d0, WIRE_TRANSACTION_END, t, "T") && !ask(&h, x, WIRE_TRANSACTION_END, u, "T"), "and both commit");
	ok(read_is(d0, 0, "/t/a", "1") && read_is(d0, 0, "/t/b", "1"), "both siblings are there");
	t = harness_begin(&h, d0);
	ask(&h, d0, WIRE_DIRECTORY, t, "/t");
	put(&h, x, 0, "/t/c\0" "1");
	ok(ask(&h, d0, WIRE_TRANSACTION_END, t, "T") == -EAGAIN, "who read the list of children is refused");
	t = harness_begin(&h, d0);
	put(&h, d0, t, "/t/k\0tx");
	put(&h, x, 0, "/t/b\0" "2");
	ok(!ask(&h, d0, WIRE_TRANSACTION_END, t, "T") && read_is(d0, 0, "/t/k", "tx"), "changes elsewhere do not matter");
	t = harness_begin(&h, d0);
	ask(&h, d0, WIRE_READ, t, "/t/none");
	put(&h, x, 0, "/t/none\0" "1");
	ok(ask(&h, d0, WIRE_TRANSACTION_END, t, "T") == -EAGAIN, "what was read as missing must still be missing");
	t = harness_begin(&h, d0);
	ok(!ask(&h, d0, WIRE_RM, t, "/t") && ask(&h, d0, WIRE_READ, t, "/t/a") == -ENOENT, "RM in a transaction");
	ok(read_is(x, 0, "/t/a", "1"), "is not seen outside");
	ok(!put(&h, d0, t, "/t/n/m\0" "5") && !ask(&h, d0, WIRE_DIRECTORY, t, "/t") && h.reply_len == 2 &&
		   !strcmp(h.reply, "n"), "made again, it has only what is new");
	ok(!ask(&h, d0, WIRE_TRANSACTION_END, t, "T") && read_is(x, 0, "/t/n/m", "5") &&
		   ask(&h, x, WIRE_READ, 0, "/t/a") == -ENOENT, "and so it is committed");
	t = harness_begin(&h, d0);
	put(&h, d0, t, "/t/f\0" "1");
	ok(!ask(&h, d0, WIRE_TRANSACTION_END, t, "F") && ask(&h, d0, WIRE_READ, 0, "/t/f") == -ENOENT, "END F drops it");
	ok(ask(&h, d0, WIRE_TRANSACTION_START, 7, "") == -EBUSY, "no transaction within one");
}

static void test_release_of_one(store_conn d0)
{
	store_conn c, g;

	ask(&h, d0, WIRE_INTRODUCE, 0, "6\0" "1\0" "9");
	ask(&h, d0, WIRE_INTRODUCE, 0, "7\0" "1\0" "9");
	g = store_connection_of(&h.s, 7);
	ok(!ask(&h, d0, WIRE_SET_PERMS, 0, "@releaseDomain/6\0n0\0r7") && !ask(&h, d0, WIRE_GET_PERMS, 0, "@releaseDomain/6") &&
		   h.reply_len == 6, "one domain's death has permissions of its own");
	ask(&h, g, WIRE_WATCH, 0, "@releaseDomain/6\0one");
	ask(&h, g, WIRE_WATCH, 0, "@releaseDomain\0all\0" "1");
	harness_take(&h, g);
	h.event_count = 0;
	ask(&h, d0, WIRE_RELEASE, 0, "6");
	harness_take(&h, g);
	ok(h.event_count == 2 && !strcmp(h.events[0], "@releaseDomain/6 one") && !strcmp(h.events[1], "@releaseDomain/6 all"),
	   "who may know of it is told, with its domid if asked for");
	ask(&h, d0, WIRE_RELEASE, 0, "5");
	h.event_count = 0;
	harness_take(&h, g);
	ok(!h.event_count, "and of no other");
	ask(&h, d0, WIRE_INTRODUCE, 0, "5\0" "1\0" "9");
	ask(&h, d0, WIRE_RELEASE, 0, "7");
	while ((c = store_connection_defunct(&h.s)))
		store_connection_close(&h.s, c);
}

static void test_domains(store_conn d0)
{
	store_conn g, c;

	ok(!ask(&h, d0, WIRE_INTRODUCE, 0, "5\0" "1\0" "9") && store_connection_of(&h.s, 5), "a domain is introduced");
	g = store_connection_of(&h.s, 5);
	put(&h, d0, 0, "/local/domain/5/x\0" "1");
	ask(&h, d0, WIRE_SET_PERMS, 0, "/local/domain/5\0n5");
	put(&h, d0, 0, "/readable\0" "1");
	ask(&h, d0, WIRE_SET_PERMS, 0, "/readable\0n0\0r5");
	put(&h, d0, 0, "/elsewhere/sub\0" "1");
	ask(&h, d0, WIRE_SET_PERMS, 0, "/elsewhere\0n5");
	ask(&h, d0, WIRE_WATCH, 0, "@releaseDomain\0rel");
	harness_take(&h, d0);
	h.event_count = 0;
	ask(&h, g, WIRE_WATCH, 0, "/readable\0r");
	harness_begin(&h, g);
	h.event_count = 0;
	h.alive[5] = 0;
	store_domains_changed(&h.s);
	harness_take(&h, d0);
	ok(h.event_count == 1 && !strcmp(h.events[0], "@releaseDomain rel"), "its death is told");
	c = store_connection_defunct(&h.s);
	ok(c == g, "its ring is to be unmapped");
	store_connection_close(&h.s, c);
	ok(ask(&h, d0, WIRE_READ, 0, "/local/domain/5") == -ENOENT && ask(&h, d0, WIRE_READ, 0, "/elsewhere/sub") == -ENOENT,
	   "the nodes it owned are gone");
	ok(!ask(&h, d0, WIRE_GET_PERMS, 0, "/readable") && h.reply_len == 3, "no permission names it any more");
	h.alive[5] = STORE_DOMAIN_EXISTS;
	ok(!ask(&h, d0, WIRE_INTRODUCE, 0, "5\0" "1\0" "9") &&
		   ask(&h, store_connection_of(&h.s, 5), WIRE_READ, 0, "/readable") == -EACCES,
	   "a new domain with its domid inherits nothing");
	test_release_of_one(d0);
	ok(!ask(&h, d0, WIRE_RELEASE, 0, "5") && !ask(&h, d0, WIRE_IS_DOMAIN_INTRODUCED, 0, "5") && h.reply[0] == 'F',
	   "RELEASE");
	while ((c = store_connection_defunct(&h.s)))
		store_connection_close(&h.s, c);
	ok(ask(&h, d0, WIRE_INTRODUCE, 0, "77\0" "1\0" "9") == -EINVAL, "a domain that does not exist cannot be introduced");
}

static void test_quotas(store_conn d0, store_conn d1)
{
	char text[64];
	int i, r = 0, n;

	for (i = 0; i < 1100 && !r; i++) {
		n = snprintf(text, sizeof text, "data/q/%d", i);
		r = harness_raw(&h, d1, WIRE_MKDIR, 0, text, (size_t)n + 1);
	}
	ok(r == -ENOSPC && i <= 1000 && i > 980, "a guest gets as many nodes as its quota (%d)", i - 1);
	ok(!ask(&h, d1, WIRE_RM, 0, "data/q") && !ask(&h, d1, WIRE_MKDIR, 0, "data/q2"), "and can make others after a removal");
	for (i = 0, r = 0; i < 200 && !r; i++) {
		n = snprintf(text, sizeof text, "data/%d%ct", i, 0);
		r = harness_raw(&h, d1, WIRE_WATCH, 0, text, (size_t)n + 1);
		harness_take(&h, d1);
	}
	ok(r == -ENOSPC && i - 1 == 128, "128 watches (%d)", i - 1);
	ask(&h, d1, WIRE_RESET_WATCHES, 0, "");
	for (i = 0, r = 0; i < 20 && !r; i++)
		r = ask(&h, d1, WIRE_TRANSACTION_START, 0, "");
	ok(r == -ENOSPC && i - 1 == 10, "10 transactions (%d)", i - 1);
	ask(&h, d1, WIRE_RESET_WATCHES, 0, "");
	ok(!ask(&h, d0, WIRE_SET_QUOTA, 0, "transactions\0" "2") && harness_begin(&h, d1) && harness_begin(&h, d1) &&
		   !harness_begin(&h, d1), "SET_QUOTA changes it at once");
	ok(!ask(&h, d0, WIRE_GET_QUOTA, 0, "transactions") && !strcmp(h.reply, "2"), "GET_QUOTA says so");
	ask(&h, d0, WIRE_SET_QUOTA, 0, "transactions\0" "10");
	ask(&h, d1, WIRE_RESET_WATCHES, 0, "");
	for (i = 0; i < 3; i++) {
		static char big[2100];

		memcpy(big, "data/big", 9);
		r = harness_raw(&h, d1, WIRE_WRITE, 0, big, 9 + (i ? 2048 : 2000));
	}
	ok(r == -ENOSPC, "a value over the node size is refused");
}

int main(void)
{
	const char *what = "";
	store_conn d0, d1, x;

	harness_start(&h, 4u << 20);
	d0 = harness_open(&h, 0);
	x = harness_open(&h, 0);
	d1 = harness_open(&h, 1);
	test_tree(d0);
	test_perms(d0, d1);
	test_watches(d0, d1);
	test_missed(d0, d1);
	test_transactions(d0, x);
	test_domains(d0);
	test_quotas(d0, d1);
	ok(harness_checked(&h, &what), "the arena checks %s", what);
	store_connection_close(&h.s, d1);
	store_connection_close(&h.s, x);
	while (store_idle(&h.s, 1000))
		;
	ok(harness_checked(&h, &what), "and once more after connections went %s", what);
	harness_stop(&h);
	return plan_done();
}
