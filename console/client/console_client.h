/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control domain's end of include/atoll/console.h, for an event loop: one session with the console domain
 * over libxenvchan.
 *
 * Nothing waits for the console domain: reads and writes are non-blocking, the outgoing queue is bounded, and
 * a dispatch does a bounded amount of work. console_client_connect() alone reads xenstore (inside
 * libxenvchan) and so waits for the store. libxenvchan does not notice the death of the console domain: on
 * @releaseDomain the owner calls console_client_disconnect(), also because our mapping keeps the dead domain
 * as a zombie.
 *
 * After each connect all consoles are announced (on_console), and each one's output comes again from what was
 * acknowledged last.
 */
#ifndef ATOLL_CONSOLE_CLIENT_H
#define ATOLL_CONSOLE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console_client;

struct console_client_state {
	uint16_t domid, console;
	bool open;			/* false: its domain is gone, only history is left */
	uint64_t acked, end;	/* see include/atoll/console.h */
};

/*
 * Any of them may be NULL. They must not destroy, connect or disconnect the client; the requests below may be
 * made.
 */
struct console_client_events {
	/*
	 * The session is up. generation 1: the console domain has no earlier state, all consoles have to be
	 * added.
	 */
	void (*on_hello)(void *arg, uint64_t generation);
	void (*on_console)(void *arg, const struct console_client_state *state);
	void (*on_output)(void *arg, uint16_t domid, uint16_t console, uint64_t offset, const void *bytes, size_t len);
	/* Answer to add or remove: error is 0 or a positive errno. */
	void (*on_result)(void *arg, uint32_t seq, int error);
	/*
	 * Bytes of input that are lost: the guest did not read.
	 */
	void (*on_dropped)(void *arg, uint16_t domid, uint16_t console, uint64_t count);
};

/* NULL: out of memory. `events` and `arg` have to live as long as the client. */
struct console_client *console_client_create(uint16_t console_domid, const struct console_client_events *events,
					     void *arg);
/* Also disconnects. NULL is fine; returns NULL. */
struct console_client *console_client_destroy(struct console_client *client);

/*
 * -ENOENT: not published (yet); -EISCONN. Sends HELLO; on_hello comes later. Try again, with a delay, after a
 * session has ended.
 */
int console_client_connect(struct console_client *client);
void console_client_disconnect(struct console_client *client);
bool console_client_connected(const struct console_client *client);
/* To be watched for input while connected; -1 otherwise. The number changes with each connect. */
int console_client_fd(const struct console_client *client);

/*
 * To be called when the fd is readable. 0; or -errno after which the session is over and disconnected:
 * -ECONNRESET (closed by the console domain), -EPROTO (it broke the protocol). Returns 1 if there is more to
 * do at once: call again after other work.
 */
int console_client_dispatch(struct console_client *client);

/*
 * Requests. 0, -ENOTCONN, or -ENOBUFS when the queue of CONSOLE_CLIENT_QUEUE_MAX bytes is full: try again
 * after a dispatch.
 */
#define CONSOLE_CLIENT_QUEUE_MAX 65536
int console_client_add(struct console_client *client, uint16_t domid, uint16_t console, uint32_t port, uint32_t ref,
		       uint32_t *seq);
int console_client_remove(struct console_client *client, uint16_t domid, uint16_t console, uint32_t *seq);
/* Any length that fits the queue; all or nothing. */
int console_client_input(struct console_client *client, uint16_t domid, uint16_t console, const void *bytes, size_t len);
/* All bytes below offset are safe. */
int console_client_ack(struct console_client *client, uint16_t domid, uint16_t console, uint64_t offset);

#endif
