#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Transfers through a router that marks where it would drop (RFC 3168): both ends agree,
# slow down, and resend next to nothing. The topology stands in lib/net.sh.

. ../lib/ktap.sh
. ../lib/net.sh

# shellcheck disable=SC2034
xfer=./helper_xfer

bytes=$((2 * 1024 * 1024))

declare -A before now
names='CeRcvd EceRcvd EcnReductions RetransSegs'

# Both hosts' counters into the array "now". One process for each: they are slow in a VM.
read_counters()
{
	local ns name value

	for ns in $client $server; do
		while read -r name value; do
			now[$ns$name]=$value
		done < <(ip netns exec "$ns" awk -v names=" $names " '
			NR == 1 { split($0, name) }
			NR == 2 { for (i in name) if (index(names, " " name[i] " ")) print name[i], $i }
			' /proc/net/xtcp_snmp)
	done
}

note_counters()
{
	local key

	read_counters
	for key in "${!now[@]}"; do
		before[$key]=${now[$key]}
	done
}

# grown NAMESPACE NAME: by how much, from note_counters to show_counters.
grown()
{
	echo $((now[$1$2] - before[$1$2]))
}

show_counters()
{
	local ns name

	read_counters
	for ns in $client $server; do
		for name in $names; do
			note "$ns $name $(grown "$ns" "$name")"
		done
	done
}

# One in twenty packets is marked, or lost if it is not ECN-capable.
marked()
{
	local ns

	row CC-17 CC-18
	in_client sysctl -qw net.xtcp.ecn=1 net.xtcp.ecn_fallback=0
	note_counters
	net_impair delay 5ms loss 5% ecn || skip "netem is missing"
	transfer "$1" "$bytes" 100 || fail "transfer over IPv$1"
	show_counters
	for ns in $client $server; do
		[ "$(grown "$ns" CeRcvd)" -gt 0 ] || fail "$ns saw no mark"
		[ "$(grown "$ns" EceRcvd)" -gt 0 ] || fail "$ns heard of no mark"
		[ "$(grown "$ns" EcnReductions)" -gt 0 ] || fail "$ns never slowed down"
		[ $((4 * $(grown "$ns" RetransSegs))) -lt "$(grown "$ns" CeRcvd)" ] ||
			fail "$ns resent although the path only marked"
	done
}

# The same path, and a client that does not ask: it loses.
unmarked()
{
	local ns

	row CC-16
	in_client sysctl -qw net.xtcp.ecn=2
	note_counters
	net_impair delay 5ms loss 5% ecn || skip "netem is missing"
	transfer "$1" "$bytes" 100 || fail "transfer over IPv$1"
	show_counters
	for ns in $client $server; do
		[ "$(grown "$ns" CeRcvd)" -eq 0 ] || fail "$ns saw a mark without asking"
		[ "$(grown "$ns" RetransSegs)" -gt 0 ] || fail "$ns resent nothing"
	done
}

modprobe -q sch_netem
at_exit net_down
ktap_plan 4
if ! net_up; then
	note "cannot build the topology"
	exit 1
fi
# One mark would stand for a whole super-segment, and chance could leave a direction without.
net_offload off
for family in 4 6; do
	ktap_case "marked__ipv$family" marked $family
	ktap_case "unmarked__ipv$family" unmarked $family
done
ktap_end
