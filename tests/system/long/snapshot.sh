#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Net and disk domains that are reborn from snapshots ("snapshot": true in host.json): the files of the default tests in which they die. The
# control domain keeps about 100 MiB for each, so it needs more memory than usual:
#
#   CONTROL_MEMORY=700M HOST_MEMORY=2304M images/boot --run /usr/lib/atoll/tests/long/snapshot.sh --timeout 1800
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

reborn() { [ "$(atoll --json status | jq --arg n "$1" '.domains[] | select(.name == $n).last_outage.phases_ms.reborn > 100')" = true ]; }

# run FILE: its lines are ours
run() {
	echo "# $1 at $(cut -d' ' -f1 /proc/uptime) guest seconds"
	bash "$1.sh" </dev/null || failed "$1"
}
failed() { not_ok "$1 fails" true; }

jq '.services[].snapshot = true' /etc/atoll/host.json >/run/host.json && cat /run/host.json >/etc/atoll/host.json
systemctl restart atolld
for file in 00-boot 20-guests 30-restart; do run $file; done
ok "net0 was reborn from its snapshot" reborn net0
ok "disk0 was reborn from its snapshot" reborn disk0
for file in 24-net-load 22-disk-depth 58-health 90-destroy; do run $file; done
