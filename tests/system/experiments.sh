#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `./run experiments` runs in the control domain: the kill matrix, or another scenario. From the kernel's command line, where a comma
# would end it: atoll.scenario=NAME atoll.rounds=N atoll.cells=net:destroy*200+disk:hang atoll.snapshot=1
# What was seen is handed over now and then, so that a machine that dies leaves it.
HAND_OVER_LINES=10
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh

word() { sed -n "s/.*\batoll\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

scenario=$(word scenario)
args=(/usr/share/atoll/experiments/"${scenario:=matrix}".json --out /run)
[ -z "$(word rounds)" ] || args+=(--rounds "$(word rounds)")
[ -z "$(word cells)" ] || args+=(--cells "$(word cells | tr + ,)")
if [ -n "$(word snapshot)" ]; then
	jq '.services[].snapshot = true' /etc/atoll/host.json >/run/host.json && cat /run/host.json >/etc/atoll/host.json
	systemctl restart atolld
	atoll up >/dev/null || exit 1
	for s in net0 disk0; do atoll restart $s; done # the snapshots are made at their next start
fi
atoll up >/dev/null || exit 1

hand_over() {
	local ending
	journalctl -b -n 2000 -o short-monotonic -u atolld -u atoll-builder -u atoll-monitor >/run/journal.txt
	echo "@@file journal.txt $(base64 -w0 /run/journal.txt)"
	for ending in json csv html; do
		[ ! -e "/run/$scenario.$ending" ] || echo "@@file experiments.$ending $(base64 -w0 "/run/$scenario.$ending")"
	done
}

atoll experiment "${args[@]}" 2>&1 | while IFS= read -r line; do
	echo "$line"
	((++n % HAND_OVER_LINES)) || hand_over
done
status=${PIPESTATUS[0]}
tail -n 200 /var/log/atoll/console/*.log >/run/consoles.txt
hand_over
echo "@@file consoles.txt $(base64 -w0 /run/consoles.txt)"
exit $status
