#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading and unloading: refused while sockets exist, not by TIME_WAIT and half-open
# entries, nor by segments that go on arriving. Without namespaces of its own, except
# for the injector's TUN device:
#
#   xt-life-$$: hole 192.0.2.1/24, 2001:db8::1/64  <- segments of 192.0.2.2, 2001:db8::2

. ../lib/ktap.sh
. ../lib/module.sh

ns=xt-life-$$
out=$(mktemp)

at_exit rm -f "$out"
at_exit load
at_exit "[ ! -e /run/netns/$ns ] || ip netns del $ns"

clean_start()
{
	! loaded || unload_soon "$orphan_life" || fail "in use before the test: $(grep '^xtcp' /proc/modules)"
	load || fail "cannot load $module_file"
}

busy_with_sockets()
{
	local pid

	row API-43
	clean_start
	ip link set lo up
	exec {hold}> >(exec ./helper_churn 2 hold >"$out" 2>&1)
	pid=$!
	wait_until 20 grep -q holding "$out" || fail "$(cat "$out")"
	unload && fail "unloaded with open sockets"
	grep -q '^xtcp .* [1-9][0-9]* ' /proc/modules || note "$(grep '^xtcp' /proc/modules)"
	exec {hold}>&-
	wait "$pid" 2>/dev/null
	wait_until 10 grep -q '2 connections' "$out" || fail "the sockets were disturbed"
	unload_soon || fail "not unloaded after the sockets were closed"
	load || fail "cannot load again"
}

# Right after a thousand connections, with the TIME_WAIT entries they left.
time_wait_left()
{
	local waiting start

	row API-43
	clean_start
	ip link set lo up
	./helper_churn 1000 >"$out" || fail "$(cat "$out")"
	waiting=$(count_state 06)
	start=$(date +%s%N)
	unload_soon 5 || fail "not unloaded: $(grep '^xtcp' /proc/modules)"
	note "unloaded after $((($(date +%s%N) - start) / 1000000)) ms with $waiting TIME_WAIT entries"
	[ "$waiting" -gt 0 ] || fail "there were no TIME_WAIT entries"
	[ -z "$(caches)" ] || fail "caches left: $(caches)"
	load || fail "cannot load again"
	[ "$(count_state "")" -eq 0 ] || fail "entries after loading"
	./helper_churn 20 >"$out" || fail "after loading again: $(cat "$out")"
}

half_open_left()
{
	row API-43
	clean_start
	ip netns add "$ns" || fail "no namespace"
	ip netns exec "$ns" ./helper_inject halfopen 50 >"$out" || fail "$(cat "$out")"
	note "$(cat "$out")"
	unload_soon 5 || fail "not unloaded: $(grep '^xtcp' /proc/modules)"
	ip netns del "$ns"
	load || fail "cannot load again"
}

# With a listener open that has half-open entries, unloading is refused and changes nothing.
half_open_held()
{
	local pid

	row API-43
	clean_start
	ip netns add "$ns" || fail "no namespace"
	exec {hold}> >(exec ip netns exec "$ns" ./helper_inject hold 50 >"$out" 2>&1)
	pid=$!
	wait_until 20 grep -q halfopen "$out" || fail "$(cat "$out")"
	unload && fail "unloaded with a listener"
	[ "$(count_state 03 "$ns")" -gt 0 ] || fail "half-open entries disturbed"
	exec {hold}>&-
	wait "$pid" 2>/dev/null
	unload_soon 5 || fail "not unloaded after the listener was closed"
	ip netns del "$ns"
	load || fail "cannot load again"
}

twenty_cycles()
{
	local i

	row API-43
	ip link set lo up
	for i in $(seq 20); do
		clean_start
		./helper_churn 8 >"$out" || fail "cycle $i: $(cat "$out")"
	done
	unload_soon || fail "not unloaded"
	load || fail "cannot load again"
}

# Connections in full flow, killed, and the module gone as soon as the last of them is:
# with TIME_WAIT entries, orphans that end, and segments under way.
cycles_under_traffic()
{
	local i pid count=10

	row API-43
	[ "${XTCP_TEST_FULL:-0}" != 1 ] || count=100
	clean_start
	ip link set lo up
	for i in $(seq "$count"); do
		./helper_crowd 100000 2 >"$out" 2>&1 &
		pid=$!
		wait_until 20 traffic || fail "cycle $i: no connections: $(cat "$out")"
		unload && fail "cycle $i: unloaded under sockets"
		# shellcheck disable=SC2046 # words
		kill -KILL "$pid" $(pgrep -P "$pid")
		wait "$pid" 2>/dev/null
		unload_soon 30 || {
			grep '^xtcp' /proc/modules
			fail "cycle $i: not unloaded"
		}
		load || fail "cycle $i: cannot load"
	done
}

traffic()
{
	[ "$(wc -l <"$(proc_list 4)")" -gt 20 ]
}

# Segments of every kind keep coming while the module goes and comes.
under_fire()
{
	local i pid

	row API-43
	clean_start
	ip netns add "$ns" || fail "no namespace"
	ip netns exec "$ns" ./helper_inject storm 25 >"$out" 2>&1 &
	pid=$!
	wait_until 20 grep -q storming "$out" || fail "$(cat "$out")"
	for i in $(seq 10); do
		unload_soon 5 || fail "round $i: not unloaded: $(grep '^xtcp' /proc/modules)"
		load || fail "round $i: cannot load"
		./helper_churn 4 >/dev/null || fail "round $i: connections fail"
		# A listener in the line of fire.
		ip netns exec "$ns" ./helper_inject serve 200 || fail "round $i: cannot listen"
	done
	kill "$pid" 2>/dev/null
	wait "$pid"
	ip netns del "$ns"
}

# Without the module the family does not exist.
no_module()
{
	row API-01
	unload_soon 20 || fail "not unloaded"
	[ ! -e /proc/net/xtcp ] || fail "/proc/net/xtcp is still there"
	[ ! -e /proc/sys/net/xtcp ] || fail "/proc/sys/net/xtcp is still there"
	./helper_churn 1 >"$out" 2>&1 && fail "a socket without a module"
	grep -q 'Address family not supported' "$out" || fail "$(cat "$out")"
	load || fail "cannot load again"
}

ktap_plan 8
if is_control; then
	for name in busy_with_sockets time_wait_left half_open_left half_open_held twenty_cycles \
		    cycles_under_traffic under_fire no_module; do
		ktap_case "$name" skip "the kernel's TCP is no module"
	done
	ktap_end
fi
ktap_case busy_with_sockets busy_with_sockets
ktap_case time_wait_left time_wait_left
ktap_case half_open_left half_open_left
ktap_case half_open_held half_open_held
ktap_case twenty_cycles twenty_cycles
ktap_case cycles_under_traffic cycles_under_traffic
ktap_case under_fire under_fire
ktap_case no_module no_module
ktap_end
