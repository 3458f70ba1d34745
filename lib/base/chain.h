/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A log whose lines are chained: each is a JSON object whose "prev" is the SHA-256 of the line before, so that a line that is changed,
 * removed or put in breaks the chain at the next one. The end is known from the head, the hash of the last line, kept elsewhere.
 *
 *   {"seq":7,…,"prev":"<hash of line 6>"}
 *   {"seq":8,…,"prev":"<hash of line 7>"}          head: <hash of line 8>
 */
#ifndef ATOLL_BASE_CHAIN_H
#define ATOLL_BASE_CHAIN_H

#include "base/json.h"
#include "base/sha256.h"

#define CHAIN_LINE_MAX 8192

struct chain {
	uint64_t seq;                /* of the last line; 0: none yet */
	char head[SHA256_HEX_SIZE];
};

/* An empty chain. */
void chain_init(struct chain *chain);
/* Adds seq and prev to RECORD (not taken over), moves the chain and appends the line with its newline. 0 or -errno; then nothing
 * has moved. */
int chain_add(struct chain *chain, struct json *record, struct buf *line);
/* Takes the next line of a log (without its newline) and moves on. The first line that a chain sees may name any predecessor. 0, or
 * -EINVAL (no such line) or -EBADMSG (the chain is broken). */
int chain_follow(struct chain *chain, const char *line, size_t len);

#endif
