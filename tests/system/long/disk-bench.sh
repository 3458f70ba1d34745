#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest measures its disk, with our block backend and with Linux's, on one boot: BENCH lines, see work_bench in images/guest/init.
# For tests/bench/run disk. atoll.backend=atoll|linux on the kernel's command line: only that one.
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh
. ./disk-lib.sh

bench_ended() { [ "$(count gamma '^BENCH END')" = 1 ]; }
ok "all services run" within 120 atoll up
sed "s/atoll.work=disk/atoll.work=bench/" guests/gamma.json >/run/gamma.json
backends=$(host_argument backend)
for backend in ${backends:-atoll linux}; do
	ok "the backend is $backend" use_backend $backend
	rm -f "$(console_log gamma)"
	ok "a guest measures" atoll create /run/gamma.json
	ok "to the end" within 300 bench_ended
	tr -d '\r' <"$(console_log gamma)" | sed -n "s/^BENCH [rw]/BENCH $backend &/p" | sed 's/BENCH //2'
	ok "it is destroyed" atoll destroy gamma
done
