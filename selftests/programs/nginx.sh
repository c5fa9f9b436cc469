#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# nginx with two workers, sendfile on and a listener for each worker (SO_REUSEPORT), asked
# by curl and by ab: epoll, accept4, non-blocking sendfile, TCP_CORK, TCP_NODELAY, keepalive,
# TCP_DEFER_ACCEPT, TCP_FASTOPEN on a listener, and a proxy's non-blocking connect.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

# nginx_serves SENDFILE: port 8080 serves $work/www, 8081 hands on to it.
nginx_serves()
{
	mkdir -p "$work/www"
	chmod 755 "$work/www"
	cat >"$work/nginx.conf" <<-END
	daemon off;
	worker_processes 2;
	pid $work/nginx.pid;
	error_log $work/error.log notice;
	events { worker_connections 256; multi_accept on; }
	http {
		access_log off;
		sendfile $1;
		tcp_nopush on;
		keepalive_requests 10000;
		client_body_temp_path $work/body;
		proxy_temp_path $work/proxy;
		fastcgi_temp_path $work/fastcgi;
		uwsgi_temp_path $work/uwsgi;
		scgi_temp_path $work/scgi;
		upstream itself { server $url_host:8080; keepalive 4; }
		server {
			listen $url_host:8080 reuseport deferred fastopen=16 backlog=256
				so_keepalive=60:10:3 rcvbuf=64k;
			root $work/www;
			client_max_body_size 100m;
			location /dav/ { root $work; dav_methods PUT; create_full_put_path on; }
		}
		server {
			listen $url_host:8081;
			location / {
				proxy_pass http://itself;
				proxy_http_version 1.1;
				proxy_set_header Connection "";
			}
		}
	}
	END
	serve 8080 nginx -c "$work/nginx.conf" -p "$work" -e stderr
}

# The same bodies with sendfile on and off, small and large, and through the proxy.
bodies()
{
	local size got=()

	row API-04 API-38 API-26
	need_program nginx curl
	nginx_serves "$1"
	for size in 0 1 1460 70001 3000000; do
		content "$work/www/$size" "$size"
		got+=(-o "$work/got.$size" "http://$url_host:8080/$size")
		got+=(-o "$work/via.$size" "http://$url_host:8081/$size")
	done
	client_runs curl -sS --fail "${got[@]}" || show_and_fail "$work/error.log" "curl: status $?"
	for size in 0 1 1460 70001 3000000; do
		same "$work/www/$size" "$work/got.$size"
		same "$work/www/$size" "$work/via.$size"
	done
}

ranges_and_upload()
{
	row API-38
	need_program nginx curl
	nginx_serves on
	content "$work/www/file" 500000
	client_runs curl -sS --fail -r 123456-345678 -o "$work/part" "http://$url_host:8080/file" \
		-o "$work/rest" -r 123456-345678 "http://$url_host:8081/file" || fail "curl: status $?"
	tail -c +123457 "$work/www/file" | head -c 222223 >"$work/expected"
	same "$work/expected" "$work/part"
	same "$work/expected" "$work/rest"
	mkdir -p "$work/dav"
	chmod 777 "$work/dav"
	client_runs curl -sS --fail -T "$work/www/file" "http://$url_host:8080/dav/up" ||
		show_and_fail "$work/error.log" "curl -T: status $?"
	same "$work/www/file" "$work/dav/up"
}

# ab_is_content REQUESTS: every one answered, in full, none with another length.
ab_is_content()
{
	local wanted bytes

	wanted="Complete requests: $1 Failed requests: 0"
	bytes=$(awk '/^HTML transferred:/ { print $3 }' "$work/ab")
	[ "$(awk '/^(Complete|Failed) requests:/ { printf "%s%s %s %s", sep, $1, $2, $3; sep = " " }' \
		"$work/ab")" = "$wanted" ] || show_and_fail "$work/ab" "not: $wanted"
	[ "$bytes" = $(($1 * 20000)) ] || show_and_fail "$work/ab" "$bytes bytes of bodies"
}

many_requests()
{
	row API-04 API-26
	need_program nginx ab
	nginx_serves on
	content "$work/www/page" 20000
	client_runs ab -q -n "$requests" -c 10 "http://$url_host:8080/page" >"$work/ab" 2>&1 ||
		show_and_fail "$work/ab" "ab: status $?"
	ab_is_content "$requests"
	client_runs ab -q -k -n "$requests" -c 10 "http://$url_host:8080/page" >"$work/ab" 2>&1 ||
		show_and_fail "$work/ab" "ab -k: status $?"
	ab_is_content "$requests"
}

# What the server host has seen of the transport: connections come and go between two looks.
seen_by_server()
{
	if is_control; then
		in_server cat /proc/net/snmp | sum_of Tcp
	else
		in_server cat /proc/net/xtcp_snmp | sum_of Xtcp
	fi
}

# is_asked BEFORE: more than then.
is_asked()
{
	[ "$(seen_by_server)" -gt "$1" ]
}

# New workers take over the listening sockets; no request is lost meanwhile.
reload()
{
	local load before

	row API-37
	need_program nginx ab
	nginx_serves on
	content "$work/www/page" 20000
	before=$(seen_by_server)
	client_runs ab -q -n "$requests" -c 4 "http://$url_host:8080/page" >"$work/ab" 2>&1 &
	load=$!
	wait_until "$patience" is_asked "$before" || fail "no request came"
	kill -HUP "$(cat "$work/nginx.pid")"
	wait "$load" || show_and_fail "$work/ab" "ab: status $?"
	ab_is_content "$requests"
	wait_until "$patience" grep -q 'gracefully shutting down' "$work/error.log" ||
		show_and_fail "$work/error.log" "no worker was replaced"
}

requests=200
! is_long || requests=5000
program_plan 5
programs_up
program_case sendfile bodies on
program_case no_sendfile bodies off
program_case ranges_and_upload ranges_and_upload
program_case many_requests many_requests
program_case reload reload
ktap_end
