#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Live updates of the store's Linux main: of itself under load, and to and from Debian's C xenstored. Prints TAP.
#
#   tests/peers/liveupdate.sh [BUILD-DIRECTORY [ROUNDS]]
set -eu
here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
build=$(realpath "${1:-$top/build}")
rounds=${2:-20}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/atoll/peers
work=$(mktemp -d)
daemon=''
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"
# A sanitizer's library cannot be the first one here.
export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}

finish() {
	[ -z "$daemon" ] || { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; } || true
	rm -rf "$work"
}
trap finish EXIT

# run NAME COMMAND... -- ARGUMENTS OF liveupdate.py
run() {
	local name=$1 command=()
	shift
	while [ "$1" != -- ]; do command+=("$1"); shift; done
	shift
	start "$name" "${command[@]}"
	timeout 200 python3 "$here/liveupdate.py" "$work/$name" "$work/$name/socket" "$@" >>"$work/out" 2>"$work/err" || {
		sed 's/^/# /' "$work/err"
		tail -n 5 "$work/$name/log" | sed 's/^/# daemon: /'
		grep -q '^not ok' "$work/out" || echo "not ok - $name: the client ended early" >>"$work/out"
	}
	kill "$daemon" 2>/dev/null || true
	wait "$daemon" 2>/dev/null || true
	daemon=''
}

peers
cc -shared -fPIC -O1 -D_GNU_SOURCE -Wall -I"$here" -o "$work/fakexen.so" "$here/liveupdate-fakexen.c" -ldl
ours=$build/xenstore/atoll-xenstored
theirs=$cache/root/usr/lib/xen-4.17/bin/xenstored
: >"$work/out"
run load "$ours" -- load "$ours" "$rounds"
run ours "$ours" -- peer "ours to ours" "$ours" - "$ours" "--arena-mb 64 -U"
run fromc "$theirs" -N -- peer "C to ours and back" "$ours" -N "$theirs" -N "$ours" -N
awk '/^(not )?ok - / { sub(/ok - /, "ok " ++n " - "); if (/^not/) bad = 1 } { print } END { print "1.." n; exit bad }' "$work/out"
