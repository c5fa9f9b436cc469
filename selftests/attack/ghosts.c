// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers that have completed the handshake before there is a place, or text, for them: no
 * ghosts with a full accept queue, and TCP_DEFER_ACCEPT.
 */
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"
#include "flood.h"
#include "peer.h"

/* ---- ghosts ------------------------------------------------------------------------- */

FIXTURE(ghosts)
{
	int unused;
};

FIXTURE_VARIANT(ghosts)
{
	int family;
	const char *mode;
};

FIXTURE_VARIANT_ADD(ghosts, v4_mode_0) { AF_INET, "0" };
FIXTURE_VARIANT_ADD(ghosts, v4_mode_1) { AF_INET, "1" };
FIXTURE_VARIANT_ADD(ghosts, v4_mode_2) { AF_INET, "2" };
FIXTURE_VARIANT_ADD(ghosts, v6_mode_0) { AF_INET6, "0" };
FIXTURE_VARIANT_ADD(ghosts, v6_mode_1) { AF_INET6, "1" };
FIXTURE_VARIANT_ADD(ghosts, v6_mode_2) { AF_INET6, "2" };

FIXTURE_SETUP(ghosts)
{
	ASSERT_EQ(0, xt_netns());
	ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", variant->mode));
}

FIXTURE_TEARDOWN(ghosts)
{
}

/* Backlog 1, six clients that say nothing, a path of 100 ms: none believes what is not so. */
TEST_F_TIMEOUT(ghosts, backlog_1_six_clients, 120)
{
	int lfd, fd, i, client[6], accepted = 0, reset = 0;
	uint16_t port[6];
	struct xt_addr addr, peer;
	bool served[6] = { 0 };
	int64_t end;

	ROW("LSN-03");
	if (!xt_lo_delay(50))
		SKIP(return, "no netem");
	lfd = xt_listen(variant->family, 1, &addr);
	ASSERT_LE(0, lfd);
	ASSERT_EQ(0, xt_nonblock(lfd));
	for (i = 0; i < 6; i++) {
		client[i] = xt_socket_flags(variant->family, SOCK_NONBLOCK);
		ASSERT_LE(0, client[i]);
		ASSERT_EQ(-1, xt_connect(client[i], &addr));
		ASSERT_EQ(EINPROGRESS, errno);
		ASSERT_EQ(0, xt_sockname(client[i], &peer));
		port[i] = xt_port(&peer);
	}
	xt_pause_ms(1000);
	end = xt_now_ms() + 40000;
	while (accepted + reset < 6 && xt_now_ms() < end) {
		fd = accept(lfd, NULL, NULL);
		if (fd >= 0) {
			ASSERT_EQ(0, xt_peername(fd, &peer));
			for (i = 0; i < 6; i++) {
				if (port[i] != xt_port(&peer))
					continue;
				ASSERT_FALSE(served[i]);
				served[i] = true;
				accepted++;
			}
		}
		for (i = 0, reset = 0; i < 6; i++)
			reset += !served[i] && (xt_revents(client[i], POLLIN) & POLLERR);
		xt_pause_ms(10);
	}
	TH_LOG("mode %s: %d accepted, %d reset, %ld parked, %ld promoted", variant->mode, accepted,
	       reset, peer_counter("HalfopenParked"), peer_counter("HalfopenPromoted"));
	ASSERT_EQ(6, accepted + reset);
	ASSERT_LE(2, accepted);
	ASSERT_EQ(accepted, peer_counter("PassiveOpens"));
	ASSERT_EQ(peer_counter("HalfopenParked"),
		  peer_counter("HalfopenPromoted") + peer_counter("HalfopenAbandoned"));
	ASSERT_EQ(0, xt_proc_count(variant->family, xt_port(&addr), 3));
}

/* ---- an accept queue that stays full --------------------------------------------------- */

#define BACKLOG		5
#define SYNS		5000

FIXTURE(full_queue)
{
	struct flood f;
	struct xt_addr addr;
	int lfd, client[BACKLOG + 1];
};

FIXTURE_VARIANT(full_queue)
{
	int family;
	const char *mode;
};

