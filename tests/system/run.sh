#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs the system tests in the control domain, in the order of their names, and prints one TAP stream.
# atoll.tests=NAME+NAME... on the kernel command line: only files whose name contains one of these.
cd "$(dirname "$(realpath "$0")")" || exit 1
FILE_TIMEOUT=600	# guest seconds for one file

only=$(sed -n 's/.*\batoll\.tests=\([^ ]*\).*/\1/p' /proc/cmdline | tr + '|')
count=/run/atoll-tests.count
echo 0 >$count

# Line by line in bash: Debian's awk would hold lines back until a file is through.
number() {
	local n line
	n=$(cat $count)
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
			'ok - '* | 'not ok - '*)
				n=$((n + 1))
				echo $n >$count
				line="${line%%ok - *}ok $n - $1: ${line#*ok - }"
				;;
		esac
		printf '%s\n' "$line"
	done
}

for test in [0-9]*.sh; do
	[[ $test =~ $only ]] || continue
	name=${test%.sh}
	echo "# $test at $(cut -d' ' -f1 /proc/uptime) guest seconds"
	before=$(cat $count)
	timeout $FILE_TIMEOUT bash "$test" 2>&1 </dev/null | number "$name"
	status=${PIPESTATUS[0]}
	[ "$status" = 0 ] || echo "not ok - ended with status $status" | number "$name"
	[ "$(cat $count)" != "$before" ] || echo "not ok - tested nothing" | number "$name"
done
echo "1..$(cat $count)"
