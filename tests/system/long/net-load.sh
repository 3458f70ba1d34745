#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The long form of 24-net-load.sh: 20 rounds, with atoll.long on the control domain's command line 200.
#   images/boot --run /usr/lib/atoll/tests/long/net-load.sh [--append-dom0 atoll.long] --timeout 3600
export RATE=0 KILLS=20
grep -q -w atoll.long /proc/cmdline && KILLS=200
exec "$(dirname "$(realpath "$0")")/../24-net-load.sh"
