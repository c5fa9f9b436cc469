// SPDX-License-Identifier: GPL-2.0-only
/*
 * TIME_WAIT: 60 seconds after the active close (RFC 9293, 3.6.1, 3.10.7.4; RFC 1337; RFC 6191).
 */
#include <sys/wait.h>
#include "peer_test.h"

WIRE_FIXTURE(time_wait)

/* close(), and a peer that follows with its FIN. */
#define close_actively()							\
	do {									\
		close(self->fd);						\
		expect(.flags = FIN | ACK, .within = NOW);			\
		send_seg(.flags = ACK);						\
		send_seg(.flags = FIN | ACK);					\
		expect(.flags = ACK, .within = NOW);				\
	} while (0)

/* The whole active close; the entry was made just now. */
FIXTURE_SETUP(time_wait)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	close_actively();
	listed_is(ST_TIME_WAIT);
	peer_mark(&self->p);
}

TEST_F_TIMEOUT(time_wait, lasts_60_s, 200)
{
	uint64_t start = peer_now_us();

	ROW("CLS-14");
	CELL("TIME_WAIT", "2MSL_TIMEOUT");
	silence(59500);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 9000));
	ASSERT_LE(59900000, peer_now_us() - start);
	send_seg(.flags = FIN | ACK, .seq = -1);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F_TIMEOUT(time_wait, repeated_fin_restarts_timer, 200)
{
	ROW("CLS-13");
	CELL("TIME_WAIT", "RCV_FIN");
	peer_pump(&self->p, 40000);
	send_seg(.flags = FIN | ACK, .seq = -1);
	expect(.flags = ACK, .within = NOW);
	peer_pump(&self->p, 58000);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 11000));
}

/* Who answers each repeat helps the peer out of LAST_ACK: no limit but the peer's RTO. */
TEST_F(time_wait, each_repeated_fin_is_answered)
{
	int i;

	ROW("CLS-13");
	for (i = 0; i < 5; i++) {
		peer_pump(&self->p, 100);
		send_seg(.flags = FIN | ACK, .seq = -1);
		expect(.flags = ACK, .within = NOW);
	}
}

/* D7: RFC 1337's hazard F1. */
TEST_F_TIMEOUT(time_wait, rst_does_not_end_it, 200)
{
	ROW("CLS-16");
	CELL("TIME_WAIT", "RCV_RST");
	send_seg(.flags = RST);
	silence(500);
	listed_is(ST_TIME_WAIT);
	send_seg(.flags = RST | ACK);
	send_seg(.flags = RST, .seq = 100);
	silence(500);
	listed_is(ST_TIME_WAIT);
	peer_pump(&self->p, 57000);
	listed_is(ST_TIME_WAIT);
}

TEST_F(time_wait, newer_syn_is_accepted)
{
	uint32_t snd_nxt = self->p.snd_nxt, old_end = self->p.rcv_nxt;

	ROW("CLS-17");
	ROW("ISN-04");
	peer_pump(&self->p, 1100);
	self->p.iss = snd_nxt + 1000;
	self->p.irs_known = false;
	/* The timestamp clock goes on: newer than the last. */
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	ASSERT_LT(0, (int32_t)(self->p.irs - old_end));
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
}

/* The numbers may go back if the timestamps do not (RFC 6191). */
TEST_F(time_wait, newer_timestamp_alone_is_enough)
{
	ROW("CLS-17");
	peer_pump(&self->p, 1100);
	self->p.iss = self->p.snd_nxt - 10000;
	self->p.irs_known = false;
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
}

TEST_F(time_wait, old_syn_is_not_accepted)
{
	struct got seen;

	ROW("CLS-17");
	send_seg(.flags = SYN, .seq = -10000, .set_ts = true, .tsval = peer_tsval(&self->p) - 5000,
		 .stray = true);
	while (peer_next(&self->p, &seen, 500))
		ASSERT_EQ(ACK, seen.flags);
	listed_is(ST_TIME_WAIT);
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 0));
}

TEST_F(time_wait, old_data_draws_ack)
{
	ROW("CLS-18");
	send_seg(.flags = ACK | PSH, .len = 10, .seq = -5000);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
}

