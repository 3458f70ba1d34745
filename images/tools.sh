# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's own Xen tools (xl, xenstored, xenconsoled) as a layer: for comparison and for work on one part alone.
# They are never part of the control domain otherwise.

TOOLS_PACKAGES=(xen-utils-4.17 xen-utils-common libfdt1 libnl-route-3-200 libnl-3-200 libyajl2 libxenmisc4.17)

tools_layer() {
	local trees=() p
	for p in "${TOOLS_PACKAGES[@]}"; do trees+=("$(package_tree "$p")"); done
	echo "$(cached tools "$(key "${trees[@]}" "$(declare -f build_tools)" "$(cat "$IMAGES/tools/xen-tools-up")" </dev/null)" build_tools "${trees[@]}")/tools.erofs"
}

build_tools() {
	local out=$1 tree
	shift
	mkdir "$out/root"
	for tree; do cp -a "$tree/." "$out/root/"; done
	mkdir -p "$out/root/usr/lib"
	if [ -d "$out/root/lib" ]; then
		cp -a "$out/root/lib/." "$out/root/usr/lib/"
		rm -r "$out/root/lib"
	fi
	rm -rf "$out"/root/etc/{init.d,default,grub.d,sysctl.d} "$out"/root/usr/share/{doc,man} "$out"/root/usr/lib/systemd \
		"$out"/root/usr/lib/xen-*/boot "$out"/root/usr/lib/debug
	install -m 755 "$IMAGES/tools/xen-tools-up" "$out/root/usr/sbin/xen-tools-up"
	ln -sf ../lib/xen-4.17/bin/xl "$out/root/usr/sbin/xl"
	pack_erofs "$out/root" "$out/tools.erofs"
	rm -rf "$out/root"
}
