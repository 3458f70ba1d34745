#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The demonstration, run in the control domain: a host of service domains, two guests with verified network and disk traffic,
# and each driver domain killed while they work. Ends with a table and a verdict; demo.json goes to out/.
cd "$(dirname "$(realpath "$0")")" || exit 1
# shellcheck source=tests/system/lib.sh
. ./lib.sh
# shellcheck source=tests/system/guest-lib.sh
. ./guest-lib.sh

failed=0
steps=()

now() { cut -d' ' -f1 /proc/uptime; }

# step SENTENCE COMMAND...
step() {
	local sentence=$1 start output verdict=ok
	shift
	start=$(now_ms)
	output=$("$@" 2>&1) || { verdict=FAILED; failed=1; }
	printf '%8s s  %-6s %s (%d ms)\n' "$(now)" "$verdict" "$sentence" $(($(now_ms) - start))
	[ $verdict = ok ] || printf '%s\n' "$output" | tail -n 12 | sed 's/^/             /'
	steps+=("$(jq -n --arg s "$sentence" --arg v "$verdict" --argjson ms $(($(now_ms) - start)) '{step: $s, verdict: $v, ms: $ms}')")
}

# survive SERVICE: kills it under both guests' traffic
survive() {
	local service=$1 before domid
	before=$(restarts "$service")
	domid=$(domain_field "$service" domid)
	step "domain $domid ($service) is destroyed behind the toolstack's back" kill_domain "$service"
	step "$service is rebuilt with domid $domid" within 60 restarted "$service" "$before"
	step "alpha goes on: more pings answered, more blocks written and read back" still_works alpha 60
	step "beta goes on" still_works beta 60
}

echo "Atoll: a disaggregated Xen host"
step "store, console, net0 and disk0 run, each in its own domain" within 120 atoll up
step "a PV guest is created from an xl.cfg file" atoll create guests/alpha.cfg
step "a PVH guest is created from a JSON file" atoll create guests/beta.json
for guest in alpha beta; do
	step "$guest has an address, pings the gateway behind net0's NIC, and verifies its disk" within 90 ready $guest
done
survive net0
survive disk0
for guest in alpha beta; do
	step "$guest saw no I/O error and no kernel error" no_errors $guest
done
echo
atoll status
echo
for guest in alpha beta; do
	grep -a -h 'address' "$(console_log $guest)" | head -n 1 | tr -d '\r'
	echo "$guest: $(pings $guest) pings answered, $(count $guest '^PING [0-9]* LOST') lost; $(writes $guest) blocks verified"
done

atoll --json status >/run/demo-status.json
printf '%s\n' "${steps[@]}" | jq -s --slurpfile status /run/demo-status.json '{
	steps: ., domains: $status[0].domains,
	guests: [$ARGS.positional[] | split(" ") | {name: .[0], pings: (.[1] | tonumber), pings_lost: (.[2] | tonumber), blocks_verified: (.[3] | tonumber)}]
}' --args "alpha $(pings alpha) $(count alpha '^PING [0-9]* LOST') $(writes alpha)" \
	"beta $(pings beta) $(count beta '^PING [0-9]* LOST') $(writes beta)" >/run/demo.json
echo "@@file demo.json $(base64 -w0 /run/demo.json)"
exit $failed