TEST_F_TIMEOUT(time_wait, answers_are_rate_limited, 60)
{
	int i, n = 0;

	ROW("CLS-18");
	ROW("SEC-04");
	for (i = 0; i < 500; i++) {
		send_seg(.flags = ACK, .seq = -5000);
		n += peer_drain(&self->p, 10);
	}
	ASSERT_LE(1, n);
	ASSERT_GE(15, n);
	listed_is(ST_TIME_WAIT);
}

TEST_F(time_wait, exact_ack_is_silent)
{
	ROW("CLS-18");
	send_seg(.flags = ACK);
	silence(500);
	listed_is(ST_TIME_WAIT);
}

/* Not the process that closed, nor its descriptors, keep it. */
TEST_F(time_wait, outlives_its_process)
{
	ROW("CLS-15");
	if (!fork()) {
		/* Everything this process has is closed with it. */
		_exit(0);
	}
	wait(NULL);
	close(self->lfd);
	listed_is(ST_TIME_WAIT);
	send_seg(.flags = FIN | ACK, .seq = -1);
	expect(.flags = ACK, .within = NOW);
}

/* What the slab allocator takes for one entry, as it says itself. */
TEST(time_wait__entry_is_small)
{
	static const char *const path[] = {
		"/sys/kernel/slab/xtcp_timewait/object_size",
		"/sys/kernel/slab/xtcp_timewait6/object_size",
	};
	static const int limit[] = { 160, 192 };
	int i, size;
	FILE *file;

	ROW("CLS-15");
	if (xt_is_control())
		SKIP(return, "about xtcp's entries");
	for (i = 0; i < 2; i++) {
		file = fopen(path[i], "r");
		ASSERT_NE(NULL, file)
			TH_LOG("%s: %s", path[i], strerror(errno));
		ASSERT_EQ(1, fscanf(file, "%d", &size));
		fclose(file);
		printf("# %s: %d\n", path[i], size);
		ASSERT_LE(40, size);
		ASSERT_GE(limit[i], size);
	}
}

/* A restarted entry goes to the end of the queue, and the others keep their times. */
TEST_F_TIMEOUT(time_wait, restart_keeps_the_order, 300)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);

	ROW("CLS-13");
	ROW("CLS-14");
	peer_pump(&self->p, 10000);
	ASSERT_LE(0, peer_in_state(&q, self->lfd, ST_TIME_WAIT));
	peer_mark(&q);
	peer_pump(&self->p, 10000);
	send_seg(.flags = FIN | ACK, .seq = -1);
	expect(.flags = ACK, .within = NOW);
	peer_mark(&self->p);
	/* The younger entry is the first to go, at its 60 s. */
	peer_pump(&self->p, 49000);
	ASSERT_TRUE(peer_await_listed(&q, ST_TIME_WAIT, 0));
	ASSERT_TRUE(peer_await_listed(&q, ST_NONE, 9000));
	ASSERT_LE(59900000, peer_now_us() - q.mark_us);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 20000));
	ASSERT_LE(59900000, peer_now_us() - self->p.mark_us);
}

WIRE_FIXTURE_LISTENING(time_wait_bound)

TEST_F_TIMEOUT(time_wait_bound, beyond_it_connections_end_at_once, 200)
{
	long before;
	struct peer q;
	int i;

	ROW("CLS-20");
	ASSERT_TRUE(peer_tunable("max_tw_buckets", "10"));
	before = peer_counter(xt_is_control() ? "TCPTimeWaitOverflow" : "TimeWaitOverflow");
	ASSERT_LE(0, before);
	for (i = 0; i < 20; i++) {
		q = peer_flow(&self->p, PEER_PORT + 1 + i);
		self->fd = peer_established(&q, self->lfd);
		ASSERT_LE(0, self->fd);
		close(self->fd);
		expect_on(&q, .flags = FIN | ACK, .within = NOW);
		send_on(&q, .flags = ACK);
		/* The last ACK is sent whether there is an entry or not. */
		send_on(&q, .flags = FIN | ACK);
		expect_on(&q, .flags = ACK, .within = NOW);
	}
	ASSERT_EQ(10, peer_count_listed(&self->p, ST_TIME_WAIT));
	ASSERT_EQ(before + 10, peer_counter(xt_is_control() ? "TCPTimeWaitOverflow" :
					    "TimeWaitOverflow"));
	/* Nothing remains of the others, and new connections are as good as ever. */
	send_on(&q, .flags = FIN | ACK, .seq = -1);
	expect_on(&q, .flags = RST, .within = NOW);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
	/* When those that waited are over there is room for as many again. */
	peer_pump(&self->p, 70000);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_TIME_WAIT));
	close_actively();
	listed_is(ST_TIME_WAIT);
}

