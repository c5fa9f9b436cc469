// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshakes completed by those who have not seen the SYN-ACK: numbers out of the air make no
 * connection (RFC 4987; LSN-10).
 */
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"
#include "flood.h"
#include "peer.h"

#define PORT		8080
#define BACKLOG		16
#define ACKS		30000		/* a bounded number for every day; the goal in full runs: */
#define ACKS_FULL	4000000
#define ACKS_AT_ONCE	1000

FIXTURE(forged)
{
	struct flood f;
	int lfd;
};

FIXTURE_VARIANT(forged)
{
	int family;
	const char *mode;
	bool timestamps;
};

FIXTURE_VARIANT_ADD(forged, v4_mode_1) { AF_INET, "1", true };
FIXTURE_VARIANT_ADD(forged, v4_mode_2) { AF_INET, "2", true };
FIXTURE_VARIANT_ADD(forged, v4_mode_2_bare) { AF_INET, "2", false };
FIXTURE_VARIANT_ADD(forged, v6_mode_2) { AF_INET6, "2", true };

FIXTURE_SETUP(forged)
{
	self->lfd = flood_victim(&self->f, variant->family, PORT, variant->mode, BACKLOG);
	ASSERT_LE(0, self->lfd);
	self->f.timestamps = variant->timestamps;
}

FIXTURE_TEARDOWN(forged)
{
	close(self->lfd);
	flood_close(&self->f);
}

/*
 * Without timestamps one ACK in 2^27 is a cookie: of 4,000,000 one in 34 runs may be right, so
 * that one is allowed there; with timestamps it is 2^-40, and none.
 */
TEST_F_TIMEOUT(forged, acks_create_nothing, 1800)
{
	int acks = getenv("XTCP_TEST_FULL") ? ACKS_FULL : ACKS, sent = 0;
	long opens;

	ROW("LSN-10");
	ROW("SEC-26");
	while (sent < acks) {
		/* Cookies are looked at in mode 1 for a while after an overflow. */
		flood_overflow(&self->f, BACKLOG);
		self->f.flags = FLOOD_ACK;
		self->f.sent = 0;
		self->f.count = ACKS_AT_ONCE;
		flood_run(&self->f);
		sent += self->f.sent;
	}
	opens = peer_counter("PassiveOpens");
	TH_LOG("%d ACKs, %ld connections", sent, opens);
	ASSERT_GE(variant->timestamps ? 0 : 1, opens);
	ASSERT_EQ(opens, peer_counter("SyncookiesRecv"));
	ASSERT_EQ(sent, peer_counter("SyncookiesFailed") + opens);
	ASSERT_EQ(sent, peer_counter("DropListenAck") + opens);
	ASSERT_EQ(sent, peer_counter("OutRsts") + peer_counter("RstsLimited") + opens);
	ASSERT_EQ(0, flood_unaccounted());
	ASSERT_EQ(-1, opens ? -1 : accept(self->lfd, NULL, NULL));
}

TEST_HARNESS_MAIN
