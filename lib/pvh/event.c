// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Event channels and the wait loop.
 *
 *   Xen: pending[port] = 1, sel[port / 64] = 1, upcall_pending = 1, injects PVH_UPCALL_VECTOR when interrupts are on
 *
 *   pvh_wait: upcall_pending = 0 -> take sel -> take pending & ~mask -> handlers
 *             nothing?  sti; hlt; cli   (the upcall can run only here; it clears upcall_pending and returns)
 *
 * No event is lost between the last look and hlt: interrupts are off all the time, Xen keeps upcall_pending
 * at 1, and the instruction after sti is still protected, so that hlt begins before the upcall and is ended
 * by it.
 */
#include <errno.h>
#include <stddef.h>

#include "pvh/boot.h"
#include "pvh/event.h"
#include "pvh/hypercall.h"

#define BITS_PER_WORD	64
#define WORDS		(PVH_PORTS_MAX / BITS_PER_WORD)
#define PARK_POLL_NS	200000

static struct {
	pvh_event_fn fn;
	void *arg;
} handlers[PVH_PORTS_MAX];

static bool port_valid(uint32_t port)
{
	return port > 0 && port < PVH_PORTS_MAX;
}

static void bit_set(xen_ulong_t *words, uint32_t bit)
{
	__atomic_fetch_or(&words[bit / BITS_PER_WORD], 1ull << bit % BITS_PER_WORD, __ATOMIC_SEQ_CST);
}

static void bit_clear(xen_ulong_t *words, uint32_t bit)
{
	__atomic_fetch_and(&words[bit / BITS_PER_WORD], ~(1ull << bit % BITS_PER_WORD), __ATOMIC_SEQ_CST);
}

static bool bit_test(const xen_ulong_t *words, uint32_t bit)
{
	return __atomic_load_n(&words[bit / BITS_PER_WORD], __ATOMIC_SEQ_CST) >> bit % BITS_PER_WORD & 1;
}

/* ---- ports ---- */

/* Takes note of a port for a successor in a new domain. */
static int port_note(uint32_t port, enum pvh_event_kind kind, uint16_t domid, uint32_t what)
{
	struct evtchn_close close = { .port = port };

	if (port_valid(port)) {
		PVH_LIB->ports[port] = (struct pvh_port){ .kind = (uint16_t)kind, .domid = domid, .what = what };
		return 0;
	}
	hypercall_event(EVTCHNOP_close, &close);
	return -ENOSPC;
}

int pvh_event_bind_interdomain(uint16_t remote_domid, uint32_t remote_port, uint32_t *port)
{
	struct evtchn_bind_interdomain op = { .remote_dom = remote_domid, .remote_port = remote_port };
	long rc = hypercall_event(EVTCHNOP_bind_interdomain, &op);

	if (rc)
		return (int)rc;
	*port = op.local_port;
	return port_note(op.local_port, PVH_EVENT_INTERDOMAIN, remote_domid, remote_port);
}

int pvh_event_alloc_unbound(uint16_t remote_domid, uint32_t *port)
{
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = remote_domid };
	long rc = hypercall_event(EVTCHNOP_alloc_unbound, &op);

	if (rc)
		return (int)rc;
	*port = op.port;
	return port_note(op.port, PVH_EVENT_UNBOUND, remote_domid, 0);
}

int pvh_event_bind_virq(uint32_t virq, uint32_t *port)
{
	struct evtchn_bind_virq op = { .virq = virq, .vcpu = 0 };
	long rc = hypercall_event(EVTCHNOP_bind_virq, &op);

	if (rc)
		return (int)rc;
	*port = op.port;
	return port_note(op.port, PVH_EVENT_VIRQ, DOMID_SELF, virq);
}

int pvh_event_close(uint32_t port)
{
	struct evtchn_close op = { .port = port };
	int rc;

	if (!port_valid(port))
		return -EINVAL;
	bit_set(PVH_SHARED->evtchn_mask, port);
	handlers[port].fn = NULL;
	PVH_LIB->ports[port].kind = PVH_EVENT_CLOSED;
	rc = (int)hypercall_event(EVTCHNOP_close, &op);
	bit_clear(PVH_SHARED->evtchn_pending, port);
	return rc;
}

