# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Joins the TAP of many programs into one stream with one numbering, one plan and one count at the end.
# A program that fails, or ends without its plan, is a failed test whatever it printed.

tap_begin() {
	TAP_LOG=$(mktemp)
	TAP_ENDED=''
	trap tap_exit EXIT
}

# Whoever reads the count at the end must find one, also when something else than a test ended this program.
tap_exit() {
	local status=$?
	if [ -z "$TAP_ENDED" ]; then
		echo "not ok - ended before its end, with status $status" | tap_filter run noplan
		tap_end || true
		[ $status != 0 ] || status=1
	fi
	rm -f "$TAP_LOG"
	exit $status
}

# tap_merge NAME COMMAND...
tap_merge() {
	local name=$1 status=0 before
	shift
	before=$(grep -c '^not ok' "$TAP_LOG" || true)
	"$@" | tap_filter "$name" || status=${PIPESTATUS[0]}
	if [ "$status" != 0 ] && [ "$(grep -c '^not ok' "$TAP_LOG" || true)" = "$before" ]; then
		echo "not ok - ended with status $status" | tap_filter "$name" noplan
	fi
}

# Test lines also go to the log, which is what counts in the end. (In bash, because Debian's awk reads pipes in large pieces:
# a person wants to see each line when it comes.)
tap_filter() {
	local name=$1 noplan=${2:-} n seen=0 planned='' line
	n=$(wc -l <"$TAP_LOG")
	while IFS= read -r line || [ -n "$line" ]; do
		if [[ $line =~ ^(ok|not\ ok)(\ +[0-9]+)?(\ +-)?(\ +(.*))?$ ]]; then
			tap_result "${BASH_REMATCH[1]}" "${BASH_REMATCH[5]}"
		elif [[ $line =~ ^1\.\.([0-9]+) ]]; then
			planned=${BASH_REMATCH[1]}
		elif [[ $line == '#'* ]]; then
			printf '%s\n' "$line"
		elif [[ $line != 'TAP version'* ]]; then
			printf '# %s\n' "$line"
		fi
	done
	[ -z "$noplan" ] || return 0
	if [ -z "$planned" ]; then
		tap_result "not ok" "ended without a plan"
	elif [ "$planned" != $seen ]; then
		tap_result "not ok" "planned $planned tests, ran $seen"
	fi
}

# tap_result WORD TEXT: for tap_filter, whose variables it uses
tap_result() {
	n=$((n + 1)) seen=$((seen + 1))
	printf '%s %d - %s: %s\n' "$1" $n "$name" "$2" | tee -a "$TAP_LOG"
}

tap_count() { grep -c "^$1" "$TAP_LOG" || true; }

# tap_json VERB SECONDS
tap_json() {
	jq -Rn --arg verb "$1" --argjson seconds "$2" '
		[inputs | capture("^(?<word>not ok|ok) [0-9]+ - (?<name>.*)$") | {name, ok: (.word == "ok")}] as $tests |
		{verb: $verb, seconds: $seconds, passed: ([$tests[] | select(.ok)] | length),
		 failed: ([$tests[] | select(.ok | not)] | length), tests: $tests}' <"$TAP_LOG"
}

# The plan, the count, and the status: no test at all is a failure too.
tap_end() {
	local passed failed
	TAP_ENDED=1
	passed=$(tap_count 'ok')
	failed=$(tap_count 'not ok')
	echo "1..$((passed + failed))"
	grep '^not ok' "$TAP_LOG" | sed 's/^/# /' || true
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}
