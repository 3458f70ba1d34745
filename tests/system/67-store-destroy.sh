#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Store and console domain are destroyed, and revived in new domains with the state that they had. A guest and the control
# domain put load on the store meanwhile, and compare each answer and event with their model (tests/store-load).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

OWN_LOG=/run/store-destroy.log
log_of() { if [ "$1" = dom0 ]; then echo $OWN_LOG; else console_log "$1"; fi; }
beats() { grep -c -a '^STORE LOAD' "$(log_of "$1")" 2>/dev/null || true; }
works() { [ "$(beats "$1")" -ge "$2" ] || { tail -n 3 "$(log_of "$1")"; return 1; }; }
verdict() { grep -a '^STORE [0-9]* requests' "$(log_of "$1")" | tr -d '\r'; }
ended() { [ -n "$(verdict "$1")" ]; }
is_right() { verdict "$1" | grep -q ', ok$' || { tail -n 5 "$(log_of "$1")"; return 1; }; }
# by its number: atolld may be away
destroy() { case $1 in store) /usr/libexec/atoll/atoll-fault destroy 1 ;; console) /usr/libexec/atoll/atoll-fault destroy 2 ;; esac; }
nodes() { xenstore-ls -f / | grep -v -E '/memory|/load|(store|console)/(port|ring-ref)|/domain/2/|^/tool/atoll' | sort; }
same_nodes() { xenstore-ls -f / | grep -v -E '/memory|/load|(store|console)/(port|ring-ref)|/domain/2/|^/tool/atoll' | sort; }
revived() { grep -a -c "^$1: revived" "$(console_log "$1")" 2>/dev/null; }

jq -n '{name: "load1", type: "pv", memory: 96, kernel: "/usr/lib/atoll/guests/vmlinux", ramdisk: "/usr/lib/atoll/guests/guest.cpio",
	cmdline: "console=hvc0 loglevel=4 atoll.name=load1 atoll.work=store"}' >/run/load1.json
ok "a guest that puts load on the store is created" atoll create /run/load1.json
/usr/libexec/atoll/atoll-store-load load /test/load 3500 >$OWN_LOG &
for l in dom0 load1; do ok "$l puts load on the store" within 60 works $l 1; done
nodes >/run/nodes.before

for fault in store console store+atolld; do
	service=${fault%+*}
	before=$(restarts $service)
	for l in dom0 load1; do eval "beats_$l=$(beats $l)"; done
	[ $fault = $service ] || ok "atolld is killed" pkill -9 -x atolld
	ok "the $service domain is destroyed" destroy $service
	ok "$fault: it runs again" within 60 restarted $service "$before"
	note "$(atoll status | grep "^$service: last restart")"
	for l in dom0 load1; do ok "$fault: $l goes on" within 30 works $l $((beats_$l + 3)); done
	ok "$fault: all nodes are still there" same_nodes
	for guest in alpha beta; do
		[ -n "$(domain_field $guest name)" ] || continue
		ok "$fault: $guest goes on" still_works $guest 60
		ok "$fault: $guest saw no error" no_errors $guest
		ok "$fault: no line of $guest's console was lost or came twice" numbers_are_whole $guest
	done
	ok "$fault: it can also be restarted in place" atoll restart $service
done
ok "the store says that it was revived twice" [ "$(revived store)" = 2 ]
ok "the console says that it was revived" [ "$(revived console)" = 1 ]
ok "atoll status is content" [ "$(atoll --json status | jq '.up and ([.domains[].health] | all(. == "ok"))')" = true ]

ok "the control domain is told to end" xenstore-write /test/load/stop 1
ok "the guest is told to end, through its watch" xenstore-write "/local/domain/$(domain_field load1 domid)/data/load/stop" 1
for l in dom0 load1; do
	within 60 ended $l
	ok "$l: each request was answered once and rightly, no event was lost, the tree is its model's" is_right $l
	note "$l: $(verdict $l)"
done
ok "the guest is destroyed, and the store notices" atoll destroy load1
xenstore-rm /test