int pvh_event_send(uint32_t port)
{
	struct evtchn_send op = { .port = port };

	return (int)hypercall_event(EVTCHNOP_send, &op);
}

int pvh_event_status(uint32_t port, struct pvh_event_status *status)
{
	struct evtchn_status op = { .dom = DOMID_SELF, .port = port };
	long rc = hypercall_event(EVTCHNOP_status, &op);

	*status = (struct pvh_event_status){ .kind = PVH_EVENT_OTHER };
	if (rc)
		return (int)rc;
	switch (op.status) {
	case EVTCHNSTAT_closed:
		status->kind = PVH_EVENT_CLOSED;
		break;
	case EVTCHNSTAT_unbound:
		status->kind = PVH_EVENT_UNBOUND;
		status->remote_domid = op.u.unbound.dom;
		break;
	case EVTCHNSTAT_interdomain:
		status->kind = PVH_EVENT_INTERDOMAIN;
		status->remote_domid = op.u.interdomain.dom;
		status->remote_port = op.u.interdomain.port;
		break;
	case EVTCHNSTAT_virq:
		status->kind = PVH_EVENT_VIRQ;
		status->virq = op.u.virq;
		break;
	}
	return 0;
}

int pvh_event_find_interdomain(uint16_t remote_domid, uint32_t remote_port, uint32_t *port)
{
	struct pvh_event_status status;

	for (uint32_t i = 1; i < PVH_PORTS_MAX; i++)
		if (!pvh_event_status(i, &status) && status.kind == PVH_EVENT_INTERDOMAIN &&
		    status.remote_domid == remote_domid && status.remote_port == remote_port) {
			*port = i;
			return port_note(i, PVH_EVENT_INTERDOMAIN, remote_domid, remote_port);
		}
	return -ENOENT;
}

int pvh_event_find_virq(uint32_t virq, uint32_t *port)
{
	struct pvh_event_status status;

	/* Those that were noted first: asking Xen about each takes time, and others wait for a restart. */
	for (int noted = 1; noted >= 0; noted--)
		for (uint32_t i = 1; i < PVH_PORTS_MAX; i++) {
			if (noted && (PVH_LIB->ports[i].kind != PVH_EVENT_VIRQ || PVH_LIB->ports[i].what != virq))
				continue;
			if (!pvh_event_status(i, &status) && status.kind == PVH_EVENT_VIRQ && status.virq == virq) {
				*port = i;
				return port_note(i, PVH_EVENT_VIRQ, DOMID_SELF, virq);
			}
		}
	return -ENOENT;
}

/*
 * Xen gives the lowest free number, so asking in the old order gives the old numbers; what is not to be had again is
 * replaced by a channel to ourselves until all numbers are taken. Ports that the builder made are there already.
 */
static uint32_t port_again(const struct pvh_port *old)
{
	uint32_t got = 0;
	int rc = -ENOENT;

	if (old->kind == PVH_EVENT_INTERDOMAIN)
		rc = pvh_event_bind_interdomain(old->domid, old->what, &got);
	else if (old->kind == PVH_EVENT_VIRQ)
		rc = pvh_event_bind_virq(old->what, &got);
	else if (old->kind == PVH_EVENT_UNBOUND)
		rc = pvh_event_alloc_unbound(old->domid, &got);
	if (!rc)
		return got;
	rc = pvh_event_alloc_unbound(DOMID_SELF, &got);
	if (rc)
		pvh_panic("cannot make an event channel: error %d", -rc);
	PVH_LIB->ports[got].kind = PVH_EVENT_OTHER;
	return got;
}

static void revive(void)
{
	struct pvh_event_status status;
	uint32_t last = PVH_PORTS_MAX - 1;

	while (last && PVH_LIB->ports[last].kind == PVH_EVENT_CLOSED)
		last--;
	for (uint32_t port = 1; port <= last; port++) {
		struct pvh_port old = PVH_LIB->ports[port];
		uint32_t got;

		if (!pvh_event_status(port, &status) && status.kind != PVH_EVENT_CLOSED)
			continue;
		got = port_again(&old);
		if (got != port)
			pvh_panic("event channel %u came as %u", port, got);
	}
	for (uint32_t port = 1; port <= last; port++)
		if (PVH_LIB->ports[port].kind == PVH_EVENT_OTHER)
			pvh_event_close(port);
}

