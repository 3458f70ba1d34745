/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent of a driver domain: one session at a time with the control domain, the methods that every role has, and a role's own.
 * Guests' data is moved by our own backends, in this process, or by the kernel's, for which the agent only prepares what they use.
 */
#ifndef ATOLL_DRIVER_DOMAINS_AGENT_H
#define ATOLL_DRIVER_DOMAINS_AGENT_H

#include "rpc/rpc.h"

/* Changes when a method changes its meaning; new methods and new keys do not count. */
#define AGENT_VERSION 1

#define PROBE_TEXT_SIZE 128

struct agent;

/* Answers by rpc_reply() or rpc_fail(), at once or later; later only while the role's on_disconnect() was not called. */
typedef void method_fn(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params);

struct method {
	const char *name;
	method_fn *fn;
};

struct role {
	const char *name;
	const struct method *methods;
	size_t method_count;
	int (*init)(struct agent *agent);
	void (*fini)(struct agent *agent);
	/* The session is over: forget requests that wait. May be NULL. */
	void (*on_disconnect)(struct agent *agent);
	/* Says what does not work, at each ping: BROKEN what a fresh start may repair, MISSING what it will not. Must not wait. May be
	 * NULL. */
	void (*probe)(struct agent *agent, char broken[PROBE_TEXT_SIZE], char missing[PROBE_TEXT_SIZE]);
	/* Appends [guest, id, bytes that it read or received, bytes that it wrote or sent] for each device. */
	void (*count)(struct agent *agent, struct json *devices);
};

/* For count(). */
void agent_count_device(struct json *devices, uint64_t guest, uint64_t id, uint64_t read, uint64_t written);

extern const struct role net_role, disk_role;
extern const struct role dm_role; /* qemu-stubdom/ */

/* What is ready after the domain's start, in order; the control domain is told when each was. */
enum boot_phase { BOOT_KERNEL, BOOT_MODULES, BOOT_AGENT, BOOT_PHASES };

struct agent {
	struct loop *loop;
	const struct role *role;
	void *state; /* the role's */
	char name[NAME_LEN_MAX + 1];
	const char *sys_root; /* "/sys" */
	bool own_backend;     /* we serve the guests ourselves; otherwise the kernel's backend does */
	bool waits;           /* before it touches its devices, for the control domain (snapshot.c) */
	uint64_t boot_ms[BOOT_PHASES]; /* since the domain's start; 0: that was not seen */
	uint64_t born_ms;     /* by the kernel's clock */
	int domid;       /* -1: not known */
	struct rpc *rpc; /* NULL: no session */
	/* Called when a session has ended; whoever serves offers the next one. */
	void (*on_session_end)(struct agent *agent, void *data);
	void *on_session_end_data;
};

/* NULL if there is none of that name. */
const struct role *role_find(const char *name);

/* NAME and ROLE must be set before. 0 or -errno. */
int agent_init(struct agent *agent, struct loop *loop);
void agent_fini(struct agent *agent);

/* PHASE is over now. */
void agent_mark_boot(struct agent *agent, enum boot_phase phase);
/* The domain was made of a snapshot, with its kernel and modules: its life begins now. */
void agent_restart_clock(struct agent *agent);

/* For rpc_create_*(), with the agent as data; the session made is stored in agent->rpc by the caller. */
extern const struct rpc_ops agent_rpc_ops;

#endif
