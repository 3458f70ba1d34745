# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# For the system tests, which run in the control domain. A test file is NN-name.sh, sources this, and calls `ok` for
# each thing that it shows; the runner numbers the lines. One behaviour a sentence.
# shellcheck disable=SC2034 # used by the tests
IMAGES_DIR=/usr/lib/atoll/images
GUESTS_DIR=/usr/lib/atoll/guests

# ok SENTENCE COMMAND...: the command's output is shown only when it fails
ok() {
	local sentence=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if [ $status = 0 ]; then
		echo "ok - $sentence"
	else
		echo "not ok - $sentence"
		printf '%s\n' "$* (status $status)" "$output" | tail -n 20 | sed 's/^/# /'
	fi
}

# not_ok SENTENCE COMMAND...: the command has to fail
not_ok() {
	local sentence=$1
	shift
	ok "$sentence" fails "$@"
}

fails() { ! "$@"; }

skip() { echo "ok - $1 # SKIP $2"; }

note() { echo "# $*"; }

# within SECONDS COMMAND...: tries until it succeeds. Guest seconds: a busy machine does not shorten them.
within() {
	local end
	end=$(($(now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt $end ] || { "$@"; return; }
		sleep 0.1
	done
}

now_ms() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
