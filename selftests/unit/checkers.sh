#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Each scripts/check-* is silent on a right tree and names the fault in a wrong one.

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

echo "1..$count"
exit $((failed > 0))
