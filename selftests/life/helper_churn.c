// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens, uses and closes connections on loopback, over both IP versions and in every
 * manner of closing in turn.
 *
 *   helper_churn COUNT [hold]
 *
 * With "hold" one listener and one connection stay open until standard input ends;
 * "holding" is printed when they are.
 */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "sock.h"

static bool exchange(int from, int to, uint64_t seed, size_t len)
{
	static uint8_t buf[65536];

	xt_fill(buf, len, seed, 0);
	return xt_send_all(from, buf, len) == (ssize_t)len && xt_recv_stream(to, seed, len);
}

/* A way of ending per number; each leaves another state behind. */
static void finish(int client, int server, int manner)
{
	static char buf[4096];

	switch (manner) {
	case 0:
		close(client);
		recv(server, buf, sizeof(buf), 0);
		close(server);
		return;
	case 1:
		close(server);
		recv(client, buf, sizeof(buf), 0);
		close(client);
		return;
	case 2:
		close(client);
		close(server);
		return;
	case 3:
		xt_reset(client);
		close(server);
		return;
	case 4:
		/* Unread data. */
		send(client, buf, sizeof(buf), 0);
		close(server);
		close(client);
		return;
	case 5:
		shutdown(client, SHUT_WR);
		send(server, buf, 100, MSG_NOSIGNAL);
		close(client);
		close(server);
		return;
	case 6:
		shutdown(client, SHUT_WR);
		shutdown(server, SHUT_WR);
		recv(client, buf, sizeof(buf), 0);
		close(client);
		close(server);
		return;
	default:
		xt_set_linger(client, 1, 5);
		send(client, buf, 100, MSG_NOSIGNAL);
		recv(server, buf, 100, MSG_WAITALL);
		close(client);
		close(server);
		return;
	}
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 1000;
	struct xt_addr addr[2];
	int lfd[2], i, client, server;
	char byte;

	for (i = 0; i < 2; i++) {
		lfd[i] = xt_listen(i ? AF_INET6 : AF_INET, 16, &addr[i]);
		if (lfd[i] < 0) {
			perror("listen");
			return 1;
		}
	}
	for (i = 0; i < count; i++) {
		client = xt_dial(addr[i & 1].sa.sa_family, &addr[i & 1]);
		server = client < 0 ? -1 : accept(lfd[i & 1], NULL, NULL);
		if (server < 0) {
			printf("connection %d: %s\n", i, strerror(errno));
			return 1;
		}
		if (!exchange(client, server, i + 1, 1 + i * 7 % 5000) ||
		    !exchange(server, client, i + 2, 1 + i * 13 % 9000)) {
			printf("connection %d: data differ\n", i);
			return 1;
		}
		finish(client, server, (i / 2) % 8);
	}
	if (argc > 2 && !strcmp(argv[2], "hold")) {
		client = xt_dial(addr[0].sa.sa_family, &addr[0]);
		server = accept(lfd[0], NULL, NULL);
		printf("holding\n");
		fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
		close(client);
		close(server);
	}
	close(lfd[0]);
	close(lfd[1]);
	printf("%d connections\n", count);
	return 0;
}
