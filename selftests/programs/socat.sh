#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# socat and netcat: one side shuts down writing, the other sends on; a forking server
# whose children inherit the connection.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

listen_type() { echo "TCP$family-LISTEN:$1,bind=$url_host,reuseaddr"; }

# The client sends a file and shuts down writing. Only then, at its end of file, does the
# server know the digest; it answers with that and twice the amount of data.
half_close()
{
	row API-25 API-37 CLS-05
	need_program socat nc
	content "$work/question" 300000
	content "$work/more" 600000
	{
		sha256sum <"$work/question"
		cat "$work/more"
	} >"$work/expected"
	serve 7000 socat -t "$patience" "$(listen_type 7000),fork" SYSTEM:"sha256sum; cat $work/more"
	client_runs socat -t "$patience" - "TCP$family:$url_host:7000" <"$work/question" \
		>"$work/answer" || fail "socat: status $?"
	same "$work/expected" "$work/answer"
	# And once more with the same server, by another program.
	client_runs nc -N "$address" 7000 <"$work/question" >"$work/answer" || fail "nc: status $?"
	same "$work/expected" "$work/answer"
}

# The other way round: the server's side ends first, the client's data still arrive.
server_ends_first()
{
	row API-25 CLS-05
	need_program socat
	content "$work/file" 300000
	echo go >"$work/go"
	# It sends one file and writes what comes to the other.
	serve 7001 socat -t "$patience" "$(listen_type 7001)" \
		"OPEN:$work/go,rdonly!!OPEN:$work/got,creat,wronly"
	# Sends only when it saw the end of what the server sends.
	client_runs socat -t "$patience" "TCP$family:$url_host:7001" \
		SYSTEM:"cat >$work/greeting; cat $work/file" || fail "socat: status $?"
	wait "$serving" || show_and_fail "$work/server.7001" "the server: status $?"
	same "$work/file" "$work/got"
	same "$work/go" "$work/greeting"
}

# Eight at once, each with a child of its own.
forks()
{
	local i clients=()

	row API-37 API-03
	need_program socat rev
	serve 7002 socat -t "$patience" "$(listen_type 7002),fork,backlog=3" EXEC:"rev"
	for i in $(seq 8); do
		echo "line $i of $seed" | client_runs socat -t "$patience" - \
			"TCP$family:$url_host:7002" >"$work/got.$i" &
		clients+=($!)
	done
	wait "${clients[@]}"
	for i in $(seq 8); do
		[ "$(rev <"$work/got.$i")" = "line $i of $seed" ] || fail "the answer to $i"
	done
}

program_plan 3
programs_up
program_case half_close half_close
program_case server_ends_first server_ends_first
program_case forks forks
ktap_end
