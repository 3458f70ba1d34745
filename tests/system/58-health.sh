#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each fault is found and named rightly, with a reason (needs the guests of 20). What host.json says of restarts: long/policies.sh.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

# shellcheck disable=SC2034 # found looks at it
FOUND_MS=2500

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
