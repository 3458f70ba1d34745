/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The builder's methods: one table, from a request's name and parameters to its result. (?: may be left out.) An unknown parameter
 * is an error. Addresses are texts like "0000:00:05.0", paths are absolute, domids of {domid} are not 0.
 *
 *   domain.build     {name, type "pv"|"pvh"|"hvm", kernel, memory_kib, uuid, domid?, ramdisk?, cmdline?, vcpus?, console_domid?,
 *                    store_domid?, xs_domain?, reloadable?, revive?, acpi?, e820_host?, pci? [address], max_grant_frames?,
 *                    max_maptrack_frames?, max_event_channels?, target?}
 *                    target: the HVM guest whose device model it runs
 *                    -> {domid, store_port, store_gfn, console_port, console_gfn, revived, phases {name: us}};
 *                    it stays paused; revived: it got the arena of a destroyed predecessor, as `revive` asked
 *   domain.pause     {domid} -> {}              domain.unpause {domid} -> {}
 *   domain.shutdown  {domid, reason?} -> {}     reason: SHUTDOWN_* of Xen, 0 poweroff, 1 reboot, 3 crash
 *   domain.destroy   {domid} -> {zombie}        zombie: peers still hold pages, the id stays taken
 *   domain.set       {domid, max_kib?, weight?, cap?, cpus? [number]} -> {}
 *   domain.save      {domid, live?} and a descriptor -> {}   in a process of its own; events on the way: "suspend" {domid} (the
 *                    domain has to be told to suspend itself), "progress" {domid, percent}. Afterwards it is suspended
 *   domain.restore   as domain.build, and a descriptor, in a process of its own, with "progress"
 *   domain.resume    {domid} -> {}              a suspended one goes on where it was
 *   domain.dump      {domid, max_bytes} and a descriptor -> {}  a core file; the domain stays paused
 *   domain.list      {first?, max?} -> {domains [{domid, state, reason?, type, privileged, memory_kib, max_memory_kib, …}], next?}
 *                    state: running, runnable, blocked, paused, shutdown, dying; go on with first = next if there is one
 *   domain.ties      {domid} -> {xs_domain, ties [{domid, grants, read_only, channels, offered}], others}   grants of it, channels with it
 *   domain.reload    {domid, image} -> {us, settle_us, settled}
 *   fault.allow      {} -> {}                   for as long as the builder runs
 *   fault.inject     {domid, fault, percent?} -> {}   destroy, panic, nmi, hang, resume, slow; see fault.h
 *   host.log         {} -> {text}              the hypervisor's last messages
 *   host.info        {} -> {total_kib, free_kib, cpus, cpu_khz, iommu, hap, xen_version}
 *   store.setup      {domid} -> {port, again}   again: the kernel had done it before, this is the port of then
 *   store.virq       {domid} -> {}
 *   pci.seize        {bdf} -> {driver}          the host's driver that had it, "" none
 *   pci.assign       {domid, bdf} -> {}         domain.build does this for the devices it is given
 *   pci.release      {bdf} -> {}
 *
 * Errors: ENOENT no such domain, file or device; EEXIST the id is taken; ENOMEM; ENOEXEC no kernel of that type; EINVAL, ERANGE,
 * ENAMETOOLONG a parameter; EBUSY a device that another has; ENOTSUP, EOPNOTSUPP; or what the hypervisor said.
 */
#ifndef ATOLL_BUILDER_METHODS_H
#define ATOLL_BUILDER_METHODS_H

#include "base/json.h"
#include "builder.h"

/* Blocks until done. 0 with *RESULT owned by the caller (never NULL), or -errno with the failure filled in; -ENOSYS: no such
 * method. */
int method_call(struct builder *builder, const char *method, const struct json *params, struct json **result,
		struct failure *failure);

/* It needs a descriptor and a worker. */
bool method_streams(const char *method);

#endif
