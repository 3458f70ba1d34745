#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each cell of the kill matrix once that does not wait for systemd's watchdog (a stopped daemon).
#   images/boot --run /usr/lib/atoll/tests/long/matrix.sh --timeout 3600
cd "$(dirname "$(realpath "$0")")/.." || exit 1
cells=''
for target in atolld monitor console store net disk; do
	for fault in destroy panic hang oom slow; do
		case $target:$fault in atolld:hang | monitor:hang) continue ;; esac
		cells+=,$target:$fault
	done
done
atoll up >/dev/null
ATOLL_CELLS=${cells#,} exec bash long/matrix-short.sh
