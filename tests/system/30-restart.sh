#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Driver domains die and are rebuilt with the same domid while both guests do I/O (needs the guests of 20).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

# survives FAULT SERVICE: the service comes back, and the guests go on without an error
survives() {
	local fault=$1 service=$2 before domid
	before=$(restarts "$service")
	domid=$(domain_field "$service" domid)
	ok "$service: $fault is injected" /usr/libexec/atoll/atoll-fault "$fault" "$domid"
	ok "$service: it is rebuilt after $fault" within 90 restarted "$service" "$before"
	ok "$service: it has the same domid" [ "$(domain_field "$service" domid)" = "$domid" ]
	for guest in alpha beta; do
		ok "$guest goes on after $fault of $service" still_works $guest 90
		ok "$guest saw no error" no_errors $guest
	done
	note "$(atoll status | grep "^$service: last restart")"
}

# The other faults: 22 destroys disk0, 24 net0 under full load, 58 crashes and hangs it.
survives destroy net0
survives crash disk0
before=$(restarts net0)
ok "a restart on request works" atoll restart net0
ok "and is counted" [ "$(restarts net0)" = $((before + 1)) ]
for guest in alpha beta; do
	ok "$guest goes on after it" still_works $guest 60
done
ok "no domain is left dying" [ -z "$(atoll --json status | jq -r '.domains[] | select(.state != "running") | .name')" ]
