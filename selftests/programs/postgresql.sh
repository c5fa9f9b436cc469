#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# PostgreSQL with psql: a process for each connection, non-blocking sockets, latches on
# epoll, a copy of many rows in and out, notifications between two sessions.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)

# The server wants a user of its own.
as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups env HOME="$cluster" "$@"; }

# Once: the data of the cluster are of no interest here.
make_cluster()
{
	cluster=$(mktemp -d)
	at_exit rm -rf "$cluster"
	chown postgres:postgres "$cluster"
	cd "$cluster" || return
	as_postgres "$bin/initdb" -N -A trust -E UTF8 --locale C -U postgres -D "$cluster/data" \
		>"$cluster/initdb" 2>&1 || return
	echo "host all all all trust" >>"$cluster/data/pg_hba.conf"
}

sql() { client_runs psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$address" -p 5432 -U postgres "$@" postgres; }

rows_in_and_out()
{
	row API-26 API-37
	[ -n "$bin" ] || skip "postgresql is not installed"
	[ -d "$cluster/data" ] || show_and_fail "$cluster/initdb" "no cluster"
	server_runs setpriv --reuid postgres --regid postgres --clear-groups \
		"$bin/postgres" -D "$cluster/data" -p 5432 -c listen_addresses="$address" \
		-c unix_socket_directories= -c fsync=off >"$work/server.5432" 2>&1 </dev/null &
	wait_until "$patience" server_is_ready || show_and_fail "$work/server.5432" "no server"
	seq 20000 | awk '{ print $1 "\tvalue " $1 }' >"$work/rows"
	sql >"$work/got" <<-END || show_and_fail "$work/server.5432" "psql: status $?"
	create temporary table t (number int, text text);
	\\copy t from '$work/rows'
	\\copy (select * from t order by number) to '$work/back'
	select sum(number), count(*) from t;
	listen news;
	notify news, 'to all';
	END
	same "$work/rows" "$work/back"
	head -n 1 "$work/got" | grep -qx '200010000|20000' || show_and_fail "$work/got" "the sum"
	grep -q '"news" with payload "to all"' "$work/got" || show_and_fail "$work/got" "no notification"
	# A session of another process, cancelled by a third connection at the time-out's signal.
	sql -c "set statement_timeout = 300; select pg_sleep(100)" >"$work/got" 2>&1
	grep -q 'statement timeout' "$work/got" || show_and_fail "$work/got" "no time-out"
}

server_is_ready() { grep -q 'ready to accept connections' "$work/server.5432"; }

program_plan 1
programs_up
[ -z "$bin" ] || make_cluster || note "initdb failed"
program_case rows_in_and_out rows_in_and_out
ktap_end
