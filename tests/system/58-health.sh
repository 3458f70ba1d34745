#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each fault is found and named rightly, with a reason (needs the guests of 20). What host.json says of restarts: long/policies.sh.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

FOUND_MS=2500 # from the fault to the verdict

now_real() { date +%s%3N; }
# verdict NAME HEALTH SINCE: the verdict's time after SINCE in ms
verdict() {
	atoll --json events | jq -e -s --arg n "$1" --arg h "$2" --argjson t "$3" \
		'[.[] | select(.name == $n and .event == "health" and .details.health == $h and .time_ms >= $t)][0].time_ms - $t'
}
reason() { domain_field "$1" last_outage.reason; }

# found NAME HEALTH WORDS COMMAND...: the fault that COMMAND is, is named HEALTH and the service restarted, with WORDS in the reason
found() {
	local name=$1 health=$2 words=$3 before start took
	shift 3
	before=$(restarts "$name")
	start=$(now_real)
	ok "$name: $health: the fault is there" "$@"
	ok "$name: it is found and restarted" within 60 restarted "$name" "$before"
	took=$(verdict "$name" "$health" "$start" 2>/dev/null)
	ok "$name: it was named $health (after ${took:-?} ms)" [ "${took:-999999}" -le $FOUND_MS ]
	ok "$name: with a reason ($(reason "$name"))" grep -q "$health.*$words" <<<"$(reason "$name")"
}

net=$(domain_field net0 domid)
found console hung "no answer" /usr/libexec/atoll/atoll-fault hang 2
found net0 crashed "sysrq triggered crash" xenstore-write "/local/domain/$net/control/sysrq" c
found net0 hung "no answer" /usr/libexec/atoll/atoll-fault hang "$net"

# Memory: the domain's balloon takes all there is.
before=$(restarts net0)
xenstore-write "/local/domain/$net/memory/target" 4096
ok "net0: a domain without memory is found and restarted" within 90 restarted net0 "$before"
ok "net0: it was named out of memory ($(reason net0))" grep -q "out of memory" <<<"$(reason net0)"
note "$(atoll events | grep ' net0 ' | tail -n 4)"

before=$(restarts net0)
ok "a service is made slow" /usr/libexec/atoll/atoll-fault slow "$net"
ok "it is named slow" within 10 [ "$(sleep 3; domain_field net0 health)" = slow ]
ok "and left alone" [ "$(sleep 5; restarts net0)" = "$before" ]
ok "until it is not slow any more" sh -c "/usr/libexec/atoll/atoll-fault fast $net"
ok "then it is well" within 10 [ "$(sleep 3; domain_field net0 health)" = ok ]

for guest in alpha beta; do
	ok "$guest goes on after all that" still_works $guest 90
	ok "$guest saw no error" no_errors $guest
done
