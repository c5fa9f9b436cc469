// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN_SENT: active open, its answers, its retransmission and its end
 * (RFC 9293, 3.5, 3.8.3, 3.10.7.3; RFC 6298, 2).
 */
#include <signal.h>
#include <time.h>
#include "peer_test.h"

WIRE_FIXTURE(syn_sent)

FIXTURE_SETUP(syn_sent)
{
	self->lfd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.kport = 0;
	self->fd = peer_connect_start(&self->p);
	ASSERT_LE(0, self->fd);
	expect(.flags = SYN, .within = NOW);
}

/*
 * Nothing but copies of the SYN: a stack may hurry the next one after a segment
 * that shows the peer is alive with an older connection (RFC 5961, 4.2).
 */
static bool only_syns(struct peer *p, int ms)
{
	uint64_t until = peer_now_us() + ms * 1000ull;
	struct got seen;
	char text[512];

	while (peer_next(p, &seen, (int)((until - peer_now_us()) / 1000) + 1)) {
		if (seen.bad || seen.flags != SYN || seen.seq != p->irs) {
			got_text(p, &seen, text, sizeof(text));
			printf("# expected only copies of the SYN, seen: %s\n", text);
			return false;
		}
		if (peer_now_us() >= until)
			break;
	}
	return true;
}

TEST_F(syn_sent, first_syn)
{
	ROW("HS-01");
	ROW("HS-05");
	ASSERT_EQ(SYN, self->p.last.flags);
	ASSERT_EQ(0, self->p.last.ack);
	ASSERT_EQ(0, self->p.last.tsecr);
	ASSERT_EQ(0, self->p.last.len);
	ASSERT_LT(0, self->p.last.win);
	state_is(ST_SYN_SENT);
	ASSERT_FALSE(peer_poll(&self->p, self->fd, POLLIN | POLLOUT, 0));
}

TEST_F(syn_sent, synack_establishes)
{
	ROW("HS-03");
	ROW("HS-05");
	CELL("SYN_SENT", "RCV_SYN_ACK");
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLOUT, 0));
	ASSERT_EQ(0, peer_so_error(self->fd));
	/* The first byte of each side follows its SYN. */
	ASSERT_TRUE(peer_write(&self->p, self->fd, 1));
	expect(.flags = ACK | PSH, .len = 1);
	ASSERT_EQ(self->p.irs + 1, self->p.last.seq);
	send_seg(.flags = ACK | PSH, .len = 1);
	expect(.flags = ACK);
	ASSERT_EQ(self->p.iss + 2, self->p.last.ack);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 1));
}

TEST_F(syn_sent, wrong_ack_draws_rst)
{
	ROW("HS-06");
	send_seg(.flags = SYN | ACK, .ack = 4, .stray = true);
	expect(.flags = RST, .seq = 4, .within = NOW);
	send_seg(.flags = ACK, .ack = 1, .stray = true);
	expect(.flags = RST, .seq = 1, .within = NOW);
	send_seg(.flags = SYN | ACK, .ack = -1, .stray = true);
	expect(.flags = RST, .seq = -1, .within = NOW);
	must(only_syns(&self->p, 300));
	state_is(ST_SYN_SENT);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
}

TEST_F(syn_sent, acceptable_ack_alone_is_dropped)
{
	ROW("HS-06");
	send_seg(.flags = ACK, .stray = true);
	send_seg(.flags = ACK | FIN, .stray = true);
	send_seg(.flags = ACK, .len = 10, .stray = true);
	silence(300);
	state_is(ST_SYN_SENT);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
}

TEST_F(syn_sent, neither_syn_nor_rst_is_dropped)
{
	ROW("HS-06");
	send_seg(.flags = 0, .stray = true);
	send_seg(.flags = FIN, .stray = true);
	send_seg(.flags = PSH, .len = 10, .stray = true);
	silence(300);
	state_is(ST_SYN_SENT);
}

