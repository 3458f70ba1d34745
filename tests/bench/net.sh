#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# In the control domain of one boot: our network backend and Linux's netback in the same net domain, one after the other, with the same two
# guests. All domains share one processor, so throughput is what guests and net domain cost together. Leaves bench-net.json.
cd /usr/lib/atoll/tests || exit 1
. ./lib.sh
. ./guest-lib.sh
. ./net-lib.sh
SECONDS_MEASURED=8
STREAMS=4
PINGS=100
ROUNDS=${ROUNDS:-1}

# use BACKEND: net0 is rebuilt with it
use() {
	[ "$1" != "$(jq -r '.services[] | select(.role == "net").backend // "atoll"' /etc/atoll/host.json)" ] || return 0
	jq --arg b "$1" '(.services[] | select(.role == "net")).backend = $b' /etc/atoll/host.json >/run/host.json
	cp /run/host.json /etc/atoll/host.json
	systemctl restart atolld
	within 60 running net0 && within 90 atoll restart net0 && within 60 running net0
}

# ask GUEST COMMAND SECONDS: types it
ask() { (echo "$2"; sleep "$3") | timeout $(($3 + 2)) atoll console "$1" >/dev/null || true; }

round_trips() { net_log bb | grep -a -c 'round-trip' || true; }

# measure BACKEND: one line of JSON
measure() {
	local from n
	net_guest ba pv 00:16:3e:00:03:01 1 "atoll.streams=$STREAMS" >&2
	within 120 net_address ba >&2
	net_guest bb pvh 00:16:3e:00:03:02 1 "atoll.peer=$(net_address ba) atoll.streams=$STREAMS atoll.seconds=90000" >&2
	within 120 net_moves bb 1 >&2
	from=$(net_seconds bb)
	until [ "$(net_seconds bb)" -ge $((from + SECONDS_MEASURED)) ]; do sleep 1; done
	net_stop bb
	within 60 net_verdict bb >&2
	n=$(round_trips)
	ask bb "ping -q -c $PINGS -i 0.05 $(net_address ba)" 1
	until [ "$(round_trips)" -gt "$n" ]; do sleep 1; done
	jq -n -c --arg b "$1" --arg mib "$(net_mib bb "$from" $((from + SECONDS_MEASURED)))" \
		--arg rtt "$(net_log bb | grep -a round-trip | tail -n 1)" --arg verdict "$(net_verdict bb)" --argjson s $SECONDS_MEASURED \
		'{backend: $b, mib_per_s: (($mib | tonumber) / $s), round_trip_ms: ($rtt | capture("= (?<min>[0-9.]+)/(?<avg>[0-9.]+)/(?<max>[0-9.]+)")
		| map_values(tonumber)), verdict: $verdict}'
	atoll destroy ba >&2
	atoll destroy bb >&2
}

within 120 running net0 || exit 1
for ((i = 0; i < ROUNDS; i++)); do
	for backend in atoll linux; do
		use $backend || exit 1
		measure $backend | tee -a /run/bench-net.jsonl
	done
done
jq -s '
	def mean(f): map(f) | add / length;
	group_by(.backend) | map({(.[0].backend): {mib_per_s: mean(.mib_per_s), round_trip_avg_ms: mean(.round_trip_ms.avg)}}) | add as $m |
	def figure(what; goal): {what: what, value: ., goal: goal, least: true, met: (. >= goal)};
	{atoll: $m.atoll, linux: $m.linux, figures: [
		(($m.atoll.mib_per_s / $m.linux.mib_per_s) | figure("TCP between two guests, both ways, to netback"; 0.95)),
		(($m.linux.round_trip_avg_ms / $m.atoll.round_trip_avg_ms) | figure("ping between two guests, to netback"; 0.95))]}' \
	/run/bench-net.jsonl >/run/bench-net.json
jq -s '.[0] + {runs: .[1:]}' /run/bench-net.json /run/bench-net.jsonl >/run/all.json
cat /run/all.json
echo "@@file bench-net.json $(base64 -w0 /run/all.json)"
