# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Loading, unloading and counting what the module holds. Sourced after ktap.sh.

module_file=${XTCP_MODULE:-${XTCP_TOP:-../../../..}/build/$(uname -r)/xtcp.ko}

loaded()
{
	[ -e /sys/module/xtcp ]
}

load()
{
	# shellcheck disable=SC2086
	loaded || insmod "$module_file" ${XTCP_MODULE_ARGS:-}
}

unload()
{
	rmmod xtcp 2>/dev/null
}

# The longest time that an orphan holds the module when the network of an earlier test is
# gone: it gives up at the first time-out 102.2 s or more after it began to repeat (R2), and
# the time between two doubles.
# shellcheck disable=SC2034
orphan_life=240

# No socket holds the module.
unused()
{
	[ "$(cat /sys/module/xtcp/refcnt)" -eq 0 ]
}

# Unloads within some seconds: what closed a moment ago may still be closing.
unload_soon()
{
	wait_until "${1:-10}" unload
}

# Slab caches of the transport under test, by the names of its objects.
caches()
{
	if is_control; then
		echo "TCP TCPv6 tw_sock_TCP tw_sock_TCPv6 request_sock_TCP request_sock_TCPv6"
	else
		awk 'tolower($1) ~ /xtcp/ { print $1 }' /proc/slabinfo
	fi
}

# objects_of CACHE: live ones. Shrinking first empties what each CPU keeps at hand,
# which would be counted as live.
objects_of()
{
	local dir=/sys/kernel/slab/$1

	if [ -e "$dir/shrink" ]; then
		echo 1 >"$dir/shrink"
		awk '{ print $1 }' "$dir/objects"
	else
		awk -v name="$1" '$1 == name { print $2 }' /proc/slabinfo
	fi
}

# All objects of all caches.
objects()
{
	local cache total=0

	for cache in $(caches); do
		total=$((total + $(objects_of "$cache")))
	done
	echo "$total"
}

objects_at_most()
{
	[ "$(objects)" -le "$1" ]
}

show_objects()
{
	local cache

	for cache in $(caches); do
		note "$cache: $(objects_of "$cache") objects"
	done
}

# sockets_of NETNS: sockets of the transport, as /proc/net/protocols counts them.
sockets_of()
{
	local name=xtcp

	is_control && name=tcp
	ip netns exec "$1" awk -v name="$name" \
		'tolower($1) == name || tolower($1) == name "v6" { total += $3 } END { print total + 0 }' \
		/proc/net/protocols
}
