#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The disk domain is destroyed again and again (atoll.rounds=N on the kernel's command line, 20) under 64 requests in flight of one
# guest. Alone on a fresh host:  images/boot --run /usr/lib/atoll/tests/long/disk-depth.sh --timeout 3600
# atoll.backend=atoll|linux: with our backend, or that of Linux for comparison.
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh
. ./disk-lib.sh

rounds=$(host_argument rounds)
rounds=${rounds:-20}
ok "all services run" within 120 atoll up
ok "the backend is the one asked for" choose_backend
sed "s/atoll.rounds=[0-9]*/atoll.seconds=100000/" guests/gamma.json >/run/gamma.json
ok "a guest with two disks is created" atoll create /run/gamma.json
ok "both are under load" within 60 disk_goes_on 1
for ((i = 1; i <= rounds; i++)); do
	disk_dies || { echo "not ok - round $i: the load goes on"; break; }
	sleep 0.$((RANDOM % 10))
	note "round $i: $(grep -a '^DISK' "$(console_log gamma)" | tail -n 1), disk0 $(atoll status | grep -o '^disk0: last restart.*' | cut -c1-80)"
	! grep -a -E '^DISK xvd. (ERROR|WRONG)|^KERNEL ERROR' "$(console_log gamma)" | head -n 5 | sed 's/^/# /' | grep . || break
done
ok "$rounds rounds are through" [ $i -gt "$rounds" ]
ok "the guest's kernel has nothing to say" no_errors gamma
not_ok "no request failed, no block is wrong" grep -a -q -E '^DISK xvd. (ERROR|WRONG)' "$(console_log gamma)"
tail -n 5 "$(console_log gamma)" | sed 's/^/# /'
