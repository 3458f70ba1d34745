/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A driver domain that an attacker has taken over, for tests/system/long/hostile.sh. */
#ifndef ATOLL_TESTS_HOSTILE_H
#define ATOLL_TESTS_HOSTILE_H

struct libxenvchan;
struct xs_handle;

/* Asks the hypervisor for what a driver domain must not have, and for what it may, and prints a line for each on the console. */
void privileges_try(void);

/* One session with the control domain: greets like an agent, then does ATTACK for as long as it is let. */
void attack_session(struct libxenvchan *vchan, const char *attack, struct xs_handle *xs, unsigned domid);

#endif
