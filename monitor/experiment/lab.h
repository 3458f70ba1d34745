/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host that an experiment runs on: what atolld says, what the hypervisor says, and how things are broken. Every call waits, with a
 * limit: atolld may be dead, stopped or starved on purpose. */
#ifndef ATOLL_EXPERIMENT_LAB_H
#define ATOLL_EXPERIMENT_LAB_H

#include <sys/types.h>

#include "experiment/scenario.h"
#include "rpc/rpc.h"

struct peer {
	const char *path;
	struct rpc *rpc; /* NULL: not connected */
};

struct lab {
	struct loop *loop;
	struct peer atolld, builder;
	struct json *status; /* the last that atolld said; NULL: it does not answer; owned */
};

/* What the hypervisor counts. */
struct truth {
	bool valid;
	uint64_t pages; /* free ones and those of all domains */
	unsigned domains, zombies;
	char xen_version[64];
	unsigned cpus;
	uint64_t total_kib;
};

/* Who is broken: a domain or a daemon of the control domain. */
struct target {
	char name[NAME_LEN_MAX + 1];
	const char *unit; /* daemons: systemd's name */
	pid_t pid;	  /* daemons */
	unsigned domid;	  /* domains */
	unsigned restarts;
	bool is_linux;
	unsigned memory_kib;
	unsigned hog_domid; /* store, console: the guest that takes what it can get */
};

int lab_init(struct lab *lab);
void lab_fini(struct lab *lab);
/* 0 or -errno with WHY. RESULT may be NULL, else the caller frees it. */
int lab_call(struct lab *lab, struct peer *peer, const char *method, struct json *params, unsigned timeout_ms, struct json **result,
	     char *why, size_t size);
/* Asks atolld anew; false: no answer, lab->status is NULL. */
bool lab_poll(struct lab *lab);
/* Of lab->status; NULL if there is none. By name, or the first with that role. */
const struct json *lab_domain(const struct lab *lab, const char *name_or_role);
bool lab_services_run(const struct lab *lab);
void lab_truth(struct lab *lab, struct truth *truth);

/* 0 or -errno with WHY: there is nothing like it here, or it cannot suffer that. */
int target_find(struct lab *lab, const struct cell_spec *spec, struct target *target, char *why, size_t size);
pid_t target_daemon(const char *unit);
int fault_inject(struct lab *lab, const struct target *target, enum exp_fault fault, unsigned percent, char *why, size_t size);
/* Takes back what goes on. Harmless if it is over already. */
void fault_end(struct lab *lab, const struct target *target, enum exp_fault fault);

#endif
