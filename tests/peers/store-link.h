/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client's connection to a store daemon. What goes wrong ends the program. */
#ifndef STORE_LINK_H
#define STORE_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/wire.h"

struct link {
	int fd;
	uint32_t req;
	char reply[WIRE_PAYLOAD_MAX + 1];
	struct wire_header header;
	unsigned char out[64 * 1024], in[64 * 1024];
	size_t out_len, in_at, in_len;
};

void fail(const char *what) __attribute__((noreturn));
void link_open(struct link *l, const char *path);
/* Puts a request into the buffer: path, and value if there is one. */
void put(struct link *l, uint32_t type, uint32_t tx, const char *path, const char *value, size_t value_len);
void flush_out(struct link *l);
void take_message(struct link *l);
/* The next message that is no event. */
void take_reply(struct link *l);
/* One request and its answer. */
void request(struct link *l, uint32_t type, uint32_t tx, const char *path, const char *value);
uint32_t transaction_start(struct link *l);
void watch(struct link *l, const char *path, const char *token);

#endif
