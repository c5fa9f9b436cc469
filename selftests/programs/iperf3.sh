#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# iperf3 in both directions, with parallel streams, with a file whose content arrives:
# non-blocking sockets and select, TCP_INFO, TCP_MAXSEG, TCP_CONGESTION, SO_SNDBUF, sendfile.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

# measured ARGS...: bytes were sent, and the other side says how many of them it received.
# Both sides count; which bytes they were is the last case's question.
measured()
{
	row API-12 API-34
	need_program iperf3 python3
	serve 5201 iperf3 -s -1 -p 5201 -B "$address"
	client_runs iperf3 -c "$address" -p 5201 -J -t "$seconds" "$@" >"$work/json" ||
		show_and_fail "$work/json" "iperf3: status $?"
	python3 - "$work/json" <<-'END' || show_and_fail "$work/json" "not what iperf3 was to measure"
	import json, sys
	report = json.load(open(sys.argv[1]))
	assert "error" not in report, report["error"]
	end = report["end"]
	for name in ("", "_bidir_reverse"):
	    if "sum_sent" + name not in end:
	        continue
	    sent, received = end["sum_sent" + name], end["sum_received" + name]
	    print("#", sent["bytes"], "bytes sent,", received["bytes"], "received,",
	          sent.get("retransmits"), "retransmits,", end.get("sender_tcp_congestion"))
	    # What was on its way at the end is not counted as received.
	    assert 100000 <= received["bytes"] <= sent["bytes"], "bytes received"
	streams = end["streams"]
	wanted = report["start"]["test_start"]["num_streams"]
	wanted *= 2 if "sum_sent_bidir_reverse" in end else 1
	assert len(streams) == wanted, "%d streams, not %d" % (len(streams), wanted)
	for stream in streams:
	    assert stream["sender"]["bytes"] > 0 and stream["receiver"]["bytes"] > 0, "an idle stream"
	# From TCP_INFO, while the connections were at work; the sender's, and only where it is this side.
	for interval in report["intervals"]:
	    for stream in interval["streams"]:
	        if stream["sender"]:
	            assert 0 < stream["rtt"] < 60e6, "round-trip time %s us" % stream["rtt"]
	            assert stream["snd_cwnd"] >= 1000, "congestion window %s" % stream["snd_cwnd"]
	END
}

# iperf3 -F: what arrives is written to the file the server names. Small enough for the
# send buffer, as iperf3 3.12 repeats parts of a block that was not written at once; slow,
# as what has not arrived when the sender is done is not written.
content_arrives()
{
	local arrived

	row API-12
	need_program iperf3
	content "$work/file" 150000
	serve 5201 iperf3 -s -1 -p 5201 -B "$address" -F "$work/got"
	client_runs iperf3 -c "$address" -p 5201 -w 200K -l 10K -b 1M -F "$work/file" \
		>"$work/text" 2>&1 || show_and_fail "$work/text" "iperf3: status $?"
	wait "$serving"
	arrived=$(stat -c %s "$work/got")
	[ "$arrived" -ge 50000 ] || show_and_fail "$work/text" "only $arrived bytes arrived"
	cmp -n "$arrived" "$work/file" "$work/got" || fail "another content"
}

seconds=1
! is_long || seconds=20
program_plan 5
programs_up
program_case forward measured
program_case reverse measured -R
program_case parallel measured -P 4 --set-mss 1000 -w 64K
program_case both_ways measured --bidir
program_case content content_arrives
ktap_end
