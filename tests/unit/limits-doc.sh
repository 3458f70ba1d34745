#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The limits that docs/limits.md names have the values that it says: each `NAME` of a table's row against its #define.
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
n=0 failed=0
while IFS='|' read -r _ what limit names _; do
	mapfile -t name < <(grep -o '[A-Z][A-Z_]*' <<<"$names")
	mapfile -t value < <(grep -o '[0-9]*' <<<"$limit")
	for i in "${!name[@]}"; do
		n=$((n + 1))
		defined=$(grep -rhoE "#define ${name[i]}[[:space:]]+[0-9]+" --include=*.h . | grep -oE '[0-9]+$' | sort -u)
		if [ "$defined" = "${value[i]}" ]; then
			echo "ok $n -${what% }: ${name[i]} is $defined"
		else
			echo "not ok $n -${what% }: ${name[i]} is ${defined:-not defined}, docs/limits.md says ${value[i]}"
			failed=1
		fi
	done
done < <(grep '^|.*`[A-Z_]*`' docs/limits.md)
echo "1..$n"
[ "$n" -gt 0 ] && exit $failed
