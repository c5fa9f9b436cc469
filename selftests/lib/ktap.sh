# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# KTAP for shell tests, waiting, and one clean-up trap. Sourced.
#
#   ktap_plan 3                     how many cases follow
#   ktap_case NAME COMMAND ARGS...  runs COMMAND in a subshell: ok, not ok, or SKIP (status 4)
#   row HS-04                       the conformance row a case proves
#   fail "why"                      ends a case; skip "why" likewise
#   wait_until 10 COMMAND...        polls until COMMAND succeeds, for 10 s at most
#   at_exit COMMAND                 runs when the script ends, however it ends; last added first
#   ktap_end                        the exit status of the whole

ktap_number=0
ktap_failed=0
exit_commands=()

ktap_plan()
{
	echo "TAP version 13"
	echo "1..$1"
}

ktap_case()
{
	local name=$1 status=0

	shift
	ktap_number=$((ktap_number + 1))
	# A subshell, so that a case can end itself; its traps are its own.
	(trap - EXIT; exit_commands=(); "$@") || status=$?
	case $status in
	0) echo "ok $ktap_number $name" ;;
	4) echo "ok $ktap_number $name # SKIP" ;;
	*)
		ktap_failed=$((ktap_failed + 1))
		echo "not ok $ktap_number $name"
		;;
	esac
}

ktap_end()
{
	[ "$ktap_failed" -eq 0 ] || exit 1
	exit 0
}

note()
{
	printf '# %s\n' "$@"
}

row()
{
	printf '# row %s\n' "$@"
}

fail()
{
	note "FAIL: $*"
	exit 1
}

skip()
{
	note "SKIP: $*"
	exit 4
}

wait_until()
{
	local deadline=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

at_exit()
{
	exit_commands=("$*" "${exit_commands[@]}")
}

run_exit_commands()
{
	local command

	for command in "${exit_commands[@]}"; do
		eval "$command"
	done
}

trap run_exit_commands EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

is_control()
{
	[ "${XTCP_TEST_CONTROL:-0}" = 1 ]
}

# Sizes of "make check" or those of the long run.
is_long()
{
	[ "${XTCP_TEST_LONG:-0}" = 1 ] || [ "${XTCP_TEST_FULL:-0}" = 1 ]
}

# The listings of the transport under test: proc_list 4|6 is a path.
proc_list()
{
	local base=/proc/net/xtcp

	is_control && base=/proc/net/tcp
	if [ "$1" = 6 ]; then echo "${base}6"; else echo "$base"; fi
}

# count_state HEX [NETNS]: entries of both listings in this state; "" counts all.
count_state()
{
	local enter=() state=$1

	[ -z "${2:-}" ] || enter=(ip netns exec "$2")
	"${enter[@]}" cat "$(proc_list 4)" "$(proc_list 6)" 2>/dev/null |
		awk -v state="$state" '$1 ~ /^[0-9]+:$/ && (state == "" || $4 == state)' | wc -l
}

# other_states NETNS: entries that are not of TIME_WAIT. In one reading: entries expire.
other_states()
{
	ip netns exec "$1" cat "$(proc_list 4)" "$(proc_list 6)" |
		awk '$1 ~ /^[0-9]+:$/ && $4 != "06"'
}

seed=${XTCP_TEST_SEED:-$(($(date +%s%N) % 1000000007 + 1))}
note "seed $seed (XTCP_TEST_SEED repeats it)"
