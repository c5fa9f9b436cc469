#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Namespaces deleted while data flow between them; the topology stands in lib/net.sh.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/module.sh

# shellcheck disable=SC2034
xfer=../net/helper_xfer
out=$(mktemp -d)

at_exit rm -r "$out"

# A standard input on which nothing ever comes, and which does not end.
mkfifo "$out/silence"
exec {silence}<>"$out/silence"
at_exit net_down

# Both processes are killed and all namespaces deleted in the middle of a transfer.
deleted_under_traffic()
{
	local family=$1 before address listening calling

	row API-43
	before=$(objects)
	address=$server4
	[ "$family" = 4 ] || address=$server6
	net_up || fail "cannot build the topology"
	ip netns exec "$server" "$xfer" -l -n 4000000000 -t 60 "$address" 5001 >"$out/server" 2>&1 &
	listening=$!
	wait_until 20 grep -q listening "$out/server" || fail "$(cat "$out/server")"
	ip netns exec "$client" "$xfer" -n 4000000000 -t 60 "$address" 5001 >"$out/client" 2>&1 &
	calling=$!
	wait_until 20 established || fail "no connection"
	sleep 1
	kill -KILL "$listening" "$calling"
	net_down
	wait "$listening" "$calling" 2>/dev/null
	wait_until 60 objects_at_most "$before" || {
		show_objects
		fail "$(objects) objects left, $before before"
	}
}

# Namespaces that come and go, each with connections of every kind in full flow when it
# does, and half-open entries whose peers never answer. The processes are killed and the
# name deleted; the namespace itself ends with the last orphan in it.
come_and_go()
{
	local before count=10 i

	row SEC-21 API-43
	[ "${XTCP_TEST_FULL:-0}" != 1 ] || count=200
	before=$(objects)
	for i in $(seq "$count"); do
		# Silent about who was killed.
		one_namespace "$i" 2>/dev/null || fail "namespace $i of $count"
	done
	wait_until 150 objects_at_most "$before" || {
		show_objects
		fail "$(objects) objects left, $before before"
	}
}

# Its log tells when to strike: SYNs to nobody are half-open at once, flows take longer.
one_namespace()
{
	local ns=xt-go-$$ pids

	ip netns add "$ns" && ip -n "$ns" link set lo up || return 1
	ip netns exec "$ns" ./helper_inject hold 20 <&"$silence" >"$out/hold" 2>&1 &
	pids=$!
	ip netns exec "$ns" ./helper_crowd 100000 2 >"$out/crowd" 2>&1 &
	pids="$pids $!"
	wait_until 30 grep -q halfopen "$out/hold" && wait_until 30 flowing "$ns" || return 1
	# shellcheck disable=SC2046,SC2086 # words
	kill -KILL $pids $(pgrep -P "${pids// /,}")
	ip netns del "$ns"
	# shellcheck disable=SC2086 # words
	wait $pids
	return 0
}

flowing()
{
	[ "$(count_state 06 "$1")" -gt 2 ]
}

established()
{
	[ "$(count_state 01 "$server")" -ge 1 ]
}

# A namespace outlives its name while a process is in it, and its connections go on.
name_deleted_only()
{
	local before listening calling

	row API-43
	before=$(objects)
	net_up || fail "cannot build the topology"
	ip netns exec "$server" "$xfer" -l -n 4000000 -t 60 "$server4" 5001 >"$out/server" 2>&1 &
	listening=$!
	wait_until 20 grep -q listening "$out/server" || fail "$(cat "$out/server")"
	ip netns exec "$client" "$xfer" -n 4000000 -t 60 "$server4" 5001 >"$out/client" 2>&1 &
	calling=$!
	wait_until 20 established_or_done || fail "no connection"
	ip netns del "$client"
	ip netns del "$server"
	wait "$listening" || fail "server: $(cat "$out/server")"
	wait "$calling" || fail "client: $(cat "$out/client")"
	net_down
	wait_until 60 objects_at_most "$before" || {
		show_objects
		fail "$(objects) objects left, $before before"
	}
}

established_or_done()
{
	established || grep -q '^sent' "$out/server"
}

ktap_plan 4
ktap_case deleted_under_traffic__ipv4 deleted_under_traffic 4
ktap_case deleted_under_traffic__ipv6 deleted_under_traffic 6
ktap_case name_deleted_only name_deleted_only
ktap_case come_and_go come_and_go
ktap_end
