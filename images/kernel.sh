# shellcheck shell=bash disable=SC2034 # the names are used by whoever sources this
# SPDX-License-Identifier: LGPL-2.1-or-later
# The trimmed kernel of driver domains: Debian's source, our configuration (kernel/driver.config), no modules. It takes minutes to
# build, so it is an option: `./run kernel` builds it, and from then on images carry it as kernel `trimmed`.

KERNEL_SOURCE=linux-source-6.1
KERNEL_TRIMMED=trimmed

trimmed_key() { key "$(candidate "$KERNEL_SOURCE")" "$(cat "$IMAGES"/kernel/* "$IMAGES/kernel.sh")" </dev/null; }

# Is it built? What it is made of may have changed since: then it is not.
trimmed_exists() { [ -d "$ATOLL_CACHE/kernel-$KERNEL_TRIMMED/$(trimmed_key)" ]; }

# trimmed_tree: a folder like kernel_tree's, with an empty lib/modules
trimmed_tree() { cached "kernel-$KERNEL_TRIMMED" "$(trimmed_key)" build_trimmed; }

build_trimmed() {
	local out=$1 work=$1/work tree s
	tree=$(package_tree "$KERNEL_SOURCE")
	mkdir -p "$work/o"
	tar -xf "$tree/usr/src/$KERNEL_SOURCE.tar.xz" -C "$work" --strip-components=1
	trimmed_edit "$work"
	trimmed_make "$work" KCONFIG_ALLCONFIG="$IMAGES/kernel/driver.config" allnoconfig
	# A name that this kernel does not know, or that misses what it depends on, would be left out without a word.
	sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=.*/\1/p' "$IMAGES/kernel/driver.config" | while read -r s; do
		grep -q "^$s=" "$work/o/.config" || die "kernel/driver.config: $s has no effect"
	done
	trimmed_make "$work" -j "$(nproc)" vmlinux
	strip -s -o "$out/vmlinux" "$work/o/vmlinux"
	cp "$work/o/.config" "$out/config"
	trimmed_make "$work" -s kernelrelease | tail -n 1 >"$out/version"
	mkdir -p "$out/lib/modules/$(cat "$out/version")"
	rm -rf "$work"
}

trimmed_make() {
	local work=$1
	shift
	nice make -C "$work" O="$work/o" LOCALVERSION=-atoll KBUILD_BUILD_USER=atoll KBUILD_BUILD_HOST=atoll \
		KBUILD_BUILD_TIMESTAMP="@$SOURCE_DATE_EPOCH" "$@"
}

# Our own file goes in, and one line: a PV domain knows its clock's rate from Xen; the early start measures it again against a timer that the domain does not have, for
# 0.4 guest seconds.
trimmed_edit() {
	sed -i 's/^\tx86_platform.calibrate_tsc = xen_tsc_khz;/&\n\tx86_platform.calibrate_cpu = xen_tsc_khz;/' "$1/arch/x86/xen/time.c"
	cp "$IMAGES/kernel/quirks.c" "$1/drivers/pci/atoll-quirks.c"
	echo "obj-y += atoll-quirks.o" >>"$1/drivers/pci/Makefile"
	grep -q 'calibrate_cpu = xen_tsc_khz' "$1/arch/x86/xen/time.c" || die "trimmed kernel: time.c has changed"
}
