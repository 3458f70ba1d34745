# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2034
# Store daemons under the stub: what run.sh and bench.sh share. Needs $here, $work and $cache.

# peers: the daemons and clients of Debian, unpacked. Clones share the cache, so one at a time.
peers() {
	local lock log
	mkdir -p "$cache"
	exec {lock}>"$cache/.lock"
	flock "$lock"
	if [ ! -e "$cache/root/done" ]; then
		rm -rf "$cache/root" "$cache"/*.deb
		mkdir "$cache/root"
		log=$work/download.log
		(cd "$cache" && apt-get -q -o APT::Sandbox::User=root download xen-utils-4.17 xenstore-utils libxenmisc4.17 &&
			for deb in *.deb; do dpkg -x "$deb" root || exit 1; done) >"$log" 2>&1 || { cat "$log" >&2; return 1; }
		touch "$cache/root/done"
	fi
	exec {lock}>&-
}

stub() {
	cc -shared -fPIC -O1 -D_GNU_SOURCE -Wall -o "$work/fakexen.so" "$here/fakexen.c" -ldl
}

# fake DIRECTORY: five domains that run, with empty rings
fake() {
	local i
	mkdir -p "$1"
	for i in 0 1 2 3 4 5; do head -c 4096 /dev/zero >"$1/ring.$i"; done
	for i in 1 2 3 4 5; do printf r >"$1/dom.$i"; done
	printf 1 >"$1/port.0"
}

# start NAME COMMAND...: runs a daemon under the stub, waits for its socket, leaves its pid in $daemon. It dies with this shell.
start() {
	local name=$1 dir=$work/$1 i
	shift
	fake "$dir"
	FAKEXEN=$dir XENSTORED_RUNDIR=$dir XENSTORED_ROOTDIR=$dir LD_PRELOAD=$work/fakexen.so \
		LD_LIBRARY_PATH=$cache/root/usr/lib/x86_64-linux-gnu setpriv --pdeathsig KILL "$@" >"$dir/log" 2>&1 </dev/null &
	daemon=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -S "$dir/socket" ] || { sleep 0.2; return 0; }
		sleep 0.05
	done
	echo "# $name did not start: $(tail -n 1 "$dir/log")" >&2
	return 1
}

# oxenstored_conf NAME: for oxenstored started under that name. It renames its logs when they grow, so these must be files
# of its own: with /dev/null it renames the device.
oxenstored_conf() {
	cat >"$work/oxenstored.conf" <<-CONF
		pid-file = $work/oxenstored.pid
		xenstored-kva = $work/$1/ring.0
		xenstored-port = $work/$1/port.0
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
		xenstored-log-file = $work/oxenstored.log
		access-log-file = $work/oxenstored-access.log
	CONF
}
