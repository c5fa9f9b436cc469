#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Each scripts/check-* is silent on a right tree and names the fault in a wrong one, and
# scripts/tap-summary counts what kselftest's runner itself calls a success.

set -u

scripts=$(cd "$(dirname "$0")/../../scripts" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

result()
{
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count checkers: $2"
	else
		failed=$((failed + 1))
		echo "not ok $count checkers: $2"
	fi
}

# A small right tree at $work/tree.
fresh()
{
	rm -rf "$work/tree"
	mkdir -p "$work/tree/module" "$work/objects"
	cd "$work/tree" || exit 1
	printf 'xtcp-y += low.o\nxtcp-y += conn.o high.o\n' >module/Kbuild
	printf 'int xtcp_low_get(void)\n{\n\treturn 1;\n}\n' >module/low.c
	printf 'int xtcp_low_get(void);\nint xtcp_conn_go(void)\n{\n\treturn xtcp_low_get();\n}\n' >module/conn.c
	printf 'int xtcp_conn_go(void);\nstatic int turn(void)\n{\n\treturn xtcp_conn_go();\n}\n\n' >module/high.c
	printf 'int xtcp_high_go(void)\n{\n\treturn turn();\n}\n' >>module/high.c
}

compile()
{
	local file

	for file in low conn high; do
		gcc -w -c "module/$file.c" -o "$work/objects/$file.o"
	done
}

# finds CHECK PATTERN NAME: CHECK complains about PATTERN.
finds()
{
	local out status

	out=$("$scripts/$1" "$work/tree" "$work/objects" 2>&1)
	status=$?
	[ "$status" -eq 1 ] && grep -q -- "$2" <<<"$out"
	result $? "$3"
	[ "$status" -eq 1 ] || printf '# status %s: %s\n' "$status" "$out"
}

silent()
{
	local out

	out=$("$scripts/$1" "$work/tree" "$work/objects" 2>&1) && [ -z "$out" ]
	result $? "$1__${2:-right_tree}"
	[ -z "$out" ] || printf '# %s\n' "$out"
}

# lines N: N lines of C.
lines()
{
	local line

	for ((line = 0; line < $1; line++)); do
		printf '\tx++;\n'
	done
}

fresh
compile
for check in check-layers check-sizes check-state-writers check-names; do
	silent $check
done

fresh
sed -i 's/return 1/return xtcp_high_go()/' module/low.c
compile
finds check-layers 'low.c uses xtcp_high_go of module/high.c' check-layers__upward_call

fresh
lines 801 >module/long.h
finds check-sizes 'module/long.h: 801 lines' check-sizes__long_file

fresh
{ printf 'void xtcp_low_long(void)\n{\n'; lines 81; printf '}\n'; } >>module/low.c
finds check-sizes 'xtcp_low_long() has 81 lines' check-sizes__long_function

fresh
{ printf 'static inline void xtcp_low_x(void)\n{\n'; lines 9; printf '}\n'; } >module/low.h
finds check-sizes 'xtcp_low_x() has 9 lines' check-sizes__long_inline

for writer in 'inet_sk_state_store(sk, 7)' 'inet_sk_set_state(sk, 7)' 'sk->sk_state = 7' \
	'smp_store_release(&sk->sk_state, 7)' 'WRITE_ONCE(sk->sk_state, 7)' 'sk->sk_state |= 7' \
	'sk->__sk_common.skc_state = 7'; do
	fresh
	printf 'void xtcp_low_w(struct sock *sk)\n{\n\t%s;\n}\n' "$writer" >>module/low.c
	finds check-state-writers 'module/low.c:7: writes sk_state' "check-state-writers__$writer"
done

fresh
printf '/* sk->sk_state = 7; */\nint xtcp_low_is(struct sock *sk)\n{\n\treturn sk->sk_state == 7;\n}\n' >>module/low.c
silent check-state-writers comparison_and_comment

fresh
printf 'int low_get(void)\n{\n\treturn 1;\n}\n' >>module/low.c
finds check-names 'low_get() should be xtcp_low_' check-names__external_without_prefix

fresh
printf 'int xtcp_low_counter = 1;\nint other_counter;\n' >>module/low.c
finds check-names 'other_counter should be xtcp_low_' check-names__variable

fresh
printf 'static int xtcp_low_x(void)\n{\n\treturn 1;\n}\n' >>module/low.c
finds check-names 'static xtcp_low_x() has the prefix' check-names__static_with_prefix

fresh
printf 'static int turn(void)\n{\n\treturn 1;\n}\n' >>module/low.c
finds check-names 'static turn() is also in' check-names__static_twice

fresh
printf 'static inline int wrap(void)\n{\n\treturn 1;\n}\n' >module/low.h
finds check-names 'wrap() should be xtcp_low_' check-names__inline_without_prefix

# A tree whose wire tests name the cells that are given.
cells()
{
	fresh
	mkdir -p selftests/unit selftests/wire
	cp -r "$scripts/../module/core" module/
	cp "$scripts/../selftests/unit/"*.h selftests/unit/
	cat >selftests/wire/all.c
}

all_cells()
{
	grep -h '^	CELL(' "$scripts/../selftests/wire/"*.c | sort -u
}

cells < <(echo 'TEST_F(a, b)'; echo '{'; all_cells; echo '}')
silent check-cells

cells < <(echo 'TEST_F(a, b)'; echo '{'; all_cells | grep -v '"CLOSING", "RCV_RST"'; echo '}')
finds check-cells 'no test has CELL("CLOSING", "RCV_RST")' check-cells__missing

cells < <(all_cells)
finds check-cells 'no test has CELL("CLOSING", "RCV_RST")' check-cells__not_in_a_test

cells < <(echo 'TEST_F(a, b)'; echo '{'; all_cells; printf '\tCELL("CLOSED", "RCV_FIN");\n}\n')
finds check-cells 'the wire cannot reach cell CLOSED, RCV_FIN' check-cells__unreachable

# tap STATUS EXPECTED LINE...: what a run of the kselftest runner left behind.
tap()
{
	rm -rf "$work/results"
	mkdir -p "$work/results"
	echo "$1" >"$work/results/vm.status"
	printf '%s\n' "$2" >"$work/results/vm.expected"
	printf '%s\n' "${@:3}" >"$work/results/vm.tap"
}

# totals LINE STATUS NAME: the last line and the exit status of the summary.
totals()
{
	local out status

	out=$(XTCP_TEST_NO_SKIP=${no_skip:-0} "$scripts/tap-summary" --total \
		${except:+--except "$except"} "$work/results" 2>&1)
	status=$?
	[ "$status" -eq "$2" ] && [ "${out##*$'\n'}" = "$1" ]
	result $? "tap-summary__$3"
	[ "${out##*$'\n'}" = "$1" ] || printf '# %s\n' "$out"
}

head='# selftests: api: bind'
good=("$head" '# TAP version 13' '# 1..2' '# ok 1 a' '# ok 2 b' 'ok 1 selftests: api: bind')

tap 0 api:bind "${good[@]}"
totals '2 passed, 0 failed' 0 all_pass

tap 0 api:bind "$head" '# 1..2' '# not ok 1 a' '# ok 2 b' 'not ok 1 selftests: api: bind # exit=1'
totals '1 passed, 1 failed' 1 one_fails

tap 0 api:bind "$head" '# 1..2' '# ok 1 a' 'not ok 1 selftests: api: bind # exit=139'
totals '1 passed, 1 failed' 1 crash

tap 0 api:bind "$head" '# 1..2' '# ok 1 a' 'ok 1 selftests: api: bind'
totals '1 passed, 1 failed' 1 fewer_than_planned

tap 0 api:bind "$head" '# hello' 'ok 1 selftests: api: bind'
totals '0 passed, 1 failed' 1 no_plan

tap 0 api:bind "$head" '# 1..2' '# ok 1 a' 'not ok 1 selftests: api: bind # TIMEOUT 45 seconds'
totals '1 passed, 1 failed' 1 time_out

tap 0 'api:bind api:close' "${good[@]}"
totals '2 passed, 1 failed' 1 program_missing

tap 125 api:bind "${good[@]}" 'vm: the kernel reported:'
totals '2 passed, 1 failed' 1 kernel_report

tap 124 api:bind "$head" '# 1..2' '# ok 1 a'
totals '1 passed, 2 failed' 1 vm_time_out

tap 0 api:bind "$head" '# 1..2' '# ok 1 a # SKIP no such device' '# ok 2 b' 'ok 1 selftests: api: bind'
totals '1 passed, 0 failed, 1 skipped' 0 skip
no_skip=1 totals '1 passed, 1 failed' 1 skip_forbidden

tap 0 api:bind "$head" '# 1..0 # SKIP not root' 'ok 1 selftests: api: bind # SKIP'
totals '0 passed, 0 failed, 1 skipped' 1 nothing_ran

tap 0 api:bind "$head" '# 1..2' '# not ok 1 a' '# ok 2 b' 'not ok 1 selftests: api: bind # exit=1'
except=$work/differences
echo 'api:bind a  # Linux differs' >"$except"
totals '2 passed, 0 failed' 0 expected_difference
echo 'api:bind b  # Linux differs' >>"$except"
totals '2 passed, 1 failed' 1 difference_that_is_none

echo "1..$count"
exit $((failed > 0))
