/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An epoll event loop: file descriptors, timers and signals. Single-threaded. A callback may destroy any source, its own too:
 * memory is released after the round. Sources belong to whoever added them and must be destroyed before the loop.
 */
#ifndef ATOLL_EVENT_LOOP_H
#define ATOLL_EVENT_LOOP_H

#include <sys/epoll.h>

#include "base/util.h"

struct loop;
struct source;

/* EVENTS are epoll's (EPOLLIN, EPOLLOUT, EPOLLHUP …); for timers EPOLLIN, for signals the signal's number. */
typedef void source_fn(struct source *source, uint32_t events, void *data);

int loop_create(struct loop **loop);
struct loop *loop_destroy(struct loop *loop);
/* Runs until loop_quit(); returns its code, or -errno if epoll fails. */
int loop_run(struct loop *loop);
/* One round: waits at most TIMEOUT_MS (-1: for ever), dispatches. 0 or -errno. */
int loop_step(struct loop *loop, int timeout_ms);
void loop_quit(struct loop *loop, int code);

/* Where something else waits for more than descriptors: WAIT is called instead of waiting for ever, and returns true if loop_fd(), which
 * is readable when a source is ready, is to be looked at. NULL: no more. */
void loop_set_wait(struct loop *loop, bool (*wait)(void *data), void *data);
int loop_fd(const struct loop *loop);

/* The descriptor stays the caller's: it is not closed with the source. 0 or -errno. */
int loop_add_fd(struct loop *loop, int fd, uint32_t events, source_fn *fn, void *data, struct source **source);
int source_set_events(struct source *source, uint32_t events);

/* A one-shot timer; not armed when AFTER_MS is negative. 0: in the next round. */
int loop_add_timer(struct loop *loop, int64_t after_ms, source_fn *fn, void *data, struct source **source);
/* Arms again (or disarms with a negative time); legal from its own callback. */
int source_set_timer(struct source *source, int64_t after_ms);

/* Blocks the signal for the process and delivers it here. */
int loop_add_signal(struct loop *loop, int signo, source_fn *fn, void *data, struct source **source);

/* NULL is fine. Returns NULL. */
struct source *source_destroy(struct source *source);

#endif
