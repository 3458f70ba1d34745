/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pvh: the smallest PVH guest. One vCPU, no threads, no heap: an application is one function and one
 * arena.
 *
 *	void pvh_main(struct pvh *pvh)
 *	{
 *		... set up, pvh_event_handle(port, fn, arg) ...
 *		for (;;)
 *			pvh_wait(pvh, PVH_NEVER);
 *	}
 *
 * Interrupts are enabled only inside pvh_wait() while the vCPU is halted; no code of the application is ever
 * interrupted. pvh_wait() runs the handlers of pending event channels, then idles until the next event or
 * deadline.
 *
 * The libc subset is declared by the C library's own headers: <string.h> (mem*, strlen, strnlen, strcmp, strncmp),
 * <stdio.h> (snprintf and vsnprintf only: %d %u %x with l or z, %s %c %%), <assert.h>, <errno.h> (the constants
 * only; there is no errno). See libc.c.
 */
#ifndef ATOLL_PVH_H
#define ATOLL_PVH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pvh/layout.h"

#define PVH_PAGE_SIZE	4096
#define PVH_NEVER	UINT64_MAX

struct pvh {
	uint16_t domid;			/* our own */
	bool resumed;			/* booted again: the arena and Xen's objects are those of before */
	bool revived;			/* resumed, in a new domain: Xen's objects are like those of before */
	bool dirty;			/* resumed, but the arena may have been left in the middle of a change */
	bool trusted;			/* resumed, and the predecessor ran well and idled: the arena is as good as it ever was */
	uint32_t generation;		/* 1 at the first boot, +1 a reload */
	uint64_t started_ns;		/* pvh_now() at the entry */
	uint64_t started_waited_ns;	/* pvh_waited(), soon after */
	const char *cmdline;
	void *arena;			/* the application's part, page aligned */
	size_t arena_size;
};

/* Provided by the application; returning from it is a panic. */
void pvh_main(struct pvh *pvh);

/*
 * Runs the handlers of all pending events, each once, then, if there were none, idles until an event or until
 * pvh_now() >= deadline_ns. Returns the number of handlers run; 0 means that the deadline has passed (or a
 * spurious wake-up). A deadline of 0 polls. Parks here when a reloader asks for it.
 */
unsigned int pvh_wait(struct pvh *pvh, uint64_t deadline_ns);

/*
 * Idles for `ns`, whatever events come: they are made no upcalls, and wait for the next pvh_wait(). For who is sent more events than
 * it wants to hear of one by one.
 */
void pvh_nap(uint64_t ns);

/* Xen's system time in nanoseconds (since the host's boot); monotonic, goes on through reloads. */
uint64_t pvh_now(void);
/* For how many nanoseconds we could have run since our domain was made, but others did. */
uint64_t pvh_waited(void);
/* Seconds since 1970 (0 if Xen does not know). */
uint64_t pvh_wallclock(void);

/*
 * Says which state format lives in the application's arena. Returns true if the arena was kept from a
 * previous image with the same magic and version: the application may then use what it finds, after checking
 * it (and more so if pvh->dirty). Otherwise records magic and version, zeroes the arena and returns false.
 */
bool pvh_arena_claim(struct pvh *pvh, uint64_t magic, uint32_t version);

/* The application can be stopped at any instruction, and its successor mends what was half done: reloads need not wait. */
void pvh_arena_journalled(void);

/*
 * One line to the domain's own console ring (newline added). Never blocks: when the ring is full, the line is
 * dropped and counted; the next line that fits is preceded by the count. Lines are cut at PVH_LOG_LINE_MAX.
 */
#define PVH_LOG_LINE_MAX 256
void pvh_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Logs, then shuts the domain down with reason crash. */
void pvh_panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Finds `key=value` or the bare word `key` among the blank-separated words of the command line. Copies the
 * value, cut to len - 1 characters and NUL-terminated ("" for a bare word). Returns false if there is no such
 * word.
 */
bool pvh_cmdline_get(const struct pvh *pvh, const char *key, char *value, size_t len);
/* The same for a decimal number. Returns def if absent or malformed. */
uint64_t pvh_cmdline_u64(const struct pvh *pvh, const char *key, uint64_t def);

/*
 * Value of an HVM parameter of our own domain, 0 if unset: HVM_PARAM_CONSOLE_PFN, _EVTCHN, STORE_PFN,
 * _EVTCHN.
 */
uint64_t pvh_hvm_param(uint32_t index);

/* The pages of our own rings (0 and NULL if the builder gave none). */
void *pvh_console_page(void);
void *pvh_store_page(void);

/*
 * State of domain `domid` or the next existing one above it (XEN_DOMCTL_getdomaininfo): needs a domain made
 * with CDF_xs_domain (the store). -ESRCH if there is none at or above, -EPERM without the right.
 */
struct pvh_domain_info {
	uint16_t domid;
	bool dying, shutdown;
};
int pvh_domain_info(uint16_t domid, struct pvh_domain_info *info);

#endif
