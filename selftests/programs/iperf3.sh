#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# iperf3 in both directions, with parallel streams, with a file whose content arrives:
# non-blocking sockets and select, TCP_INFO, TCP_MAXSEG, TCP_CONGESTION, SO_SNDBUF, sendfile.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

# measured BYTES ARGS...: BYTES were sent, and the other side says it received them.
measured()
{
	local bytes=$1

	shift
	serve 5201 iperf3 -s -1 -p 5201 -B "$address"
	client_runs iperf3 -c "$address" -p 5201 -J "$@" >"$work/json" ||
		show_and_fail "$work/json" "iperf3: status $?"
	python3 - "$bytes" "$work/json" <<-'END' || fail "not what iperf3 was to send"
	import json, sys
	at_least = int(sys.argv[1])
	report = json.load(open(sys.argv[2]))
	assert "error" not in report, report["error"]
	end = report["end"]
	sent, received = end["sum_sent"], end["sum_received"]
	print("#", sent["bytes"], "bytes sent,", received["bytes"], "received,",
	      sent.get("retransmits"), "retransmits,", end.get("sender_tcp_congestion"))
	assert received["bytes"] >= at_least, "too little"
	assert received["bytes"] <= sent["bytes"], "more than was sent"
	for stream in end["streams"]:
	    sender = stream["sender"]
	    # From TCP_INFO, while the connection was at work.
	    assert 0 < sender["max_rtt"] < 60e6, "round-trip time %s us" % sender["max_rtt"]
	    assert sender["max_snd_cwnd"] >= 1000, "congestion window"
	END
}

# In both directions the same client: -R lets the server send.
sends()
{
	row API-12 API-34
	need_program iperf3 python3
	measured "$bytes" -n "$bytes" "$@"
}

# iperf3 -F: what arrives is written to the file the server names.
content_arrives()
{
	row API-12 API-38
	need_program iperf3
	content "$work/file" "$bytes"
	serve 5201 iperf3 -s -1 -p 5201 -B "$address" -F "$work/got"
	client_runs iperf3 -c "$address" -p 5201 -F "$work/file" "$@" >"$work/text" 2>&1 ||
		show_and_fail "$work/text" "iperf3: status $?"
	wait "$serving"
	# The client may stop in the middle of its last block; the file is at least a part.
	cmp -n "$(stat -c %s "$work/got")" "$work/file" "$work/got" || fail "another content"
	[ "$(stat -c %s "$work/got")" -gt $((bytes * 3 / 4)) ] ||
		fail "$(stat -c %s "$work/got") of $bytes bytes arrived"
}

bytes=$((2 << 20))
! is_long || bytes=$((200 << 20))
ktap_plan 10
programs_up
program_case forward sends
program_case reverse sends -R
program_case parallel sends -P 4 --set-mss 1000 -w 64K
program_case both_ways sends --bidir
program_case content content_arrives
ktap_end
