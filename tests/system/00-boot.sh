# shellcheck shell=bash source=tests/system/lib.sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The control domain itself came up.
. ./lib.sh

no_failed_units() { [ "$(systemctl --failed --no-legend --plain | tee /dev/stderr | wc -l)" = 0 ]; }
is_control_domain() { grep -q control_d /proc/xen/capabilities; }
lacks_modules() {
	local m
	for m in e1000 e1000e nvme ahci libata xen-netback xen-blkback; do
		[ -z "$(find /lib/modules -name "$m.ko*")" ] || { echo "there is a module $m"; return 1; }
		! grep -q "/$m\.ko" /lib/modules/*/modules.builtin || { echo "$m is built in"; return 1; }
	done
}

ok "systemd has no failed units" no_failed_units
ok "this is the control domain" is_control_domain
ok "the control domain's kernel has no driver for the NIC or the disk, and no backend" lacks_modules
