// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Fuzz target: the console service between hostile guests and a hostile client. The input is a list of operations: bytes or whole frames
 * of the client, indexes and text in guests' rings, events, ends of sessions. The state stays valid, what goes out decodes, and
 * each ring that was mapped is unmapped once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GUESTS 4
#define FIRST_PORT 100u
#define TX_ROOM 8192

static struct service s;
static struct xencons_interface pages[GUESTS];
static bool mapped[GUESTS], dead[GUESTS];
static uint8_t tx[TX_ROOM];
static size_t tx_len;

int backend_open(uint16_t domid, uint32_t port, uint32_t ref, struct xencons_interface **page, uint32_t *local_port)
{
	if (domid >= GUESTS || mapped[domid])
		return -ESRCH;
	mapped[domid] = true;
	dead[domid] = false;
	*page = &pages[domid];
	*local_port = FIRST_PORT + domid;
	return 0;
}

void backend_close(struct xencons_interface *page, uint32_t local_port)
{
	unsigned int guest = local_port - FIRST_PORT;

	if (guest >= GUESTS || !mapped[guest] || page != &pages[guest])
		abort();
	mapped[guest] = false;
}

bool backend_connected(uint16_t domid, uint32_t port, uint32_t local_port)
{
	return domid < GUESTS && mapped[domid] && !dead[domid];
}

void backend_notify(uint32_t local_port)
{
}

size_t backend_tx_room(void)
{
	return TX_ROOM - tx_len;
}

void backend_tx(const void *bytes, size_t len)
{
	if (len > TX_ROOM - tx_len)
		abort();
	memcpy(tx + tx_len, bytes, len);
	tx_len += len;
}

/* The client reads: what there is has to be whole frames. */
static void client_reads(void)
{
	struct console_frame frame;

	for (size_t at = 0; at < tx_len;) {
		int n = console_frame_decode(tx + at, tx_len - at, &frame);

		if (n <= 0)
			abort();
		at += (size_t)n;
	}
	tx_len = 0;
}

static void work(void)
{
	for (int i = 0; i < 8; i++) {
		enum service_result result = service_work(&s, i & 1);

		if (result == SERVICE_BROKEN)
			service_session_end(&s);
		if (result != SERVICE_MORE && result != SERVICE_FLOW)
			return;
	}
}

static void client_sends(const void *bytes, size_t len)
{
	if (s.session && len <= service_rx_room(&s))
		service_rx(&s, bytes, len);
}

static void client_frame(uint8_t type, uint16_t domid, uint64_t number)
{
	struct console_frame frame = {.type = type, .domid = domid};
	uint8_t bytes[CONSOLE_FRAME_MAX];
	int n;

	if (type == CONSOLE_HELLO)
		frame.hello.version = CONSOLE_VERSION;
	else if (type == CONSOLE_ADD)
		frame.add.ref = 2, frame.add.port = (uint32_t)number;
	else
		frame.position.offset = number;
	n = console_frame_encode(&frame, bytes, sizeof(bytes));
	if (n > 0)
		client_sends(bytes, (size_t)n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&s, 0, sizeof(s));
	memset(pages, 0, sizeof(pages));
	memset(mapped, 0, sizeof(mapped));
	tx_len = 0;
	service_init(&s, 1);
	service_session_start(&s);
	while (size >= 6) { /* an operation, a guest, four bytes of whatever */
		unsigned int guest = data[1] % GUESTS;
		size_t more;
		uint32_t number;

		memcpy(&number, data + 2, sizeof(number));
		data += 6;
		size -= 6;
		switch (data[-6] % 10) {
		case 0:
			more = number % 64 < size ? number % 64 : size;
			client_sends(data, more);
			data += more;
			size -= more;
			break;
		case 1:
			client_frame(CONSOLE_HELLO, 0, 0);
			break;
		case 2:
			client_frame(CONSOLE_ADD, (uint16_t)guest, number);
			break;
		case 3:
			client_frame(CONSOLE_ACK, (uint16_t)guest, number >> 1);
			break;
		case 4:
			pages[guest].out_prod = number;
			break;
		case 5:
			pages[guest].out_prod += number % 4096;
			pages[guest].in_cons = number;
			break;
		case 6:
			service_on_event(&s, FIRST_PORT + data[-5]);
			break;
		case 7:
			client_reads();
			break;
		case 8:
			dead[guest] = number & 1;
			break;
		default:
			service_session_end(&s);
			tx_len = 0;
			service_session_start(&s);
		}
		work();
		if (!service_valid(&s))
			abort();
	}
	client_reads();
	return 0;
}
