// SPDX-License-Identifier: LGPL-2.1-or-later
/* Bounded history of one output stream. */
#include "core/history.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert((HISTORY_SIZE & (HISTORY_SIZE - 1)) == 0, "offsets are masked");

size_t history_room(const struct history *h, bool reserve)
{
	size_t room = HISTORY_SIZE - (size_t)(h->end - h->acked);

	if (reserve)
		return room;
	return room > HISTORY_RESERVE ? room - HISTORY_RESERVE : 0;
}

/* The longest run from offset that does not wrap. */
static size_t run(uint64_t offset, size_t len)
{
	size_t to_wrap = HISTORY_SIZE - (size_t)(offset & (HISTORY_SIZE - 1));

	return len < to_wrap ? len : to_wrap;
}

void history_append(struct history *h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	assert(len <= history_room(h, true));
	while (len) {
		size_t n = run(h->end, len);

		memcpy(&h->bytes[h->end & (HISTORY_SIZE - 1)], p, n);
		h->end += n;
		p += n;
		len -= n;
	}
}

size_t history_take(struct history *h, void *bytes, size_t len)
{
	uint8_t *p = bytes;
	size_t taken = 0;

	if (len > h->end - h->sent)
		len = (size_t)(h->end - h->sent);
	while (taken < len) {
		size_t n = run(h->sent, len - taken);

		memcpy(p + taken, &h->bytes[h->sent & (HISTORY_SIZE - 1)], n);
		h->sent += n;
		taken += n;
	}
	return taken;
}

int history_ack(struct history *h, uint64_t offset)
{
	if (offset > h->end)
		return -EINVAL;
	if (offset > h->acked)
		h->acked = offset;
	if (h->sent < h->acked)
		h->sent = h->acked;
	return 0;
}

bool history_valid(const struct history *h)
{
	return h->acked <= h->sent && h->sent <= h->end && h->end - h->acked <= HISTORY_SIZE;
}
