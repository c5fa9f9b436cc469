# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the parts of the demo that run in the VM: how they speak.

if [ "${XTCP_DEMO_COLOR:-}" = always ]; then
	bold=$'\033[1m' green=$'\033[32m' red=$'\033[31m' plain=$'\033[0m'
else
	bold='' green='' red='' plain=''
fi

step()
{
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

say()
{
	printf '   %s\n' "$*"
}

ok()
{
	printf '   %sOK%s %s\n' "$green" "$plain" "$*"
}

fail()
{
	printf '   %sFAILED%s %s\n' "$red" "$plain" "$*"
	exit 1
}
