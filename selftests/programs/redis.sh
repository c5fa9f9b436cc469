#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# redis-server and its clients: one epoll loop, many connections, small writes,
# TCP_NODELAY, keepalive, pipelines of commands, and replication from one to another.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

# redis_serves PORT ARGS...
redis_serves()
{
	local port=$1

	shift
	mkdir -p "$work/redis.$port"
	serve "$port" redis-server --port "$port" --bind "$address" --protected-mode no --save '' \
		--dir "$work/redis.$port" --logfile '' --repl-diskless-sync-delay 0 \
		--unixsocket "$work/redis.$port/socket" "$@"
}

# cli PORT ARGS...
cli()
{
	local port=$1

	shift
	client_runs redis-cli -h "$address" -p "$port" "$@"
}

set_get()
{
	row API-11
	need_program redis-server redis-cli
	redis_serves 6379
	content "$work/value" 1500000
	[ "$(cli 6379 -x set key <"$work/value")" = OK ] || fail "set"
	cli 6379 --raw get key >"$work/got" || fail "get: status $?"
	# The client ends the value with a newline.
	echo >>"$work/value"
	same "$work/value" "$work/got"
}

# 3000 commands written without waiting for answers.
pipeline()
{
	row API-12
	need_program redis-server redis-cli
	redis_serves 6379
	seq 3000 | sed 's/.*/set key:& value:&\r/' >"$work/commands"
	cli 6379 --pipe <"$work/commands" >"$work/answer" 2>&1 ||
		show_and_fail "$work/answer" "redis-cli --pipe: status $?"
	grep -q 'errors: 0, replies: 3000' "$work/answer" || show_and_fail "$work/answer" "answers"
	seq 3000 | sed 's/.*/get key:&/' | cli 6379 >"$work/got" || fail "get: status $?"
	seq 3000 | sed 's/.*/value:&/' >"$work/expected"
	same "$work/expected" "$work/got"
}

benchmark()
{
	row API-26
	need_program redis-server redis-benchmark redis-cli
	redis_serves 6379
	client_runs redis-benchmark -h "$address" -p 6379 -q -n "$commands" -c 20 -P 4 \
		-t set,get,incr,lpush,lrange_100 >"$work/benchmark" 2>&1 ||
		show_and_fail "$work/benchmark" "redis-benchmark: status $?"
	! grep -qi error "$work/benchmark" || show_and_fail "$work/benchmark" "errors"
	[ "$(tr '\r' '\n' <"$work/benchmark" | grep -c 'requests per second')" -ge 5 ] ||
		show_and_fail "$work/benchmark" "not all tests ran"
	# Each increment was carried out once.
	[ "$(cli 6379 get counter:__rand_int__)" = "$commands" ] || fail "lost increments"
}

in_sync()
{
	[ "$(in_server redis-cli -s "$work/redis.6380/socket" get key 2>/dev/null)" = value ]
}

# A replica on the same host, over the transport as well: a child process sends to it.
replica()
{
	row API-37
	need_program redis-server redis-cli
	redis_serves 6379
	[ "$(cli 6379 set key value)" = OK ] || fail "set"
	redis_serves 6380 --replicaof "$address" 6379
	wait_until "$patience" in_sync || show_and_fail "$work/server.6380" "no replication"
}

commands=1000
! is_long || commands=50000
program_plan 4
programs_up
program_case set_get set_get
program_case pipeline pipeline
program_case benchmark benchmark
program_case replica replica
ktap_end
