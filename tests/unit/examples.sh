#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Commands in documents exist: each verb and option of `atoll`, `atoll setup`, `./run`, `images/boot` and `atoll-image` is one that the program's own
# usage has, with as many words as it takes; each path of the tree is there. examples.sh PATH-OF-ATOLL. (It runs none: this may be a host.)
atoll=$(realpath "$1")
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
n=0 failed=0
verdict() { # 0|1 SENTENCE
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" || { echo "not ok $n - $2"; failed=1; }
}

# What stands in `...` or in a block of commands, without comments, and what else is on the line
commands() {
	grep -ohE '`[^`]+`' -- *.md docs/*.md images/*.md | tr -d '`'
	sed -nE 's/^    ([a-z.].*)/\1/p' -- *.md docs/*.md
	awk '/^```/ { inside = !inside; next } inside' images/*.md docs/*.scd toolstack/*/*.scd
}
words() { commands | sed -E "s/ +#.*//; s/ *(\\||&&).*//; s/^(ATOLL_[A-Z]*=[^ ]* )//" | grep -E "^$1( |$)" | sort -u; }

# options COMMAND USAGE: all that it has are in the usage
options() {
	local word
	for word in $1; do
		case $word in --json) ;; --*) grep -qF -e "${word%%=*}" <<<"$2" || return 1 ;; esac
	done
}

help=$("$atoll" help)
setup=$(toolstack/setup/atoll-setup 2>&1)
while read -r command; do
	read -r _ verb rest <<<"${command/ --json/}"
	[ -n "$verb" ] || continue
	usage=$(grep -E "^  $verb " <<<"$help")
	[[ $verb != check && $verb != setup ]] || usage+=$setup
	[ -n "$usage" ] && options "$rest" "$usage"
	verdict $? "$command"
done < <(words atoll)

usage=$(./run)
while read -r command; do
	read -r _ verb rest <<<"$command"
	[ -z "$verb" ] || { grep -qE "^  $verb " <<<"$usage" && options "$rest" "$usage"; }
	verdict $? "$command"
	[ "$verb" != bench ] || [ -z "$rest" ] || { tests/bench/run 2>/dev/null | grep -qw -e "$rest"; verdict $? "there is the bench $rest"; }
done < <(words ./run)

usage=$(sed -n '/^#/p' images/boot)
while read -r command; do
	options "$command" "$usage"
	verdict $? "$command"
done < <(words images/boot)

usage=$(sed -n '/^#/p' images/atoll-image)
while read -r command; do
	read -r _ verb _ <<<"$command"
	[ -z "$verb" ] || grep -qE "^#   atoll-image $verb( |$)" <<<"$usage"
	verdict $? "$command"
done < <(words atoll-image)

# Paths of the tree; words in capitals stand for others
while read -r path; do
	compgen -G "$(sed 's/[A-Z][A-Z]\+/*/' <<<"$path")" >/dev/null
	verdict $? "there is $path"
done < <(commands | tr ' ' '\n' | grep -oE '^(tests|docs|images|toolstack|driver-domains|lib|include|console|xenstore|monitor|experiments|qemu-stubdom)/[][A-Za-z0-9_./*-]+' |
	grep -vE '^docs/designs|^console/ring$|/NN-name' | sed 's/[.]$//' | sort -u) # those are Xen's, and of a commit
echo "1..$n"
[ $n -gt 60 ] && exit $failed
