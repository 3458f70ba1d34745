#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# atolld is killed at random moments of creates and destroys. It comes back, adopts what runs, and finishes or undoes what was half
# done: in the end its word is the hypervisor's truth (needs a host that is up).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

TIMES=10
WITHIN_MS=900		# a create takes half of it or more
RANDOM=${ATOLL_SEED:-5}

truth() { /usr/libexec/atoll/atoll-fault list | sort -n; }
answers() { [ "$(timeout 5 atoll --json status | jq .up)" = true ]; }
# The ids of what atolld knows, and the control domain's
known() { { echo 0; atoll --json status | jq -r '.domains[].domid'; } | sort -n; }
agree() { [ "$(known)" = "$(truth)" ]; }
settled() { answers && agree && [ -z "$(atoll --json status | jq -r '.domains[] | select(.state == "starting" or .state == "stopping") | .name')" ]; }
there() { atoll --json status | jq -e --arg n "$1" '.domains[] | select(.name == $n)' >/dev/null; }
nodes_of() { xenstore-ls -f /local/domain | grep -c "/name = \"$1\"" || true; }

jq -n '{name: "short", type: "pvh", memory: 96, kernel: "/usr/lib/atoll/guests/vmlinux", ramdisk: "/usr/lib/atoll/guests/guest.cpio",
	cmdline: "console=hvc0 atoll.name=short atoll.work=idle", vif: [{mac: "00:16:3e:00:00:5c", bridge: "xenbr0"}]}' >/run/short.json

ok "atolld and the hypervisor agree before" within 20 settled
ok "a guest can be made" atoll create /run/short.json
ok "and taken away" atoll destroy short
# shellcheck disable=SC2034 # the checks in quotes use both
before=$(truth) free=$(/usr/libexec/atoll/atoll-fault free)
made=0
taken=0
for ((i = 1; i <= TIMES; i++)); do
	delay=$((RANDOM % WITHIN_MS))
	if there short; then
		what="destroy"
		atoll destroy short >/dev/null 2>&1 &
	else
		what="create"
		atoll create /run/short.json >/dev/null 2>&1 &
	fi
	client=$!
	sleep "$(printf '0.%03d' $delay)"
	kill -9 "$(pgrep -x atolld)"
	wait $client
	ok "$i: killed $delay ms into a $what, it comes back and agrees with the hypervisor" within 60 settled
	if there short; then made=$((made + 1)); else taken=$((taken + 1)); fi
	ok "$i: the store has the guest's nodes as often as there is one" [ "$(nodes_of short)" = "$(there short && echo 1 || echo 0)" ]
done
there short && atoll destroy short
ok "in the end there are the same domains as before" within 20 eval '[ "$(truth)" = "$before" ]'
ok "and no page is lost" within 20 eval '[ $(($(/usr/libexec/atoll/atoll-fault free) + 64)) -ge "$free" ]'
ok "a guest can still be made" atoll create /run/short.json
ok "and taken away" atoll destroy short
for guest in alpha beta; do
	there $guest || continue
	ok "$guest saw no error" no_errors $guest
done
note "the guest was there after $made of $TIMES kills"
