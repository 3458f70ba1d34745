#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Measures our store against C xenstored and oxenstored, interleaved in one run, natively and without Xen.
#
#   tests/peers/bench.sh [BUILD-DIRECTORY] [OUT.json] [ROUNDS] [NODES]
set -eu
here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
build=$(realpath "${1:-$top/build}")
out=${2:-$top/out/bench-store.json}
rounds=${3:-15}	# one that is disturbed must not count
nodes=${4:-100000}
cache=${ATOLL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atoll}/peers
work=$(mktemp -d)
daemons=''
daemon=''
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

finish() {
	for pid in $daemons; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap finish EXIT

peers
stub
oxenstored_conf ocaml
bin=$cache/root/usr/lib/xen-4.17/bin
list=()
bench() {
	start "$@"
	daemons+=" $daemon"
	list+=("$1:$work/$1/socket:$daemon")
}
bench atoll "$build/xenstore/atoll-xenstored"
bench c "$bin/xenstored" -N
bench ocaml "$bin/oxenstored" --config-file "$work/oxenstored.conf" --no-fork
cc -O2 -D_GNU_SOURCE -I"$top/xenstore" -o "$work/store-bench" "$here/store-bench.c" "$here/store-link.c"
mkdir -p "$(dirname "$out")"
"$work/store-bench" "$rounds" "$nodes" "${list[@]}" >"$work/out.json"
# What `bench store-xen` adds to the file is that bench's, and stays.
jq -s '.[0] + (.[1] // {} | with_entries(select(.key == "guest_round_trip")))' "$work/out.json" \
	<([ ! -s "$out" ] || cat "$out") >"$work/all.json"
mv "$work/all.json" "$out"
cat "$out"
