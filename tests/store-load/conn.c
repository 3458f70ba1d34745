// SPDX-License-Identifier: LGPL-2.1-or-later
/* One open file of /dev/xen/xenbus. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"

#define DEVICE "/dev/xen/xenbus"

void conn_open(struct conn *c, void (*on_event)(void *arg, const char *path, const char *token), void *arg)
{
	memset(c, 0, sizeof(*c));
	c->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (c->fd < 0)
		give_up("%s: %s", DEVICE, strerror(errno));
	c->on_event = on_event;
	c->arg = arg;
}

uint32_t conn_send(struct conn *c, uint32_t type, uint32_t tx, const char *path, const void *data, size_t len)
{
	struct {
		struct xsd_sockmsg head;
		char body[XENSTORE_PAYLOAD_MAX];
	} m;
	size_t path_len = strlen(path) + 1;
	ssize_t written;

	if (path_len + len > sizeof(m.body))
		give_up("a request of %zu bytes", path_len + len);
	m.head = (struct xsd_sockmsg){type, ++c->next_id, tx, (uint32_t)(path_len + len)};
	memcpy(m.body, path, path_len);
	if (len)
		memcpy(m.body + path_len, data, len);
	written = write(c->fd, &m, sizeof(m.head) + m.head.len);
	if (written != (ssize_t)(sizeof(m.head) + m.head.len))
		give_up("request of type %u to %s: write says %zd: %s", type, path, written, strerror(errno));
	return c->next_id;
}

/* Waits for a whole message; it begins at c->in. */
static bool whole_message(struct conn *c, int timeout_ms, struct xsd_sockmsg *head)
{
	struct pollfd p = {c->fd, POLLIN, 0};
	ssize_t n;

	for (;;) {
		if (c->have >= sizeof(*head)) {
			memcpy(head, c->in, sizeof(*head));
			if (head->len > XENSTORE_PAYLOAD_MAX)
				give_up("a message of %u bytes", head->len);
			if (c->have >= sizeof(*head) + head->len)
				return true;
		}
		if (poll(&p, 1, timeout_ms) != 1)
			return false;
		n = read(c->fd, c->in + c->have, sizeof(c->in) - c->have);
		if (n <= 0)
			give_up("read says %zd: %s", n, strerror(errno));
		c->have += (size_t)n;
	}
}

static void consume(struct conn *c, const struct xsd_sockmsg *head)
{
	size_t size = sizeof(*head) + head->len;

	c->have -= size;
	memmove(c->in, c->in + size, c->have);
}

static void hand_out(struct conn *c, const struct xsd_sockmsg *head)
{
	char path[XENSTORE_PAYLOAD_MAX + 1];
	const char *token;

	memcpy(path, c->in + sizeof(*head), head->len);
	path[head->len] = '\0';
	token = path + strlen(path) + 1;
	if (!c->on_event || token > path + head->len)
		give_up("an event nobody waits for: %s", path);
	consume(c, head);
	c->on_event(c->arg, path, token);
}

void conn_receive(struct conn *c, uint32_t type, uint32_t id, struct answer *answer)
{
	struct xsd_sockmsg head;

	for (;;) {
		if (!whole_message(c, ANSWER_MS, &head))
			give_up("request %u of type %u was not answered", id, type);
		if (head.type != XS_WATCH_EVENT)
			break;
		hand_out(c, &head);
	}
	if (head.req_id != id || (head.type != type && head.type != XS_ERROR))
		give_up("request %u of type %u got answer %u of type %u", id, type, head.req_id, head.type);
	answer->len = head.len;
	memcpy(answer->body, c->in + sizeof(head), head.len);
	answer->body[head.len] = '\0';
	answer->error[0] = '\0';
	if (head.type == XS_ERROR)
		snprintf(answer->error, sizeof(answer->error), "%.31s", head.len ? answer->body : "?");
	consume(c, &head);
}

bool conn_event(struct conn *c, int timeout_ms)
{
	struct xsd_sockmsg head;

	if (!whole_message(c, timeout_ms, &head))
		return false;
	if (head.type != XS_WATCH_EVENT)
		give_up("an answer nobody waits for: %u of type %u", head.req_id, head.type);
	hand_out(c, &head);
	return true;
}
