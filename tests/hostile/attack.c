// SPDX-License-Identifier: LGPL-2.1-or-later
/* The ways in which a service domain can misbehave towards the control domain, each for one session or as long as it is let. */
#include <libxenvchan.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#include "atoll/rpc.h"
#include "base/util.h"
#include "hostile.h"

static void pause_ms(unsigned ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL); }

/* --- frames, without any care --- */

static int write_all(struct libxenvchan *vchan, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		int n = libxenvchan_write(vchan, (const char *)data + done, size - done);

		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static int say(struct libxenvchan *vchan, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);

	return write_all(vchan, &len, sizeof(len)) < 0 ? -1 : write_all(vchan, text, len);
}

static int read_all(struct libxenvchan *vchan, void *out, size_t size)
{
	for (size_t done = 0; done < size;) {
		int n = libxenvchan_read(vchan, (char *)out + done, size - done);

		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* The id of the next request, or -1: the session is over. */
static int next_request(struct libxenvchan *vchan)
{
	static char text[RPC_FRAME_MAX + 1];
	const char *id;
	uint32_t len;

	if (read_all(vchan, &len, sizeof(len)) < 0 || len > RPC_FRAME_MAX || read_all(vchan, text, len) < 0)
		return -1;
	text[len] = '\0';
	id = strstr(text, "\"id\":");
	return id ? atoi(id + strlen("\"id\":")) : -1;
}

static int answer(struct libxenvchan *vchan, int id, const char *result)
{
	static char text[RPC_FRAME_MAX];

	snprintf(text, sizeof(text), "{\"id\":%d,\"result\":%s}", id, result);
	return say(vchan, text);
}

/* --- attacks: each returns when the session is over --- */

static void long_frame(struct libxenvchan *vchan)
{
	uint32_t len = 0xfffffff0;

	write_all(vchan, &len, sizeof(len));
	while (write_all(vchan, "xxxxxxxxxxxxxxxx", 16) == 0)
		;
}

static void deep(struct libxenvchan *vchan)
{
	static char text[RPC_FRAME_MAX];

	memset(text, '[', sizeof(text) - 1);
	while (say(vchan, text) == 0)
		;
}

static void noise(struct libxenvchan *vchan)
{
	uint64_t state = 88172645463325252u;

	do {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
	} while (write_all(vchan, &state, sizeof(state)) == 0);
}

static void flood(struct libxenvchan *vchan)
{
	while (say(vchan, "{\"event\":\"changed\",\"params\":{\"name\":\"net0\",\"state\":\"failed\"}}") == 0)
		;
}

/* Requests of its own, as if it were the one to ask. */
static void ask(struct libxenvchan *vchan)
{
	char text[128];

	for (int i = 1; i > 0; i++) {
		snprintf(text, sizeof(text), "{\"id\":%d,\"method\":\"domain.destroy\",\"params\":{\"name\":\"alpha\"}}", i);
		if (say(vchan, text) < 0)
			return;
	}
}

static void answer_all(struct libxenvchan *vchan, const char *result, unsigned times)
{
	int id;

	while ((id = next_request(vchan)) > 0) {
		for (unsigned i = 0; i < times; i++) {
			if (answer(vchan, id, result) < 0 || answer(vchan, id + 1000000, result) < 0)
				return;
		}
	}
}

static void lies(struct libxenvchan *vchan)
{
	answer_all(vchan, "{\"broken\":7,\"missing\":[[]],\"memory_kib\":-9223372036854775807,\"available_kib\":9223372036854775807,"
		   "\"devices\":[[0,0,-1],{\"a\":1},[32,0,1e99,9223372036854775807],7],\"physical_device\":\"../../../0:0\"}", 1);
}

static void twice(struct libxenvchan *vchan) { answer_all(vchan, "{}", 50); }

static void silence(struct libxenvchan *vchan)
{
	while (libxenvchan_is_open(vchan) > 0)
		pause_ms(100);
}

/* The indexes of the ring itself: anything, all the time. */
static void scribble(struct libxenvchan *vchan)
{
	for (uint32_t i = 1; libxenvchan_is_open(vchan) > 0; i += 0x10000019) {
		vchan->ring->left.cons = i;
		vchan->ring->left.prod = ~i;
		vchan->ring->right.cons = i * 7;
		vchan->ring->right.prod = 0x80000000u + i;
		xenevtchn_notify(vchan->event, vchan->event_port);
		pause_ms(1);
	}
}

/* What it may write in the store, until it may not; paths that lead elsewhere, if they were followed. */
static void store_nodes(struct libxenvchan *vchan, struct xs_handle *xs, unsigned domid)
{
	static char value[2048];
	char path[256];

	memset(value, '/', sizeof(value));
	for (unsigned i = 0; libxenvchan_is_open(vchan) > 0; i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/data/x%u", domid, i);
		xs_write(xs, XBT_NULL, path, value, sizeof(value));
		snprintf(path, sizeof(path), "/local/domain/%u/backend/vif/%u/0/frontend", domid, i % 40);
		xs_write(xs, XBT_NULL, path, "/local/domain/0", 15);
		snprintf(path, sizeof(path), "/local/domain/%u/data/../../0/name", domid);
		xs_write(xs, XBT_NULL, path, "evil", 4);
		xs_write(xs, XBT_NULL, "/local/domain/0/name", "evil", 4);
		xs_rm(xs, XBT_NULL, "/local/domain/4");
		snprintf(path, sizeof(path), "token%u", i);
		xs_watch(xs, "/", path);
	}
}

void attack_session(struct libxenvchan *vchan, const char *attack, struct xs_handle *xs, unsigned domid)
{
	static const struct {
		const char *name;
		void (*run)(struct libxenvchan *vchan);
	} attacks[] = {{"length", long_frame}, {"deep", deep}, {"noise", noise}, {"flood", flood}, {"ask", ask}, {"lies", lies},
		       {"twice", twice}, {"silence", silence}, {"scribble", scribble}};
	int id = next_request(vchan);

	if (id < 0 || answer(vchan, id, "{\"name\":\"evil\",\"role\":\"net\",\"version\":1,\"kernel\":\"\\u001b[31m6.1\",\"domid\":0}") < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		if (!strcmp(attack, attacks[i].name))
			attacks[i].run(vchan);
	}
	if (!strcmp(attack, "store"))
		store_nodes(vchan, xs, domid);
}
