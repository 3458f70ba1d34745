/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Judges a domain's health from what the hypervisor and the domain itself say, and says why. Pure. */
#ifndef ATOLL_MONITOR_HEALTH_H
#define ATOLL_MONITOR_HEALTH_H

#include "base/util.h"

#define HEALTH_PING_MS 500     /* an agent, or the console domain, is asked this often */
#define HEALTH_SILENCE_MS 1500 /* and is suspect after beats missed for so long. Missed beats are counted, not time: a judge that was
				* late itself finds the answers before the next beat */
#define HEALTH_HUNG_CPU_MS 200 /* who waits for a processor is starved, not hung, until it got so much of one since its last answer */
#define HEALTH_SLOW_MS 400     /* an answer takes this long, on the average of the last ones */
#define HEALTH_LOW_MEMORY 32   /* less than a 32nd of it is left */

enum health {
	HEALTH_OK,
	HEALTH_STARTING,
	HEALTH_PAUSED,
	HEALTH_SLOW,       /* it answers, late; or is not given a processor */
	HEALTH_STARVED,    /* does not answer, and could not have */
	HEALTH_SHORT_OF_MEMORY,
	HEALTH_DEGRADED,   /* it serves, but something that it needs is missing, which a restart does not bring back */
	HEALTH_GONE,
	HEALTH_CRASHED,
	HEALTH_OUT_OF_MEMORY,
	HEALTH_STOPPED,
	HEALTH_HUNG,
	HEALTH_NOT_SERVING, /* it answers, and does not do its work */
};

struct health_input {
	bool exists;              /* the hypervisor knows the domain and it is not dying */
	bool paused;
	bool runnable;            /* not paused, not blocked: it wants a processor */
	bool shutdown;            /* it stopped by itself … */
	unsigned shutdown_reason; /* … for this reason (SHUTDOWN_* of xen/sched.h) */
	const char *panic;        /* its kernel's last words; "" or NULL: none */
	bool starting;            /* not expected to answer yet */
	bool has_heartbeat;       /* it is asked for signs of life */
	uint64_t silent_ms;       /* beats missed since the last answer */
	uint64_t cpu_ms;          /* that it was given since */
	uint64_t answer_ms;       /* the time that an answer takes */
	unsigned cap;             /* percent of a processor that the scheduler gives at most; 0: no limit */
	uint64_t memory_kib, memory_left_kib; /* as it says; 0: unknown */
	const char *not_serving;  /* what it says is broken; "" or NULL: nothing */
	const char *degraded;     /* what it says is missing */
};

/* WHY gets a few plain words. */
enum health health_judge(const struct health_input *input, char *why, size_t size);
const char *health_name(enum health health);
/* A service in this state has to be restarted. */
bool health_needs_restart(enum health health);

#endif
