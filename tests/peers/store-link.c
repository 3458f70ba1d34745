// SPDX-License-Identifier: LGPL-2.1-or-later
/* A client's connection to a store daemon. */
#include "store-link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void fail(const char *what)
{
	fprintf(stderr, "store-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void link_open(struct link *l, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memset(l, 0, sizeof *l);
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&addr, sizeof addr))
		fail(path);
}

void flush_out(struct link *l)
{
	for (size_t at = 0; at < l->out_len;) {
		ssize_t n = write(l->fd, l->out + at, l->out_len - at);

		if (n <= 0)
			fail("write");
		at += (size_t)n;
	}
	l->out_len = 0;
}

void put(struct link *l, uint32_t type, uint32_t tx, const char *path, const char *value, size_t value_len)
{
	size_t path_len = strlen(path) + 1;
	struct wire_header h = { type, ++l->req, tx, (uint32_t)(path_len + value_len) };

	if (l->out_len + sizeof h + h.len > sizeof l->out)
		flush_out(l);
	memcpy(l->out + l->out_len, &h, sizeof h);
	memcpy(l->out + l->out_len + sizeof h, path, path_len);
	if (value_len)
		memcpy(l->out + l->out_len + sizeof h + path_len, value, value_len);
	l->out_len += sizeof h + h.len;
}

static void need(struct link *l, size_t len)
{
	if (l->in_len - l->in_at >= len)
		return;
	memmove(l->in, l->in + l->in_at, l->in_len - l->in_at);
	l->in_len -= l->in_at;
	l->in_at = 0;
	while (l->in_len < len) {
		ssize_t n = read(l->fd, l->in + l->in_len, sizeof l->in - l->in_len);

		if (n <= 0)
			fail("read");
		l->in_len += (size_t)n;
	}
}

void take_message(struct link *l)
{
	need(l, sizeof l->header);
	memcpy(&l->header, l->in + l->in_at, sizeof l->header);
	if (l->header.len > WIRE_PAYLOAD_MAX)
		fail("message too long");
	need(l, sizeof l->header + l->header.len);
	memcpy(l->reply, l->in + l->in_at + sizeof l->header, l->header.len);
	l->reply[l->header.len] = 0;
	l->in_at += sizeof l->header + l->header.len;
}

void take_reply(struct link *l)
{
	do {
		take_message(l);
	} while (l->header.type == WIRE_WATCH_EVENT);
}

void request(struct link *l, uint32_t type, uint32_t tx, const char *path, const char *value)
{
	put(l, type, tx, path, value, value ? strlen(value) : 0);
	flush_out(l);
	take_reply(l);
}

uint32_t transaction_start(struct link *l)
{
	request(l, WIRE_TRANSACTION_START, 0, "", NULL);
	return (uint32_t)atol(l->reply);
}

void watch(struct link *l, const char *path, const char *token)
{
	put(l, WIRE_WATCH, 0, path, token, strlen(token) + 1);
	flush_out(l);
	take_reply(l);
}
