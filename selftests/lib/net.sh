# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Two hosts and a router between them, each a network namespace. Sourced after ktap.sh.
#
#   client ns            router ns                server ns
#  +---------+       +---------------+          +---------+
#  |      c0 |-------| rc         rs |----------| s0      |
#  +---------+       +---------------+          +---------+
#   10.0.1.1/24   10.0.1.2      10.0.2.2      10.0.2.1/24
#   fd00:1::1/64  fd00:1::2     fd00:2::2     fd00:2::1/64
#
# Impairments stand on the router's two devices, each for what leaves it: an emulator
# on the sending host itself would interact with the limits of its transmit queue.

# Distinct names, so that two runs on one machine do not meet.
# shellcheck disable=SC2034
{
client=xt-c-$$
router=xt-r-$$
server=xt-s-$$
client4=10.0.1.1
client6=fd00:1::1
server4=10.0.2.1
server6=fd00:2::1
}

in_client() { ip netns exec "$client" "$@"; }
in_router() { ip netns exec "$router" "$@"; }
in_server() { ip netns exec "$server" "$@"; }

# Builds the topology, or fails.
net_up()
{
	printf 'netns add %s\n' "$client" "$router" "$server" | ip -batch - &&
	ip link add c0 netns "$client" type veth peer name rc netns "$router" &&
	ip link add s0 netns "$server" type veth peer name rs netns "$router" || return 1
	ip -n "$client" -batch - <<-END || return 1
		link set lo up
		addr add $client4/24 dev c0
		addr add $client6/64 dev c0 nodad
		link set c0 up
		route add default via 10.0.1.2
		route add ::/0 via fd00:1::2
	END
	ip -n "$server" -batch - <<-END || return 1
		link set lo up
		addr add $server4/24 dev s0
		addr add $server6/64 dev s0 nodad
		link set s0 up
		route add default via 10.0.2.2
		route add ::/0 via fd00:2::2
	END
	ip -n "$router" -batch - <<-END || return 1
		link set lo up
		addr add 10.0.1.2/24 dev rc
		addr add fd00:1::2/64 dev rc nodad
		addr add 10.0.2.2/24 dev rs
		addr add fd00:2::2/64 dev rs nodad
		link set rc up
		link set rs up
	END
	in_router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

net_quiet()
{
	local ns

	for ns in $client $server; do
		[ ! -e "/run/netns/$ns" ] || [ -z "$(other_states "$ns")" ] || return 1
	done
}

# A connection whose last FIN was lost sends it again, while there is a path: without
# one it would be there, and hold the module, for minutes. No RTO is longer than 120 s.
net_down()
{
	local ns start=$SECONDS

	net_clear
	if wait_until 130 net_quiet; then
		[ "$SECONDS" -lt $((start + 20)) ] || note "quiet after $((SECONDS - start)) s"
	else
		note "connections left:"
		for ns in $client $server; do
			other_states "$ns" | sed 's/^/# /'
		done
	fi
	for ns in $client $router $server; do
		[ ! -e "/run/netns/$ns" ] || echo "netns del $ns"
	done | ip -batch -
}

# A clean path. Nothing to delete is no error.
net_clear()
{
	printf 'qdisc del dev %s root\n' rc rs | tc -n "$router" -force -batch - 2>/dev/null
	return 0
}

# net_impair ARGS...: netem arguments for both directions; none: a clean path.
net_impair()
{
	if [ $# -eq 0 ]; then
		net_clear
		return
	fi
	{
		echo "qdisc replace dev rc root netem limit 20000 $*"
		echo "qdisc replace dev rs root netem limit 20000 $*"
	} | tc -n "$router" -batch -
}

# What the impairments did so far, for the record.
net_impaired()
{
	tc -n "$router" -s qdisc show | awk '/netem/ { on = 1 } /Sent/ && on { print "# netem: " $0; on = 0 }'
}

# net_mtu HOSTS [FAR]: MTU of all links; FAR: another one for the link of the server.
net_mtu()
{
	local near=$1 far=${2:-$1} down=''

	# Below 1280 the kernel takes IPv6 from a device, with its addresses.
	[ "$near" -ge 1280 ] && [ "$far" -ge 1280 ] || down=1
	{
		echo "link set c0 mtu $near"
		[ "$down" ] || echo "addr replace $client6/64 dev c0 nodad"
		[ "$down" ] || echo "route replace ::/0 via fd00:1::2"
	} | ip -n "$client" -batch - || return 1
	{
		echo "link set rc mtu $near"
		echo "link set rs mtu $far"
		[ "$down" ] || echo "addr replace fd00:1::2/64 dev rc nodad"
		[ "$down" ] || echo "addr replace fd00:2::2/64 dev rs nodad"
	} | ip -n "$router" -batch - || return 1
	{
		echo "link set s0 mtu $far"
		[ "$down" ] || echo "addr replace $server6/64 dev s0 nodad"
		[ "$down" ] || echo "route replace ::/0 via fd00:2::2"
	} | ip -n "$server" -batch -
}

# offload NAMESPACE DEVICE on|off FEATURES...: ethtool, or a skip that says so.
offload()
{
	local ns=$1 dev=$2 value=$3 feature args=()

	shift 3
	command -v ethtool >/dev/null || skip "ethtool is not installed"
	for feature in "$@"; do
		args+=("$feature" "$value")
	done
	ip netns exec "$ns" ethtool -K "$dev" "${args[@]}" >/dev/null
}

# net_offload on|off: everything the devices can take over, on every device.
net_offload()
{
	offload "$client" c0 "$1" tx tso gso gro
	offload "$router" rc "$1" tx tso gso gro
	offload "$router" rs "$1" tx tso gso gro
	offload "$server" s0 "$1" tx tso gso gro
}

# transfer FAMILY BYTES [SECONDS]: BYTES each way at once between client and server.
transfer()
{
	local family=$1 bytes=$2 deadline=${3:-100} address out status=0 port=5001 listening

	address=$server4
	[ "$family" = 4 ] || address=$server6
	out=$(mktemp -d)
	ip netns exec "$server" "$xfer" -l -s "$((seed + ktap_number))" -n "$bytes" -t "$deadline" "$address" $port \
		>"$out/server" 2>&1 &
	listening=$!
	if ! wait_until 20 grep -q '^listening' "$out/server"; then
		note "server did not start:" "$(cat "$out/server")"
		kill "$listening" 2>/dev/null
		return 1
	fi
	in_client "$xfer" -s "$((seed + ktap_number))" -n "$bytes" -t "$deadline" "$address" $port \
		>"$out/client" 2>&1 || status=1
	[ "$status" -eq 0 ] || kill "$listening" 2>/dev/null
	wait "$listening" || status=1
	# What one side sent is what the other received, by both sides' digests.
	[ "$(awk '/^sent/ { print $2, $4 }' "$out/client")" = \
	  "$(awk '/^received/ { print $2, $4 }' "$out/server")" ] || status=1
	[ "$(awk '/^sent/ { print $2, $4 }' "$out/server")" = \
	  "$(awk '/^received/ { print $2, $4 }' "$out/client")" ] || status=1
	sed 's/^/# client: /' "$out/client"
	sed 's/^/# server: /' "$out/server"
	rm -r "$out"
	return $status
}
