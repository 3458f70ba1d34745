# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# All recipes, for the programs that use them.
for part in lib packages kernel control driver stubdom guest hvm payload tools host results; do
	# shellcheck source=/dev/null
	. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/$part.sh"
done
