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

finish() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

# peers: the daemons and clients of Debian, unpacked.
peers() {
	[ ! -e "$cache/root/done" ] || return 0
	rm -rf "$cache"
	mkdir -p "$cache/root"
	(cd "$cache" && apt-get download xen-utils-4.17 xenstore-utils libxenmisc4.17 >&2 &&
		for deb in *.deb; do dpkg -x "$deb" root; done && touch root/done)
}

# fake DIRECTORY: five domains that run, with empty rings
fake() {
	local i
	mkdir -p "$1"
	for i in 0 1 2 3 4 5; do head -c 4096 /dev/zero >"$1/ring.$i"; done
	for i in 1 2 3 4 5; do printf r >"$1/dom.$i"; done
	printf 1 >"$1/port.0"
}

# start NAME COMMAND...: runs a daemon under the stub and waits for its socket
start() {
	local dir=$work/$1 i
	shift
	fake "$dir"
	FAKEXEN=$dir XENSTORED_RUNDIR=$dir XENSTORED_ROOTDIR=$dir LD_PRELOAD=$work/fakexen.so \
		LD_LIBRARY_PATH=$cache/root/usr/lib/x86_64-linux-gnu "$@" >"$dir/log" 2>&1 &
	daemon=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -S "$dir/socket" ] || { sleep 0.2; return 0; }
		sleep 0.05
	done
	echo "# $1 did not start: $(tail -n 1 "$dir/log")" >&2
	return 1
}

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

oxenstored_conf() {
	cat >"$work/oxenstored.conf" <<-CONF
		pid-file = $work/oxenstored.pid
		xenstored-kva = $work/ocaml/ring.0
		xenstored-port = $work/ocaml/port.0
		persistent = false
		perms-activate = true
		quota-activate = true
		quota-maxentity = 1000
		quota-maxsize = 2048
		quota-maxwatch = 100
		quota-transaction = 10
		quota-maxrequests = 1024
		conflict-max-history-seconds = 0.05
		merge-activate = true
		ring-scan-interval = 20
		xenstored-log-file = /dev/null
		access-log-file = /dev/null
	CONF
}

peers
cc -shared -fPIC -O1 -D_GNU_SOURCE -Wall -o "$work/fakexen.so" "$here/fakexen.c" -ldl
oxenstored_conf
bin=$cache/root/usr/lib/xen-4.17/bin
cases ours "$build/xenstore/atoll-xenstored"
cases c "$bin/xenstored" -N
cases ocaml "$bin/oxenstored" --config-file "$work/oxenstored.conf" --no-fork
python3 "$here/report.py" "$here/cases.tsv" "$here/reasons.tsv" "$top/docs/xenstore-conformance.md" \
	"$work/ours.answers" "$work/c.answers" "$work/ocaml.answers"