TEST_F(syn_sent, only_acceptable_rst_refuses)
{
	ROW("HS-07");
	CELL("SYN_SENT", "RCV_RST");
	send_seg(.flags = RST);
	send_seg(.flags = RST | ACK, .ack = -1);
	send_seg(.flags = RST | ACK, .ack = 1);
	must(only_syns(&self->p, 300));
	state_is(ST_SYN_SENT);
	send_seg(.flags = RST | ACK);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLERR, 500));
	ASSERT_EQ(ECONNREFUSED, peer_so_error(self->fd));
	ASSERT_EQ(0, peer_so_error(self->fd));
	listed_is(ST_NONE);
	silence(2000);
}

TEST_F_TIMEOUT(syn_sent, retransmission_and_timeout, 400)
{
	static const int gap[] = { 1000, 2000, 4000, 8000, 16000, 32000 };
	uint64_t start = self->p.last_us, took;
	int i;

	ROW("HS-12");
	ROW("HS-13");
	ROW("LOSS-01");
	CELL("SYN_SENT", "GIVE_UP");
	for (i = 0; i < 6; i++)
		expect(.flags = SYN, .gap = gap[i]);
	state_is(ST_SYN_SENT);
	/* 64 s after the last: 127 s in all, D1. */
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLERR, 80000));
	took = (peer_now_us() - start) / 1000;
	ASSERT_LE(126500, took);
	ASSERT_GE(145000, took);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	listed_is(ST_NONE);
	silence(100);
}

TEST_F_TIMEOUT(syn_sent, syncnt_limits_retransmission, 100)
{
	uint64_t start = self->p.last_us, took;

	ROW("HS-13");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_SYNCNT, 1));
	expect(.flags = SYN, .gap = 1000);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLERR, 10000));
	took = (peer_now_us() - start) / 1000;
	ASSERT_LE(2900, took);
	ASSERT_GE(3500, took);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	silence(5000);
}

/* The count and the user time-out: whichever comes first. */
TEST_F_TIMEOUT(syn_sent, syncnt_before_the_user_timeout, 100)
{
	ROW("HS-13");
	ROW("KEEP-07");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_SYNCNT, 1));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 60000));
	expect(.flags = SYN, .gap = 1000);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLERR, 10000));
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	silence(5000);
}

TEST_F_TIMEOUT(syn_sent, user_timeout_before_syncnt, 100)
{
	uint64_t start = self->p.last_us, took;

	ROW("KEEP-07");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_SYNCNT, 6));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 2500));
	expect(.flags = SYN, .gap = 1000);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLERR, 10000));
	took = (peer_now_us() - start) / 1000;
	ASSERT_LE(2400, took);
	ASSERT_GE(3500, took);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	silence(5000);
}

TEST_F(syn_sent, late_answer_after_retransmission)
{
	ROW("HS-12");
	expect(.flags = SYN, .gap = 1000);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
}

TEST_F(syn_sent, close_sends_nothing)
{
	ROW("CLS-28");
	close(self->fd);
	silence(2500);
	listed_is(ST_NONE);
	send_seg(.flags = SYN | ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F(syn_sent, abort_sends_nothing)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	ROW("CLS-27");
	ASSERT_EQ(0, connect(self->fd, &none, sizeof(none)));
	silence(2500);
	listed_is(ST_NONE);
}

TEST_F(syn_sent, nonblocking_connect_sequence)
{
	struct sockaddr_storage ss;
	socklen_t len = variant->family == AF_INET6 ? sizeof(struct sockaddr_in6) :
			sizeof(struct sockaddr_in);

	ROW("HS-31");
	peer_sockaddr(&self->p, false, PEER_PORT, &ss);
	ASSERT_EQ(-1, connect(self->fd, (void *)&ss, len));
	ASSERT_EQ(EALREADY, errno);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLOUT, 0));
	ASSERT_EQ(0, peer_so_error(self->fd));
	ASSERT_EQ(0, connect(self->fd, (void *)&ss, len));
	ASSERT_EQ(-1, connect(self->fd, (void *)&ss, len));
	ASSERT_EQ(EISCONN, errno);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A blocking connect() that a signal interrupts goes on by itself. */
