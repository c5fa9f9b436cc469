#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is left when connections are over: nothing but TIME_WAIT entries, and with
# their namespace those go as well. All of it in one namespace with loopback:
#
#   xt-life-$$: lo 127.0.0.1, ::1

. ../lib/ktap.sh
. ../lib/module.sh

ns=xt-life-$$
at_exit "[ ! -e /run/netns/$ns ] || ip netns del $ns"

fresh_netns()
{
	# What a case that failed may have left.
	[ ! -e "/run/netns/$ns" ] || ip netns del "$ns"
	ip netns add "$ns" && ip -n "$ns" link set lo up
}

drop_netns()
{
	ip netns del "$ns"
}

only_time_wait()
{
	[ -z "$(other_states "$ns")" ]
}

no_sockets()
{
	[ "$(sockets_of "$ns")" -eq 0 ]
}

thousand_connections()
{
	local before waiting

	row API-43 CLS-15
	before=$(objects)
	fresh_netns || fail "no namespace"
	ip netns exec "$ns" ./helper_churn 1000 >"$out" || fail "$(cat "$out")"
	wait_until 20 no_sockets || fail "$(sockets_of "$ns") sockets left in /proc/net/protocols"
	wait_until 20 only_time_wait || {
		other_states "$ns" | sed 's/^/# /'
		fail "entries in other states than TIME_WAIT"
	}
	waiting=$(count_state 06 "$ns")
	note "$waiting TIME_WAIT entries"
	[ "$waiting" -gt 0 ] || fail "there were no TIME_WAIT entries"
	# The entry itself, and the port it keeps busy.
	wait_until 20 objects_at_most $((before + 2 * waiting)) || {
		show_objects
		fail "$(objects) objects, $before before, $waiting in TIME_WAIT"
	}
	drop_netns || fail "cannot delete the namespace"
	wait_until 30 objects_at_most "$before" || {
		show_objects
		fail "$(objects) objects after the namespace, $before before"
	}
}

# sk_buffs of all kinds; others in the machine have some, too.
skbs()
{
	echo $(($(objects_of skbuff_head_cache) + $(objects_of skbuff_fclone_cache)))
}

skbs_at_most()
{
	[ "$(skbs)" -le "$1" ]
}

# Years of connections that end in every manner, in several processes, some of which
# are killed; and then nothing: no socket, no entry, no sk_buff, no byte on the accounts
# (unloading warns of those), no reference on the module.
crowd()
{
	local before skbs_before count=5000 start

	row API-43 CLS-15
	[ "${XTCP_TEST_FULL:-0}" != 1 ] || count=200000
	is_control || wait_until "$orphan_life" unused || fail "the module is in use before the test"
	before=$(objects)
	skbs_before=$(skbs)
	fresh_netns || fail "no namespace"
	start=$SECONDS
	ip netns exec "$ns" ./helper_crowd "$count" 4 >"$out" 2>&1 || fail "$(cat "$out")"
	note "$(cat "$out")" "$((SECONDS - start)) s"
	wait_until 150 no_sockets || {
		other_states "$ns" | sed 's/^/# /'
		fail "$(sockets_of "$ns") sockets left in /proc/net/protocols"
	}
	wait_until 20 only_time_wait || fail "entries in other states than TIME_WAIT"
	drop_netns || fail "cannot delete the namespace"
	wait_until 60 objects_at_most "$before" || {
		show_objects
		fail "$(objects) objects after the namespace, $before before"
	}
	wait_until 20 skbs_at_most $((skbs_before + 300)) ||
		fail "$(skbs) sk_buffs, $skbs_before before"
	is_control && return
	unused || fail "the module is in use"
	unload_soon 10 || fail "not unloaded"
	load || fail "cannot load again"
}

# Half-open entries and their listener go with the namespace, too.
half_open_namespace()
{
	local before

	row API-43
	before=$(objects)
	fresh_netns || fail "no namespace"
	ip netns exec "$ns" ./helper_inject halfopen 50 >"$out" || fail "$(cat "$out")"
	note "$(cat "$out")"
	drop_netns || fail "cannot delete the namespace"
	wait_until 30 objects_at_most "$before" || {
		show_objects
		fail "$(objects) objects after the namespace, $before before"
	}
}

# Sockets that were never connected, only bound, listening, refused.
idle_sockets()
{
	local before

	row API-43
	before=$(objects)
	fresh_netns || fail "no namespace"
	ip netns exec "$ns" ./helper_churn 0 || fail "cannot listen"
	wait_until 20 no_sockets || fail "sockets left"
	[ "$(count_state "" "$ns")" -eq 0 ] || fail "entries left"
	drop_netns || fail "cannot delete the namespace"
	wait_until 30 objects_at_most "$before" || {
		show_objects
		fail "$(objects) objects, $before before"
	}
}

out=$(mktemp)
at_exit rm -f "$out"
ktap_plan 4
ktap_case idle_sockets idle_sockets
ktap_case thousand_connections thousand_connections
ktap_case half_open_namespace half_open_namespace
ktap_case crowd crowd
ktap_end
