/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One open file of /dev/xen/xenbus: requests and answers in the store's wire format. The kernel takes one message a write and
 * keeps its bytes where they are until they are sent, so each open file can have one request on its way. All functions end the
 * program with a verdict when the store (or the kernel) breaks the protocol: an answer that is missing, of another request, or
 * longer than its type allows.
 */
#ifndef STORE_LOAD_CONN_H
#define STORE_LOAD_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#define ANSWER_MS 60000 /* guest time; a request without an answer is lost after it */

struct conn {
	int fd;
	uint32_t next_id;
	size_t have; /* bytes in `in` */
	unsigned char in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
	void (*on_event)(void *arg, const char *path, const char *token);
	void *arg;
};

struct answer {
	char error[32]; /* of XS_ERROR, else "" */
	size_t len;
	char body[XENSTORE_PAYLOAD_MAX + 1]; /* with a NUL behind it */
};

void conn_open(struct conn *c, void (*on_event)(void *arg, const char *path, const char *token), void *arg);

/* PATH with its NUL, then LEN bytes of DATA. Returns the request's id. */
uint32_t conn_send(struct conn *c, uint32_t type, uint32_t tx, const char *path, const void *data, size_t len);

/* The next answer, which must be that of request ID. */
void conn_receive(struct conn *c, uint32_t type, uint32_t id, struct answer *answer);

/* Hands out an event. False: none came within TIMEOUT_MS. */
bool conn_event(struct conn *c, int timeout_ms);

/* Ends the program. */
void give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
