#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The store domain is restarted in place, again and again, under load from three guests and the control domain. Each load
# program (tests/store-load) compares each answer and each event with its own model. A fourth guest only reads now and then: it
# tells how long the store stood still, while the others also wait for their own crowd.
#
# Not part of `./run test`, because it takes minutes.
#   images/boot --run /usr/lib/atoll/tests/long/store-restarts.sh --timeout 3600
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh
. ./store-lib.sh

RESTARTS=200
CRASHES=20		# so many of them; the others are asked for. In turn at the end: several crashes at once would cost the state
PAUSE_MS=100		# at most, between two
LOAD_PAUSE_US=20000	# at most, between two operations of a load: there is one processor, and restarts need some of it
QUIET_S=5		# guest seconds of load before the first restart, for comparison
NODES=5000
GUESTS='load1:pv load2:pvh load3:pv'
ASKED=$((RESTARTS - 2 * CRASHES))	# before the first crash
ASKED_END=/run/store-asked-end		# the looking guest's second then
OUTAGES=/run/store-outages
STARTS=/run/store-starts
STALL_MS=5		# the goal
UNDISTURBED=10		# restarts before there is load, for comparison

loads=dom0
for g in $GUESTS; do loads+=" ${g%:*}"; done

# worst LOAD FROM TO: the longest round trip in us, from its line FROM to its line TO
worst() { grep -a "^STORE \(LOAD\|PROBE\)" "$(load_log "$1")" | sed -n "$2,$3s/.*worst \([0-9]*\) us.*/\1/p" | sort -n | tail -n 1; }
ms() { awk -v us="${1:-0}" 'BEGIN { printf "%.2f", us / 1000 }'; }
probes() { grep -c -a '^STORE PROBE' "$(console_log probe)"; }
probing() { [ "$(probes)" -ge "$1" ]; }
# probed FROM TO: reads, late ones, longest in us
probed() {
	grep -a '^STORE PROBE' "$(console_log probe)" | sed -n "$1,$2p" |
		awk '{ reads += $4; late += $9; if ($7 > worst) worst = $7 } END { printf "%d reads, %d of them over 5 ms, longest %.2f ms", reads, late, worst / 1000 }'
}

starts() { grep -a -c '^store: ready after' "$(console_log store)"; }
started() { [ "$(starts)" -ge "$1" ]; }
# No jq in here: its start alone takes as long as twenty restarts.
restart_all() {
	local i before
	before=$(starts)
	RANDOM=1
	: >$OUTAGES
	for ((i = 1; i <= RESTARTS; i++)); do
		if [ $i -gt $ASKED ] && [ $((i % 2)) = 0 ]; then
			/usr/libexec/atoll/atoll-fault crash 1 || return
			within 20 started $((before + i)) || return
		else
			timeout 20 atoll --json restart store >>$OUTAGES || return
		fi
		sleep "$(printf '0.%03d' $((RANDOM % PAUSE_MS)))"
		[ $i != $ASKED ] || probes >$ASKED_END
		[ $((i % 20)) != 0 ] || note "$i restarts at $(now_ms) ms" >&3
	done
}

within 60 running store || exit 1
exec 3>&1
ok "$NODES nodes are made" $LOAD fill /test/many $NODES
ok "undisturbed, it is restarted $UNDISTURBED times" eval 'for ((i = 0; i < UNDISTURBED; i++)); do atoll restart store && sleep 0.1 || exit; done'
for g in $GUESTS; do ok "a ${g#*:} guest is created" load_guest "${g%:*}" "${g#*:}" store atoll.pause=$LOAD_PAUSE_US; done
ok "a guest that only looks is created" load_guest probe pvh probe
for g in $GUESTS; do within 120 works "${g%:*}" 1; done
load_own $LOAD_PAUSE_US
for l in $loads; do ok "$l puts load on the store" within 60 works "$l" 1; done
for l in $loads; do works "$l" 1 || exit 1; done
ok "the guest looks" within 60 probing 1
from=$(($(probes) + 1))
for l in $loads; do eval "from_$l=$(($(beats "$l") + 1))"; done
sleep $QUIET_S
quiet=$(probes)
for l in $loads; do eval "quiet_$l=$(beats "$l")"; done