WIRE_FIXTURE_ESTABLISHED(marked)

/* What answers for the socket goes the way its mark led (SO_MARK). */
TEST_F(marked, answers_bear_the_mark)
{
	bool v6 = variant->family == AF_INET6;

	ROW("API-41");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_MARK, 7));
	close_actively();
	peer_pump(&self->p, 1000);
	if (!xt_run("ip -%d rule add pref 1 fwmark 7 unreachable", v6 ? 6 : 4))
		SKIP(return, "no policy routing");
	send_seg(.flags = FIN | ACK, .seq = -1);
	silence(1000);
	ASSERT_TRUE(xt_run("ip -%d rule del pref 1", v6 ? 6 : 4));
	send_seg(.flags = FIN | ACK, .seq = -1);
	expect(.flags = ACK, .within = NOW);
}

/* And they come from its address, though that is none of this host's (IP_TRANSPARENT). */
TEST_F(marked, answers_of_a_transparent_socket)
{
	bool v6 = variant->family == AF_INET6;
	const char *addr = stack_ip(variant->family);
	int v = v6 ? 6 : 4;

	ROW("CLS-13");
	ROW("API-41");
	ASSERT_TRUE(v6 ? peer_set_int(self->fd, SOL_IPV6, IPV6_TRANSPARENT, 1) :
			 peer_set_int(self->fd, SOL_IP, IP_TRANSPARENT, 1));
	close_actively();
	if (!xt_run("ip -%d rule add pref 1 iif peer0 lookup 100", v))
		SKIP(return, "no policy routing");
	ASSERT_TRUE(xt_run("ip -%d route add local %s dev lo table 100", v, addr));
	ASSERT_TRUE(xt_run("ip -%d addr del %s/%d dev peer0", v, addr, v6 ? 64 : 24));
	ASSERT_TRUE(xt_run("ip -%d route replace %s dev peer0", v, peer_ip(variant->family)));
	send_seg(.flags = FIN | ACK, .seq = -1);
	expect(.flags = ACK, .within = NOW);
}

/* ---- a new SYN (RFC 6191, 2) ---------------------------------------------------- */

WIRE_FIXTURE_LISTENING(new_syn)

struct syn_case {
	bool old_ts, new_ts;
	int tsval;		/* relative to the last one of the old connection */
	int seq;		/* relative to the number after the old connection's last */
	bool accepted;
};

/* All combinations; the timestamp decides where both have one, else the number. */
static const struct syn_case both_with[] = {
	{ true, true, 1, -100000, true },
	{ true, true, 1, 100000, true },
	{ true, true, 0, 100000, true },
	{ true, true, 0, -100000, false },
	{ true, true, -1, 100000, false },
	{ true, true, -1, -100000, false },
};

static const struct syn_case old_with[] = {
	{ true, false, 0, 100000, true },
	{ true, false, 0, -100000, false },
};

static const struct syn_case none_with[] = {
	{ false, false, 0, 1, true },
	{ false, false, 0, 100000, true },
	{ false, false, 0, -1, false },
	{ false, false, 0, -100000, false },
};

/* The old one had none: whatever is left of it lacks the option and cannot pass for new. */
static const struct syn_case new_with[] = {
	{ false, true, 0, 100000, true },
	{ false, true, 0, -100000, true },
	/* Whatever it says: there is nothing to compare it with, not even zero. */
	{ false, true, 10, -100000, true },
};

