// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Time: Xen's pvclock in the shared info page, and one one-shot timer (VIRQ_TIMER) for pvh_wait()'s deadline.
 */
#include <errno.h>

#include "pvh/boot.h"
#include "pvh/event.h"
#include "pvh/hypercall.h"

static uint32_t timer_port;

uint64_t pvh_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Xen's time at that reading of the TSC (0: now). Xen's own stamp may be newer. */
uint64_t pvh_time_at(uint64_t tsc)
{
	const volatile struct vcpu_time_info *t = &PVH_VCPU->time;
	uint64_t at, stamp, delta, base;
	uint32_t version;

	/* Xen makes the version odd while it writes. */
	do {
		version = t->version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		at = tsc ? tsc : pvh_tsc();
		stamp = t->tsc_timestamp;
		delta = at < stamp ? stamp - at : at - stamp;
		if (t->tsc_shift >= 0)
			delta <<= t->tsc_shift;
		else
			delta >>= -t->tsc_shift;
		delta = (uint64_t)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
		base = t->system_time;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) || version != t->version);
	return at < stamp ? base - delta : base + delta;
}

uint64_t pvh_now(void)
{
	return pvh_time_at(0);
}

uint64_t pvh_waited(void)
{
	struct vcpu_runstate_info info;

	return hypercall_vcpu(VCPUOP_get_runstate_info, 0, &info) ? 0 : info.time[RUNSTATE_runnable];
}

uint64_t pvh_wallclock(void)
{
	const volatile struct shared_info *s = PVH_SHARED;
	uint32_t version;
	uint64_t sec;

	do {
		version = s->wc_version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		sec = (uint64_t)s->wc_sec_hi << 32 | s->wc_sec;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) || version != s->wc_version);
	return sec ? sec + pvh_now() / 1000000000 : 0;
}

int pvh_time_init(void)
{
	int rc = pvh_event_bind_virq(VIRQ_TIMER, &timer_port);

	if (rc == -EEXIST)
		rc = pvh_event_find_virq(VIRQ_TIMER, &timer_port);
	if (rc)
		return rc;
	/* The event only has to end hlt. */
	return pvh_event_handle(timer_port, NULL, NULL);
}

void pvh_timer_set(uint64_t deadline_ns)
{
	struct vcpu_set_singleshot_timer timer = { .timeout_abs_ns = deadline_ns };
	long rc = hypercall_vcpu(VCPUOP_set_singleshot_timer, 0, &timer);

	if (rc)
		pvh_panic("cannot set the timer: error %ld", -rc);
}

/*
 * A poll for one port ends with its event or the timeout; a poll for none would end with each event. Xen does not kick a vCPU whose
 * upcall is pending already. The next dispatch() finds all that came.
 */
void pvh_nap(uint64_t ns)
{
	struct sched_poll poll = { .nr_ports = 1, .timeout = pvh_now() + ns };
	volatile struct pvh_arena_header *header = PVH_HEADER;

	set_xen_guest_handle(poll.ports, &timer_port);
	__atomic_store_n(&PVH_VCPU->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
	header->busy = 0;
	hypercall_sched(SCHEDOP_poll, &poll);
	header->busy = 1;
}
