/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session with a service domain's agent: connects when the agent offers its vchan, greets, and asks for a sign of life
 * every HEALTH_PING_MS. Nothing that the agent says is trusted.
 */
#ifndef ATOLL_AGENT_H
#define ATOLL_AGENT_H

#include "atolld/atolld.h"

/* When, since the domain's start, its kernel, its modules and its agent were ready: the agent tells. */
extern const char *const agent_boot_phases[3];

/* DOMAIN's agent, whose greeting its job, if it has one, waits for. 0 or -errno. */
int agent_create(struct domain *domain);
/* NULL is fine; returns NULL. */
struct agent *agent_destroy(struct agent *agent);
/* NULL while not connected. */
struct rpc *agent_rpc(const struct agent *agent);
/* Since its last answer, in beats that it missed. */
uint64_t agent_silent_ms(const struct agent *agent);

/* What it said last of itself. Zero without an agent. */
struct agent_report {
	uint64_t answer_ms; /* that an answer takes, smoothed */
	uint64_t memory_kib, available_kib;
	char not_serving[128], degraded[128];
};
const struct agent_report *agent_report(const struct agent *agent);

#endif
