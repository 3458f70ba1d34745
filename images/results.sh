# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a booted host hands back through the results port: lines of text, files, and the script's exit status.
#   @@boot SECONDS         guest time when the script was started
#   @@file NAME BASE64     a file
#   @@exit STATUS          the last line
# The text comes from the machine under test: names are checked, and nothing in it is run.

RESULTS_STATUS_NONE=125		# the script did not end: the machine died
RESULTS_STATUS_TIMEOUT=124

# run_script_host DIR TIMEOUT LAYERS XEN_ARGS LINUX_ARGS: boots, shows the script's lines as they come, returns its status
run_script_host() {
	local dir=$1 timeout=$2 status=0 follower
	: >"$dir/results"
	: >"$dir/console.log"
	tail -n +1 -s 0.2 -f "$dir/results" 2>/dev/null > >(grep --line-buffered -v '^@@') &
	follower=$!
	run_host "$dir" "$dir/console.log" "$timeout" "$3" "$4" "$5" || status=$?
	sleep 0.5
	kill $follower
	wait $follower 2>/dev/null || true
	if [ $status = 124 ]; then
		echo "# the machine did not end within $timeout s" >&2
		return $RESULTS_STATUS_TIMEOUT
	fi
	results_status "$dir/results"
}

results_status() {
	local status
	status=$(sed -n 's/^@@exit \([0-9]\{1,3\}\)$/\1/p' "$1" | tail -n 1)
	return "${status:-$RESULTS_STATUS_NONE}"
}

results_boot() { sed -n 's/^@@boot \([0-9.]*\)$/\1/p' "$1" | head -n 1; }

# results_files RESULTS DIR: writes the files that were handed over
results_files() {
	local name data
	while read -r _ name data; do
		case $name in */* | .* | '') continue ;; esac
		echo "$data" | base64 -d >"$2/$name" 2>/dev/null || rm -f "$2/$name"
	done < <(grep '^@@file ' "$1" || true)
}
