/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Xen's headers with the settings of a 64-bit HVM guest, and the calls themselves. Results are Xen's: 0 or
 * more, or -errno (Xen's numbers are Linux's).
 */
#ifndef ATOLL_PVH_HYPERCALL_H
#define ATOLL_PVH_HYPERCALL_H

#include <stddef.h>
#include <stdint.h>

#ifndef __XEN_INTERFACE_VERSION__
#define __XEN_INTERFACE_VERSION__ 0x00040e00
#endif

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

extern char hypercall_page[4096];

/* The argument registers are clobbered by Xen in debug builds, hence "+". */
#define PVH_HYPERCALL(op, a1, a2, a3)								\
({												\
	long pvh_rc_;										\
	unsigned long pvh_a1_ = (unsigned long)(a1), pvh_a2_ = (unsigned long)(a2);		\
	unsigned long pvh_a3_ = (unsigned long)(a3);						\
	__asm__ volatile("call hypercall_page + %c[off]"					\
		: "=a"(pvh_rc_), "+D"(pvh_a1_), "+S"(pvh_a2_), "+d"(pvh_a3_)			\
		: [off] "i"((op) * 32)								\
		: "memory", "rcx", "r8", "r9", "r10", "r11");					\
	pvh_rc_;										\
})

static inline long hypercall_event(int cmd, void *arg)
{
	return PVH_HYPERCALL(__HYPERVISOR_event_channel_op, cmd, arg, 0);
}

static inline long hypercall_grant(unsigned int cmd, void *arg, unsigned int count)
{
	return PVH_HYPERCALL(__HYPERVISOR_grant_table_op, cmd, arg, count);
}

static inline long hypercall_memory(unsigned int cmd, void *arg)
{
	return PVH_HYPERCALL(__HYPERVISOR_memory_op, cmd, arg, 0);
}

static inline long hypercall_sched(int cmd, void *arg)
{
	return PVH_HYPERCALL(__HYPERVISOR_sched_op, cmd, arg, 0);
}

static inline long hypercall_hvm(unsigned long cmd, void *arg)
{
	return PVH_HYPERCALL(__HYPERVISOR_hvm_op, cmd, arg, 0);
}

static inline long hypercall_vcpu(int cmd, unsigned int vcpu, void *arg)
{
	return PVH_HYPERCALL(__HYPERVISOR_vcpu_op, cmd, vcpu, arg);
}

static inline long hypercall_domctl(void *arg)
{
	return PVH_HYPERCALL(__HYPERVISOR_domctl, arg, 0, 0);
}

/* The shared info page, mapped by pvh_event_init(). */
#define PVH_SHARED ((struct shared_info *)PVH_SHARED_INFO)
#define PVH_VCPU (&PVH_SHARED->vcpu_info[0])

#endif
