#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rsync and git with their own daemons: a process for each connection, conversations
# in both directions with small and large messages.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

rsync_both_ways()
{
	row API-37 API-12
	need_program rsync
	mkdir -p "$work/module" "$work/tree/deep" "$work/back"
	content "$work/tree/file" 700000
	content "$work/tree/deep/other" 30000
	cat >"$work/rsyncd.conf" <<-END
	pid file = $work/rsyncd.pid
	use chroot = yes
	uid = root
	gid = root
	[module]
		path = $work/module
		read only = no
	END
	serve 8730 rsync --daemon --no-detach --config="$work/rsyncd.conf" --address="$address" \
		--port=8730 --log-file=/dev/stdout
	client_runs rsync -a "$work/tree/" "rsync://$url_host:8730/module/" ||
		show_and_fail "$work/server.8730" "rsync to the daemon: status $?"
	# Only differences travel now.
	echo more >>"$work/tree/file"
	client_runs rsync -a --no-whole-file "$work/tree/" "rsync://$url_host:8730/module/" ||
		show_and_fail "$work/server.8730" "rsync of differences: status $?"
	client_runs rsync -a "rsync://$url_host:8730/module/" "$work/back/" ||
		show_and_fail "$work/server.8730" "rsync from the daemon: status $?"
	diff -r "$work/tree" "$work/module" || fail "the daemon has another tree"
	diff -r "$work/tree" "$work/back" || fail "another tree came back"
}

git_clone_and_push()
{
	local git=(git -c user.name=test -c user.email=test@localhost -c init.defaultBranch=main)

	row API-37 API-12
	need_program git
	git init -q --bare "$work/repository" || fail "git init"
	serve 9418 git daemon --reuseaddr --listen="$address" --port=9418 --export-all \
		--enable=receive-pack --base-path="$work"
	client_runs git clone -q "git://$url_host:9418/repository" "$work/one" 2>"$work/error" ||
		show_and_fail "$work/error" "git clone of nothing: status $?"
	content "$work/one/file" 400000
	"${git[@]}" -C "$work/one" add file || fail "git add"
	"${git[@]}" -C "$work/one" commit -q -m file || fail "git commit"
	client_runs git -C "$work/one" push -q origin HEAD:refs/heads/main 2>"$work/error" ||
		show_and_fail "$work/error" "git push: status $?"
	client_runs git clone -q -b main "git://$url_host:9418/repository" "$work/two" ||
		show_and_fail "$work/server.9418" "git clone: status $?"
	same "$work/one/file" "$work/two/file"
	[ "$(git -C "$work/one" rev-parse HEAD)" = "$(git -C "$work/two" rev-parse HEAD)" ] ||
		fail "other commits"
}

export GIT_CONFIG_NOSYSTEM=1 HOME=/nonexistent
program_plan 2
programs_up
program_case rsync_both_ways rsync_both_ways
program_case git_clone_and_push git_clone_and_push
ktap_end