void pvh_event_init(bool again)
{
	struct xen_add_to_physmap map = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_shared_info,
		.gpfn = PVH_SHARED_INFO >> 12,
	};
	struct xen_hvm_param callback = {
		.domid = DOMID_SELF,
		.index = HVM_PARAM_CALLBACK_IRQ,
		.value = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | PVH_UPCALL_VECTOR,
	};
	long rc;

	rc = hypercall_memory(XENMEM_add_to_physmap, &map);
	if (rc)
		pvh_panic("cannot map shared info: error %ld", -rc);
	rc = hypercall_hvm(HVMOP_set_param, &callback);
	if (rc)
		pvh_panic("cannot set the upcall vector: error %ld", -rc);
	/* Unknown ports stay masked until they get a handler; after a reload that is all of them. */
	for (unsigned int i = 0; i < BITS_PER_WORD; i++)
		__atomic_store_n(&PVH_SHARED->evtchn_mask[i], ~0ull, __ATOMIC_SEQ_CST);
	if (again)
		revive();
}

void pvh_event_raise(uint32_t port)
{
	if (!port_valid(port))
		return;
	bit_set(PVH_SHARED->evtchn_pending, port);
	__atomic_fetch_or(&PVH_VCPU->evtchn_pending_sel, 1ull << port / BITS_PER_WORD, __ATOMIC_SEQ_CST);
	__atomic_store_n(&PVH_VCPU->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
}

int pvh_event_handle(uint32_t port, pvh_event_fn fn, void *arg)
{
	if (!port_valid(port))
		return -EINVAL;
	handlers[port].fn = fn;
	handlers[port].arg = arg;
	bit_clear(PVH_SHARED->evtchn_mask, port);
	if (bit_test(PVH_SHARED->evtchn_pending, port))
		pvh_event_raise(port);
	return 0;
}

static unsigned int dispatch_word(unsigned int word)
{
	xen_ulong_t *pending = &PVH_SHARED->evtchn_pending[word];
	uint64_t bits = __atomic_load_n(pending, __ATOMIC_SEQ_CST);
	unsigned int count = 0;

	bits &= ~__atomic_load_n(&PVH_SHARED->evtchn_mask[word], __ATOMIC_SEQ_CST);
	while (bits) {
		uint32_t port = word * BITS_PER_WORD + (uint32_t)__builtin_ctzll(bits);

		bits &= bits - 1;
		/* A handler that ran before may have masked or closed this port. */
		if (bit_test(PVH_SHARED->evtchn_mask, port))
			continue;
		bit_clear(PVH_SHARED->evtchn_pending, port);
		count++;
		if (handlers[port].fn)
			handlers[port].fn(port, handlers[port].arg);
	}
	return count;
}

static unsigned int dispatch(void)
{
	unsigned int count = 0;
	uint64_t sel;

	__atomic_store_n(&PVH_VCPU->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	sel = __atomic_exchange_n(&PVH_VCPU->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	for (unsigned int word = 0; word < WORDS; word++)
		if (sel >> word & 1)
			count += dispatch_word(word);
	return count;
}

/* A reloader wants the domain: stay here until it has done its work or given up. */
static void park(volatile struct pvh_arena_header *header)
{
	while (header->stop_request) {
		struct sched_poll poll = { .timeout = pvh_now() + PARK_POLL_NS };

		header->busy = 0;
		header->parked = 1;
		hypercall_sched(SCHEDOP_poll, &poll);
	}
	header->parked = 0;
	header->busy = 1;
}

unsigned int pvh_wait(struct pvh *pvh, uint64_t deadline_ns)
{
	volatile struct pvh_arena_header *header = PVH_HEADER;
	unsigned int count;

	(void)pvh;
	if (header->stop_request)
		park(header);
	count = dispatch();
	/* Reading the clock can be a trip into Xen: not for a mere look. */
	if (count || !deadline_ns || (deadline_ns != PVH_NEVER && deadline_ns <= pvh_now()))
		return count;
	if (deadline_ns != PVH_NEVER)
		pvh_timer_set(deadline_ns);
	header->busy = 0;
	__asm__ volatile("sti; hlt; cli" : : : "memory");
	header->busy = 1;
	if (header->stop_request)
		park(header);
	return dispatch();
}
