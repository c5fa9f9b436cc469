#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Transfers in both directions at once over paths that lose, reorder and duplicate,
# over small MTUs, with segmentation and checksum offload on and off. The topology
# stands in lib/net.sh.
#
# XTCP_TEST_LONG=1: 20 MB over a path with 1 % loss and 20 ms delay, 200 MB over a clean one.

. ../lib/ktap.sh
. ../lib/net.sh

# shellcheck disable=SC2034
xfer=./helper_xfer

mib=$((1024 * 1024))
if is_long; then
	clean_bytes=$((200 * mib))
	lossy_bytes=$((20 * mib))
	deadline=900
	stormy_bytes=$((4 * mib))
	stormy_losses='0 5 10 20 30'
	stormy_deadline=1800
else
	clean_bytes=$((16 * mib))
	lossy_bytes=$((2 * mib))
	deadline=60
	stormy_bytes=$((256 * 1024))
	stormy_losses='0 15'
	stormy_deadline=600
fi

# over NAME FAMILY BYTES IMPAIRMENT...: one transfer on the path as it is.
over()
{
	local family=$1 bytes=$2

	shift 2
	net_impair "$@" || skip "netem is missing"
	transfer "$family" "$bytes" "$deadline" || fail "transfer over IPv$family"
	[ $# -eq 0 ] || net_impaired
}

# backlog_drops NAMESPACE: segments of ours that found no room while a user held the socket.
backlog_drops()
{
	ip netns exec "$1" awk '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == "DropBacklog") at = i }
		NR == 2 { print $at }' /proc/net/xtcp_snmp
}

# What the window lets in has room, also while the socket is in use.
clean()
{
	row DATA-01 CLS-05
	over "$1" "$clean_bytes"
	is_control && return
	[ "$(backlog_drops "$client") $(backlog_drops "$server")" = "0 0" ] ||
		fail "backlogs dropped segments"
}

lossy()
{
	row DATA-01
	over "$1" "$lossy_bytes" delay 20ms loss 1%
}

disordered()
{
	row DATA-10
	over "$1" "$lossy_bytes" delay 10ms 5ms reorder 20% 50% duplicate 2% loss 0.5%
}

# All at once, and much of it. Slow it may be; wrong, or without end, it may not.
stormy()
{
	local loss

	row LOSS-33
	for loss in $stormy_losses; do
		net_impair delay 10ms 5ms reorder 50% 50% duplicate 5% corrupt 2% loss "$loss%" ||
			skip "netem is missing"
		transfer "$1" "$stormy_bytes" "$stormy_deadline" ||
			fail "transfer over IPv$1, $loss % lost"
		net_impaired
	done
}

small_mtu()
{
	row DATA-32
	net_mtu "$2" || fail "cannot set the MTU"
	over "$1" $((mib / 2))
}

# The hosts do not know that the far link is narrower; ICMP tells them.
path_mtu()
{
	row DATA-32
	net_mtu 1500 1280
	over "$1" "$lossy_bytes"
}

without_offload()
{
	row WIRE-02
	net_mtu 1500
	net_offload off
	over "$1" "$lossy_bytes" delay 5ms loss 1%
	over "$1" "$lossy_bytes"
}

jumbo()
{
	row DATA-01
	net_mtu 9000
	over "$1" "$lossy_bytes"
}

modprobe -q sch_netem
at_exit net_down
ktap_plan 17
if ! net_up; then
	note "cannot build the topology"
	exit 1
fi
for family in 4 6; do
	ktap_case "clean__ipv$family" clean $family
	ktap_case "lossy__ipv$family" lossy $family
	ktap_case "disordered__ipv$family" disordered $family
	ktap_case "path_mtu__ipv$family" path_mtu $family
	ktap_case "jumbo__ipv$family" jumbo $family
	ktap_case "small_mtu__ipv$family" small_mtu $family 1280
done
for family in 4 6; do
	ktap_case "without_offload__ipv$family" without_offload $family
done
ktap_case "small_mtu_576__ipv4" small_mtu 4 576
net_mtu 1500
for family in 4 6; do
	ktap_case "stormy__ipv$family" stormy $family
done
ktap_end
