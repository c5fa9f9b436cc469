#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The checksums that arrive behind the last hop, whoever had to compute them: the
# transport itself (the sender's device does none), or the router's device, which
# finishes what the sender left partial (and cuts what it left whole). The topology
# stands in lib/net.sh; captured is what arrives at the server and at the client.

. ../lib/ktap.sh
. ../lib/net.sh

# shellcheck disable=SC2034
xfer=./helper_xfer
out=$(mktemp -d)

at_exit rm -r "$out"
at_exit net_down

# check_capture WHERE FAMILY: the line of a finished capture.
check_capture()
{
	local line

	line=$(grep '^segments' "$out/$1") || fail "no result of the capture at the $1"
	note "$1: $line"
	# shellcheck disable=SC2086
	set -- $line "$2"
	[ "$2" -ge 50 ] || fail "only $2 segments seen"
	[ "$4" -eq 0 ] || fail "$4 wrong checksums"
	[ "$6" -eq 0 ] || fail "$6 segments left unfinished"
	if [ "${13}" = 4 ]; then
		[ "${10}" -eq "$2" ] || fail "other segments than IPv4"
	else
		[ "${12}" -eq "$2" ] || fail "other segments than IPv6"
	fi
}

checked()
{
	local family=$1 at_server at_client status=0

	row WIRE-02
	ip netns exec "$server" ./helper_capture s0 60 >"$out/server" &
	at_server=$!
	ip netns exec "$client" ./helper_capture c0 60 >"$out/client" &
	at_client=$!
	wait_until 20 grep -q capturing "$out/server" || fail "no capture"
	wait_until 20 grep -q capturing "$out/client" || fail "no capture"
	transfer "$family" $((512 * 1024)) || status=1
	kill "$at_server" "$at_client"
	wait "$at_server" "$at_client"
	[ "$status" -eq 0 ] || fail "transfer over IPv$family"
	check_capture server "$family"
	check_capture client "$family"
}

by_transport()
{
	offload "$client" c0 off tx tso gso
	offload "$server" s0 off tx tso gso
	checked "$1"
}

by_router()
{
	offload "$client" c0 on tx tso gso
	offload "$server" s0 on tx tso gso
	offload "$router" rc off tx tso gso
	offload "$router" rs off tx tso gso
	checked "$1"
}

ktap_plan 4
if ! net_up; then
	note "cannot build the topology"
	exit 1
fi
ktap_case by_transport__ipv4 by_transport 4
ktap_case by_transport__ipv6 by_transport 6
ktap_case by_router__ipv4 by_router 4
ktap_case by_router__ipv6 by_router 6
ktap_end
