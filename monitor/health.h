/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Judges a domain's health from what the hypervisor and the domain's agent say. Pure. */
#ifndef ATOLL_MONITOR_HEALTH_H
#define ATOLL_MONITOR_HEALTH_H

#include "base/util.h"

#define HEALTH_PING_MS 1000    /* an agent is asked this often */
#define HEALTH_SILENCE_MS 5000 /* and counts as hung after this long without an answer */

enum health { HEALTH_OK, HEALTH_STARTING, HEALTH_PAUSED, HEALTH_GONE, HEALTH_CRASHED, HEALTH_STOPPED, HEALTH_HUNG };

struct health_input {
	bool exists;              /* the hypervisor knows the domain and it is not dying */
	bool paused;
	bool shutdown;            /* it stopped by itself … */
	unsigned shutdown_reason; /* … for this reason (SHUTDOWN_* of xen/sched.h) */
	bool starting;            /* not expected to answer yet */
	bool has_agent;           /* it has an agent that answers pings */
	uint64_t silent_ms;       /* since the agent's last answer */
};

/* WHY gets a few plain words. */
enum health health_judge(const struct health_input *input, char *why, size_t size);
const char *health_name(enum health health);
/* A service in this state has to be rebuilt. */
bool health_needs_restart(enum health health);

#endif
