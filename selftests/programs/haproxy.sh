#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# haproxy in front of nginx, in both of its modes: non-blocking connects, splice between
# two connections, health checks that end with a reset, threads.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

proxy_serves()
{
	mkdir -p "$work/www"
	cat >"$work/nginx.conf" <<-END
	daemon off;
	pid $work/nginx.pid;
	events { }
	http {
		access_log off;
		client_body_temp_path $work/body;
		proxy_temp_path $work/proxy;
		fastcgi_temp_path $work/fastcgi;
		uwsgi_temp_path $work/uwsgi;
		scgi_temp_path $work/scgi;
		server {
			listen $url_host:8080;
			root $work/www;
		}
	}
	END
	serve 8080 nginx -c "$work/nginx.conf" -p "$work" -e stderr
	cat >"$work/haproxy.cfg" <<-END
	global
		nbthread 2
		stats socket $work/stats
	defaults
		timeout connect 60s
		timeout client 60s
		timeout server 60s
		option splice-auto
	listen raw
		mode tcp
		bind $address:8001
		server one $address:8080 check inter 500
	listen web
		mode http
		option redispatch
		bind $address:8002
		# One that refuses: it is found to be down, and asked no more.
		server none $address:8079 check inter 500 fall 1
		server one $address:8080 check inter 500
	END
	serve 8002 haproxy -db -f "$work/haproxy.cfg"
}

down_is_seen()
{
	grep -q 'web/none is DOWN' "$work/server.8002"
}

through_proxy()
{
	local i got=()

	row API-09 API-26 API-38
	need_program haproxy nginx curl
	proxy_serves
	content "$work/www/file" 1500000
	wait_until "$patience" down_is_seen || show_and_fail "$work/server.8002" "no health checks"
	for i in 1 2 3; do
		got+=(-o "$work/raw.$i" "http://$url_host:8001/file")
		got+=(-o "$work/web.$i" "http://$url_host:8002/file")
	done
	client_runs curl -sS --no-progress-meter --fail --parallel --parallel-immediate "${got[@]}" ||
		show_and_fail "$work/server.8002" "curl: status $?"
	for i in 1 2 3; do
		same "$work/www/file" "$work/raw.$i"
		same "$work/www/file" "$work/web.$i"
	done
}

program_plan 1
programs_up
program_case through_proxy through_proxy
ktap_end
