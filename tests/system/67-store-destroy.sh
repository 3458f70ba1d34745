#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Store and console domain are destroyed, and revived in new domains with the state that they had. A guest and the control
# domain put load on the store meanwhile, and compare each answer and event with their model (tests/store-load).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh
. ./store-lib.sh

# by its number: atolld may be away
destroy() { case $1 in store) /usr/libexec/atoll/atoll-fault destroy 1 ;; console) /usr/libexec/atoll/atoll-fault destroy 2 ;; esac; }
# The paths alone: guests and services go on writing.
nodes() { xenstore-ls -f / | sed 's/ = .*//' | grep -v -E '/memory|/load|(store|console)/(port|ring-ref)|/domain/2/|^/tool/atoll' | sort; }
all_there() { ! comm -23 /run/nodes.before <(nodes) | grep .; }
revived() { grep -a -c "^$1: revived" "$(console_log "$1")" 2>/dev/null; }

ok "a guest that puts load on the store is created" load_guest load1 pv
load_own
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
	for l in dom0 load1; do
		beats=beats_$l
		ok "$fault: $l goes on" within 30 works $l $((${!beats} + 3))
	done
	ok "$fault: all nodes are still there" all_there
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

load_end dom0 load1
ok "the guest is destroyed, and the store notices" atoll destroy load1
xenstore-rm /test
