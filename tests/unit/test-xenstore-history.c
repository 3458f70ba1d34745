// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What went wrong in other stores, as told by Xen's security advisories: each must not happen here.
 * (XSA-349 and 350 are about backends that watch, not about the store.)
 */
#include <stdint.h>
#include <stdio.h>

#include <xen/io/xs_wire.h>

#include "tap.h"
#include "xenstore-harness.h"

static struct harness h;
static store_conn d0, g1, g2;

static void home(unsigned int domid)
{
	char text[64];
	int n = snprintf(text, sizeof text, "/local/domain/%u", domid);

	harness_raw(&h, d0, WIRE_MKDIR, 0, text, (size_t)n + 1);
	n = snprintf(text, sizeof text, "/local/domain/%u%cn%u", domid, 0, domid);
	harness_raw(&h, d0, WIRE_SET_PERMS, 0, text, (size_t)n + 1);
}

static store_conn introduce(unsigned int domid, unsigned int port)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%u%c1%c%u", domid, 0, 0, port);

	home(domid);
	h.alive[domid] = STORE_DOMAIN_EXISTS;
	harness_raw(&h, d0, WIRE_INTRODUCE, 0, text, (size_t)n + 1);
	return store_connection_of(&h.s, domid);
}

static void kill_domain(unsigned int domid)
{
	store_conn c;

	h.alive[domid] = 0;
	store_domains_changed(&h.s);
	while ((c = store_connection_defunct(&h.s)))
		store_connection_close(&h.s, c);
}

static void fresh(void)
{
	harness_start(&h, 2u << 20);
	d0 = harness_open(&h, 0);
	g1 = introduce(1, 11);
	g2 = introduce(2, 12);
}

static void done(const char *name)
{
	const char *what = "";
	bool good = harness_checked(&h, &what);

	ok(good && !put(&h, d0, 0, "/alive\0" "1"), "%s: the store is whole and serves %s", name, what);
	harness_stop(&h);
}

static uint32_t nodes_of(unsigned int domid)
{
	char text[16];
	int n = snprintf(text, sizeof text, "quota%c%u", 0, domid);
	const char *at;

	if (harness_raw(&h, d0, WIRE_CONTROL, 0, text, (size_t)n + 1))
		return 0;
	at = strstr(h.reply, "nodes");
	return at ? (uint32_t)atol(strchr(at, ':') + 1) : 0;
}

/* Ring indexes out of range (XSA-38), and a ring that is always half full (XSA-72). */
static void xsa_38_72(void)
{
	static struct xenstore_domain_interface page;
	static unsigned char buffer[RING_BUFFER];

	fresh();
	memset(&page, 0, sizeof page);
	page.req_prod = 5000;
	ring_serve(&h.s, g1, &page, buffer);
	ok(page.error == XENSTORE_ERROR_RINGIDX && page.req_cons == 0, "XSA-38: an index out of range ends this ring only");
	page.req_prod = 0;
	page.rsp_cons = 77;
	page.connection = XENSTORE_RECONNECT;
	ring_serve(&h.s, g1, &page, buffer);
	ok(page.connection == XENSTORE_CONNECTED && page.error == XENSTORE_ERROR_NONE, "and may begin anew");
	memset(&page, 0, sizeof page);
	for (int i = 0; i < 3000; i++) {
		page.req_prod += 7; /* headers of zeroes in odd parts: CONTROL of no bytes */
		ring_serve(&h.s, g2, &page, buffer);
		page.rsp_cons = page.rsp_prod;
	}
	done("XSA-38, XSA-72");
}

static void xsa_115(void)
{
	fresh();
	put(&h, d0, 0, "/secret/a\0" "1");
	ask(&h, g1, WIRE_WATCH, 0, "/secret\0s");
	harness_take(&h, g1);
	h.event_count = 0;
	put(&h, d0, 0, "/secret/a\0" "2");
	ask(&h, d0, WIRE_RM, 0, "/secret");
	harness_take(&h, g1);
	ok(!h.event_count, "XSA-115: no event tells of nodes that may not be read");
	ok(ask(&h, g1, WIRE_RM, 0, "/") == -EINVAL && ask(&h, g1, WIRE_WRITE, 0, "/\0x") == -EACCES &&
		   ask(&h, g1, WIRE_SET_PERMS, 0, "/\0b0") == -EACCES, "XSA-353: the root is no guest's");
	put(&h, d0, 0, "/big/secret\0" "1");
	ask(&h, d0, WIRE_SET_PERMS, 0, "/big\0r0");
	ok(ask(&h, g1, WIRE_RM, 0, "/big") == -EACCES, "what may be read may not be removed");
	done("XSA-115");
}