FIXTURE_VARIANT_ADD(full_queue, v4_mode_0) { AF_INET, "0" };
FIXTURE_VARIANT_ADD(full_queue, v4_mode_1) { AF_INET, "1" };
FIXTURE_VARIANT_ADD(full_queue, v4_mode_2) { AF_INET, "2" };
FIXTURE_VARIANT_ADD(full_queue, v6_mode_1) { AF_INET6, "1" };
FIXTURE_VARIANT_ADD(full_queue, v6_mode_2) { AF_INET6, "2" };

/* Clients whom the application is slow to accept take all places. */
FIXTURE_SETUP(full_queue)
{
	int i;

	self->lfd = flood_victim(&self->f, variant->family, 8080, variant->mode, BACKLOG);
	ASSERT_LE(0, self->lfd);
	self->addr = xt_loopback(variant->family, 8080);
	for (i = 0; i <= BACKLOG; i++) {
		self->client[i] = xt_dial(variant->family, &self->addr);
		ASSERT_LE(0, self->client[i]);
	}
	ASSERT_TRUE(XT_WAIT(xt_proc_count(variant->family, 8080, 1) == 2 * (BACKLOG + 1)));
}

FIXTURE_TEARDOWN(full_queue)
{
	close(self->lfd);
	flood_close(&self->f);
}

/* Nothing is kept, nothing is answered, those who are in stay in, and then all is as before. */
TEST_F_TIMEOUT(full_queue, flood_changes_nothing, 120)
{
	int i, fd, server;
	char byte;

	ROW("LSN-03");
	ROW("LSN-02");
	self->f.count = SYNS;
	flood_run(&self->f);
	ASSERT_EQ(SYNS, self->f.sent);
	ASSERT_EQ(SYNS, peer_counter("DropListenOverflow"));
	ASSERT_EQ(0, self->f.replies);
	ASSERT_EQ(0, flood_unaccounted());
	ASSERT_EQ(0, xt_proc_count(variant->family, 8080, 3));
	for (i = 0; i <= BACKLOG; i++) {
		fd = accept(self->lfd, NULL, NULL);
		ASSERT_LE(0, fd);
		ASSERT_EQ(1, send(fd, "x", 1, 0));
		close(fd);
		ASSERT_EQ(1, recv(self->client[i], &byte, 1, 0));
		close(self->client[i]);
	}
	ASSERT_EQ(-1, accept(self->lfd, NULL, NULL));
	fd = xt_dial(variant->family, &self->addr);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(XT_WAIT((server = accept(self->lfd, NULL, NULL)) >= 0));
	close(server);
	close(fd);
}

/* ---- TCP_DEFER_ACCEPT ---------------------------------------------------------------- */

XT_FIXTURE(defer)

static int deferring_listener(int family, struct xt_addr *addr)
{
	int lfd = xt_listen(family, 5, addr);

	if (lfd < 0 || xt_nonblock(lfd) || xt_set_int(lfd, SOL_TCP, TCP_DEFER_ACCEPT, 3))
		return -1;
	return lfd;
}

TEST_F(defer, data_makes_the_connection)
{
	struct xt_addr addr;
	int lfd, client, server;
	char byte;

	ROW("LSN-28");
	lfd = deferring_listener(variant->family, &addr);
	ASSERT_LE(0, lfd);
	client = xt_dial(variant->family, &addr);
	ASSERT_LE(0, client);
	ASSERT_EQ(0, xt_poll(lfd, POLLIN, 500));
	ASSERT_EQ(1, xt_proc_count(variant->family, xt_port(&addr), 3));
	ASSERT_EQ(1, send(client, "x", 1, 0));
	ASSERT_NE(0, xt_poll(lfd, POLLIN, 2000));
	server = accept(lfd, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(1, recv(server, &byte, 1, 0));
}

TEST_F(defer, time_is_over)
{
	struct xt_addr addr;
	int lfd, client;
	int64_t start;

	ROW("LSN-28");
	lfd = deferring_listener(variant->family, &addr);
	ASSERT_LE(0, lfd);
	start = xt_now_ms();
	client = xt_dial(variant->family, &addr);
	ASSERT_LE(0, client);
	ASSERT_NE(0, xt_poll(lfd, POLLIN, 9000));
	ASSERT_LE(2500, xt_now_ms() - start);
	ASSERT_LE(0, accept(lfd, NULL, NULL));
}

TEST_HARNESS_MAIN
