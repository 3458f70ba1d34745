#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest's life: it is asked to stop, stops by itself, crashes; what its description says then happens.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

FILE=/run/delta.json
# describe KEY=JSON...: delta, with these keys too
describe() {
	jq -n '{name: "delta", type: "pv", kernel: "/usr/lib/atoll/guests/vmlinux", ramdisk: "/usr/lib/atoll/guests/guest.cpio", memory: 80,
		cmdline: "console=hvc0 loglevel=4 atoll.name=delta atoll.work=count", maxvcpus: 2}' >$FILE
	local pair
	for pair in "$@"; do
		jq --arg k "${pair%%=*}" --argjson v "${pair#*=}" '.[$k] = $v' $FILE >$FILE.new && mv $FILE.new $FILE
	done
}
boots() { [ "$(count delta 'GUEST READY')" -ge "$1" ]; }
gone() { [ -z "$(domain_field delta name)" ]; }
preserved() { [ "$(domain_field delta state)" = preserved ]; }
dumps() { find /var/lib/atoll/dumps -name 'delta-*.core' | wc -l; }
info() { atoll --json info delta | jq -r ".$1"; }

describe 'on_crash="coredump-restart"' 'localtime=1'
ok "a key that means nothing here is ignored with a warning" sh -c "atoll create $FILE 2>&1 | grep -q 'ignored: localtime'"
ok "the guest is up" within 60 boots 1
ok "atoll info shows its processors and memory" [ "$(info vcpus) $(info vcpus_max) $(info memory_max_kib)" = "1 2 81920" ]
ok "it is given a processor, a share and a limit" atoll set delta vcpus=2 cpu_weight=512 cap=90 cpus=0
ok "atoll info shows them" [ "$(info vcpus) $(info cpu_weight) $(info cap) $(info cpus)" = "2 512 90 0" ]
not_ok "not more processors than it was started with" atoll set delta vcpus=3
ok "it is asked for memory" atoll set delta memory=72
smaller() { [ "$(domain_field delta memory_kib)" -le 74752 ]; }
ok "and gives it back" within 30 smaller
ok "it is asked to reboot" atoll reboot delta
ok "and comes back" within 60 boots 2
ok "as a new domain" [ "$(restarts delta)" = 1 ]
ok "it reboots from inside" say delta /sbin/reboot
ok "and comes back" within 60 boots 3
ok "it panics" say delta 'echo c >/proc/sysrq-trigger'
ok "and comes back (on_crash = coredump-restart)" within 60 boots 4
ok "with a dump of its memory" [ "$(dumps)" = 1 ]
ok "which is an ELF core" sh -c 'head -c 4 /var/lib/atoll/dumps/delta-*.core | grep -q ELF'
rm -f /var/lib/atoll/dumps/delta-*.core
ok "it is renamed" atoll rename delta delta2
ok "and is found by its new name" [ "$(domain_field delta2 state)" = running ]
ok "and back" atoll rename delta2 delta
ok "it is asked to shut down" atoll shutdown delta
ok "and is gone" within 60 gone

U='{"type": "pvh", "kernel": "/usr/lib/atoll/tests/unikernel.elf", "memory": 16'
echo "$U, \"name\": \"delta\", \"cmdline\": \"work=poweroff\", \"on_poweroff\": \"preserve\"}" >$FILE
ok "a guest that powers off is preserved (on_poweroff)" atoll create $FILE
ok "it is shown" within 20 preserved
ok "and destroyed on request" atoll destroy delta
echo "$U, \"name\": \"delta\", \"cmdline\": \"work=crash\"}" >$FILE
ok "a guest that crashes is created (on_crash is destroy)" atoll create $FILE
ok "and goes" within 20 gone
rm -f $FILE
