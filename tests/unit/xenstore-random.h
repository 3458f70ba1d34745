/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random, mostly sensible requests from several clients: for the tests of restarts and the fuzz targets. */
#ifndef ATOLL_XENSTORE_RANDOM_H
#define ATOLL_XENSTORE_RANDOM_H

#include "xenstore-harness.h"

#define RANDOM_CLIENTS 5

struct random_source {
	uint64_t state;
	const uint8_t *data; /* if not NULL, the choices come from here */
	size_t len;
};

static inline uint32_t pick(struct random_source *r, uint32_t n)
{
	if (r->data) {
		if (!r->len)
			return 0;
		r->len--;
		return *r->data++ % n;
	}
	r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(r->state >> 33) % n;
}

static inline size_t random_path(struct random_source *r, char *path)
{
	static const char *const tops[] = { "/a", "/b", "/local/domain/1", "/local/domain/2", "rel", "/a/b", "/" };
	size_t len = (size_t)sprintf(path, "%s", tops[pick(r, 7)]);

	if (len == 1)
		return len;
	for (uint32_t i = pick(r, 3); i; i--)
		len += (size_t)sprintf(path + len, "/%c", "xyzw"[pick(r, 4)]);
	return len;
}

/* Builds one request; returns its length. */
static inline size_t random_request(struct random_source *r, uint32_t tx, unsigned char *message)
{
	static const uint8_t types[] = { WIRE_WRITE, WIRE_WRITE, WIRE_WRITE, WIRE_READ, WIRE_READ, WIRE_DIRECTORY, WIRE_MKDIR,
					 WIRE_RM, WIRE_SET_PERMS, WIRE_GET_PERMS, WIRE_WATCH, WIRE_UNWATCH,
					 WIRE_TRANSACTION_START, WIRE_TRANSACTION_END, WIRE_TRANSACTION_END, WIRE_RESET_WATCHES,
					 WIRE_DIRECTORY_PART, WIRE_INTRODUCE, WIRE_RELEASE, WIRE_SET_TARGET };
	struct wire_header h = { types[pick(r, sizeof types)], 5, tx, 0 };
	char *data = (char *)message + sizeof h;
	size_t len = 0;

	switch (h.type) {
	case WIRE_TRANSACTION_START:
		h.tx_id = 0;
		data[len++] = 0;
		break;
	case WIRE_TRANSACTION_END:
		data[len++] = "TTTF"[pick(r, 4)];
		data[len++] = 0;
		break;
	case WIRE_RESET_WATCHES:
		if (pick(r, 8))
			h.type = WIRE_READ;
		len = random_path(r, data) + 1;
		break;
	case WIRE_INTRODUCE:
		len = (size_t)sprintf(data, "%u%c7%c%u", 1 + pick(r, 3), 0, 0, 1 + pick(r, 3)) + 1;
		break;
	case WIRE_RELEASE:
		len = (size_t)sprintf(data, "%u", pick(r, 6)) + 1;
		break;
	case WIRE_SET_TARGET:
		len = (size_t)sprintf(data, "%u%c%u", 1 + pick(r, 3), 0, 1 + pick(r, 3)) + 1;
		break;
	default:
		len = random_path(r, data) + 1;
		if (h.type == WIRE_WRITE) {
			for (uint32_t n = pick(r, 4) ? pick(r, 8) : pick(r, 255) * 4; n; n--)
				data[len++] = 'v';
		} else if (h.type == WIRE_SET_PERMS) {
			for (uint32_t n = 1 + pick(r, 3); n; n--)
				len += (size_t)sprintf(data + len, "%c%u", "nrwb"[pick(r, 4)], pick(r, 4)) + 1;
		} else if (h.type == WIRE_WATCH || h.type == WIRE_UNWATCH) {
			if (!pick(r, 10))
				len = (size_t)sprintf(data, "@releaseDomain") + 1;
			len += (size_t)sprintf(data + len, "t%u", pick(r, 3)) + 1;
			if (h.type == WIRE_WATCH && !pick(r, 4))
				len += (size_t)sprintf(data + len, "%u", pick(r, 3)) + 1;
		} else if (h.type == WIRE_DIRECTORY_PART) {
			len += (size_t)sprintf(data + len, "%u", pick(r, 9)) + 1;
		}
	}
	h.len = (uint32_t)len;
	memcpy(message, &h, sizeof h);
	return sizeof h + len;
}

#endif
