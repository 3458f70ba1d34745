/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Faults on purpose, for experiments. */
#ifndef ATOLL_BUILDER_FAULT_H
#define ATOLL_BUILDER_FAULT_H

#include "builder.h"

enum fault_kind {
	FAULT_DESTROY,
	FAULT_PANIC,  /* the domain shuts down as crashed */
	FAULT_NMI,    /* a non-maskable interrupt to its first processor: what its kernel makes of it */
	FAULT_HANG,   /* paused, and nobody was told */
	FAULT_RESUME, /* takes one hang back */
	FAULT_SLOW,   /* at most PERCENT of a processor; 0 takes it back */
	FAULT_KINDS
};

struct fault {
	enum fault_kind kind;
	unsigned percent;
};

extern const char *const fault_names[FAULT_KINDS]; /* in requests (request.c) */

/* 0 or -errno; -EPERM unless faults are allowed. */
int domain_fault(struct builder *builder, uint32_t domid, const struct fault *fault);

#endif
