# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Unmodified programs on the two hosts of net.sh, and the proof of what carried their
# traffic. Sourced after ktap.sh and net.sh.
#
#   programs_up                        the topology, its witnesses, a folder $work; or ends the script
#   program_plan N                     how many program_case follow
#   program_case NAME COMMAND ARGS...  a ktap case, for IPv4 and for IPv6 (in the short run for
#                                      one of them), REPEAT times; in it:
#     $family $address $url_host       4 or 6; the server's address; the same as in a URL
#     serve PORT PROGRAM ARGS...       a server on the server host, once it listens
#     server_runs, client_runs         a program there, over the transport under test
#     same FILE FILE                   their digests agree
#
# A case has passed when COMMAND succeeded AND the router saw packets of the transport's
# IP protocol in both directions and in this family, none of the other stream protocol,
# AND the other transport's counters did not move on either host, loopback included.
#
# REPEAT=N (or XTCP_TEST_REPEAT, which scripts/vm passes on): every case N times.

repeat=${REPEAT:-${XTCP_TEST_REPEAT:-1}}

# Seconds a server has to come up and a client has to end: emulated CPUs, shared hosts.
patience=${XTCP_TEST_PATIENCE:-120}

if is_control; then
	over_transport=()
	our_protocol=6
	other_protocol=253
else
	over_transport=("${XTCP_TOP:-$PWD/../../../..}/tools/xtcp-run")
	our_protocol=253
	other_protocol=6
fi

server_runs() { in_server "${over_transport[@]}" "$@"; }
client_runs() { in_client timeout -k 5 "$patience" "${over_transport[@]}" "$@"; }

programs_up()
{
	work=$(mktemp -d)
	# Servers that drop their privileges read and write below it.
	chmod 755 "$work"
	at_exit rm -rf "$work"
	at_exit net_down
	at_exit stop_programs
	if ! net_up; then
		note "cannot build the topology"
		exit 1
	fi
	if ! witnesses_up; then
		note "cannot count packets by protocol"
		exit 1
	fi
}

# One counter for each family and protocol on both of the router's devices, for what arrives.
witnesses_up()
{
	local dev ipv number pref

	modprobe -qa sch_ingress cls_u32 act_gact
	for dev in rc rs; do
		echo "qdisc add dev $dev clsact"
		pref=1
		for ipv in ip ip6; do
			for number in $our_protocol $other_protocol; do
				echo "filter add dev $dev ingress protocol ${ipv/ip6/ipv6} pref $pref" \
					"u32 match $ipv protocol $number 0xff action ok"
				pref=$((pref + 1))
			done
		done
	done | tc -n "$router" -batch -
}

# witnessed DEVICE: four numbers: IPv4 ours, IPv4 other, IPv6 ours, IPv6 other.
witnessed()
{
	tc -n "$router" -s filter show dev "$1" ingress |
		awk '/pref/ { for (i = 1; i < NF; i++) if ($i == "pref") pref = $(i + 1) }
		     /Sent .* pkt/ { count[pref] = $4 }
		     END { print count[1] + 0, count[2] + 0, count[3] + 0, count[4] + 0 }'
}

# Connections and segments of the other transport on both hosts, loopback included.
other_counters()
{
	local ns

	for ns in $client $server; do
		if is_control; then
			ip netns exec "$ns" cat /proc/net/xtcp_snmp 2>/dev/null | sum_of Xtcp
		else
			ip netns exec "$ns" cat /proc/net/snmp | sum_of Tcp
		fi
	done
}

# sum_of PREFIX: of what counts opened connections and segments of either direction.
sum_of()
{
	awk -v prefix="$1:" '$1 == prefix && !seen++ { for (i = 2; i <= NF; i++) name[i] = $i; next }
		$1 == prefix { for (i in name) if (name[i] ~ /^(Active|Passive)Opens$|^(In|Out)Segs$/) sum += $i }
		END { print sum + 0 }'
}

# proven COMMAND...: runs it, and looks at what carried the traffic meanwhile.
proven()
{
	local before_rc before_rs after_rc after_rs other

	read -ra before_rc < <(witnessed rc)
	read -ra before_rs < <(witnessed rs)
	other=$(other_counters)
	"$@"
	read -ra after_rc < <(witnessed rc)
	read -ra after_rs < <(witnessed rs)
	if [ "$(other_counters)" != "$other" ]; then
		fail "the other transport was used on a host (counts of client and server):" \
			"${other//$'\n'/ }, now $(other_counters | xargs)"
	fi
	grew 1 && fail "IPv4 packets of protocol $other_protocol on the wire"
	grew 3 && fail "IPv6 packets of protocol $other_protocol on the wire"
	if [ "$family" = 4 ]; then
		in_both 0 || fail "no IPv4 packets of protocol $our_protocol in both directions"
		grew 2 && fail "IPv6 packets in an IPv4 case"
	else
		in_both 2 || fail "no IPv6 packets of protocol $our_protocol in both directions"
		grew 0 && fail "IPv4 packets in an IPv6 case"
	fi
	return 0
}