static void xsa_206(void)
{
	unsigned int refused = 0;

	fresh();
	put(&h, d0, 0, "/tool/x\0" "1");
	for (int i = 0; i < 100; i++) {
		uint32_t tx = harness_begin(&h, d0);
		char text[40];
		int n = snprintf(text, sizeof text, "data/n%d%cv", i, 0);

		ask(&h, d0, WIRE_READ, tx, "/tool/x");
		put(&h, d0, tx, "/tool/y\0" "1");
		harness_raw(&h, g1, WIRE_WRITE, 0, text, (size_t)n);
		refused += ask(&h, d0, WIRE_TRANSACTION_END, tx, "T") != 0;
	}
	ok(!refused, "XSA-206: a guest that writes all the time does not keep others from committing");
	done("XSA-206");
}

static void xsa_322_326(void)
{
	uint32_t before;

	fresh();
	put(&h, d0, 0, "/shared\0s");
	ask(&h, d0, WIRE_SET_PERMS, 0, "/shared\0n0\0b1");
	ask(&h, g1, WIRE_WRITE, 0, "/shared/of1\0x");
	before = nodes_of(1);
	ok(before == 2, "a node in another's directory counts for who made it (%u)", before);
	kill_domain(1);
	g1 = introduce(1, 21);
	ok(ask(&h, g1, WIRE_READ, 0, "/shared") == -EACCES, "XSA-322: a new domain does not inherit permissions");
	ok(ask(&h, d0, WIRE_READ, 0, "/shared/of1") == -ENOENT && nodes_of(1) == 1, "XSA-417, XSA-483: nor nodes, nor what they count");
	done("XSA-322");
	fresh();
	for (int i = 0; i < 50; i++) {
		char long_path[3000];
		int n = snprintf(long_path, sizeof long_path, "/");

		while (n < 2900)
			n += snprintf(long_path + n, sizeof long_path - (size_t)n, "%sabcdefghi", n > 1 ? "/" : "");
		memset(long_path + n + 1, 't', 50);
		long_path[n + 51] = 0;
		harness_raw(&h, g1, WIRE_WATCH, 0, long_path, (size_t)n + 52);
	}
	ask(&h, d0, WIRE_RM, 0, "/local/domain/1");
	ask(&h, g1, WIRE_RESET_WATCHES, 0, "");
	done("XSA-324: watches with the longest paths");
	fresh();
	h.alive[1] = STORE_DOMAIN_EXISTS | STORE_DOMAIN_SHUTDOWN;
	store_domains_changed(&h.s);
	kill_domain(1);
	ok(ask(&h, d0, WIRE_IS_DOMAIN_INTRODUCED, 0, "1") == 0 && h.reply[0] == 'F', "XSA-325: a domain goes, whatever it did before");
	done("XSA-325");
}

static void xsa_330_484(void)
{
	uint64_t used;

	fresh();
	ask(&h, g1, WIRE_RESET_WATCHES, 0, "");
	used = h.s.a.header->used_bytes;
	for (int i = 0; i < 200; i++) {
		uint32_t tx = harness_begin(&h, g1);

		ask(&h, g1, WIRE_WATCH, 0, "data\0w");
		ask(&h, g1, WIRE_WRITE, tx, "data/x\0y");
		ask(&h, g1, WIRE_RESET_WATCHES, i % 2 ? tx : 0, "");
		harness_take(&h, g1);
	}
	while (store_idle(&h.s, 1000))
		;
	ok(h.s.a.header->used_bytes == used, "XSA-330: RESET_WATCHES leaves nothing behind");
	done("XSA-484: RESET_WATCHES within a transaction");
}

static void xsa_352_419(void)
{
	fresh();
	ask(&h, g1, WIRE_WRITE, 0, "a\0x");
	ok(ask(&h, g1, WIRE_SET_PERMS, 0, "a\0n2") == -EPERM && ask(&h, g1, WIRE_SET_PERMS, 0, "a\0n0") == -EPERM,
	   "XSA-352, XSA-419: a guest gives no node to another");
	ask(&h, g1, WIRE_SET_PERMS, 0, "a\0b1");
	ok(ask(&h, g2, WIRE_SET_PERMS, 0, "/local/domain/1/a\0n2") == -EACCES, "nor takes one");
	done("XSA-352");
}

static void xsa_354(void)
{
	fresh();
	for (int i = 0; i < 128; i++) {
		char text[64];
		int n = snprintf(text, sizeof text, "/other/w%d%ct%d", i, 0, i);

		harness_raw(&h, g1, WIRE_WATCH, 0, text, (size_t)n + 1);
		harness_take(&h, g1);
	}
	put(&h, d0, 0, "/elsewhere\0" "1");
	ok(!store_output_bytes(&h.s, g1), "XSA-354: a write elsewhere costs its watches nothing");
	done("XSA-354");
}

