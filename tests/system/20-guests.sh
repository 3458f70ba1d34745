#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A PV and a PVH guest live on the service domains.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

ok "a PV guest is created from an xl.cfg file" atoll create guests/alpha.cfg
ok "a PVH guest is created from a JSON file" atoll create guests/beta.json
for guest in alpha beta; do
	ok "$guest gets an address, pings the gateway behind the passed-through NIC and verifies its disk" within 120 ready $guest
	ok "$guest runs" running $guest
	ok "$guest goes on" still_works $guest 60
	ok "$guest saw no error" no_errors $guest
done
ok "atoll list shows both" [ "$(atoll list | grep -c -E ' (alpha|beta) ')" = 2 ]
ok "a paused guest is shown as paused" sh -c 'atoll pause alpha && sleep 3 && atoll list | grep -q "alpha.*paused"'
ok "and goes on after unpause" sh -c 'atoll unpause alpha'
ok "alpha still works" still_works alpha 60
