#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A flood from outside while what it aims at goes away: the namespace, and the module.
#
#   xt-att-$$               xt-vic-$$
#   hole  (helper_flood) -> a0 198.51.100.2/24, fd00:a::2/64 -> v0 198.51.100.1, fd00:a::1
#
# The attacker's namespace forwards; sources in 10.0.0.0/8 and 2001:db8:1::/64 do not exist.

. ../lib/ktap.sh
. ../lib/module.sh

attacker=xt-att-$$
victim=xt-vic-$$
inject=../life/helper_inject
out=$(mktemp -d)

at_exit rm -r "$out"
at_exit "for ns in $attacker $victim; do [ ! -e /run/netns/\$ns ] || ip netns del \$ns; done"

# The victim's namespace with its end of the wire.
victim_up()
{
	ip netns add "$victim" &&
	ip -n "$attacker" link add a0 type veth peer name v0 netns "$victim" &&
	ip -n "$attacker" -batch - <<-END && ip -n "$victim" -batch - <<-END
		addr add 198.51.100.2/24 dev a0
		addr add fd00:a::2/64 dev a0 nodad
		link set a0 up
	END
		link set lo up
		addr add 198.51.100.1/24 dev v0
		addr add fd00:a::1/64 dev v0 nodad
		link set v0 up
		route add default via 198.51.100.2
		route add ::/0 via fd00:a::2
	END
}

attack_up()
{
	for ns in "$attacker" "$victim"; do
		[ ! -e "/run/netns/$ns" ] || ip netns del "$ns"
	done
	ip netns add "$attacker" &&
	ip netns exec "$attacker" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 &&
	victim_up
}

# flood IPVERSION: in the background, for ten minutes at most, at the listeners of $inject.
flood()
{
	local to=198.51.100.1 six=()

	if [ "$1" = 6 ]; then
		to=fd00:a::1
		six=(-6)
	fi
	ip netns exec "$attacker" ./helper_flood "${six[@]}" -d "$to" -r 5000 -s 600 7000 >"$out/flood" 2>&1 &
	flood_pid=$!
	at_exit "kill $flood_pid 2>/dev/null"
}

flood_ends()
{
	kill -0 "$flood_pid" 2>/dev/null || fail "the flood ended by itself: $(cat "$out/flood")"
	kill "$flood_pid"
	wait "$flood_pid" 2>/dev/null
	note "$(tail -1 "$out/flood")"
}

under_flood()
{
	[ "$(count_state 03 "$victim")" -gt 0 ]
}

netns_exit()
{
	local before round server

	row LSN-24 SEC-21
	before=$(objects)
	attack_up || fail "cannot build the topology"
	flood "$1"
	for round in 1 2 3; do
		ip netns exec "$victim" "$inject" serve 60000 &
		server=$!
		wait_until 90 under_flood || fail "round $round: no half-open entries"
		kill -KILL "$server"
		ip netns del "$victim"
		wait "$server" 2>/dev/null
		# Its end of the wire is gone with it: another one for the next round.
		wait_until 20 no_wire || fail "round $round: the namespace stays"
		victim_up || fail "round $round: cannot build the namespace again"
	done
	flood_ends
	ip netns del "$victim"
	ip netns del "$attacker"
	wait_until 60 objects_at_most "$before" || {
		show_objects
		fail "$(objects) objects left, $before before"
	}
}

no_wire()
{
	! ip -n "$attacker" link show a0 >/dev/null 2>&1
}

module_exit()
{
	local round

	row LSN-24 API-43
	unload_soon 20
	load || fail "cannot load $module_file"
	attack_up || fail "cannot build the topology"
	flood "$1"
	for round in 1 2 3; do
		ip netns exec "$victim" "$inject" serve 300 || fail "round $round: cannot listen"
		# What the listener left is purged with the segments of the flood in flight.
		unload_soon 10 || fail "round $round: not unloaded: $(grep '^xtcp' /proc/modules)"
		[ -z "$(caches)" ] || fail "round $round: caches left: $(caches)"
		load || fail "round $round: cannot load"
	done
	ip netns exec "$victim" "$inject" serve 300 || fail "cannot listen"
	grep -q . /proc/net/xtcp_snmp || fail "no counters"
	flood_ends
	ip netns del "$victim"
	ip netns del "$attacker"
}

ktap_plan 4
if is_control; then
	for name in netns_exit__ipv4 netns_exit__ipv6 module_exit__ipv4 module_exit__ipv6; do
		ktap_case "$name" skip "the kernel's TCP is no module"
	done
	ktap_end
fi
ktap_case netns_exit__ipv4 netns_exit 4
ktap_case netns_exit__ipv6 netns_exit 6
ktap_case module_exit__ipv4 module_exit 4
ktap_case module_exit__ipv6 module_exit 6
ktap_end
