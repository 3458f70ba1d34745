/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest under load says on its console, for whoever judges an experiment. Version 1. Lines of text, each begins with its
 * word; a log may have something before it. Times are of CLOCK_REALTIME, which Xen gives to all domains of a host alike.
 *
 *   LOAD N MS tcp=DONE,STALL,LOST,WRONG disk=… store=… console=…
 *
 * about once a second: N counts the lines, MS is the time in ms. DONE counts bytes (disk, store: requests) since the start, LOST
 * connections, I/O errors or requests without an answer, WRONG wrong contents; STALL is in us, the longest time without
 * progress in the seconds since the line before, also if it still goes on. A load that the guest does not have is left out.
 *
 *   CON N TEXT        numbered from 0 on; TEXT follows from N, so that each byte can be checked
 */
#ifndef ATOLL_LOAD_H
#define ATOLL_LOAD_H

#include <stdint.h>
#include <stdio.h>

#define LOAD_WORD "LOAD "
#define CON_WORD "CON "
#define CON_TEXT_LEN 48
#define CON_LINE_LEN (sizeof(CON_WORD) - 1 + 8 + 1 + CON_TEXT_LEN) /* without the newline */
#define CON_LINE_FORMAT CON_WORD "%08u %s"

enum load { LOAD_TCP, LOAD_DISK, LOAD_STORE, LOAD_CONSOLE, LOADS };
#define LOAD_NAMES {"tcp", "disk", "store", "console"}

struct load_counters {
	uint64_t done, stall_us, lost, wrong;
};

static inline void con_text(uint32_t number, char out[CON_TEXT_LEN + 1])
{
	uint32_t state = number * 2654435761u + 1;

	for (int i = 0; i < CON_TEXT_LEN; i++) {
		state = state * 1664525u + 1013904223u;
		out[i] = (char)('a' + (state >> 24) % 26);
	}
	out[CON_TEXT_LEN] = '\0';
}

#endif
