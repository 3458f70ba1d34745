#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Store and console are restarted in place under the guests' traffic (needs the guests of 20).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

nodes() { xenstore-ls -f / | grep -v -E 'memory|cpu_ms|^/tool/atoll' | sort | sha256sum; }
log_size() { stat -c %s "$(console_log "$1")"; }
grew() { [ "$(log_size "$1")" -gt "$2" ]; }

for service in store console; do
	domid=$(domain_field $service domid)
	for fault in none crash; do
		before=$(restarts $service)
		tree=$(nodes)
		size=$(log_size alpha)
		if [ $fault = none ]; then
			ok "$service: a restart on request works" atoll restart $service
		else
			ok "$service: $fault is injected" /usr/libexec/atoll/atoll-fault $fault "$domid"
			ok "$service: it is restarted after $fault" within 60 restarted $service "$before"
		fi
		ok "$service: all store nodes are still there" [ "$(nodes)" = "$tree" ]
		ok "$service: consoles are still read" within 60 grew alpha "$size"
		for guest in alpha beta; do
			ok "$guest goes on" still_works $guest 60
			ok "$guest saw no error" no_errors $guest
		done
	done
	note "$(atoll status | grep "^$service: last restart")"
done
for guest in alpha beta; do
	ok "no line of $guest's console was lost or came twice" numbers_are_whole $guest
done
