#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The driver domains are stopped and started again.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

down() { [ "$(domain_field "$1" state)" = down ]; }

ok "atoll down is accepted when no guest is left" atoll down
for service in net0 disk0; do
	ok "$service is down" down $service
done
ok "store and console stay" [ "$(domain_field store state) $(domain_field console state)" = "running running" ]
ok "atoll up starts them again" atoll up
for service in net0 disk0; do
	ok "$service runs" running $service
done
ok "no unit has failed" [ -z "$(systemctl --failed --plain --no-legend)" ]
