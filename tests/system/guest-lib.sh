# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the test guests say on their consoles, as the control domain's logs have it (see images/guest/init).

console_log() { echo "/var/log/atoll/console/$1.log"; }

# count GUEST PATTERN: lines so far
count() { grep -c -a -- "$2" "$(console_log "$1")" 2>/dev/null || true; }

ready() { [ "$(count "$1" 'GUEST READY')" -gt 0 ]; }

pings() { count "$1" '^PING [0-9]* ok'; }

# Each verified block once and in order. Not only at the start of a line: the prompt of the guest's shell may stand before.
numbers_are_whole() {
	grep -a -o 'IO [0-9]* ok' "$(console_log "$1")" |
		awk '$2 != ++n { print "after", n - 1, "comes", $2; bad = 1; exit } END { if (!n) print "no line"; exit bad || !n }'
}
writes() { count "$1" '^IO [0-9]* ok'; }

# Lines that tell of trouble: none may exist. A ping that was on its way while net0 was away may be lost; an I/O may not.
errors() { grep -a -E '^(IO [0-9]+ BAD|KERNEL ERROR)' "$(console_log "$1")"; }

no_errors() { ! errors "$1"; }

# more PINGS WRITES GUEST: the guest did more of both since
more() { [ "$(pings "$3")" -gt "$1" ] && [ "$(writes "$3")" -gt "$2" ]; }

# still_works GUEST SECONDS: three more pings and writes
still_works() { within "$2" more $(($(pings "$1") + 2)) $(($(writes "$1") + 2)) "$1"; }

domain_field() { atoll --json status | jq -r --arg n "$1" ".domains[] | select(.name == \$n) | .$2"; }

restarts() { domain_field "$1" restarts; }

running() { [ "$(domain_field "$1" state)" = running ]; }

restarted() { [ "$(restarts "$1")" -gt "$2" ] && running "$1"; }

# say GUEST LINE: types it on the guest's console
say() { { printf '%s\n' "$2"; sleep 1; } | timeout 20 atoll console "$1" >/dev/null; }

# kill_domain NAME: as a fault does it, behind the toolstack's back
kill_domain() { /usr/libexec/atoll/atoll-fault destroy "$(domain_field "$1" domid)"; }

# --- verdicts on faults ---

now_real() { date +%s%3N; }
# verdict NAME HEALTH SINCE: the verdict's time after SINCE in ms
verdict() {
	atoll --json events | jq -e -s --arg n "$1" --arg h "$2" --argjson t "$3" \
		'[.[] | select(.name == $n and .event == "health" and .details.health == $h and .time_ms >= $t)][0].time_ms - $t'
}
reason() { domain_field "$1" last_outage.reason; }

# found NAME HEALTH WORDS COMMAND...: the fault that COMMAND is, is named HEALTH within FOUND_MS and the service restarted, with WORDS
# in the reason
found() {
	local name=$1 health=$2 words=$3 before start took
	shift 3
	before=$(restarts "$name")
	start=$(now_real)
	ok "$name: $health: the fault is there" "$@"
	ok "$name: it is found and restarted" within 60 restarted "$name" "$before"
	took=$(verdict "$name" "$health" "$start" 2>/dev/null)
	ok "$name: it was named $health (after ${took:-?} ms)" [ "${took:-999999}" -le "$FOUND_MS" ]
	ok "$name: with a reason ($(reason "$name"))" grep -q "$health.*$words" <<<"$(reason "$name")"
}
