// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a flood looks like to the administrator: the listing, and the tracepoints.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include "peer_test.h"

#define TRACE	"/sys/kernel/tracing/instances/xtcp-visible"

FIXTURE(visible)
{
	struct peer p;
	int lfd, fd;
};

FIXTURE_VARIANT(visible)
{
	int family;
};

FIXTURE_VARIANT_ADD(visible, v4) { AF_INET };
FIXTURE_VARIANT_ADD(visible, v6) { AF_INET6 };

/* A trace buffer of our own, with every event of xtcp. */
FIXTURE_SETUP(visible)
{
	self->fd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	rmdir(TRACE);
	ASSERT_EQ(0, mkdir(TRACE, 0755));
	ASSERT_TRUE(xt_run("echo 1 >" TRACE "/events/xtcp/enable"));
}

FIXTURE_TEARDOWN(visible)
{
	peer_close(&self->p);
	rmdir(TRACE);
}

/* Every half-open connection is a line of its own, in state 03, with both ends. */
TEST_F(visible, every_entry_is_listed)
{
	bool v6 = variant->family == AF_INET6;
	struct peer q;
	int i;

	ROW("LSN-27");
	ROW("API-41");
	for (i = 0; i < 17; i++) {
		q = peer_flow(&self->p, PEER_PORT + i);
		must(peer_send_syn(&q));
	}
	ASSERT_EQ(17, xt_proc_count(variant->family, SERVER_PORT, ST_SYN_RCVD));
	for (i = 0; i < 17; i++) {
		must(xt_run("grep -q ':1F90 [0-9A-F]*:%04X 03 ' %s", PEER_PORT + i,
			    xt_proc_list(variant->family)));
		must(xt_run("grep -q '^ *[0-9]*: %s:1F90 %s:%04X 03 ' %s",
			    v6 ? "B80D0120000000000000000001000000" : "010200C0",
			    v6 ? "B80D0120000000000000000002000000" : "020200C0",
			    PEER_PORT + i, xt_proc_list(variant->family)));
	}
}

/* The trace has a line like this. */
static bool is_traced(const char *pattern)
{
	return xt_run("grep -q '%s' " TRACE "/trace", pattern);
}

TEST_F(visible, each_outcome_is_traced)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);
	struct peer r = peer_flow(&self->p, PEER_PORT + 2);

	ROW("LSN-27");
	ROW("LSN-20");
	/* Added. */
	ASSERT_TRUE(peer_send_syn(&self->p));
	/* A cookie: sent, rejected, and accepted. */
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "2"));
	ASSERT_TRUE(peer_send_syn(&q));
	send_on(&q, .flags = ACK, .seq = 1, .stray = true);
	expect_on(&q, .flags = RST, .within = NOW);
	send_on(&q, .flags = ACK);
	ASSERT_LE(0, peer_accept(&q, self->lfd));
	/* A source that has had its share, by cookie and by entry. */
	ASSERT_TRUE(peer_sysctl("net/xtcp/accept_source_rate", "1"));
	ASSERT_TRUE(peer_send_syn(&r));
	send_on(&r, .flags = ACK);
	ASSERT_LE(0, peer_accept(&r, self->lfd));
	r = peer_flow(&self->p, PEER_PORT + 3);
	ASSERT_TRUE(peer_send_syn(&r));
	send_on(&r, .flags = ACK);
	expect_on(&r, .flags = RST, .within = NOW);
	send_seg(.flags = ACK);
	expect(.flags = RST, .within = NOW);

	ASSERT_TRUE(is_traced("xtcp_state: .*:8080 dst=.*:40000 old=LISTEN new=SYN_RCVD "
			      "event=RCV_SYN"));
	ASSERT_TRUE(is_traced("xtcp_cookie: .*:8080 dst=.*:40001 verdict=sent mss="));
	ASSERT_TRUE(is_traced("xtcp_cookie: .*:8080 dst=.*:40001 verdict=rejected"));
	ASSERT_TRUE(is_traced("xtcp_drop: .*:40001 dst=.*:8080 flags=ACK .*reason=listen_ack"));
	ASSERT_TRUE(is_traced("xtcp_cookie: .*:8080 dst=.*:40001 verdict=accepted mss="));
	ASSERT_TRUE(is_traced("xtcp_drop: .*:40003 dst=.*:8080 flags=ACK .*reason=source_rate"));
	ASSERT_TRUE(is_traced("xtcp_state: .*:8080 dst=.*:40000 old=SYN_RCVD new=CLOSED"));
	ASSERT_TRUE(is_traced("xtcp_drop: .*:40000 dst=.*:8080 flags=ACK .*reason=source_rate"));
	ASSERT_EQ(2, peer_counter("DropSourceRate"));
}

TEST_HARNESS_MAIN