/* An active close with or without timestamps, then the SYN; was it treated as it should be? */
static bool try_syn(struct peer *p, int lfd, int n, const struct syn_case *c)
{
	const uint32_t last_ts = 0x80000000 - 3;
	struct seg fin = { .flags = FIN | ACK, .set_ts = c->old_ts, .tsval = last_ts };
	struct seg syn = { .flags = SYN, .set_ts = c->new_ts, .tsval = last_ts + c->tsval };
	uint32_t old_end;
	struct got seen;
	int fd;

	printf("# old %s, new %s timestamps, tsval %+d, seq %+d\n", c->old_ts ? "with" : "without",
	       c->new_ts ? "with" : "without", c->tsval, c->seq);
	peer_reset(p, PEER_PORT + 1 + n, SERVER_PORT);
	p->offer_ts = c->old_ts;
	/* The clock stands where the comparison has to be signed. */
	p->ts_base = last_ts - 100;
	fd = peer_in_state(p, lfd, ST_FIN_WAIT_2);
	if (fd < 0)
		return false;
	close(fd);
	fin.tsecr = p->ts_recent;
	peer_send(p, &fin);
	if (!peer_expect(p, &(struct want){ .flags = ACK, .within = NOW }) ||
	    !peer_await_listed(p, ST_TIME_WAIT, 0))
		return false;
	old_end = p->rcv_nxt;
	p->iss = p->snd_nxt + c->seq;
	p->irs_known = !c->accepted;
	p->offer_ts = c->new_ts;
	p->ts_on = c->new_ts;
	syn.stray = !c->accepted;
	peer_send(p, &syn);
	if (!c->accepted) {
		while (peer_next(p, &seen, 100))
			if (seen.flags != ACK || seen.seq != old_end)
				return false;
		return peer_await_listed(p, ST_TIME_WAIT, 0);
	}
	/* ISN-04: above everything the old one sent. */
	return peer_expect_synack(p) && (int32_t)(p->irs - old_end) > 0 &&
	       peer_await_listed(p, ST_SYN_RCVD, 0);
}

#define TRY_ALL(cases)								\
	do {									\
		for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++)	\
			must(try_syn(&self->p, self->lfd, i, &(cases)[i]));	\
	} while (0)

TEST_F(new_syn, timestamps_in_both)
{
	ROW("CLS-17");
	ROW("ISN-04");
	TRY_ALL(both_with);
}

TEST_F(new_syn, timestamps_in_the_old_one_only)
{
	ROW("CLS-17");
	TRY_ALL(old_with);
}

TEST_F(new_syn, timestamps_in_neither)
{
	ROW("CLS-17");
	TRY_ALL(none_with);
}

TEST_F(new_syn, timestamps_in_the_new_one_only)
{
	ROW("CLS-17");
	TRY_ALL(new_with);
}

/* Nobody listens any more: the entry stays, and the SYN gets what belongs to it. */
TEST_F(new_syn, without_a_listener)
{
	ROW("CLS-17");
	ROW("CLS-18");
	self->fd = peer_in_state(&self->p, self->lfd, ST_TIME_WAIT);
	ASSERT_LE(0, self->fd);
	close(self->lfd);
	peer_pump(&self->p, 1100);
	send_seg(.flags = SYN, .abs_seq = true, .seq = (uint32_t)(self->p.snd_nxt + 1000),
		 .stray = true);
	must(peer_expect_either(&self->p, &(struct want){ .flags = ACK, .within = NOW },
				&(struct want){ .flags = RST | ACK, .abs_seq = true,
						.any_ack = true, .any_opts = true }));
	if (!xt_is_control())
		listed_is(ST_TIME_WAIT);
}

/* ---- connect() from the same port (RFC 6191; net.ipv4.tcp_tw_reuse) ------------- */

/* The only one there is to choose. */
#define OUR_PORT	5555

WIRE_FIXTURE(reuse)

