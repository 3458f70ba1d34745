#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the control domain: what the services take of the host's memory, with Debian's kernel and with the trimmed one if it was built; and the round
# trip to an agent over vchan beside one to a process over a unix socket. Lines WHAT VALUE for out/bench-host.json.
TRIMMED_MIB=48	# enough for a service with the trimmed kernel
HOST=/etc/atoll/host.json

# all that the hypervisor counts for the service domains, MiB
services_mib() { atoll --json status | jq '[.domains[] | select(.domid > 0 and .domid < 32) | .memory_kib] | add / 1024'; }
roles() { atoll --json status | jq -r '.domains[] | select(.domid > 0 and .domid < 32) | "# \(.name) \(.memory_kib / 1024) MiB"'; }

atoll up >/dev/null || exit 1
head -c 1 /dev/random >/dev/null
sleep 3
roles
echo "memory-debian $(services_mib)"
net0=$(atoll --json status | jq '.domains[] | select(.name == "net0") | .domid')
systemctl stop atolld
sleep 1
/usr/libexec/atoll/atoll-load-rpc "$net0"
systemctl start atolld
[ -e /usr/lib/atoll/images/kernels/trimmed/vmlinux ] || exit 0
jq --argjson m $TRIMMED_MIB '.services |= map(.kernel = "trimmed" | .memory_mib = $m)' $HOST >/run/host.json
cp /run/host.json $HOST
systemctl restart atolld
atoll up >/dev/null
for service in net0 disk0; do atoll restart $service >/dev/null || exit 1; done
sleep 3
roles
echo "memory-trimmed $(services_mib)"
