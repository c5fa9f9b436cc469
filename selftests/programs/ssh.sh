#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# OpenSSH with throw-away keys: a command, scp, sftp and a forwarded port. sshd starts
# itself anew for each connection and hands the socket to a confined, unprivileged child.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

sshd=/usr/sbin/sshd

ssh_serves()
{
	local key

	need_program "$sshd" ssh ssh-keygen
	mkdir -p /run/sshd
	for key in host user; do
		cp "$keys/$key" "$keys/$key.pub" "$work/"
	done
	cp "$work/user.pub" "$work/authorized"
	cat >"$work/sshd_config" <<-END
	ListenAddress $url_host:2222
	HostKey $work/host
	AuthorizedKeysFile $work/authorized
	PidFile none
	UsePAM no
	UseDNS no
	StrictModes no
	PermitRootLogin prohibit-password
	AllowTcpForwarding yes
	Subsystem sftp internal-sftp
	LogLevel VERBOSE
	END
	echo "[$address]:2222 $(cat "$work/host.pub")" >"$work/known"
	cat >"$work/ssh_config" <<-END
	IdentityFile $work/user
	IdentitiesOnly yes
	UserKnownHostsFile $work/known
	GlobalKnownHostsFile none
	StrictHostKeyChecking yes
	BatchMode yes
	User root
	Port 2222
	END
	serve 2222 "$sshd" -D -e -f "$work/sshd_config"
}

# Output, input, status and a large answer.
remote_command()
{
	local status=0

	row API-37
	ssh_serves
	content "$work/file" 300000
	client_runs ssh -F "$work/ssh_config" "$address" "sha256sum; cat $work/file; exit 7" \
		<"$work/file" >"$work/got" || status=$?
	[ "$status" -eq 7 ] || show_and_fail "$work/server.2222" "ssh: status $status"
	{
		sha256sum <"$work/file"
		cat "$work/file"
	} >"$work/expected"
	same "$work/expected" "$work/got"
}

copies()
{
	row API-37
	ssh_serves
	content "$work/file" 500000
	client_runs scp -q -F "$work/ssh_config" "$work/file" "$url_host:$work/up" ||
		show_and_fail "$work/server.2222" "scp to the server: status $?"
	same "$work/file" "$work/up"
	client_runs sftp -q -F "$work/ssh_config" -b - "$url_host" >"$work/sftp" 2>&1 <<-END ||
	get $work/up $work/down
	ls -l $work/up
	END
		show_and_fail "$work/sftp" "sftp: status $?"
	same "$work/file" "$work/down"
}

# sshd's child connects for the client: it has inherited the transport.
forwards()
{
	local forwarding

	row API-37
	ssh_serves
	content "$work/file" 100000
	serve 8000 python3 -m http.server --bind "$address" --directory "$work" 8000
	client_runs ssh -F "$work/ssh_config" -N -L "9000:$url_host:8000" \
		-o ExitOnForwardFailure=yes "$address" &
	forwarding=$!
	wait_until "$patience" client_listens 9000 || fail "ssh does not listen"
	client_runs curl -sS -o "$work/got" http://127.0.0.1:9000/file || fail "curl: status $?"
	kill "$forwarding"
	same "$work/file" "$work/got"
}

client_listens()
{
	in_client cat "$(proc_list 4)" | grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F:]+ 0A"
}

program_plan 3
programs_up
keys=$(mktemp -d)
at_exit rm -rf "$keys"
for key in host user; do
	ssh-keygen -q -t ed25519 -N '' -C test -f "$keys/$key"
done
program_case command remote_command
program_case copies copies
program_case forwards forwards
ktap_end