/* The stack opened and closed the connection. */
FIXTURE_SETUP(reuse)
{
	self->lfd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	ASSERT_TRUE(peer_sysctl("net/ipv4/ip_local_port_range", "5555 5555"));
	self->p.kport = 0;
	self->fd = peer_connected(&self->p);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
}

/* connect() to the peer of the entry: 0 (under way), -1 (connected) or an errno. */
static int connect_to_peer(struct peer *p, int fd)
{
	struct sockaddr_storage ss;

	peer_sockaddr(p, false, p->port, &ss);
	if (!connect(fd, (void *)&ss, p->family == AF_INET6 ? sizeof(struct sockaddr_in6) :
		     sizeof(struct sockaddr_in)))
		return -1;
	return errno == EINPROGRESS ? 0 : errno;
}

/* The port of the entry is the only choice. */
static int connect_again(struct peer *p, int *fd)
{
	*fd = xt_socket_flags(p->family, SOCK_NONBLOCK);
	return connect_to_peer(p, *fd);
}

TEST_F(reuse, never_in_mode_0)
{
	ROW("CLS-19");
	ASSERT_TRUE(peer_tunable("tw_reuse", "0"));
	peer_pump(&self->p, 3000);
	ASSERT_EQ(EADDRNOTAVAIL, connect_again(&self->p, &self->fd));
	silence(500);
	listed_is(ST_TIME_WAIT);
}

/* The default: on loopback only, which this is not. */
TEST_F(reuse, not_to_other_hosts_in_mode_2)
{
	ROW("CLS-19");
	peer_pump(&self->p, 3000);
	ASSERT_EQ(EADDRNOTAVAIL, connect_again(&self->p, &self->fd));
	silence(500);
	listed_is(ST_TIME_WAIT);
}

/* A second after the last timestamp, with numbers and timestamps above the old ones. */
TEST_F(reuse, after_a_second_in_mode_1)
{
	uint32_t old_end = self->p.rcv_nxt, old_ts = self->p.ts_recent;

	ROW("CLS-19");
	ROW("ISN-04");
	ASSERT_TRUE(peer_tunable("tw_reuse", "1"));
	peer_pump(&self->p, 2100);
	ASSERT_EQ(0, connect_again(&self->p, &self->fd));
	peer_reset(&self->p, PEER_PORT, OUR_PORT);
	expect(.flags = SYN, .within = NOW);
	ASSERT_LT(0, (int32_t)(self->p.irs - old_end));
	ASSERT_LE(2000, (int32_t)(self->p.last.tsval - old_ts));
	listed_is(ST_SYN_SENT);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
}

/* The second has not passed: in the same one an old duplicate could be as young. */
TEST_F(reuse, not_within_the_same_second)
{
	int fd;

	ROW("CLS-19");
	ASSERT_TRUE(peer_tunable("tw_reuse", "1"));
	close(self->fd);
	/* Seconds are whole ones of the clock: begin just after one has started. */
	while (peer_now_us() % 1000000 > 100000)
		peer_pump(&self->p, 20);
	peer_reset(&self->p, PEER_PORT + 1, 0);
	self->fd = peer_connected(&self->p);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	ASSERT_EQ(EADDRNOTAVAIL, connect_again(&self->p, &fd));
	silence(100);
	listed_is(ST_TIME_WAIT);
}

/* Without timestamps nothing tells old from new. */
TEST_F(reuse, not_without_timestamps)
{
	ROW("CLS-19");
	ASSERT_TRUE(peer_tunable("tw_reuse", "1"));
	peer_reset(&self->p, PEER_PORT + 1, 0);
	self->p.offer_ts = false;
	self->fd = peer_connected(&self->p);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	peer_pump(&self->p, 3000);
	ASSERT_EQ(EADDRNOTAVAIL, connect_again(&self->p, &self->fd));
	silence(500);
}

/*
 * A socket that names its port has no other to take: timestamps are enough for it, at once
 * and whatever the tunable says, provided that bind() lets it have the port.
 */
static int connect_bound(struct peer *p, int *fd)
{
	struct xt_addr from = xt_any(p->family, p->kport);

	*fd = xt_socket_flags(p->family, SOCK_NONBLOCK);
	if (xt_set_int(*fd, SOL_SOCKET, SO_REUSEADDR, 1) || xt_bind(*fd, &from))
		return -1;
	return connect_to_peer(p, *fd);
}

