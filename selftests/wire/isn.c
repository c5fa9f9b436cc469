// SPDX-License-Identifier: GPL-2.0-only
/*
 * Initial sequence numbers: clock plus keyed function of the 4-tuple
 * (RFC 9293, 3.4.1; RFC 6528, 3).
 */
#include "peer_test.h"

WIRE_FIXTURE_LISTENING(isn)

/* The ISN of one passive attempt, which is then reset. */
static bool passive_isn(struct peer *p, uint16_t port, uint32_t *isn, uint64_t *us)
{
	peer_reset(p, port, SERVER_PORT);
	if (!peer_send_syn(p))
		return false;
	*isn = p->irs;
	*us = p->last_us;
	peer_send(p, &(struct seg){ .flags = RST });
	return true;
}

static bool active_isn(struct peer *p, uint16_t kport, uint32_t *isn, uint64_t *us)
{
	const struct want syn = { .flags = SYN, .within = NOW };
	int fd;

	peer_reset(p, PEER_PORT, kport);
	fd = peer_connect_start(p);
	if (fd < 0 || !peer_expect(p, &syn))
		return false;
	*isn = p->irs;
	*us = p->last_us;
	peer_send(p, &(struct seg){ .flags = RST | ACK });
	peer_pump(p, 1);
	close(fd);
	return true;
}

/* One tuple at three moments: the differences are the clock's. */
TEST_F(isn, clock)
{
	uint32_t isn[3];
	uint64_t us[3];
	double tick_ns, other;
	int i;

	ROW("ISN-01");
	for (i = 0; i < 3; i++) {
		must(passive_isn(&self->p, PEER_PORT, &isn[i], &us[i]));
		peer_pump(&self->p, 1000 << i);
	}
	tick_ns = (us[1] - us[0]) * 1e3 / (isn[1] - isn[0]);
	other = (us[2] - us[1]) * 1e3 / (isn[2] - isn[1]);
	printf("# tick %.2f ns, %.2f ns\n", tick_ns, other);
	ASSERT_GE(4100, tick_ns);
	/* A wrap faster than 137 s would be faster than a segment's lifetime of 2 minutes. */
	ASSERT_LE(30, tick_ns);
	ASSERT_GE(tick_ns * 1.03, other);
	ASSERT_LE(tick_ns * 0.97, other);
}

TEST_F(isn, clock_of_active_opens)
{
	uint32_t isn[3];
	uint64_t us[3];
	double tick_ns, other;
	int i;

	ROW("ISN-01");
	for (i = 0; i < 3; i++) {
		must(active_isn(&self->p, 5000, &isn[i], &us[i]));
		peer_pump(&self->p, 1000 << i);
	}
	tick_ns = (us[1] - us[0]) * 1e3 / (isn[1] - isn[0]);
	other = (us[2] - us[1]) * 1e3 / (isn[2] - isn[1]);
	printf("# tick %.2f ns, %.2f ns\n", tick_ns, other);
	ASSERT_GE(4100, tick_ns);
	ASSERT_GE(tick_ns * 1.03, other);
	ASSERT_LE(tick_ns * 0.97, other);
}

/*
 * Numbers of neighbouring tuples taken within milliseconds: if they came from the
 * clock alone they would be close and rise; from a keyed function they are spread.
 */
TEST_F_TIMEOUT(isn, tuples_tell_nothing_of_each_other, 120)
{
	int i, j, bits[32] = {}, rising = 0, near = 0, same = 0;
	static uint32_t isn[2000];
	uint64_t us;

	ROW("ISN-02");
	for (i = 0; i < 2000; i++)
		must(passive_isn(&self->p, 1024 + i, &isn[i], &us));
	for (i = 0; i < 2000; i++) {
		for (j = 0; j < 32; j++)
			bits[j] += isn[i] >> j & 1;
		if (!i)
			continue;
		rising += (int32_t)(isn[i] - isn[i - 1]) > 0;
		near += isn[i] - isn[i - 1] + (1u << 26) < 1u << 27;
		for (j = 0; j < i; j++)
			same += isn[i] == isn[j];
	}
	/* Six standard deviations of 2000 fair coins are 134; near is 1 in 32. */
	for (j = 0; j < 32; j++) {
		ASSERT_LE(866, bits[j]);
		ASSERT_GE(1134, bits[j]);
	}
	ASSERT_LE(866, rising);
	ASSERT_GE(1134, rising);
	ASSERT_GE(120, near);
	ASSERT_GE(3, same);
}

TEST_F(isn, incarnations_move_forward)
{
	uint32_t last = 0, isn;
	uint64_t us;
	int i;

	ROW("ISN-03");
	for (i = 0; i < 100; i++) {
		must(passive_isn(&self->p, PEER_PORT, &isn, &us));
		if (i) {
			ASSERT_LT(0, (int32_t)(isn - last));
		}
		last = isn;
		peer_pump(&self->p, 3);
	}
}

TEST_F(isn, active_incarnations_move_forward)
{
	uint32_t last = 0, isn;
	uint64_t us;
	int i;

	ROW("ISN-03");
	for (i = 0; i < 100; i++) {
		must(active_isn(&self->p, 5000, &isn, &us));
		if (i) {
			ASSERT_LT(0, (int32_t)(isn - last));
		}
		last = isn;
		peer_pump(&self->p, 3);
	}
}

/* To destinations that differ in their port alone. */
TEST_F(isn, ephemeral_ports_are_not_sequential)
{
	uint16_t port[40];
	int i, step = 0, fd;

	ROW("ISN-05");
	for (i = 0; i < 40; i++) {
		peer_reset(&self->p, PEER_PORT + i, 0);
		fd = peer_connect_start(&self->p);
		ASSERT_LE(0, fd);
		expect(.flags = SYN, .within = NOW);
		port[i] = self->p.kport;
		ASSERT_LE(32768, port[i]);
		ASSERT_GE(60999, port[i]);
		if (i) {
			step += abs(port[i] - port[i - 1]) <= 64;
		}
		close(fd);
	}
	/* Neither a common counter shows nor a step: of random ports one in 220 is so near. */
	ASSERT_GE(5, step);
}

TEST_HARNESS_MAIN
