#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The kill matrix in its short form, under load from three guests: the cells that take no boot of a driver domain. `./run experiments --rounds 1`
# has each cell once.
#   images/boot --run /usr/lib/atoll/tests/long/matrix-short.sh --timeout 1800
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
atoll up >/dev/null

RESULT=/run/matrix.json
rm -f $RESULT
CELLS=${ATOLL_CELLS:-atolld:destroy,console:panic,store:panic,store:hang}

atoll experiment /usr/share/atoll/experiments/matrix.json --rounds 1 --cells "$CELLS" --out /run 2>&1 | sed -u 's/^/# /'
ok "the matrix is run" [ -s $RESULT ]
[ -s $RESULT ] || exit

# is_whole CELL: in the result; says what is not
is_whole() {
	jq -e --arg role "${1%:*}" --arg fault "${1#*:}" '.cells[] | select(.role == $role and .fault == $fault) |
		if .rounds > 0 and .recovered == .rounds and ([.lost[]] | add) == 0 then true else ., false end' $RESULT
}
for cell in ${CELLS//,/ }; do
	ok "${cell#*:} of ${cell%:*}: everything goes on, nothing is lost" is_whole "$cell"
done
