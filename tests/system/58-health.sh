#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each fault is found, named rightly with a reason, and what host.json says is done about it (needs the guests of 20).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

HOST=/etc/atoll/host.json
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
found net0 gone "is gone" /usr/libexec/atoll/atoll-fault destroy "$net"
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

cp $HOST /run/host.json
jq '.services[0].restart = {budget: 1, backoff_ms: 0}' /run/host.json >$HOST
systemctl restart atolld
within 30 atoll status >/dev/null
before=$(restarts net0)
kill_domain net0
ok "the first failure of a budget of one is repaired" within 60 restarted net0 "$before"
sleep 1
kill_domain net0
ok "after the second it is given up" within 20 [ "$(sleep 3; domain_field net0 state)" = failed ]
ok "which says the way out" sh -c 'atoll status | grep "net0: gone.*all that host.json allows; .atoll restart. tries again"'
ok "which is one" atoll restart net0
jq '.services[0].restart = {every_s: 8}' /run/host.json >$HOST
systemctl restart atolld
within 30 atoll status >/dev/null
before=$(restarts net0)
ok "a service is rejuvenated from time to time" within 40 restarted net0 "$before"
ok "and says so" grep -q "rejuvenation, every 8 s" <<<"$(reason net0)"
cp /run/host.json $HOST
systemctl restart atolld
ok "all services run" within 60 eval '[ "$(atoll --json status | jq .up)" = true ]'
for guest in alpha beta; do
	ok "$guest goes on after all that" still_works $guest 90
	ok "$guest saw no error" no_errors $guest
done
