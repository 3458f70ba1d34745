#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Puts the conformance cases to our store and to Debian's two, natively and without Xen. Prints TAP and writes
# docs/xenstore-conformance.md.
#
#   tests/peers/run.sh [BUILD-DIRECTORY]
#
# Debian's packages are downloaded and unpacked into the cache, never installed.
set -eu
here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
build=$(realpath "${1:-$top/build}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/atoll/peers
work=$(mktemp -d)
daemon=''
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

finish() {
	[ -z "$daemon" ] || { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; } || true
	rm -rf "$work"
}
trap finish EXIT

stop() {
	kill "$daemon" 2>/dev/null || true
	wait "$daemon" 2>/dev/null || true
	daemon=''
}

# cases NAME COMMAND...
cases() {
	local name=$1
	start "$@"
	timeout 300 python3 "$here/cases.py" "$work/$name" "$work/$name/socket" >"$work/$name.answers" ||
		echo "# $name: the client ended early" >&2
	stop
}

peers
stub
oxenstored_conf ocaml
bin=$cache/root/usr/lib/xen-4.17/bin
cases ours "$build/xenstore/atoll-xenstored"
cases c "$bin/xenstored" -N
cases ocaml "$bin/oxenstored" --config-file "$work/oxenstored.conf" --no-fork
# Xen's own test program, which passes or says what did not.
start ours "$build/xenstore/atoll-xenstored"
own=ok
XENSTORED_PATH=$work/ours/socket LD_LIBRARY_PATH=$cache/root/usr/lib/x86_64-linux-gnu timeout 120 \
	"$bin/test-xenstore" >"$work/own.log" 2>&1 || own='not ok'
random=ok
XENSTORED_PATH=$work/ours/socket LD_LIBRARY_PATH=$cache/root/usr/lib/x86_64-linux-gnu timeout 120 \
	"$bin/test-xenstore" -r 5 >>"$work/own.log" 2>&1 || random='not ok'
stop
status=0
python3 "$here/report.py" "$here/cases.tsv" "$here/reasons.tsv" "$top/docs/xenstore-conformance.md" \
	"$work/ours.answers" "$work/c.answers" "$work/ocaml.answers" "$own" "$random" || status=1
[ "$own $random" = "ok ok" ] || { sed 's/^/# /' "$work/own.log"; status=1; }
exit $status
