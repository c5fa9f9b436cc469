#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Node.js: an HTTP server in a cluster, whose first process accepts and passes descriptors
# to two workers, and fetch(): libuv's epoll loop, non-blocking connects, back-pressure.

. ../lib/ktap.sh
. ../lib/net.sh
. ../lib/programs.sh

write_programs()
{
	cat >"$work/server.js" <<-'END'
	const cluster = require("cluster"), http = require("http");
	const [, , address, port] = process.argv;
	if (cluster.isPrimary) {
		cluster.schedulingPolicy = cluster.SCHED_RR;
		for (let i = 0; i < 2; i++)
			cluster.fork();
	} else {
		// Answers a body with itself, and names the worker.
		http.createServer((request, response) => {
			response.setHeader("worker", cluster.worker.id);
			request.pipe(response);
		}).listen(port, address);
	}
	END
	cat >"$work/client.js" <<-'END'
	const [, , url, count, size] = process.argv;
	async function ask(number) {
		const body = Buffer.alloc(+size, `body ${number}, `);
		const headers = { connection: "close" };
		const response = await fetch(url, { method: "POST", body, headers });
		if (!body.equals(Buffer.from(await response.arrayBuffer())))
			throw new Error(`request ${number}: another body`);
		return response.headers.get("worker");
	}
	Promise.all([...Array(+count).keys()].map(ask)).then((workers) => {
		console.log(`${workers.length} right, by ${new Set(workers).size} workers`);
	}).catch((error) => {
		console.log(error, error.cause);
		process.exit(1);
	});
	END
}

fetches()
{
	row API-26 API-37
	need_program node
	write_programs
	serve 3000 node "$work/server.js" "$address" 3000
	client_runs node "$work/client.js" "http://$url_host:3000/" "$requests" 200000 \
		>"$work/got" 2>&1 || show_and_fail "$work/got" "node: status $?"
	grep -qx "$requests right, by 2 workers" "$work/got" || show_and_fail "$work/got" "not all"
}

requests=20
! is_long || requests=500
program_plan 1
programs_up
program_case fetches fetches
ktap_end
