#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `./run experiments` runs in the control domain: the kill matrix, or another scenario. From the kernel's command line, where a comma
# would end it: atoll.scenario=NAME atoll.rounds=N atoll.cells=net:destroy+disk:hang
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh

word() { sed -n "s/.*\batoll\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

scenario=$(word scenario)
args=(/usr/share/atoll/experiments/"${scenario:=matrix}".json --out /run)
[ -z "$(word rounds)" ] || args+=(--rounds "$(word rounds)")
[ -z "$(word cells)" ] || args+=(--cells "$(word cells | tr + ,)")
atoll up >/dev/null || exit 1
status=0
atoll experiment "${args[@]}" 2>&1 || status=$?
journalctl -b -o short-monotonic -u atolld -u atoll-builder -u atoll-monitor >/run/journal.txt
tail -n 200 /var/log/atoll/console/*.log >/run/consoles.txt
for ending in json csv html; do
	[ ! -e "/run/$scenario.$ending" ] || echo "@@file experiments.$ending $(base64 -w0 "/run/$scenario.$ending")"
done
for f in journal.txt consoles.txt; do echo "@@file $f $(base64 -w0 /run/$f)"; done
exit $status