static void xsa_414_418(void)
{
	char path[WIRE_ABS_PATH_MAX + 8];
	int n = 0, r = 0;
	uint32_t tx;

	fresh();
	/* The deepest tree that a path can name: made, listed, removed and freed without recursion. */
	n = snprintf(path, sizeof path, "/local/domain/1");
	while (n + 2 < WIRE_ABS_PATH_MAX)
		n += snprintf(path + n, sizeof path - (size_t)n, "/d");
	ask(&h, d0, WIRE_SET_QUOTA, 0, "nodes\0" "100000");
	ok(harness_raw(&h, g1, WIRE_MKDIR, 0, path, (size_t)n + 1) == -ENOSPC && nodes_of(1) == 1,
	   "XSA-418: a request that would make more nodes than a step can take back is refused as a whole");
	for (int len = 15; !r && len + 200 < n; len += 200) {
		char part[WIRE_ABS_PATH_MAX];

		memcpy(part, path, (size_t)len + 200);
		part[len + 200] = 0;
		r = harness_raw(&h, g1, WIRE_MKDIR, 0, part, (size_t)len + 201);
	}
	ok(!r && nodes_of(1) > 1400, "in parts, the deepest path is made (%u nodes)", nodes_of(1));
	ok(!ask(&h, g1, WIRE_RM, 0, "d"), "and removed");
	while (store_idle(&h.s, 100))
		;
	ok(nodes_of(1) == 1, "XSA-415: nothing of it is left (%u)", nodes_of(1));
	ask(&h, d0, WIRE_SET_QUOTA, 0, "nodes\0" "1000");
	tx = harness_begin(&h, g1);
	ask(&h, g1, WIRE_WRITE, tx, "x/y\0" "1");
	ask(&h, g1, WIRE_RM, tx, "x");
	ask(&h, g1, WIRE_WRITE, tx, "x/z\0" "1");
	ask(&h, d0, WIRE_RM, 0, "/local/domain/1");
	ok(ask(&h, g1, WIRE_TRANSACTION_END, tx, "T") == -EAGAIN, "XSA-415: no commit leaves a node without a parent");
	home(1);
	done("XSA-414, XSA-418");
}

static void xsa_421(void)
{
	unsigned int made = 0;
	int r = 0;

	fresh();
	for (int round = 0; round < 5; round++) {
		uint32_t tx = harness_begin(&h, g1);

		for (int i = 0; i < 900 && !r; i++) {
			char text[40];
			int n = snprintf(text, sizeof text, "t%d/n%d%cv", round, i, 0);

			r = harness_raw(&h, g1, WIRE_WRITE, tx, text, (size_t)n);
		}
		if (!ask(&h, g1, WIRE_TRANSACTION_END, tx, "T"))
			made++;
		r = 0;
	}
	ok(nodes_of(1) <= 1000, "XSA-421: transactions make no more nodes than the quota (%u)", nodes_of(1));
	ok(made >= 1, "but some");
	done("XSA-421");
}

static void xsa_425_440(void)
{
	struct wire_header half = { WIRE_WRITE, 1, 0, 100 };
	uint32_t a, b;

	fresh();
	store_input(&h.s, g1, &half, sizeof half);
	ask(&h, g1, WIRE_READ, 0, "a");
	introduce(1, 31); /* a soft reset: the same domain, another port */
	ok(!ask(&h, g1, WIRE_WRITE, 0, "a\0x"), "XSA-425: a request that was half read is forgotten by a reset of the ring");
	put(&h, d0, 0, "/c/x\0" "1");
	for (int i = 0; i < 20; i++) {
		a = harness_begin(&h, d0);
		b = harness_begin(&h, d0);
		ask(&h, d0, WIRE_DIRECTORY, a, "/c");
		ask(&h, d0, WIRE_RM, a, "/c");
		put(&h, d0, b, "/c/y/z\0" "1");
		ask(&h, d0, WIRE_TRANSACTION_END, b, "T");
		ask(&h, d0, WIRE_TRANSACTION_END, a, "T");
		ask(&h, d0, WIRE_RM, 0, "/c");
		put(&h, d0, 0, "/c/x\0" "1");
	}
	done("XSA-440: transactions in conflict");
}

static void xsa_481(void)
{
	fresh();
	ok(ask(&h, g1, WIRE_READ, 0, "/local/domain/") == -EINVAL && ask(&h, g1, WIRE_WRITE, 0, "/local/domain/\0x") == -EINVAL &&
		   ask(&h, g1, WIRE_WATCH, 0, "/local/domain/\0t") == -EINVAL, "XSA-481: a path with a slash at its end is refused");
	done("XSA-481");
}

int main(void)
{
	xsa_38_72();
	xsa_115();
	xsa_206();
	xsa_322_326();
	xsa_330_484();
	xsa_352_419();
	xsa_354();
	xsa_414_418();
	xsa_421();
	xsa_425_440();
	xsa_481();
	return plan_done();
}
