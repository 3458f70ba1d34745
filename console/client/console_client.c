// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The control domain's end of the console protocol. The console domain is less trusted than we are: its
 * frames go through the exact decoder, messages that only we may send are refused, and corrupt ring indexes
 * (which libxenvchan answers with 0 bytes) only make the session silent.
 */
#include "client/console_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxenvchan.h>

#include "core/frame.h"

/* Frames handled by one dispatch, so that a flood does not keep the event loop from its other work. */
#define DISPATCH_FRAMES 64
/* Received at once, if they are large. */
#define RX_FRAMES 6
/* libxenvchan formats node names in a buffer of 64 bytes. */
#define PATH_MAX_VCHAN 50

struct console_client {
	uint16_t domid;
	const struct console_client_events *events;
	void *arg;
	struct libxenvchan *vchan;
	bool greeted;
	uint32_t seq;
	size_t rx_len, tx_len;
	uint8_t rx[RX_FRAMES * CONSOLE_FRAME_MAX];
	uint8_t tx[CONSOLE_CLIENT_QUEUE_MAX];
};

struct console_client *console_client_create(uint16_t console_domid, const struct console_client_events *events,
					     void *arg)
{
	struct console_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->domid = console_domid;
	client->events = events;
	client->arg = arg;
	return client;
}

struct console_client *console_client_destroy(struct console_client *client)
{
	if (client)
		console_client_disconnect(client);
	free(client);
	return NULL;
}

void console_client_disconnect(struct console_client *client)
{
	if (client->vchan)
		libxenvchan_close(client->vchan);
	client->vchan = NULL;
	client->greeted = false;
	client->rx_len = 0;
	client->tx_len = 0;
}

bool console_client_connected(const struct console_client *client)
{
	return client->vchan != NULL;
}

int console_client_fd(const struct console_client *client)
{
	return client->vchan ? libxenvchan_fd_for_select(client->vchan) : -1;
}

/* ---- sending ---- */

static int flush(struct console_client *client)
{
	int n;

	if (!client->tx_len)
		return 0;
	n = libxenvchan_write(client->vchan, client->tx, client->tx_len);
	if (n < 0)
		return -ECONNRESET;
	client->tx_len -= (size_t)n;
	memmove(client->tx, client->tx + n, client->tx_len);
	return 0;
}

static int send_frame(struct console_client *client, const struct console_frame *frame)
{
	int n;

	if (!client->vchan)
		return -ENOTCONN;
	n = console_frame_encode(frame, client->tx + client->tx_len, sizeof(client->tx) - client->tx_len);
	if (n < 0)
		return n;
	client->tx_len += (size_t)n;
	/* A session that is over is found by the next dispatch, which the closing event brings. */
	flush(client);
	return 0;
}

int console_client_connect(struct console_client *client)
{
	char path[PATH_MAX_VCHAN];
	int rc;

	if (client->vchan)
		return -EISCONN;
	snprintf(path, sizeof(path), "/local/domain/%u/" CONSOLE_VCHAN_NODE, client->domid);
	client->vchan = libxenvchan_client_init(NULL, client->domid, path);
	if (!client->vchan)
		return -ENOENT;
	client->vchan->blocking = 0; /* the library leaves it uninitialised */
	fcntl(console_client_fd(client), F_SETFL, O_NONBLOCK);
	rc = send_frame(client, &(struct console_frame){ .type = CONSOLE_HELLO, .hello.version = CONSOLE_VERSION });
	if (rc)
		console_client_disconnect(client);
	return rc;
}

int console_client_add(struct console_client *client, uint16_t domid, uint16_t console, uint32_t port, uint32_t ref,
		       uint32_t *seq)
{
	*seq = ++client->seq;
	return send_frame(client, &(struct console_frame){
		.type = CONSOLE_ADD, .domid = domid, .console = console, .add = { .seq = *seq, .port = port, .ref = ref },
	});
}

int console_client_remove(struct console_client *client, uint16_t domid, uint16_t console, uint32_t *seq)
{
	*seq = ++client->seq;
	return send_frame(client, &(struct console_frame){
		.type = CONSOLE_REMOVE, .domid = domid, .console = console, .remove.seq = *seq,
	});
}

