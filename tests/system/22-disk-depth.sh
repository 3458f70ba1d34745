#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The disk domain is destroyed under 64 requests in flight of one guest, and none is lost, failed, or done wrongly.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh
. ./disk-lib.sh

ok "a guest with two disks is created" atoll create guests/gamma.json
ok "both are under load" within 60 disk_goes_on 1
ok "disk0 is destroyed, rebuilt, and the load goes on" disk_dies
ok "the load ends on both" within 200 disk_ends 2
ok "without an I/O error, and all that was acknowledged is there after a flush" disk_good 2
ok "the guest's kernel has nothing to say" no_errors gamma
note "$(grep -a '^DISK xvd. END' "$(console_log gamma)" | tr '\n' ' ')"
ok "the guest is destroyed" atoll destroy gamma
