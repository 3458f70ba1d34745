#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The host comes up disaggregated, and the control domain serves nothing itself.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

no_process() { pgrep -x systemd && ! pgrep -x "$1"; } # the first shows that it would be seen
no_module() { ! lsmod | grep -q "^$1 "; }
no_driver_but_pciback() { case $(basename "$(readlink -f "/sys/bus/pci/devices/$1/driver")") in pciback | "$1") ;; *) return 1 ;; esac; }
no_backend_but_pci() { [ -z "$(find /sys/bus/xen-backend/devices -mindepth 1 ! -name 'pci-*')" ]; }
memory_at_most() { [ "$(domain_field "$1" memory_kib)" -gt 0 ] && [ "$(domain_field "$1" memory_kib)" -le "$2" ]; }
holds_privcmd() { find /proc/[0-9]*/fd \( -lname '/dev/xen/privcmd' -o -lname '/dev/xen/hypercall' \) -printf '%h\n' 2>/dev/null | while read -r fds; do cat "${fds%/fd}/comm"; done | sort -u; }
only_builder_holds_privcmd() { [ "$(holds_privcmd)" = atoll-builder ]; }
privileged_domains() { atoll --json status | jq -r '.domains[] | select(.privilege == "all") | .name'; }
strict_pciback() { [ "$(cat /sys/bus/pci/drivers/pciback/permissive)" = "" ]; }

ok "atolld is up and says so to systemd" within 120 systemctl is-active atolld
ok "all services run" atoll up
ok "no unit has failed" [ -z "$(systemctl --failed --plain --no-legend)" ]
for service in store console net0 disk0; do
	ok "$service runs and is healthy" [ "$(domain_field $service state) $(domain_field $service health)" = "running ok" ]
done
ok "the store is domain 1" [ "$(domain_field store domid)" = 1 ]
ok "the console is domain 2" [ "$(domain_field console domid)" = 2 ]
ok "the store really holds at most 4 MiB" memory_at_most store 4096
ok "the console really holds at most 4 MiB" memory_at_most console 4096
for name in xenstored oxenstored xenconsoled qemu-system-x86 qemu-system-i38 qemu-dm xl; do
	ok "the control domain runs no $name" no_process $name
done
for module in xen_netback xen_blkback; do
	ok "the control domain has no $module" no_module $module
done
ok "the control domain serves no device but PCI configuration space" no_backend_but_pci
ok "no driver of the control domain drives the NIC given away" no_driver_but_pciback 0000:00:10.0
ok "no driver of the control domain drives the disk given away" no_driver_but_pciback 0000:00:11.0
ok "pciback is strict with all of them" strict_pciback
ok "only the builder holds the hypervisor's control interface" only_builder_holds_privcmd
# By construction: Xen 4.17 has no way to build a second privileged domain; only getdomaininfo can be given (the store).
ok "no service domain is listed as privileged" [ -z "$(privileged_domains)" ]
# 30 is where systemd's own scale ends to say OK. The reasons for the rights that are kept are in the unit files.
for unit in atolld atoll-builder atoll-monitor; do
	ok "systemd finds the exposure of $unit OK" systemd-analyze security --no-pager --threshold=30 $unit.service
done
ok "xenstore tools work against the store domain" [ "$(xenstore-read /local/domain/3/name)" = net0 ]
ok "the store lists the control domain's name" [ "$(xenstore-read /local/domain/0/name)" = Domain-0 ]
ok "each service's console is logged" grep -q -a . "$(console_log net0)"