int console_client_input(struct console_client *client, uint16_t domid, uint16_t console, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t frames = (len + CONSOLE_DATA_MAX - 1) / CONSOLE_DATA_MAX;
	size_t head = sizeof(struct console_header) + sizeof(struct console_text);

	if (len > sizeof(client->tx) || frames * head + len > sizeof(client->tx) - client->tx_len)
		return -ENOBUFS;
	while (len) {
		size_t n = len < CONSOLE_DATA_MAX ? len : CONSOLE_DATA_MAX;
		int rc = send_frame(client, &(struct console_frame){
			.type = CONSOLE_INPUT, .domid = domid, .console = console, .data = p, .data_len = n,
		});

		if (rc)
			return rc;
		p += n;
		len -= n;
	}
	return 0;
}

int console_client_ack(struct console_client *client, uint16_t domid, uint16_t console, uint64_t offset)
{
	return send_frame(client, &(struct console_frame){
		.type = CONSOLE_ACK, .domid = domid, .console = console, .position.offset = offset,
	});
}

/* ---- receiving ---- */

static int handle_hello(struct console_client *client, const struct console_frame *frame)
{
	if (client->greeted || frame->hello.version != CONSOLE_VERSION)
		return -EPROTO;
	client->greeted = true;
	if (client->events->on_hello)
		client->events->on_hello(client->arg, frame->hello.generation);
	return 0;
}

static void handle_state(struct console_client *client, const struct console_frame *frame)
{
	struct console_client_state state = {
		.domid = frame->domid, .console = frame->console, .open = frame->state.open != 0,
		.acked = frame->state.acked, .end = frame->state.end,
	};

	if (client->events->on_console)
		client->events->on_console(client->arg, &state);
}

static int handle_frame(struct console_client *client, const struct console_frame *frame)
{
	const struct console_client_events *events = client->events;

	if (frame->type == CONSOLE_HELLO)
		return handle_hello(client, frame);
	if (!client->greeted)
		return -EPROTO;
	switch (frame->type) {
	case CONSOLE_CONSOLE:
		handle_state(client, frame);
		return 0;
	case CONSOLE_OUTPUT:
		if (events->on_output)
			events->on_output(client->arg, frame->domid, frame->console, frame->position.offset, frame->data,
					  frame->data_len);
		return 0;
	case CONSOLE_RESULT:
		if (events->on_result)
			events->on_result(client->arg, frame->result.seq, frame->result.error);
		return 0;
	case CONSOLE_DROPPED:
		if (events->on_dropped)
			events->on_dropped(client->arg, frame->domid, frame->console,
					   frame->dropped.count);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Handles the frames in rx; returns how many, or -EPROTO. */
static int handle_received(struct console_client *client)
{
	struct console_frame frame;
	size_t used = 0;
	int n, rc = 0, count = 0;

	while (!rc) {
		n = console_frame_decode(client->rx + used, client->rx_len - used, &frame);
		if (n <= 0)
			break;
		rc = handle_frame(client, &frame);
		used += (size_t)n;
		count++;
	}
	client->rx_len -= used;
	memmove(client->rx, client->rx + used, client->rx_len);
	if (rc)
		return rc;
	return n < 0 ? n : count;
}

static int dispatch(struct console_client *client)
{
	int n, handled = 0;

	libxenvchan_wait(client->vchan); /* takes the event, or the descriptor stays readable; does not wait, see console_client_connect() */
	while (handled < DISPATCH_FRAMES) {
		n = libxenvchan_read(client->vchan, client->rx + client->rx_len, sizeof(client->rx) - client->rx_len);
		if (n < 0)
			return -ECONNRESET;
		client->rx_len += (size_t)n;
		if (!n)
			return flush(client);
		n = handle_received(client);
		if (n < 0)
			return n;
		handled += n;
	}
	n = flush(client);
	return n ? n : 1;
}

int console_client_dispatch(struct console_client *client)
{
	int rc;

	if (!client->vchan)
		return -ENOTCONN;
	rc = dispatch(client);
	if (rc < 0)
		console_client_disconnect(client);
	return rc;
}
