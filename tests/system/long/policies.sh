#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What host.json says of restarts is done: a budget, giving up and the way out of it, rejuvenation.
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