count=$(restarts store)
start=$(now_ms)
ok "the store is restarted in place $RESTARTS times" restart_all
took=$(($(now_ms) - start))
ok "each of them happened, and no other" [ "$(restarts store)" = $((count + RESTARTS)) ]
last=$(($(probes) + 1))
for l in $loads; do
	eval "last_$l=$(($(beats "$l") + 1))"
	ok "$l still goes on" within 30 works "$l" $(($(beats "$l") + 2))
done
ok "the guest still looks" within 30 probing $last

# shellcheck disable=SC2086 # words
load_end $loads
ok "all $NODES nodes are there" [ "$(xenstore-ls -f /test/many | grep -c '"node"')" = $NODES ]

note "$RESTARTS restarts in $took ms, $CRASHES of them after a crash"
note "those asked for, by atolld: $(jq -s -r 'map(.last_outage.phases_ms.reload) | sort | "median \(.[length / 2 | floor]) ms, longest \(.[-1]) ms"' $OUTAGES)"
resumed() { grep -a '^store: resumed' "$(console_log store)" | tail -n $RESTARTS; }
note "$(resumed | grep -c 'was busy') of them struck while the store worked, $(resumed | grep -c 'took back') in the midst of a step"
for l in $loads; do
	eval "f=\$from_$l q=\$quiet_$l t=\$last_$l"
	note "$l: longest round trip $(ms "$(worst "$l" "$f" "$q")") ms before, $(ms "$(worst "$l" $((q + 1)) "$t")") ms during the restarts"
done
note "a guest that only looks: before: $(probed $from $quiet)"
asked=$(cat $ASKED_END)
note "a guest that only looks: restarts that were asked for: $(probed $((quiet + 1)) "$asked")"
note "a guest that only looks: also crashes, which are noticed within 2 s: $(probed $((asked + 1)) $last)"
# What the store says of its starts, in us: "asked-for" (its state was trusted) or "checked"; from its entry until it was ready; of that the
# check, and how long others had the processor. One that idled is entered when the next event comes: two restarts in a row may be one start.
grep -a -A 1 '^store: resumed' "$(console_log store)" | grep -v '^--' | paste - - |
	sed -n 's/^\(.*\)\tstore: ready after \([0-9]*\) us (boot [0-9]*, check \([0-9]*\), preempted \([0-9]*\)).*/\2 \3 \4 \1/p' |
	awk '{ print ($0 ~ /, checked/ ? "checked" : "asked-for"), $1, $2, $3 }' | sort -k 2 -n >$STARTS
swapped=$(journalctl -u atoll-builder -o cat | sed -n 's/^.*domain 1: reloaded in \([0-9]*\) us.*/\1/p' | sort -n)
note "image rewritten: median $(ms "$(sed -n "$(($(wc -l <<<"$swapped") / 2))p" <<<"$swapped")") ms, longest $(ms "$(tail -n 1 <<<"$swapped")") ms"
for kind in asked-for checked; do
	note "start, $kind: $(grep "^$kind " $STARTS | awk '{ all[NR] = $0 }
		function say(what, line, n) { split(line, n); printf "%s %.2f ms (check %.2f, preempted %.2f)", what, n[2] / 1000, n[3] / 1000, n[4] / 1000 }
		END { say("median", all[int((NR + 1) / 2)]); say("; longest", all[NR]); printf " of %d", NR }')"
	note "start, $kind, ten longest: $(grep "^$kind " $STARTS | tail -n 10 | cut -d ' ' -f 2 | tr '\n' ' ') us"
done
ok "no restart that was asked for kept the store away for more than $STALL_MS ms" \
	awk -v most=$((STALL_MS * 1000 - $(tail -n 1 <<<"$swapped"))) '$1 == "asked-for" && $2 > most { bad = 1; print } END { exit bad || !NR }' $STARTS

for g in $GUESTS probe; do ok "${g%:*} is destroyed" atoll destroy "${g%:*}"; done
xenstore-rm /test
