// SPDX-License-Identifier: GPL-2.0-only
/* What ends at the very moment something else happens to it: no reference may be lost. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(refs)

#define PAIRS		48
#define ROUNDS		36
#define DELACK_MS	40	/* XTCP_DELACK_MIN */

/* Sockets of this namespace that still have memory: not until the last reference goes. */
static int sockets_alive(void)
{
	char line[256];
	int used = -1;
	FILE *file = fopen("/proc/net/sockstat", "r");

	if (!file)
		return -1;
	while (used < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "sockets: used %d", &used) != 1)
			used = -1;
	fclose(file);
	return used;
}

/*
 * A delayed ACK is due on every server end; each is dissolved when its timer is about to
 * expire, so that in every round some timers find the socket owned.
 */
TEST_F_TIMEOUT(refs, dissolve_meets_timer, 240)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int client[PAIRS], server[PAIRS], round, i;
	int before = sockets_alive();
	int64_t start;

	ASSERT_LE(0, before);
	ROW("API-43");
	ROW("API-10");
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < PAIRS; i++) {
			ASSERT_RET(0, xt_pair(variant->family, &client[i], &server[i]));
			ASSERT_RET(0, xt_set_int(server[i], SOL_TCP, TCP_QUICKACK, 0));
		}
		start = xt_now_ms();
		for (i = 0; i < PAIRS; i++)
			ASSERT_RET(1, send(client[i], "x", 1, 0));
		/* The exact moment is a matter of chance: sweep over it. */
		while (xt_now_ms() < start + DELACK_MS - 10 + round / 2)
			;
		for (i = 0; i < PAIRS; i++)
			EXPECT_RET(0, connect(server[i], &none, sizeof(none)));
		for (i = 0; i < PAIRS; i++) {
			close(client[i]);
			close(server[i]);
		}
	}
	EXPECT_TRUE(XT_WAIT(sockets_alive() <= before))
		TH_LOG("%d sockets, %d before", sockets_alive(), before);
}

struct talker {
	pthread_t thread;
	int *fds;
	volatile bool *go;
};

static void *talk(void *arg)
{
	struct talker *talker = arg;
	int i;

	while (!*talker->go)
		;
	for (i = PAIRS - 1; i >= 0; i--)
		send(talker->fds[i], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	return NULL;
}

/*
 * Half-open entries whose data come while their listener closes. One that found a way
 * around the purge would hold the listener, and the module, for a minute.
 */
TEST_F_TIMEOUT(refs, close_meets_parking, 240)
{
	int before = sockets_alive(), lfd, round, i;
	int client[PAIRS];
	struct xt_addr addr;

	ASSERT_LE(0, before);
	ROW("API-43");
	ROW("LSN-03");
	for (round = 0; round < 20; round++) {
		volatile bool go = false;
		struct talker talker = { .fds = client, .go = &go };

		lfd = ASSERT_FD(xt_listen(variant->family, 2 * PAIRS, &addr));
		ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_DEFER_ACCEPT, 30));
		for (i = 0; i < PAIRS; i++)
			client[i] = ASSERT_FD(xt_dial(variant->family, &addr));
		ASSERT_EQ(0, pthread_create(&talker.thread, NULL, talk, &talker));
		go = true;
		close(lfd);
		pthread_join(talker.thread, NULL);
		/* Each peer learns: nobody is left who believes in a connection. */
		for (i = 0; i < PAIRS; i++) {
			EXPECT_TRUE(xt_poll(client[i], POLLHUP, XT_DEADLINE_MS) & POLLHUP);
			close(client[i]);
		}
	}
	EXPECT_TRUE(XT_WAIT(sockets_alive() <= before))
		TH_LOG("%d sockets, %d before", sockets_alive(), before);
}

TEST_HARNESS_MAIN
