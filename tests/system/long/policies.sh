#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What host.json says is done. Of restarts: a budget, giving up and the way out of it, rejuvenation. Of tenants: who is kept apart.
#   images/boot --run /usr/lib/atoll/tests/long/policies.sh --timeout 900
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

HOST=/etc/atoll/host.json
reason() { domain_field "$1" last_outage.reason; }

ok "the host is up" within 120 atoll up
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

# --- tenants ---
create_guest() { # NAME TENANT VIF
	jq -n --arg n "$1" --arg t "$2" --argjson vif "$3" '{name: $n, tenant: $t, type: "pvh", memory: 96, vif: $vif,
		kernel: "/usr/lib/atoll/guests/vmlinux", ramdisk: "/usr/lib/atoll/guests/guest.cpio", cmdline: "console=hvc0"}' >"/run/$1.json"
	atoll create "/run/$1.json"
}
VIF='[{"bridge": "xenbr0"}]'
jq '.separate = [{role: "net", tenants: ["red", "blue"]}]' /run/host.json >$HOST
systemctl restart atolld
ok "all services run" within 60 atoll up
ok "a guest of tenant red is created" create_guest r red "$VIF"
not_ok "one of tenant blue cannot be served by the same net domain" create_guest b blue "$VIF"
ok "and it is said why" sh -c 'atoll create /run/b.json 2>&1 | grep -q "net0 serves r of tenant red"'
ok "without a network it can be" create_guest b blue '[]'
not_ok "nor does it get one later" atoll attach b vif bridge=xenbr0
ok "another guest of red shares with the first" create_guest r2 red "$VIF"
ok "and one that is nobody's" create_guest n none "$VIF"
ok "the audit has who was whose" sh -c 'atoll audit exposures | grep -q "r (domain [0-9]*, tenant red) exposed to .*net0#"'
for g in r b r2 n; do atoll destroy $g >/dev/null; done
cp /run/host.json $HOST
systemctl restart atolld
ok "all services run" within 60 atoll up