TEST_F(reuse, bound_port_at_once)
{
	uint32_t old_end, old_ts;
	int fd;

	ROW("CLS-19");
	ASSERT_TRUE(peer_tunable("tw_reuse", "0"));
	peer_reset(&self->p, PEER_PORT + 1, OUR_PORT + 1);
	ASSERT_EQ(0, connect_bound(&self->p, &fd));
	expect(.flags = SYN, .within = NOW);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	close(fd);
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
	old_end = self->p.rcv_nxt;
	old_ts = self->p.ts_recent;
	ASSERT_EQ(0, connect_bound(&self->p, &fd));
	peer_reset(&self->p, PEER_PORT + 1, OUR_PORT + 1);
	expect(.flags = SYN, .within = NOW);
	ASSERT_LT(0, (int32_t)(self->p.irs - old_end));
	ASSERT_LE(0, (int32_t)(self->p.last.tsval - old_ts));
	ASSERT_GE(1000, (int32_t)(self->p.last.tsval - old_ts));
	listed_is(ST_SYN_SENT);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	self->fd = fd;
	state_is(ST_ESTABLISHED);
}

/* A SYN of the connection before, late, is no simultaneous open. */
TEST_F(reuse, old_syn_while_connecting)
{
	uint32_t old_ts;

	ROW("CLS-19");
	ROW("HS-28");
	ASSERT_TRUE(peer_tunable("tw_reuse", "1"));
	old_ts = peer_tsval(&self->p);
	peer_pump(&self->p, 2100);
	ASSERT_EQ(0, connect_again(&self->p, &self->fd));
	peer_reset(&self->p, PEER_PORT, OUR_PORT);
	expect(.flags = SYN, .within = NOW);
	send_seg(.flags = SYN, .seq = -1000, .set_ts = true, .tsval = old_ts - 1000, .stray = true);
	silence(500);
	listed_is(ST_SYN_SENT);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
}

TEST_F(reuse, bound_port_not_without_timestamps)
{
	int fd;

	ROW("CLS-19");
	ASSERT_TRUE(peer_tunable("tw_reuse", "1"));
	peer_reset(&self->p, PEER_PORT + 1, OUR_PORT + 1);
	self->p.offer_ts = false;
	ASSERT_EQ(0, connect_bound(&self->p, &fd));
	expect(.flags = SYN, .any_opts = true, .within = NOW);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	close(fd);
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	peer_pump(&self->p, 3000);
	ASSERT_EQ(EADDRNOTAVAIL, connect_bound(&self->p, &fd));
	silence(500);
	listed_is(ST_TIME_WAIT);
}

/* Over loopback, where the default allows it: connect, close, end of file; 0 or an errno. */
static int loopback_again(int family, const struct xt_addr *to, int lfd)
{
	int fd = xt_socket(family), err, child;
	char byte;

	if (xt_connect(fd, to)) {
		err = errno;
		close(fd);
		return err;
	}
	child = accept(lfd, NULL, NULL);
	close(fd);
	err = recv(child, &byte, 1, 0);
	close(child);
	return err;
}

TEST_F(reuse, on_loopback_in_mode_2)
{
	struct xt_addr to = xt_loopback(variant->family, 9999);

	ROW("CLS-19");
	self->lfd = xt_socket(variant->family);
	ASSERT_EQ(0, xt_bind(self->lfd, &to));
	ASSERT_EQ(0, listen(self->lfd, 4));
	ASSERT_EQ(0, loopback_again(variant->family, &to, self->lfd));
	peer_pump(&self->p, 2100);
	ASSERT_EQ(0, loopback_again(variant->family, &to, self->lfd));
	ASSERT_TRUE(peer_tunable("tw_reuse", "0"));
	peer_pump(&self->p, 2100);
	ASSERT_EQ(EADDRNOTAVAIL, loopback_again(variant->family, &to, self->lfd));
}

TEST_HARNESS_MAIN
