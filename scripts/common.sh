# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here, others use
# Sourced by the scripts of this directory: where things are, and how to complain.

set -eu -o pipefail

# The checkout, wherever the caller stands.
export XTCP_TOP
XTCP_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# What is costly to make and the same for every checkout stays outside of it.
if [ -n "${XDG_CACHE_HOME:-}" ]; then
	XTCP_CACHE=$XDG_CACHE_HOME/xtcp
elif [ "$(id -u)" -eq 0 ]; then
	XTCP_CACHE=/var/cache/xtcp
else
	XTCP_CACHE=$HOME/.cache/xtcp
fi

# Debian's package of the kernel sources: kselftest, checkpatch, the debug kernel.
XTCP_SRC_TAR=/usr/src/linux-source-6.1.tar.xz

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Version of the installed kernel source package.
src_version()
{
	dpkg-query -W -f '${Version}' linux-source-6.1
}

# with_lock NAME COMMAND...: run COMMAND while no other process does under NAME.
with_lock()
{
	local name=$1

	shift
	mkdir -p "$XTCP_CACHE"
	(
		flock 9
		"$@" 9>&-
	) 9>"$XTCP_CACHE/.$name.lock"
}

# Release of the installed Debian 6.1 headers, newest first; empty when there are none.
stock_release()
{
	find /usr/src -maxdepth 1 -name 'linux-headers-6.1.0-*-amd64' \
		-printf '%f\n' 2>/dev/null | sed 's/^linux-headers-//' | sort -rV | head -n 1
}

# kernel_find NAME: set KERNEL_IMAGE, KERNEL_RELEASE and KERNEL_ROOT (what holds
# lib/modules/RELEASE) for one of the names --kernel takes, or the path of an image.
kernel_find()
{
	local name=$1 dir

	case $name in
	6.1 | 6.12 | 7)
		KERNEL_ROOT=$XTCP_CACHE/kernel-$name
		[ -e "$KERNEL_ROOT/release" ] ||
			die "no kernel $name in $XTCP_CACHE: run scripts/setup --kernel $name"
		KERNEL_RELEASE=$(cat "$KERNEL_ROOT/release")
		KERNEL_IMAGE=$KERNEL_ROOT/vmlinux
		[ -e "$KERNEL_IMAGE" ] || KERNEL_IMAGE=$KERNEL_ROOT/vmlinuz
		;;
	debug)
		dir=$("$XTCP_TOP/scripts/debug-kernel" --path) ||
			die "the debug kernel is not built: run scripts/debug-kernel"
		KERNEL_ROOT=$dir/modules
		KERNEL_RELEASE=$(cat "$dir/release")
		KERNEL_IMAGE=$dir/bzImage
		;;
	*)
		[ -e "$name" ] || die "no kernel image $name"
		KERNEL_IMAGE=$(realpath "$name")
		KERNEL_RELEASE=$(file -bL "$KERNEL_IMAGE" | sed -n 's/.*version \([^ ]*\).*/\1/p')
		[ -n "$KERNEL_RELEASE" ] || die "$name is no bzImage"
		for dir in "${KERNEL_IMAGE%/*}/modules" "${KERNEL_IMAGE%/*}/.." /; do
			KERNEL_ROOT=$dir
			[ -d "$dir/lib/modules/$KERNEL_RELEASE" ] && break
		done
		;;
	esac
}
