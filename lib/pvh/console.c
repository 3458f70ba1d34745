// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The log: lines into the domain's own console ring, never waiting for a reader; and its end, panic.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <xen/io/console.h>

#include "pvh/boot.h"
#include "pvh/event.h"
#include "pvh/hypercall.h"

/* Room for "N lines dropped\n". */
#define DROPPED_MAX 40

static struct {
	struct xencons_interface *ring;
	uint32_t port;
	uint32_t dropped;
	bool panicking;
} con;

void *pvh_console_page(void)
{
	return (void *)(uintptr_t)(pvh_hvm_param(HVM_PARAM_CONSOLE_PFN) << 12);
}

void *pvh_store_page(void)
{
	return (void *)(uintptr_t)(pvh_hvm_param(HVM_PARAM_STORE_PFN) << 12);
}

void pvh_console_init(void)
{
	con.ring = pvh_console_page();
	con.port = (uint32_t)pvh_hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
}

/* All or nothing. The reader's index may be anything: more than a ring of text outstanding counts as full. */
static bool ring_write(const char *text, size_t len)
{
	uint32_t prod = con.ring->out_prod;
	uint32_t used = prod - __atomic_load_n(&con.ring->out_cons, __ATOMIC_ACQUIRE);

	if (used > sizeof(con.ring->out) || len > sizeof(con.ring->out) - used)
		return false;
	for (size_t i = 0; i < len; i++)
		con.ring->out[MASK_XENCONS_IDX(prod++, con.ring->out)] = text[i];
	__atomic_store_n(&con.ring->out_prod, prod, __ATOMIC_RELEASE);
	return true;
}

static void line_write(const char *text, size_t len)
{
	char note[DROPPED_MAX];
	int n;

	if (!con.ring)
		return;
	if (con.dropped) {
		n = snprintf(note, sizeof(note), "%u lines dropped\n", con.dropped);
		if (ring_write(note, (size_t)n))
			con.dropped = 0;
	}
	if (con.dropped || !ring_write(text, len))
		con.dropped++;
	if (con.port)
		pvh_event_send(con.port);
}

static void log_args(const char *fmt, va_list args)
{
	char line[PVH_LOG_LINE_MAX];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len] = '\n';
	line_write(line, len + 1);
}

void pvh_log(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_args(fmt, args);
	va_end(args);
}

void pvh_panic(const char *fmt, ...)
{
	va_list args;

	/* A fault inside the panic ends at once. */
	if (!con.panicking) {
		con.panicking = true;
		va_start(args, fmt);
		log_args(fmt, args);
		va_end(args);
	}
	for (;;)
		hypercall_sched(SCHEDOP_shutdown, &(struct sched_shutdown){ .reason = SHUTDOWN_crash });
}
