// SPDX-License-Identifier: LGPL-2.1-or-later
/* The event loop: order of life and death of sources. */
#include "event/loop.h"

#include <signal.h>

#include "tap.h"

static struct source *victim, *self;
static unsigned calls;

static void on_kill(struct source *source, uint32_t events, void *data)
{
	calls++;
	victim = source_destroy(victim);
	self = source_destroy(self);
}

static void on_quit(struct source *source, uint32_t events, void *data)
{
	loop_quit(data, (int)events);
}

static void on_byte(struct source *source, uint32_t events, void *data)
{
	char c;

	calls += read(*(int *)data, &c, 1) == 1;
}

int main(void)
{
	struct loop *loop = NULL;
	struct source *quit = NULL, *io = NULL, *sig = NULL;
	int fds[2];

	ok(loop_create(&loop) == 0, "a loop is made");
	ok(loop_add_timer(loop, 0, on_kill, NULL, &self) == 0 && loop_add_timer(loop, 0, on_kill, NULL, &victim) == 0 &&
		   loop_add_timer(loop, 5, on_quit, loop, &quit) == 0,
	   "timers are added");
	ok(loop_run(loop) == EPOLLIN && calls == 1, "a source that another callback destroyed is not called");

	ok(pipe(fds) == 0 && loop_add_fd(loop, fds[0], EPOLLIN, on_byte, &fds[0], &io) == 0, "a pipe is watched");
	ok(write(fds[1], "xy", 2) == 2 && loop_step(loop, 100) == 0 && loop_step(loop, 100) == 0 && calls == 3,
	   "input that is left is reported again");

	ok(loop_add_signal(loop, SIGUSR1, on_quit, loop, &sig) == 0, "a signal is watched");
	raise(SIGUSR1);
	ok(loop_run(loop) == SIGUSR1, "a signal arrives with its number");
	ok(source_set_timer(quit, 1) == 0 && loop_run(loop) == EPOLLIN, "a timer can be armed again");
	source_destroy(quit);
	source_destroy(io);
	source_destroy(sig);
	ok(loop_destroy(loop) == NULL, "the loop is destroyed");
	return plan_done();
}
