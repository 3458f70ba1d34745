// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * atoll-xenstored: the store as a Linux process, on a unix socket and on rings.
 *
 * For comparison with other stores, for fuzzing, and for hosts that want their store in domain 0.
 *
 * Holds: the listening socket (mode 0600: whoever connects is privileged); with rings, /dev/xen/privcmd (only to ask
 * for the state of domains), /dev/xen/evtchn and /dev/xen/gntdev. Nothing is dropped: all are needed to the end.
 */
#include "live-update.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

int epoll_set(struct server *srv, int op, int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event ev = { .events = events, .data.u32 = tag };

	return epoll_ctl(srv->epoll, op, fd, &ev) ? -errno : 0;
}

struct client *client_new(struct server *srv, store_conn conn)
{
	for (unsigned int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &srv->clients[i];

		if (c->used)
			continue;
		/* An old mark stays: the index is still in the list. */
		*c = (struct client){ .dirty = c->dirty, .used = true };
		c->conn = conn;
		store_cookie_set(&srv->store, conn, 0, i);
		return c;
	}
	return NULL;
}

void client_mark(struct server *srv, struct client *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	srv->dirty[srv->dirty_count++] = (uint32_t)(c - srv->clients);
}

void client_free(struct server *srv, struct client *c)
{
	free(c->held);
	c->held = NULL;
	c->used = false;
}

static void on_output(void *opaque, store_conn conn)
{
	struct server *srv = opaque;
	struct client *c = &srv->clients[store_cookie(&srv->store, conn, 0)];

	if (c->used && c->conn == conn)
		client_mark(srv, c);
}

static unsigned int on_domain_info(void *opaque, uint32_t domid)
{
	return ring_domain_info(opaque, domid);
}

static int on_introduce(void *opaque, store_conn conn, uint32_t domid, uint64_t gfn, uint32_t port,
			struct store_ring_start *start)
{
	return ring_introduce(opaque, conn, domid, port, start);
}

static void on_log(void *opaque, const char *text)
{
	fprintf(stderr, "atoll-xenstored: %s\n", text);
}

static const struct store_ops ops = {
	.domain_info = on_domain_info,
	.introduce = on_introduce,
	.output = on_output,
	.log = on_log,
};

static int run_check(struct store *s, const char **what)
{
	size_t size = arena_bitmap_size((size_t)s->a.header->size);
	uint8_t *bitmap = calloc(1, size);
	int r;

	if (!bitmap)
		return -ENOMEM;
	r = store_check(s, bitmap, what);
	free(bitmap);
	return r;
}

static void reap(struct server *srv)
{
	for (store_conn conn; (conn = store_connection_defunct(&srv->store));) {
		struct client *c = &srv->clients[store_cookie(&srv->store, conn, 0)];

		if (c->used && c->conn == conn) {
			ring_unmap(srv, c);
			client_free(srv, c);
		}
		store_connection_close(&srv->store, conn);
	}
}

/* One turn for each that has something; flushing one may give others something for the next turn. */
static void flush_all(struct server *srv)
{
	static uint32_t list[CLIENTS_MAX];
	unsigned int n = srv->dirty_count;

	memcpy(list, srv->dirty, n * sizeof *list);
	srv->dirty_count = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct client *c = &srv->clients[list[i]];

		c->dirty = false;
		if (c->used && c->fd >= 0)
			socket_flush(srv, c);
		else if (c->used && c->ring)
			ring_flush(srv, c);
	}
	reap(srv);
}

static void loop(struct server *srv)
{
	struct epoll_event events[64];

	for (;;) {
		bool trash = store_idle(&srv->store, 0);
		int wait = live_update_pending(srv) ? 50 : -1;
		int n = epoll_wait(srv->epoll, events, 64, trash || srv->dirty_count ? 0 : wait);

		if (n < 0 && errno != EINTR)
			return;
		for (int i = 0; i < n; i++) {
			uint32_t tag = events[i].data.u32;

			if (tag == EVENT_STOP)
				return;
			if (tag == EVENT_LISTENER)
				on_listener(srv);
			else if (tag == EVENT_PORTS)
				on_ports(srv);
			else if (srv->clients[tag].used && srv->clients[tag].fd >= 0)
				on_socket(srv, &srv->clients[tag], events[i].events);
		}
		flush_all(srv);
		live_update_work(srv);
		if (!n && trash)
			store_idle(&srv->store, 256);
	}
}

static int stop_fd(struct server *srv)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : epoll_set(srv, EPOLL_CTL_ADD, fd, EPOLLIN, EVENT_STOP);
}

#define NO_UPDATE (-2) /* else the file descriptor of a state stream; -1: the file of C xenstored */

static int setup(struct server *srv, int update)
{
	struct store_config config = { .privileged = 0 };
	size_t arena_mb = srv->arena_mb;
	void *memory;
	int r;

	srv->listener = -1;
	/* Untouched pages cost nothing, so the size is only a bound. */
	memory = mmap(NULL, arena_mb << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	/* A look-up touches a few places far apart: large pages save it most of the TLB misses. Only a wish. */
	madvise(memory, arena_mb << 20, MADV_HUGEPAGE);
	if (getrandom(&config.seed, sizeof config.seed, 0) != sizeof config.seed)
		return -EIO;
	r = store_create(&srv->store, memory, arena_mb << 20, &config, &ops, srv);
	if (r)
		return r;
	srv->store.check = run_check;
	srv->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (srv->epoll < 0)
		return -errno;
	r = stop_fd(srv);
	umask(077);
	if (!r && update != NO_UPDATE)
		r = live_update_take_over(srv, update);
	else if (!r && !srv->sockets_only)
		r = rings_open(srv);
	return r || srv->listener >= 0 ? r : socket_listen(srv, srv->path);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "arena-mb", required_argument, NULL, 'm' },
		{ "sockets-only", no_argument, NULL, 'S' },
		{ "live-update", required_argument, NULL, 'L' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = "/var/run/xenstored/socket";
	size_t arena_mb = 256;
	bool sockets_only = false;
	struct server *srv = calloc(1, sizeof *srv);
	int opt, r, update = NO_UPDATE;

	while ((opt = getopt_long(argc, argv, "s:m:SNU", options, NULL)) != -1) {
		if (opt == 's')
			path = optarg;
		else if (opt == 'm')
			arena_mb = strtoul(optarg, NULL, 10);
		else if (opt == 'S')
			sockets_only = true;
		else if (opt == 'L')
			update = (int)strtoul(optarg, NULL, 10);
		else if (opt == 'U')
			update = -1;
		else if (opt != 'N') /* -N is what C xenstored calls what this does anyway */
			return 2;
	}
	if (!srv || arena_mb < 1 || arena_mb > 4095) {
		fprintf(stderr, "usage: atoll-xenstored [--socket PATH] [--arena-mb 1..4095] [--sockets-only]\n");
		return 2;
	}
	srv->path = path;
	srv->arena_mb = arena_mb;
	srv->sockets_only = sockets_only;
	r = setup(srv, update);
	if (r) {
		fprintf(stderr, "atoll-xenstored: cannot start: %s\n", strerror(-r));
		return 1;
	}
	loop(srv);
	unlink(path);
	rings_close(srv);
	return 0;
}
