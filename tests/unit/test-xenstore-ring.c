// SPDX-License-Identifier: LGPL-2.1-or-later
/* The wire codec's edges, and a ring served from the page: parts, wrap-around, more than the ring holds, back-pressure. */
#include <stdint.h>
#include <stdio.h>

#include <xen/io/xs_wire.h>

#include "tap.h"
#include "xenstore-harness.h"

static struct harness h;
static struct xenstore_domain_interface page;
static unsigned char buffer[RING_BUFFER];
static store_conn ring;
static bool more;

static bool serve(void)
{
	unsigned int r = ring_serve(&h.s, ring, &page, buffer);

	more = r & RING_MORE;
	return r & RING_NOTIFY;
}

/* As a frontend does: what fits, then again. */
static size_t send_part(const unsigned char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && page.req_prod - page.req_cons < sizeof page.req)
		page.req[page.req_prod++ % sizeof page.req] = (char)bytes[n++];
	return n;
}

static size_t receive_part(unsigned char *bytes, size_t room)
{
	size_t n = 0;

	while (n < room && page.rsp_cons != page.rsp_prod)
		bytes[n++] = (unsigned char)page.rsp[page.rsp_cons++ % sizeof page.rsp];
	return n;
}

static size_t exchange(uint32_t type, const void *payload, size_t len, unsigned char *answer)
{
	struct wire_header header = { type, 9, 0, (uint32_t)len }, got;
	unsigned char message[WIRE_MESSAGE_MAX];
	size_t sent = 0, had = 0;

	memcpy(message, &header, sizeof header);
	memcpy(message + sizeof header, payload, len);
	for (int i = 0; i < 100; i++) {
		sent += send_part(message + sent, sizeof header + len - sent);
		serve();
		had += receive_part(answer + had, WIRE_MESSAGE_MAX - had);
		if (had >= sizeof got) {
			wire_header_get(&got, answer);
			if (had >= sizeof got + got.len)
				return had;
		}
	}
	return 0;
}

static void test_codec(void)
{
	struct perm perm;
	uint64_t v;
	char text[32];

	ok(!wire_parse_number("18446744073709551615", UINT64_MAX, &v) && v == UINT64_MAX, "the largest number");
	ok(wire_parse_number("18446744073709551616", UINT64_MAX, &v) && wire_parse_number("-1", 9, &v) &&
		   wire_parse_number("", 9, &v) && wire_parse_number("10", 9, &v) && wire_parse_number("1 ", 9, &v),
	   "what is no number, or too large");
	ok(wire_format_number(text, UINT64_MAX) == 20 && !strcmp(text, "18446744073709551615"), "and back");
	ok(!wire_parse_perm("b4294967295", &perm) && wire_format_perm(text, &perm) == 12 && !strcmp(text, "b4294967295"),
	   "the longest permission");
	ok(wire_parse_perm("x1", &perm) && wire_parse_perm("r", &perm) && wire_parse_perm("r4294967296", &perm),
	   "what is no permission");
	ok(wire_count_strings("a\0b", 4) == 2 && wire_count_strings("a\0b", 3) == -EINVAL && !wire_count_strings("", 0),
	   "strings are counted");
	ok(wire_path_valid("/", 1, 10) && wire_path_valid("/a-b_c@1/D", 10, 10) && !wire_path_valid("/a", 2, 1) &&
		   !wire_path_valid("a", 1, 9) && !wire_path_valid("/a/", 3, 9) && !wire_path_valid("//", 2, 9) &&
		   !wire_path_valid("/a\0b", 4, 9), "paths");
}

static void test_ring(void)
{
	static unsigned char payload[WIRE_PAYLOAD_MAX], answer[WIRE_MESSAGE_MAX];
	size_t n;

	memset(payload, 'x', sizeof payload);
	memcpy(payload, "/big", 5);
	n = exchange(WIRE_WRITE, payload, sizeof payload, answer);
	ok(n == 19 && !memcmp(answer + 16, "OK", 3), "a request of four rings is taken in parts");
	n = exchange(WIRE_READ, "/big", 5, answer);
	ok(n == 16 + sizeof payload - 5 && answer[16] == 'x' && answer[n - 1] == 'x', "and its value is answered in parts");
	page.req_cons = page.req_prod = page.rsp_cons = page.rsp_prod = 0xfffffff0u;
	store_reset_stream(&h.s, ring, 0xfffffff0u, 0xfffffff0u);
	n = exchange(WIRE_WRITE, "/wrap\0v", 7, answer);
	ok(n == 19 && page.req_cons < 100, "indexes wrap around");
}

static void test_one_notify(void)
{
	unsigned char message[64];
	struct wire_header header = { WIRE_READ, 1, 0, 6 };
	unsigned int answers;

	memcpy(message, &header, sizeof header);
	memcpy(message + sizeof header, "/wrap", 6);
	for (int i = 0; i < 30; i++)
		send_part(message, sizeof header + 6);
	ok(serve() && page.req_cons == page.req_prod, "thirty requests are answered with one notification");
	answers = (page.rsp_prod - page.rsp_cons) / 17;
	ok(answers == 30, "each of them (%u)", answers);
	page.rsp_cons = page.rsp_prod;
	ok(!serve(), "and nothing to do is no notification");
}

static void test_restart(void)
{
	static unsigned char message[64];
	struct wire_header header = { WIRE_READ, 1, 0, 6 };
	struct store again;

	memcpy(message, &header, sizeof header);
	memcpy(message + sizeof header, "/wrap", 6);
	send_part(message, 20);
	serve();
	ok(page.req_cons == page.req_prod, "half a request is taken");
	ok(!store_attach(&again, h.memory, h.size, &harness_ops, &h), "another store takes over");
	h.s = again;
	send_part(message + 20, 2);
	ok(serve() && page.rsp_prod - page.rsp_cons == 17, "and answers when the other half comes");
	page.rsp_cons = page.rsp_prod;
}

static void test_flood(void)
{
	unsigned char message[64];
	struct wire_header header = { WIRE_READ, 1, 0, 6 };
	uint32_t before;

	memcpy(message, &header, sizeof header);
	memcpy(message + sizeof header, "/wrap", 6);
	do {
		before = page.req_prod;
		while (sizeof page.req - (page.req_prod - page.req_cons) >= sizeof header + 6)
			send_part(message, sizeof header + 6);
		serve();
	} while (page.req_prod != before && page.req_prod - page.rsp_cons < 100000);
	ok(page.rsp_prod - page.rsp_cons == sizeof page.rsp, "who does not read its answers is no longer listened to (%u sent, %u back)",
	   page.req_prod - page.req_cons, page.rsp_prod - page.rsp_cons);
	ok(!more, "and costs nothing while it does not");
}

int main(void)
{
	harness_start(&h, 1u << 20);
	test_codec();
	put(&h, harness_open(&h, 0), 0, "/wrap\0"); /* and the ring's own writes below are the control domain's */
	if (store_connection_open(&h.s, 0, STORE_RING, &ring))
		abort();
	test_ring();
	test_one_notify();
	test_restart();
	test_flood();
	harness_stop(&h);
	return plan_done();
}
