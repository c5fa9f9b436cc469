// SPDX-License-Identifier: GPL-2.0-only
/*
 * CLOSE_WAIT: the peer has closed, this side has not (RFC 9293, 3.6, 3.10.7.4).
 */
#include "peer_test.h"

WIRE_FIXTURE(close_wait)

FIXTURE_SETUP(close_wait)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK);
	ASSERT_EQ(ST_CLOSE_WAIT, peer_state(self->fd));
}

TEST_F(close_wait, eof_and_stays)
{
	ROW("CLS-02");
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	silence(20000);
	ASSERT_EQ(ST_CLOSE_WAIT, peer_state(self->fd));
	ASSERT_EQ(ST_CLOSE_WAIT, peer_listed(&self->p));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_HARNESS_MAIN
