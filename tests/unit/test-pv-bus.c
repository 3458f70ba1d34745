// SPDX-License-Identifier: LGPL-2.1-or-later
/* The backend's half of the xenbus handshake, as a table. */
#include "pv/bus.h"
#include "tap.h"

static bool next_is(enum xenbus_state state, enum xenbus_state frontend, enum xenbus_state want, unsigned want_actions)
{
	unsigned actions;

	return bus_next(state, frontend, &actions) == want && actions == want_actions;
}

int main(void)
{
	const enum xenbus_state new = XenbusStateInitialising, wait = XenbusStateInitWait, ready = XenbusStateInitialised,
				on = XenbusStateConnected, closing = XenbusStateClosing, closed = XenbusStateClosed,
				gone = XenbusStateUnknown;
	bool stable = true;

	ok(next_is(new, new, wait, BUS_OFFER), "a new frontend is offered features");
	ok(next_is(wait, ready, on, BUS_CONNECT), "one that has its rings is connected");
	ok(next_is(on, on, on, 0), "and stays so when it is Connected too");
	ok(next_is(new, on, on, BUS_OFFER | BUS_CONNECT), "a reborn backend connects to a Connected frontend at once");
	ok(next_is(new, ready, on, BUS_OFFER | BUS_CONNECT), "and to one that was about to connect");
	ok(next_is(on, closing, closing, BUS_DISCONNECT), "a frontend that closes is let go");
	ok(next_is(closing, closed, closed, 0), "and closed when it is");
	ok(next_is(on, closed, closed, BUS_DISCONNECT), "also when it hurries");
	ok(next_is(on, gone, closed, BUS_DISCONNECT), "and when its directory vanishes");
	ok(next_is(new, gone, new, 0), "one that is not there yet is waited for");
	ok(next_is(closed, new, wait, BUS_OFFER), "a closed frontend may start anew");
	ok(next_is(on, new, wait, BUS_DISCONNECT | BUS_OFFER), "so may one that never said that it closed");
	ok(next_is(closed, ready, on, BUS_OFFER | BUS_CONNECT), "or that skips a state");
	ok(next_is(closing, on, closing, 0) && next_is(closed, on, closed, 0), "one that was thrown out is not connected again");
	ok(next_is(on, (enum xenbus_state)99, closed, BUS_DISCONNECT), "nonsense counts as gone");
	for (int state = 0; state <= 8; state++) {
		for (int frontend = 0; frontend <= 8; frontend++) {
			unsigned actions;
			enum xenbus_state next = bus_next((enum xenbus_state)state, (enum xenbus_state)frontend, &actions);

			stable &= bus_next(next, (enum xenbus_state)frontend, &actions) == next && !actions;
		}
	}
	ok(stable, "seeing the same frontend again changes nothing, in any state");
	return plan_done();
}
