# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Joins the TAP of many programs into one stream with one numbering, one plan and one count at the end.
# A program that fails, or ends without its plan, is a failed test whatever it printed.

tap_begin() {
	TAP_LOG=$(mktemp)
	trap 'rm -f "$TAP_LOG"' EXIT
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

# Test lines also go to the log, which is what counts in the end.
tap_filter() {
	awk -v name="$1" -v noplan="${2:-}" -v log_file="$TAP_LOG" -v n="$(wc -l <"$TAP_LOG")" '
		function result(word, text) {
			n++; seen++
			line = word " " n " - " name ": " text
			print line; print line >>log_file
			fflush()
		}
		/^(not )?ok( |$)/ {
			word = /^not/ ? "not ok" : "ok"
			text = $0; sub(/^(not )?ok *[0-9]* *-? */, "", text)
			result(word, text)
			next
		}
		/^1\.\.[0-9]+/ { plan = substr($1, 4) + 0; planned = 1; next }
		/^TAP version/ { next }
		{ print /^#/ ? $0 : "# " $0; fflush() }
		END {
			if (noplan) exit
			if (!planned) result("not ok", "ended without a plan")
			else if (plan != seen) result("not ok", "planned " plan " tests, ran " seen + 0)
		}'
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
	passed=$(tap_count 'ok')
	failed=$(tap_count 'not ok')
	echo "1..$((passed + failed))"
	grep '^not ok' "$TAP_LOG" | sed 's/^/# /' || true
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}
