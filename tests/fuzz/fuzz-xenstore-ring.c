// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A hostile ring: the frontend writes anything anywhere into the page, between any two moments. The store must stay
 * whole and must go on serving another domain.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "../unit/xenstore-harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct harness h;
	static struct xenstore_domain_interface page;
	static unsigned char buffer[RING_BUFFER];
	store_conn evil, good;
	const char *what;

	harness_start(&h, ARENA_MIN_SIZE + 65536);
	memset(&page, 0, sizeof page);
	evil = harness_open(&h, 3);
	good = harness_open(&h, 0);
	while (size >= 4) {
		size_t at = (data[0] | (size_t)data[1] << 8) % sizeof page, n = data[2] % 32u;

		data += 3;
		size -= 3;
		if (n == 31) { /* a move of the indexes, as a frontend would */
			page.req_prod += data[0];
			page.rsp_cons = page.rsp_prod;
			n = 0;
		}
		if (n > size)
			n = size;
		if (n > sizeof page - at)
			n = sizeof page - at;
		memcpy((unsigned char *)&page + at, data, n);
		data += n;
		size -= n;
		ring_serve(&h.s, evil, &page, buffer);
		while (store_idle(&h.s, 64))
			;
	}
	if (put(&h, good, 0, "/alive\0yes") || ask(&h, good, WIRE_READ, 0, "/alive") || strcmp(h.reply, "yes"))
		abort();
	if (!harness_checked(&h, &what))
		abort();
	harness_stop(&h);
	return 0;
}