TEST_F(syn_sent, interrupted_connect_goes_on)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct itimerspec in100ms = { .it_value.tv_nsec = 100000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	int fd = xt_socket(variant->family);
	struct sockaddr_storage ss;
	timer_t timer;

	ROW("HS-31");
	peer_reset(&self->p, PEER_PORT + 1, 0);
	peer_sockaddr(&self->p, false, PEER_PORT + 1, &ss);
	sigaction(SIGUSR1, &act, NULL);
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &in100ms, NULL));
	ASSERT_EQ(-1, connect(fd, (void *)&ss, variant->family == AF_INET6 ?
			      sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
	ASSERT_EQ(EINTR, errno);
	expect(.flags = SYN);
	ASSERT_EQ(ST_SYN_SENT, peer_state(fd));
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	ASSERT_EQ(0, peer_so_error(fd));
	ASSERT_EQ(ST_ESTABLISHED, peer_state(fd));
}

TEST_F(syn_sent, local_address_by_route)
{
	struct sockaddr_storage name = {}, mine;
	socklen_t len = sizeof(name);

	ROW("HS-29");
	/* The SYN's source was compared by expect(); the socket must agree. */
	ASSERT_EQ(0, getsockname(self->fd, (void *)&name, &len));
	peer_sockaddr(&self->p, true, self->p.kport, &mine);
	ASSERT_EQ(0, memcmp(&name, &mine, len));
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	ASSERT_EQ(0, getsockname(self->fd, (void *)&name, &len));
	ASSERT_EQ(0, memcmp(&name, &mine, len));
}

/* listen() on the port of an attempt under way disturbs neither. */
TEST_F(syn_sent, listen_on_the_same_port)
{
	struct peer q;
	int fd;

	ROW("HS-30");
	close(self->fd);
	peer_reset(&self->p, PEER_PORT, SERVER_PORT);
	self->fd = peer_connect_start(&self->p);
	ASSERT_LE(0, self->fd);
	expect(.flags = SYN, .within = NOW);
	self->lfd = peer_listen(&self->p, 4);
	ASSERT_LE(0, self->lfd);
	q = peer_flow(&self->p, PEER_PORT + 1);
	fd = peer_established(&q, self->lfd);
	ASSERT_LE(0, fd);
	state_is(ST_SYN_SENT);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
	ASSERT_TRUE(peer_state_is(&q, fd, ST_ESTABLISHED));
}

/* RFC 9293, 3.5: two crossing SYNs of one and the same socket. */
TEST_F(syn_sent, connect_to_itself)
{
	struct sockaddr_storage name = {};
	socklen_t len = variant->family == AF_INET6 ? sizeof(struct sockaddr_in6) :
			sizeof(struct sockaddr_in);
	char out[100], in[100] = {};
	int fd = xt_socket(variant->family), i;

	ROW("HS-11");
	for (i = 0; i < 100; i++)
		out[i] = peer_pattern(i);
	peer_sockaddr(&self->p, true, 7777, &name);
	ASSERT_EQ(0, bind(fd, (void *)&name, len));
	ASSERT_EQ(0, connect(fd, (void *)&name, len));
	ASSERT_EQ(100, send(fd, out, 100, 0));
	ASSERT_EQ(100, recv(fd, in, 100, MSG_WAITALL));
	ASSERT_EQ(0, memcmp(in, out, 100));
	ASSERT_EQ(0, close(fd));
	self->p.kport = 7777;
	self->p.port = 7777;
	/* Both FINs cross as well: TIME_WAIT at the most. */
	must(peer_listed(&self->p) == ST_TIME_WAIT || peer_listed(&self->p) == ST_NONE);
}

TEST_HARNESS_MAIN
