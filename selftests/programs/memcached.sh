#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# memcached, whose one thread accepts and hands connections to four others, spoken to by
# netcat.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

# A thousand values stored without answers, then read back in one conversation.
stored_values()
{
	row API-26 API-11
	need_program memcached nc
	serve 11211 memcached -u nobody -t 4 -l "$address" -p 11211 -U 0
	{
		seq 1000 | awk '{ printf "set key%d 0 0 %d noreply\r\nvalue%d\r\n", $1, length($1) + 5, $1 }'
		seq 1000 | awk '{ printf "get key%d\r\n", $1 } END { printf "quit\r\n" }'
	} >"$work/commands"
	seq 1000 | awk '{ printf "VALUE key%d 0 %d\r\nvalue%d\r\nEND\r\n", $1, length($1) + 5, $1 }' \
		>"$work/expected"
	client_runs nc "$address" 11211 <"$work/commands" >"$work/got" || fail "nc: status $?"
	same "$work/expected" "$work/got"
}

program_plan 1
programs_up
program_case stored_values stored_values
ktap_end
