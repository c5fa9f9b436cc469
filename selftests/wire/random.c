// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random segments at a connection in every state: nothing breaks, and a new connection
 * works afterwards (SEC-28). A failure names its seed; XTCP_TEST_SEED repeats it.
 */
#include <stdlib.h>
#include "peer_test.h"

#define ROUNDS	3000

WIRE_FIXTURE_LISTENING(random_segments)

static unsigned int start_seed(void)
{
	unsigned int seed = getenv("XTCP_TEST_SEED") ? atoi(getenv("XTCP_TEST_SEED")) :
			    peer_now_us();

	printf("# seed %u\n", seed);
	return seed;
}

/* Mostly near the numbers in force, sometimes anywhere. */
static int64_t some_number(unsigned int *seed)
{
	switch (rand_r(seed) % 4) {
	case 0:
		return 0;
	case 1:
		return rand_r(seed) % 64 - 32;
	case 2:
		return rand_r(seed) % 200000 - 100000;
	default:
		return (int32_t)(rand_r(seed) << 1 ^ rand_r(seed));
	}
}

static void some_segment(struct peer *p, unsigned int *seed)
{
	struct seg seg = {
		.flags = rand_r(seed),
		.seq = some_number(seed),
		.ack = some_number(seed),
		.win = rand_r(seed) & 0xffff,
		.urg = rand_r(seed),
		.reserved = rand_r(seed) % 8 ? 0 : rand_r(seed) & 15,
		.len = rand_r(seed) % 3 ? 0 : rand_r(seed) % 1400,
		.stray = true,
	};
	uint8_t opts[40];
	int i;

	/* Resets would end the connection too soon to learn anything. */
	if (seg.flags & RST && rand_r(seed) % 64)
		seg.flags &= ~RST;
	if (rand_r(seed) % 3 == 0) {
		seg.opts = opts;
		seg.optlen = 4 * (rand_r(seed) % 11);
		for (i = 0; i < seg.optlen; i++)
			opts[i] = rand_r(seed) % 3 ? rand_r(seed) % 12 : rand_r(seed);
	}
	if (rand_r(seed) % 50 == 0)
		seg.doff = rand_r(seed) % 15 + 1;
	if (rand_r(seed) % 50 == 0)
		seg.cut = 1 + rand_r(seed) % 19;
	peer_send(p, &seg);
}

static void bombard(struct peer *p, int fd, unsigned int *seed)
{
	char buf[4096];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		some_segment(p, seed);
		if (fd >= 0 && rand_r(seed) % 16 == 0)
			(void)!recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (fd >= 0 && rand_r(seed) % 64 == 0)
			send(fd, buf, rand_r(seed) % sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		peer_drain(p, rand_r(seed) % 32 ? 0 : 20);
	}
	peer_drain(p, 500);
}

/* The listener lives, and so does the rest. */
static bool still_works(struct peer *p, int *lfd)
{
	int fd;

	close(*lfd);
	peer_drain(p, 100);
	*lfd = peer_listen(p, 16);
	peer_reset(p, PEER_PORT + 7, SERVER_PORT);
	fd = *lfd < 0 ? -1 : peer_established(p, *lfd);
	if (fd < 0)
		return false;
	peer_send(p, &(struct seg){ .flags = ACK | PSH, .len = 100 });
	return peer_read(p, fd, 100);
}

TEST_F_TIMEOUT(random_segments, listen, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	bombard(&self->p, -1, &seed);
	must(still_works(&self->p, &self->lfd));
}

TEST_F_TIMEOUT(random_segments, syn_rcvd, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	must(peer_send_syn(&self->p));
	bombard(&self->p, -1, &seed);
	must(still_works(&self->p, &self->lfd));
}

TEST_F_TIMEOUT(random_segments, syn_sent, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	close(self->lfd);
	self->p.kport = 0;
	self->fd = peer_connect_start(&self->p);
	expect(.flags = SYN);
	bombard(&self->p, self->fd, &seed);
	self->p.kport = SERVER_PORT;
	must(still_works(&self->p, &self->lfd));
}

TEST_F_TIMEOUT(random_segments, established, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	bombard(&self->p, self->fd, &seed);
	must(still_works(&self->p, &self->lfd));
}

TEST_F_TIMEOUT(random_segments, fin_wait, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	shutdown(self->fd, SHUT_WR);
	expect(.flags = FIN | ACK);
	bombard(&self->p, self->fd, &seed);
	must(still_works(&self->p, &self->lfd));
}

TEST_F_TIMEOUT(random_segments, fin_wait_2_orphan, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect(.flags = FIN | ACK);
	send_seg(.flags = ACK);
	bombard(&self->p, -1, &seed);
	must(still_works(&self->p, &self->lfd));
}

TEST_F_TIMEOUT(random_segments, close_wait, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK);
	bombard(&self->p, self->fd, &seed);
	must(still_works(&self->p, &self->lfd));
}

TEST_F_TIMEOUT(random_segments, last_ack, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK);
	close(self->fd);
	expect(.flags = FIN | ACK);
	bombard(&self->p, -1, &seed);
	must(still_works(&self->p, &self->lfd));
}

TEST_F_TIMEOUT(random_segments, time_wait, 200)
{
	unsigned int seed = start_seed();

	ROW("SEC-28");
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect(.flags = FIN | ACK);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK);
	bombard(&self->p, -1, &seed);
	must(still_works(&self->p, &self->lfd));
}

TEST_HARNESS_MAIN
