#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests are taken away, and nothing is left of them.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

for guest in alpha beta; do
	domid=$(domain_field $guest domid)
	ok "$guest is destroyed" atoll destroy $guest
	not_ok "its nodes are gone" xenstore-exists "/local/domain/$domid"
	not_ok "its vif's backend is gone" xenstore-exists "/local/domain/3/backend/vif/$domid"
	not_ok "its vbd's backend is gone" xenstore-exists "/local/domain/4/backend/vbd/$domid"
	not_ok "it is not listed" [ -n "$(domain_field $guest name)" ]
done
ok "the services still run" [ "$(atoll --json status | jq .up)" = true ]
ok "its disk can be given to another guest" atoll create guests/alpha.cfg
ok "which works" within 120 ready alpha
ok "and is shut down on request or destroyed" atoll destroy alpha
