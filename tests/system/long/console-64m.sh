#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The long form of console-load.sh: MIB (64) from three guests together, the console domain restarted in place RELOADS (20) times meanwhile.
#   images/boot --run /usr/lib/atoll/tests/long/console-64m.sh --timeout 7200
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

HOST=/etc/atoll/host.json
within 120 running console || exit 1
# No limit, and logs that keep all of it.
jq '.console += {rate_kib: 0, log_kib: 16384, log_files: 3}' $HOST >/run/host.json && cat /run/host.json >$HOST
systemctl restart atolld
within 60 running console || exit 1
LINES_EACH=$(((${MIB:-64} * 1048576 / 64 + 2) / 3)) RELOADS=${RELOADS:-20} LIMITED='' exec bash ./long/console-load.sh
