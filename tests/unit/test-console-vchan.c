// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The console domain's vchan server, against a client that is written here after libxenvchan's rules, and one
 * that breaks them.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "pvh/event.h"
#include "pvh/grant.h"
#include "pvh/pvh.h"
#include "pvh/vchan.h"
#include "tap.h"

static struct vchan_pages pages __attribute__((aligned(4096)));
static struct vchan v;
static int events;
static uint32_t refs = 8;

/* ---- Xen ---- */

int pvh_grant_offer(uint16_t domid, void *page, bool readonly, uint32_t *ref)
{
	*ref = refs++;
	return 0;
}

int pvh_event_alloc_unbound(uint16_t remote_domid, uint32_t *port)
{
	*port = 4;
	return 0;
}

int pvh_event_handle(uint32_t port, pvh_event_fn fn, void *arg)
{
	return 0;
}

int pvh_event_send(uint32_t port)
{
	events++;
	return 0;
}

void pvh_event_raise(uint32_t port)
{
}

int pvh_event_status(uint32_t port, struct pvh_event_status *status)
{
	*status = (struct pvh_event_status){ .kind = PVH_EVENT_UNBOUND };
	return port == 4 ? 0 : -EINVAL;
}

/* ---- the client ---- */

static void client_attach(void)
{
	pages.ring.cli_live = 1;
	pages.ring.srv_notify = VCHAN_NOTIFY_WRITE;
}

static void client_write(const char *text)
{
	while (*text)
		pages.left[pages.ring.left.prod++ & (VCHAN_LEFT_SIZE - 1)] = (uint8_t)*text++;
}

static size_t client_read(size_t max)
{
	size_t n = pages.ring.right.prod - pages.ring.right.cons;

	if (n > max)
		n = max;
	pages.ring.right.cons += (uint32_t)n;
	return n;
}

static void test_session(void)
{
	char text[16] = "";

	ok(!vchan_init(&v, &pages, 0), "the channel is offered");
	ok(pages.ring.cli_live == 2 && pages.ring.srv_live == 1 && pages.ring.left_order == VCHAN_LEFT_ORDER &&
	   pages.ring.right_order == VCHAN_RIGHT_ORDER && pages.ring.cli_notify == VCHAN_NOTIFY_WRITE,
	   "the page says what libxenvchan's client wants to read");
	ok(((uint32_t *)(void *)(pages.ring_page + sizeof(pages.ring)))[VCHAN_DATA_PAGES - 1] == 8 + VCHAN_DATA_PAGES,
	   "the data pages' grants are listed behind it");
	ok(vchan_poll(&v) == VCHAN_SAME && !vchan_read(&v, text, sizeof(text)), "nobody has come yet");
	client_attach();
	client_write("hello");
	ok(vchan_poll(&v) == VCHAN_CAME && vchan_poll(&v) == VCHAN_SAME, "a client comes once");
	ok(vchan_read(&v, text, sizeof(text)) == 5 && !memcmp(text, "hello", 5), "its bytes are read");
	ok(pages.ring.left.cons == 5, "and it sees that they were");
	ok(vchan_room(&v) == VCHAN_RIGHT_SIZE, "there is room for the answer");
	vchan_write(&v, "world", 5);
	events = 0;
	vchan_notify(&v);
	vchan_notify(&v);
	ok(events == 1 && !(pages.ring.srv_notify & VCHAN_NOTIFY_WRITE), "the client is told once, as it asked");
	ok(client_read(100) == 5 && !memcmp(pages.right, "world", 5), "the answer is there");
}

static void test_arm(void)
{
	uint8_t bytes[VCHAN_RIGHT_SIZE] = { 0 };

	pages.ring.cli_notify = 0;
	vchan_room(&v);
	ok(!vchan_arm(&v, true) && pages.ring.cli_notify == VCHAN_NOTIFY_WRITE, "idling asks to be told of new bytes");
	client_write("x");
	ok(vchan_arm(&v, true), "bytes that came before are not missed");
	ok(!vchan_arm(&v, false), "if somebody wants them");
	vchan_read(&v, bytes, 1);
	vchan_write(&v, bytes, vchan_room(&v));
	ok(!vchan_room(&v), "the ring can be filled");
	ok(!vchan_arm(&v, true) && (pages.ring.cli_notify & VCHAN_NOTIFY_READ), "then idling asks to be told of room");
	client_read(100);
	ok(vchan_arm(&v, true), "room made before is not missed");
}

static void test_reconnect(void)
{
	pages.ring.cli_live = 0;
	ok(vchan_poll(&v) == VCHAN_WENT && pages.ring.cli_live == 2 && pages.ring.right.prod == 0,
	   "when a client goes, the channel is offered again, empty");
	client_attach();
	ok(vchan_poll(&v) == VCHAN_CAME, "the next one comes");
	client_attach();
	ok(vchan_poll(&v) == VCHAN_WENT && !pages.ring.srv_live,
	   "one that came before we saw the last one go is sent away");
	ok(vchan_poll(&v) == VCHAN_SAME && !vchan_read(&v, &(char){ 0 }, 1), "and not served");
	pages.ring.cli_live = 0;
	vchan_poll(&v);
	client_attach();
	ok(vchan_poll(&v) == VCHAN_CAME && pages.ring.srv_live == 1, "until it has come anew");
}

static void test_hostile(void)
{
	char byte;

	pages.ring.left.prod = VCHAN_LEFT_SIZE + 1;
	ok(!vchan_read(&v, &byte, 1) && v.status == VCHAN_CLOSING, "an impossible amount of bytes ends the session");
	pages.ring.cli_live = 0;
	vchan_poll(&v);
	client_attach();
	vchan_poll(&v);
	pages.ring.right.cons = 7;
	ok(!vchan_room(&v) && v.status == VCHAN_CLOSING, "so does a reader ahead of the writer");
	pages.ring.cli_live = 77;
	ok(vchan_poll(&v) == VCHAN_SAME, "a state from nowhere is waited out");
	ok(vchan_resume(&v, &pages, 0) && !vchan_resume(&v, &pages, 1), "a reload takes over what it knows only");
	v.port = 5;
	ok(!vchan_resume(&v, &pages, 0), "and not a port that is not ours");
}

int main(void)
{
	test_session();
	test_arm();
	test_reconnect();
	test_hostile();
	return plan_done();
}
