# shellcheck shell=bash disable=SC2034 # the names are used by whoever sources this
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by every recipe: the cache of built things, progress with seconds, and the pinned host settings.
#
# A built thing lives at $ATOLL_CACHE/NAME/KEY, where KEY is a hash of all that it is made of: the recipe's text, the
# versions of its packages, and the keys of the things it is made from. What exists is never built again; a build
# happens in a temporary folder beside it and is renamed into place, so a killed build leaves nothing half done.
set -euo pipefail

IMAGES=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
ATOLL_CACHE=${ATOLL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atoll}
CACHE_KEEP=3		# versions kept of each thing: enough to go back and forth between two branches
CACHE_IN_USE_MINUTES=120
export SOURCE_DATE_EPOCH=1700000000 LC_ALL=C.UTF-8 TZ=UTC

die() { echo "images: $*" >&2; exit 1; }

# hash of the given words and of standard input
key() { { printf '%s\n' "$@"; cat; } | sha256sum | cut -c1-16; }

# hash of a tree: names, modes, and contents
key_tree() {
	(cd "$1" && find . -printf '%p %y %m %l\n' | sort && find . -type f -print0 | sort -z | xargs -0r sha256sum) |
		sha256sum | cut -c1-16
}

# cached NAME KEY FUNCTION [ARG...]: prints the folder of the built thing. FUNCTION gets an empty folder as its first
# argument and fills it; its output goes to the standard error of the caller (shown only when it fails).
cached() {
	local name=$1 key=$2 fn=$3 dir tmp start rc=0
	shift 3
	dir=$ATOLL_CACHE/$name/$key
	mkdir -p "$ATOLL_CACHE/$name"
	exec {lock}>"$ATOLL_CACHE/$name/.lock"
	flock "$lock"
	if [ ! -d "$dir" ]; then
		tmp=$ATOLL_CACHE/$name/.tmp
		rm -rf "$tmp" && mkdir "$tmp"
		start=$(date +%s%N)
		# A subshell with its own errexit: `set -e` is off inside a function called from a condition.
		set +e
		(set -e; "$fn" "$tmp" "$@") >"$ATOLL_CACHE/$name/.log" 2>&1
		rc=$?
		set -e
		if [ $rc != 0 ]; then
			tail -n 30 "$ATOLL_CACHE/$name/.log" >&2
			die "$name: build failed (whole log: $ATOLL_CACHE/$name/.log)"
		fi
		mv "$tmp" "$dir"
		printf '  %-28s built in %s s\n' "$name" "$(seconds_since "$start")" >&2
		prune "$ATOLL_CACHE/$name"
	fi
	touch "$dir"
	exec {lock}>&-
	echo "$dir"
}

seconds_since() { awk -v a="$1" -v b="$(date +%s%N)" 'BEGIN { printf "%.1f", (b - a) / 1e9 }'; }

# Old versions go, but none that a machine may be about to boot from.
prune() {
	find "$1" -mindepth 1 -maxdepth 1 -type d ! -name '.tmp' -printf '%T@ %p\n' | sort -rn |
		tail -n +$((CACHE_KEEP + 1)) | cut -d' ' -f2- |
		while read -r dir; do find "$dir" -maxdepth 0 -mmin +$CACHE_IN_USE_MINUTES; done | xargs -r rm -rf
}

# pack_cpio DIR FILE: an uncompressed initramfs, same bytes for the same tree. Unpacking gzip under emulation costs more
# than reading the bytes.
pack_cpio() {
	find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	(cd "$1" && find . -mindepth 1 -print0 | sort -z |
		cpio --null --create --format=newc --owner=0:0 --reproducible --quiet) >"$2"
}

# pack_erofs DIR FILE: a read-only file system, lz4-compressed, same bytes for the same tree
pack_erofs() {
	mkfs.erofs -zlz4hc -T "$SOURCE_DATE_EPOCH" -U 00000000-0000-0000-0000-000000000000 --all-root --quiet "$2" "$1"
}

# modules_in_order TREE VERSION MODULE...: file names below TREE in the order in which they have to be loaded
modules_in_order() {
	local tree=$1 version=$2 m
	shift 2
	for m; do
		modprobe -d "$tree" -S "$version" --show-depends "$m" || die "no module $m in $version"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | sed "s|^$tree||"
}

# copy_program ROOT FILE [AS]: a dynamically linked program with its loader and libraries
copy_program() {
	local root=$1 file=$2 as=${3:-$2} lib
	install -D -m 755 "$file" "$root/$as"
	ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r lib; do
		[ -e "$root/$lib" ] || install -D -m 755 "$(realpath "$lib")" "$root/$lib"
	done || true
}
