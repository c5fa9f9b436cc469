#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tools/xtcp-run: which socket() calls it redirects, and what it says when it cannot.
# SPY: a library whose socket() tells its arguments. XTCP_PRELOAD: the library under test.

cd "$(dirname "$0")/../.." || exit 1
run=tools/xtcp-run
number=0
failed=0

# verdict NAME EXPECTED GOT
verdict()
{
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number $1"
	else
		printf '# expected %s, got %s\n' "${2@Q}" "${3@Q}"
		echo "not ok $number $1"
		failed=1
	fi
}

# verdict_root NAME EXPECTED COMMAND...: of its complaint(); only root can make such files.
verdict_root()
{
	if [ "$(id -u)" = 0 ] && [ -n "$capable" ]; then
		verdict "$1" "$2" "$(complaint "${@:3}")"
	else
		number=$((number + 1))
		echo "ok $number $1 # SKIP needs root, setcap and a file system with capabilities"
	fi
}

# run_as_nobody COMMAND...: by a caller without privileges.
run_as_nobody()
{
	XTCP_PRELOAD=$away/preload.so \
		setpriv --reuid 65534 --regid 65534 --clear-groups -- "$away/xtcp-run" "$@"
}

# script NAME INTERPRETER
script()
{
	printf '#!%s\nexit 0\n' "$2" >"$away/$1"
	chmod 755 "$away/$1"
}

# What the next library in line is asked for when a program asks for $1, $2, $3.
redirected()
{
	LD_PRELOAD=$SPY XTCP_FAMILY=${4:-18} $run python3 -c "
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
ctypes.set_errno(0)
libc.socket($1, $2, $3)
sys.exit(ctypes.get_errno())"
	echo "errno $?"
}

asked()
{
	printf '%s %s %s\nerrno 25' "$@"
}

# The status, and how many lines of complaint.
complaint()
{
	local text status

	text=$("$@" 2>&1 >/dev/null)
	status=$?
	echo "$status $(printf '%s' "$text" | grep -c '')"
}

# The script somewhere else, with no library near it, and programs that gain rights.
away=$(mktemp -d)
trap 'rm -r "$away"' EXIT
chmod 755 "$away"
cp "$run" "$away/"
cp "$XTCP_PRELOAD" "$away/preload.so"
cp /bin/true "$away/capable"
cp /bin/true "$away/setuid"
PATH=$PATH:/usr/sbin:/sbin
capable=$(setcap cap_net_raw=ep "$away/capable" 2>/dev/null && echo yes)
chown 65534 "$away/setuid" 2>/dev/null
chmod u+s "$away/setuid"
script of-capable "$away/capable"
script of-capable-env "/usr/bin/env -S -u Y X=1 $away/capable -z"
script of-setuid "$away/setuid"
script of-static ' /bin/busybox sh'
script of-sh '/usr/bin/env sh'

nonblock=$((0x800))
cloexec=$((0x80000))
flags=$((nonblock | cloexec))

echo 'TAP version 13'
echo '1..29'
verdict socket__inet_default "$(asked 18 1 0)" "$(redirected 2 1 0)"
verdict socket__inet_tcp "$(asked 18 1 0)" "$(redirected 2 1 6)"
verdict socket__inet6_default "$(asked 18 1 1)" "$(redirected 10 1 0)"
verdict socket__inet6_tcp "$(asked 18 1 1)" "$(redirected 10 1 6)"
verdict socket__flags_kept "$(asked 18 $((1 | flags)) 0)" "$(redirected 2 "(1 | $flags)" 0)"
verdict socket__family_from_environment "$(asked 13 1 0)" "$(redirected 2 1 0 13)"
verdict socket__udp_untouched "$(asked 2 2 0)" "$(redirected 2 2 0)"
verdict socket__unix_untouched "$(asked 1 1 0)" "$(redirected 1 1 0)"
verdict socket__mptcp_untouched "$(asked 2 1 262)" "$(redirected 2 1 262)"
verdict socket__second_door_untouched "$(asked 2 1 253)" "$(redirected 2 1 253)"
verdict socket__raw_untouched "$(asked 2 3 6)" "$(redirected 2 3 6)"

export XTCP_FAMILY=18
verdict run__child_inherits "$(asked 18 1 0)" "$(LD_PRELOAD=$SPY $run sh -c "
	python3 -c 'import ctypes; ctypes.CDLL(None).socket(2, 1, 0)'; echo errno 25")"
verdict run__status_kept '3' "$($run sh -c 'exit 3'; echo $?)"
verdict run__argv0_kept 'sh' "$($run sh -c "echo \$0")"
verdict run__no_command_is_usage '125 2' "$(complaint $run)"
verdict run__unknown_command '127 1' "$(complaint $run no-such-command-here)"
verdict run__not_executable '126 1' "$(complaint $run /etc/passwd)"
verdict run__static_program_refused '126 1' "$(complaint $run busybox true)"
verdict run__static_interpreter_refused '126 1' "$(complaint $run "$away/of-static")"
verdict run__script '0 0' "$(complaint $run "$away/of-sh")"
verdict_root run__setuid_refused_to_root '126 1' $run "$away/setuid"
verdict_root run__setuid_interpreter_refused '126 1' $run "$away/of-setuid"
verdict_root run__capabilities_of_root '0 0' $run "$away/capable"
verdict_root run__capabilities_refused '126 1' run_as_nobody "$away/capable"
verdict_root run__capable_interpreter_refused '126 1' run_as_nobody "$away/of-capable"
verdict_root run__capable_env_program_refused '126 1' run_as_nobody "$away/of-capable-env"
verdict_root run__script_of_nobody '0 0' run_as_nobody "$away/of-sh"
verdict run__no_library '125 1' \
	"$(XTCP_PRELOAD='' complaint "$away/xtcp-run" true)"
unset XTCP_FAMILY
if [ -r /sys/module/xtcp/parameters/family ]; then
	verdict run__with_module '0 0' "$(complaint $run true)"
else
	verdict run__no_module '125 1' "$(complaint $run true)"
fi
exit $failed
