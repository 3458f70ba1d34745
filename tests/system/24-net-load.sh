#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two guests send each other TCP streams in small and large writes, every byte checked, and ping the gateway, while net0 is destroyed
# KILLS times. Each must see a stall and nothing else. The long form is long/net-load.sh.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh
. ./net-lib.sh
KILLS=${KILLS:-1}
STREAMS=6
RATE=${RATE:-2048}	# KiB a second and guest, 0 for as fast as it goes: a busy emulated second costs three of the machine's
PAUSE_MS=1500	# at most, between a stream's going on and the next fault
RANDOM=1

pings_more() { [ "$(pings "$1")" -gt "$2" ]; }

is_right() { net_verdict "$1" | grep ' lost 0 wrong 0 .* ok$'; }

destroy_net0() {
	local before from
	before=$(restarts net0)
	from=$(net_seconds netb)
	kill_domain net0 && within 60 restarted net0 "$before" && within 90 net_moves netb $((from + 1)) && within 30 net_moves neta \
		$(($(net_seconds neta) - 1)) || { net_log netb | tail -n 5; return 1; }
	sleep "$(printf '0.%03d' $((RANDOM % PAUSE_MS)))"
}

destroy_often() {
	local i
	for ((i = 1; i <= KILLS; i++)); do destroy_net0 || { echo "round $i"; return 1; }; done
}

within 60 running net0 || exit 1
ok "a PV guest with two processors serves TCP streams" net_guest neta pv 00:16:3e:00:02:01 2 "atoll.streams=$STREAMS atoll.rate=$RATE"
ok "it has an address" within 120 net_address neta
ok "a PVH guest opens $STREAMS streams to it" net_guest netb pvh 00:16:3e:00:02:02 1 \
	"atoll.peer=$(net_address neta) atoll.streams=$STREAMS atoll.rate=$RATE atoll.seconds=90000"
ok "data goes both ways" within 120 net_moves netb 0
before=$(net_seconds netb)
ok "net0 is destroyed $KILLS times, each time the streams go on" destroy_often
after=$(net_seconds netb)
pings=$(pings netb)
ok "netb pings the gateway" within 30 pings_more netb "$pings"
net_stop netb
for guest in neta netb; do
	ok "$guest: all streams ended in order" within 60 net_verdict $guest
	ok "$guest: no stream was lost, no byte was wrong" is_right $guest
	ok "$guest: its kernel has nothing to complain of" net_no_complaint $guest
done
note "netb: $(net_mib netb 0 "$before") MiB in $before s before, longest stall $(net_stall netb 0 "$before") ms;" \
	"longest stall with net0 destroyed $(net_stall netb "$before" "$after") ms"
note "$(atoll status | grep '^net0: last restart')"
for guest in neta netb; do ok "$guest is destroyed" atoll destroy $guest; done
