# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Load on the store from the control domain and from guests (tests/store-load). It is made by whoever sources this; `dom0` is the
# control domain's, any other name that of a guest.
LOAD=/usr/libexec/atoll/atoll-store-load
OWN_LOG=/run/store-load.log

# load_guest NAME TYPE [WORK [WORDS]]: a guest that puts load on the store
load_guest() {
	jq -n --arg name "$1" --arg type "$2" --arg work "${3:-store}" --arg words "${4:-}" '{name: $name, type: $type, memory: 96,
		kernel: "/usr/lib/atoll/guests/vmlinux", ramdisk: "/usr/lib/atoll/guests/guest.cpio",
		cmdline: "console=hvc0 loglevel=4 atoll.name=\($name) atoll.work=\($work) \($words)"}' >"/run/$1.json"
	atoll create "/run/$1.json"
}

# load_own [PAUSE_US]: the control domain's
load_own() { $LOAD load /test/load 3500 "$@" >$OWN_LOG & }

load_log() { if [ "$1" = dom0 ]; then echo $OWN_LOG; else console_log "$1"; fi; }

# About one a second
beats() { grep -c -a '^STORE LOAD' "$(load_log "$1")" 2>/dev/null || true; }

# works LOAD BEATS: it has come so far
works() { [ "$(beats "$1")" -ge "$2" ] || { tail -n 3 "$(load_log "$1")"; return 1; }; }

verdict() { grep -a '^STORE [0-9]* requests' "$(load_log "$1")" | tr -d '\r'; }
ended() { [ -n "$(verdict "$1")" ]; }
is_right() { verdict "$1" | grep -q ', ok$' || { tail -n 5 "$(load_log "$1")"; return 1; }; }

# load_end LOAD...: all are told to end, and what they found
load_end() {
	local l
	ok "the control domain is told to end" xenstore-write /test/load/stop 1
	for l; do
		[ "$l" = dom0 ] || ok "$l is told to end, through its watch" \
			xenstore-write "/local/domain/$(domain_field "$l" domid)/data/load/stop" 1
	done
	for l; do
		within 60 ended "$l"
		ok "$l: each request was answered once and rightly, no event was lost, the tree is its model's" is_right "$l"
		note "$l: $(verdict "$l")"
	done
}
