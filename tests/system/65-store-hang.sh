#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The store domain stops answering: the monitor notices, and it is restarted in place (needs the guests of 20).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

answers() { timeout 1 xenstore-read /local/domain/0/name; }

ok "the monitor runs" systemctl is-active atoll-monitor
tree=$(xenstore-ls -f / | grep -v ^/tool/atoll | sort | sha256sum)
before=$(restarts store)
ok "the store hangs" /usr/libexec/atoll/atoll-fault hang 1
not_ok "it does not answer" answers
ok "the monitor has it restarted" within 30 restarted store "$before"
ok "it answers again" within 10 answers
ok "all nodes are still there" [ "$(xenstore-ls -f / | grep -v ^/tool/atoll | sort | sha256sum)" = "$tree" ]
for guest in alpha beta; do
	ok "$guest goes on" still_works $guest 60
	ok "$guest saw no error" no_errors $guest
done

before=$(systemctl show -p NRestarts --value atoll-monitor)
ok "the monitor itself is killed" pkill -9 -o -x atoll-monitor
ok "and comes back" within 20 eval '[ "$(systemctl show -p NRestarts --value atoll-monitor)" -gt "$before" ] && systemctl is-active atoll-monitor'
