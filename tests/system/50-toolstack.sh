#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# atolld and the builder are killed: they come back and adopt what runs (needs the guests of 20).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

summary() { atoll --json status | jq -c '[.domains[] | [.name, .domid, .state]]'; }

for daemon in atolld atoll-builder; do
	before=$(summary)
	pid=$(pgrep -x $daemon)
	ok "$daemon is killed" kill -9 "$pid"
	ok "$daemon comes back and sees the same domains" within 60 eval '[ "$(summary)" = "$before" ]'
	for guest in alpha beta; do
		ok "$guest goes on" still_works $guest 60
		ok "$guest saw no error" no_errors $guest
	done
done
before=$(restarts net0)
ok "a service that dies afterwards is still rebuilt" kill_domain net0
ok "net0 is back" within 90 restarted net0 "$before"
for guest in alpha beta; do
	ok "$guest goes on after that" still_works $guest 60
done
