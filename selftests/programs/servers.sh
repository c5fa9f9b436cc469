#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The ways to build a server, in Python (servers.py): threads, fork, prefork, SO_REUSEPORT,
# descriptor passing, select, poll, epoll, asyncio; the client connects without blocking.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

every_kind()
{
	row API-04 API-12 API-26 API-37
	need_program python3
	# Its last port, 4008, listens when all the others do.
	serve 4008 python3 servers.py serve "$address" 4000
	client_runs python3 servers.py ask "$address" 4000 "$connections" "$bytes" "$seed" \
		>"$work/got" 2>&1 || show_and_fail "$work/got" "not every conversation was right"
	sed 's/^/# /' "$work/got"
	[ "$(grep -c "$connections of $connections right" "$work/got")" -eq 9 ] ||
		fail "not every kind was asked"
}

connections=5 bytes=100000
! is_long || connections=50 bytes=2000000
program_plan 1
programs_up
program_case every_kind every_kind
ktap_end
