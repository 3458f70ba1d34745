/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bounded history of one output stream. Offsets are those of the stream, from 0.
 *
 *        acked            sent          end
 *          |--- not acked --|-- to send --|        end - acked <= HISTORY_SIZE
 *
 * Lives in the arena and may be handed to a reloaded image: history_valid() says whether it can be trusted.
 */
#ifndef ATOLL_CONSOLE_HISTORY_H
#define ATOLL_CONSOLE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A power of two. With 128 consoles 1 MiB of the console domain's 2 MiB. */
#define HISTORY_SIZE 8192
/* Bytes kept free for what a ring can still hold when its domain has died: REMOVE can always drain it. */
#define HISTORY_RESERVE 2048

struct history {
	uint64_t acked, sent, end;
	uint8_t bytes[HISTORY_SIZE];
};

/* Bytes that may be appended now; `reserve` also gives away HISTORY_RESERVE. */
size_t history_room(const struct history *h, bool reserve);
/* len must not be above history_room(h, true). Overwrites the oldest acknowledged bytes. */
void history_append(struct history *h, const void *bytes, size_t len);
/* Copies up to len bytes from `sent` on, and moves it. */
size_t history_take(struct history *h, void *bytes, size_t len);
/*
 * -EINVAL beyond `end`; an older one is ignored. One beyond `sent` is fine: a new session's client may have
 * the bytes already.
 */
int history_ack(struct history *h, uint64_t offset);
bool history_valid(const struct history *h);

#endif
