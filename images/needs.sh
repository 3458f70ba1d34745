# shellcheck shell=bash disable=SC2034 # the names are used by whoever sources this
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Debian packages that this machine needs: the one list of them.

NEEDS_BUILD=(gcc libc6-dev pkg-config meson ninja-build libxen-dev libyajl-dev libsystemd-dev)
NEEDS_IMAGES=(binutils mtools mmdebstrap erofs-utils cpio kmod busybox-static xz-utils zstd lz4 fdisk)
NEEDS_KERNEL=(gcc libc6-dev make flex bison bc libelf-dev libssl-dev perl python3 rsync)
NEEDS_HOST=(qemu-system-x86 jq)
NEEDS_DEB=(debhelper dpkg-dev fakeroot lintian scdoc jq)
NEEDS_LINT=(clang-tidy shellcheck jq git)
NEEDS_FUZZ=(clang libclang-rt-14-dev llvm-14 python3 jq)
# The peers themselves are unpacked into the cache (tests/peers/lib.sh); their other libraries come with libxen-dev.
NEEDS_PEERS=(gcc libc6-dev libxen-dev python3 jq)

# need PACKAGE...: installs those that are missing; silent when there are none
need() {
	local missing=() p
	for p; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	# A new machine has no package lists, and the recipes ask them for versions.
	if [ ${#missing[@]} -gt 0 ] || ! apt-cache show xen-hypervisor-4.17-amd64 >/dev/null 2>&1; then
		[ "$(id -u)" = 0 ] || { echo "run: needs root to install: ${missing[*]}" >&2; exit 1; }
		quietly "package lists" apt-get -q update
	fi
	if [ ${#missing[@]} -gt 0 ]; then
		quietly "packages ${missing[*]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y --no-install-recommends install "${missing[@]}"
	fi
}

# quietly WHAT COMMAND...: one line with its seconds; the output only when it fails
quietly() {
	local what=$1 log start=$SECONDS
	shift
	log=$(mktemp)
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		rm -f "$log"
		echo "run: failed: $what" >&2
		exit 1
	fi
	rm -f "$log"
	echo "  $what: $((SECONDS - start)) s" >&2
}