# grew INDEX: this counter of the router did, in either direction; in_both: in each.
grew()
{
	[ "${after_rc[$1]}" -gt "${before_rc[$1]}" ] || [ "${after_rs[$1]}" -gt "${before_rs[$1]}" ]
}

in_both()
{
	note "packets: $((after_rc[$1] - before_rc[$1])) from the client,\
 $((after_rs[$1] - before_rs[$1])) from the server"
	[ "${after_rc[$1]}" -gt "${before_rc[$1]}" ] && [ "${after_rs[$1]}" -gt "${before_rs[$1]}" ]
}

# In the subshell of the case: what it started ends with it, however it ends.
once()
{
	trap stop_programs EXIT
	# shellcheck disable=SC2034 # for the tests
	case $family in
	4) address=$server4 url_host=$server4 ;;
	6) address=$server6 url_host="[$server6]" ;;
	esac
	proven "$@"
}

each_time()
{
	local time

	for ((time = 1; time <= repeat; time++)); do
		# Each in a folder of its own.
		rm -rf "${work:?}"/*
		(once "$@") || fail "time $time of $repeat"
	done
}

# The IP versions of the next case: both in the long run; else they take turns, and which begins
# depends on the script.
turn=$((${#0} % 2))

case_families()
{
	if [ -n "${families:-}" ]; then
		echo "$families"
	elif is_long; then
		echo 4 6
	else
		echo $((turn % 2 ? 6 : 4))
	fi
}

# program_plan N: so many program_case follow.
program_plan()
{
	local count=$1

	# shellcheck disable=SC2046 # a list of words
	set -- $(case_families)
	ktap_plan $((count * $#))
}

# program_case NAME COMMAND ARGS...
program_case()
{
	local name=$1

	shift
	for family in $(case_families); do
		ktap_case "${name}__ipv$family" each_time "$@"
	done
	turn=$((turn + 1))
}

# need_program NAME...: or the case is skipped, loudly.
need_program()
{
	local name

	for name in "$@"; do
		command -v "$name" >/dev/null || [ -x "$name" ] || skip "$name is not installed"
	done
}

# listens PORT: somebody in the network namespace of process $serving does. No "read" in a
# loop: it seeks back after each line, and the kernel would walk its tables anew.
listens()
{
	local port

	printf -v port %04X "$1"
	awk -v port=":$port\$" '$4 == "0A" && $2 ~ port { found = 1; exit } END { exit !found }' \
		"/proc/$serving$(proc_list 4 | cut -c 6-)" "/proc/$serving$(proc_list 6 | cut -c 6-)" \
		2>/dev/null
}

listens_or_died()
{
	listens "$1" || ! kill -0 "$serving" 2>/dev/null
}

# serve PORT PROGRAM ARGS...: its output is in $work/server.PORT, its process $serving.
serve()
{
	local port=$1

	shift
	(exec ip netns exec "$server" "${over_transport[@]}" "$@") \
		>"$work/server.$port" 2>&1 </dev/null &
	serving=$!
	wait_until "$patience" listens_or_died "$port"
	listens "$port" || show_and_fail "$work/server.$port" "$1 does not listen on port $port"
}

# show_and_fail FILE WHY...
show_and_fail()
{
	tail -n 40 "$1" | sed 's/^/# /'
	shift
	fail "$*"
}

no_programs()
{
	[ -z "$(ip netns pids "$client"; ip netns pids "$server")" ]
}

stop_programs()
{
	local pids ns try seconds=3

	for try in TERM KILL; do
		for ns in $client $server; do
			[ -e "/run/netns/$ns" ] || continue
			pids=$(ip netns pids "$ns")
			# shellcheck disable=SC2086 # a list of numbers
			[ -z "$pids" ] || kill -s $try $pids 2>/dev/null
		done
		wait_until $seconds no_programs && return
		seconds=20
	done
}

same()
{
	local one two

	one=$(sha256sum <"$1") || fail "cannot read $1"
	two=$(sha256sum <"$2") || fail "cannot read $2"
	[ "$one" = "$two" ] ||
		fail "$2 ($(stat -c %s "$2") bytes) is not $1 ($(stat -c %s "$1") bytes)"
}

# content FILE BYTES: no part of it repeats, and another seed gives another.
content()
{
	seq -f "%.0f of $seed" 1000000000 9999999999 2>/dev/null | head -c "$2" >"$1"
}
