#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# curl and wget fetch from python3 -m http.server: blocking and non-blocking connect,
# poll, a thread for each connection.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

serve_folder()
{
	content "$work/file" "$1"
	serve 8000 python3 -m http.server --bind "$address" --directory "$work" 8000
}

# One file, then four at once, each over a connection of its own.
curl_fetches()
{
	local i parallel=()

	row API-01 API-11 API-12 API-26
	need_program curl python3
	serve_folder $((1 << 20))
	client_runs curl -sS -o "$work/got" "http://$url_host:8000/file" || fail "curl: status $?"
	same "$work/file" "$work/got"
	for i in 1 2 3 4; do
		parallel+=(-o "$work/got.$i" "http://$url_host:8000/file")
	done
	client_runs curl -sS --no-progress-meter --parallel --parallel-immediate "${parallel[@]}" ||
		fail "curl --parallel: status $?"
	for i in 1 2 3 4; do
		same "$work/file" "$work/got.$i"
	done
}


wget_fetches()
{
	need_program wget python3
	serve_folder $((1 << 20))
	client_runs wget -q -t 1 -O "$work/got" "http://$url_host:8000/file" || fail "wget: status $?"
	same "$work/file" "$work/got"
}

# Nobody listens: a refusal, at once, and not a program that hangs.
curl_refused()
{
	row API-09
	need_program curl
	client_runs curl -sS "http://$url_host:8001/" 2>"$work/error"
	[ $? -eq 7 ] || show_and_fail "$work/error" "curl did not fail to connect"
}

program_plan 3
programs_up
program_case curl_fetches curl_fetches
program_case wget_fetches wget_fetches
program_case curl_refused curl_refused
ktap_end
