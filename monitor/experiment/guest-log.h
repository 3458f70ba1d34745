/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest's counters, from its console log (include/atoll/load.h). The guest is not trusted: lines that are not right are
 * passed over, and nothing grows beyond its limit.
 */
#ifndef ATOLL_EXPERIMENT_GUEST_LOG_H
#define ATOLL_EXPERIMENT_GUEST_LOG_H

#include <sys/types.h>

#include "atoll/load.h"
#include "base/util.h"

#define SAMPLES_MAX 40000 /* eleven hours, one a second */
#define GUEST_LINE_MAX 1024

struct sample {
	int64_t ms; /* CLOCK_REALTIME */
	struct load_counters load[LOADS];
};

struct guest_log {
	const char *path; /* not owned */
	int fd;		  /* -1: not there yet */
	ino_t inode;
	char line[GUEST_LINE_MAX];
	size_t have;
	bool skip; /* the rest of a line that is too long */

	int64_t now_ms, skew_ms; /* the reader's clock (0: not known), and what is added to the guest's */
	bool has[LOADS];
	struct sample *samples; /* owned */
	size_t count, size;

	/* The console's own account. */
	bool began;
	uint32_t next;
	uint64_t console_lost, console_wrong; /* bytes, lines */
};

void guest_log_init(struct guest_log *log, const char *path);
void guest_log_fini(struct guest_log *log);
/* From now on: what the log holds is passed over. */
void guest_log_seek_end(struct guest_log *log);
/* Reads what is new, also over a rotation. */
void guest_log_read(struct guest_log *log);
/* One line, without its newline. Pure. */
void guest_log_line(struct guest_log *log, const char *line);

#endif
