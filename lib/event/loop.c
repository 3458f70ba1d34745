// SPDX-License-Identifier: LGPL-2.1-or-later
/* An epoll event loop. Destroyed sources wait on a list until the round is over, because epoll may have reported them already. */
#include "event/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#define EVENTS_PER_ROUND 32

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNAL };

struct source {
	struct loop *loop;
	enum source_kind kind;
	int fd;
	source_fn *fn; /* NULL once destroyed */
	void *data;
	struct source *next_dead;
};

struct loop {
	int epoll_fd;
	bool quit;
	int code;
	unsigned sources;
	struct source *dead;
	bool (*wait)(void *data);
	void *wait_data;
};

int loop_create(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int r = -errno;

		free(loop);
		return r;
	}
	*out = loop;
	return 0;
}

static void bury(struct loop *loop)
{
	while (loop->dead) {
		struct source *source = loop->dead;

		loop->dead = source->next_dead;
		free(source);
	}
}

struct loop *loop_destroy(struct loop *loop)
{
	if (!loop)
		return NULL;
	bury(loop);
	assert(loop->sources == 0);
	close(loop->epoll_fd);
	free(loop);
	return NULL;
}

static int add_source(struct loop *loop, enum source_kind kind, int fd, uint32_t events, source_fn *fn, void *data,
		      struct source **out)
{
	struct source *source = calloc(1, sizeof(*source));
	struct epoll_event ev = {.events = events, .data.ptr = source};

	if (!source)
		return -ENOMEM;
	*source = (struct source){.loop = loop, .kind = kind, .fd = fd, .fn = fn, .data = data};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int r = -errno;

		free(source);
		return r;
	}
	loop->sources++;
	*out = source;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, source_fn *fn, void *data, struct source **out)
{
	return add_source(loop, SOURCE_FD, fd, events, fn, data, out);
}

int source_set_events(struct source *source, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = source};

	return epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &ev) < 0 ? -errno : 0;
}

int loop_add_timer(struct loop *loop, int64_t after_ms, source_fn *fn, void *data, struct source **out)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = add_source(loop, SOURCE_TIMER, fd, EPOLLIN, fn, data, out);
	if (r < 0) {
		close(fd);
		return r;
	}
	return source_set_timer(*out, after_ms);
}

int source_set_timer(struct source *source, int64_t after_ms)
{
	struct itimerspec spec = {0};

	if (after_ms >= 0) {
		spec.it_value.tv_sec = after_ms / 1000;
		spec.it_value.tv_nsec = after_ms ? after_ms % 1000 * 1000000 : 1;
	}
	return timerfd_settime(source->fd, 0, &spec, NULL) < 0 ? -errno : 0;
}

int loop_add_signal(struct loop *loop, int signo, source_fn *fn, void *data, struct source **out)
{
	sigset_t set;
	int fd, r;

	sigemptyset(&set);
	sigaddset(&set, signo);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = add_source(loop, SOURCE_SIGNAL, fd, EPOLLIN, fn, data, out);
	if (r < 0)
		close(fd);
	return r;
}

struct source *source_destroy(struct source *source)
{
	if (!source)
		return NULL;
	epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->kind != SOURCE_FD)
		close(source->fd);
	source->fn = NULL;
	source->loop->sources--;
	source->next_dead = source->loop->dead;
	source->loop->dead = source;
	return NULL;
}

static void dispatch(struct source *source, uint32_t events)
{
	struct signalfd_siginfo info;
	uint64_t expirations;

	switch (source->kind) {
	case SOURCE_FD:
		break;
	case SOURCE_TIMER: /* a timer that was set again after epoll reported it has nothing to read */
		if (read(source->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
			return;
		events = EPOLLIN;
		break;
	case SOURCE_SIGNAL:
		if (read(source->fd, &info, sizeof(info)) != sizeof(info))
			return;
		events = info.ssi_signo;
		break;
	}
	source->fn(source, events, source->data);
}

int loop_step(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int n;

	if (loop->wait && timeout_ms < 0) {
		if (!loop->wait(loop->wait_data))
			return 0;
		timeout_ms = 0;
	}
	n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct source *source = events[i].data.ptr;

		if (source->fn)
			dispatch(source, events[i].events);
	}
	bury(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	loop->quit = false;
	while (!loop->quit) {
		int r = loop_step(loop, -1);

		if (r < 0)
			return r;
	}
	return loop->code;
}

void loop_set_wait(struct loop *loop, bool (*wait)(void *data), void *data)
{
	loop->wait = wait;
	loop->wait_data = data;
}

int loop_fd(const struct loop *loop)
{
	return loop->epoll_fd;
}

void loop_quit(struct loop *loop, int code)
{
	loop->quit = true;
	loop->code = code;
}
