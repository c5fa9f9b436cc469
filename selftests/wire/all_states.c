// SPDX-License-Identifier: GPL-2.0-only
/*
 * One event in every synchronised state (RFC 9293, 3.10.4, 3.10.5, 3.10.7.4).
 *
 * What is special in a state has its case in that state's file; here is what must hold
 * in all of them, so that none is forgotten.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include "peer_test.h"

/* Longer than the interval of answers to invalid segments (Linux: 500 ms). */
#define QUIET_MS	600

WIRE_FIXTURE_LISTENING(all_states)

static const enum tcp_state_number states[] = {
	ST_ESTABLISHED, ST_FIN_WAIT_1, ST_FIN_WAIT_2, ST_CLOSING, ST_CLOSE_WAIT, ST_LAST_ACK,
};

#define NR_STATES	(sizeof(states) / sizeof(states[0]))

/* The peer has sent its FIN. */
static bool is_over(enum tcp_state_number state)
{
	return state == ST_CLOSING || state == ST_CLOSE_WAIT || state == ST_LAST_ACK;
}

/* End the last connection, if it is still there, so that it says no more. */
static void forget(struct peer *p, int fd)
{
	if (fd < 0)
		return;
	xt_reset(fd);
	peer_drain(p, 5);
}

/* A new connection in @state in place of the last one. */
#define enter(n, state)								\
	do {									\
		forget(&self->p, self->fd);					\
		peer_reset(&self->p, PEER_PORT + 1 + (n), SERVER_PORT);		\
		self->fd = peer_in_state(&self->p, self->lfd, (state));		\
		ASSERT_LE(0, self->fd);						\
		listed_is((state) == ST_CLOSED ? ST_NONE : (state));		\
	} while (0)

/* Of the segments that come, copies of our FIN aside, the first one; false: silence. */
static bool first_news(struct peer *p, struct got *seen, int ms)
{
	uint64_t until = peer_now_us() + ms * 1000ull;
	uint32_t fin_seq = p->rcv_nxt - 1;

	while (peer_now_us() < until && peer_next(p, seen, (until - peer_now_us()) / 1000 + 1))
		if (!(seen->flags & FIN) || seen->seq != fin_seq)
			return true;
	return false;
}

struct shutdown_case {
	enum tcp_state_number state;
	int how;
	int err;
	bool fin;
	enum tcp_state_number after;
};

/* shutdown() in each form: who sends a FIN, who is told that there is no connection. */
static const struct shutdown_case shutdown_cases[] = {
	{ ST_ESTABLISHED, SHUT_RD, 0, false, ST_ESTABLISHED },
	{ ST_ESTABLISHED, SHUT_WR, 0, true, ST_FIN_WAIT_1 },
	{ ST_ESTABLISHED, SHUT_RDWR, 0, true, ST_FIN_WAIT_1 },
	{ ST_CLOSE_WAIT, SHUT_RD, 0, false, ST_CLOSE_WAIT },
	{ ST_CLOSE_WAIT, SHUT_WR, 0, true, ST_LAST_ACK },
	{ ST_CLOSE_WAIT, SHUT_RDWR, 0, true, ST_LAST_ACK },
	{ ST_FIN_WAIT_1, SHUT_RD, 0, false, ST_FIN_WAIT_1 },
	{ ST_FIN_WAIT_1, SHUT_WR, 0, false, ST_FIN_WAIT_1 },
	{ ST_FIN_WAIT_1, SHUT_RDWR, 0, false, ST_FIN_WAIT_1 },
	{ ST_FIN_WAIT_2, SHUT_RD, 0, false, ST_FIN_WAIT_2 },
	{ ST_FIN_WAIT_2, SHUT_WR, 0, false, ST_FIN_WAIT_2 },
	{ ST_FIN_WAIT_2, SHUT_RDWR, 0, false, ST_FIN_WAIT_2 },
	{ ST_CLOSING, SHUT_RD, 0, false, ST_CLOSING },
	{ ST_CLOSING, SHUT_WR, 0, false, ST_CLOSING },
	{ ST_CLOSING, SHUT_RDWR, 0, false, ST_CLOSING },
	{ ST_LAST_ACK, SHUT_RD, 0, false, ST_LAST_ACK },
	{ ST_LAST_ACK, SHUT_WR, 0, false, ST_LAST_ACK },
	{ ST_LAST_ACK, SHUT_RDWR, 0, false, ST_LAST_ACK },
	{ ST_TIME_WAIT, SHUT_RD, ENOTCONN, false, ST_TIME_WAIT },
	{ ST_TIME_WAIT, SHUT_WR, ENOTCONN, false, ST_TIME_WAIT },
	{ ST_TIME_WAIT, SHUT_RDWR, ENOTCONN, false, ST_TIME_WAIT },
	{ ST_CLOSED, SHUT_RD, ENOTCONN, false, ST_NONE },
	{ ST_CLOSED, SHUT_WR, ENOTCONN, false, ST_NONE },
	{ ST_CLOSED, SHUT_RDWR, ENOTCONN, false, ST_NONE },
};

TEST_F_TIMEOUT(all_states, shutdown, 60)
{
	unsigned int i;

	ROW("CLS-29");
	ROW("CLS-30");
	ROW("CLS-31");
	for (i = 0; i < sizeof(shutdown_cases) / sizeof(shutdown_cases[0]); i++) {
		const struct shutdown_case *c = &shutdown_cases[i];

		printf("# state %d, how %d\n", c->state, c->how);
		enter(i, c->state);
		errno = 0;
		ASSERT_EQ(c->err ? -1 : 0, shutdown(self->fd, c->how));
		ASSERT_EQ(c->err, errno);
		if (c->fin)
			expect(.flags = FIN | ACK, .within = NOW);
		silence(100);
		listed_is(c->after);
		if (c->how != SHUT_WR && !c->err)
			must(peer_read_eof(&self->p, self->fd));
		if (c->how != SHUT_RD || c->state != ST_ESTABLISHED) {
			if (c->how == SHUT_RD && c->state == ST_CLOSE_WAIT)
				continue;
			ASSERT_EQ(-1, send(self->fd, "x", 1, MSG_NOSIGNAL));
			ASSERT_EQ(EPIPE, errno);
		}
	}
}

/* After SHUT_RD only the other direction's end makes new text unwanted (SHLD-3). */
TEST_F(all_states, text_after_shutdown_of_both)
{
	static const enum tcp_state_number of[] = { ST_FIN_WAIT_1, ST_FIN_WAIT_2 };
	unsigned int i;

	ROW("CLS-22");
	ROW("CLS-31");
	for (i = 0; i < 2; i++) {
		enter(i, of[i]);
		ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
		send_seg(.flags = ACK | PSH, .len = 10, .ack = of[i] == ST_FIN_WAIT_1 ? -1 : 0);
		must(peer_expect_either(&self->p,
					&(struct want){ .flags = RST | ACK, .any_ack = true,
							.within = NOW },
					&(struct want){ .flags = RST, .any_seq = true }));
		listed_is(ST_NONE);
		silence(300);
	}
}

/* The three ways to abort: with SO_LINGER 0, with connect(AF_UNSPEC), with text unread. */
enum abort_way { LINGER_ZERO, DISSOLVE, UNREAD };

static void abort_by(enum abort_way way, int fd)
{
	struct linger linger = { .l_onoff = 1 };
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (way == LINGER_ZERO)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (way == DISSOLVE)
		connect(fd, &none, sizeof(none));
	else
		close(fd);
}

/*
 * RFC 9293, 3.10.5: where the peer may still send or wait for us it gets a RST with
 * SND.NXT, elsewhere nothing; in no case is there a TIME_WAIT.
 */
TEST_F_TIMEOUT(all_states, abort, 60)
{
	/* D17: with or without ACK. */
	const struct want rst_ack = { .flags = RST | ACK, .within = NOW };
	const struct want rst = { .flags = RST };
	unsigned int i, way;

	ROW("CLS-24");
	ROW("CLS-27");
	for (way = LINGER_ZERO; way <= DISSOLVE; way++) {
		for (i = 0; i < NR_STATES; i++) {
			printf("# state %d, way %d\n", states[i], way);
			enter(way * NR_STATES + i, states[i]);
			abort_by(way, self->fd);
			if (states[i] != ST_CLOSING && states[i] != ST_LAST_ACK)
				must(peer_expect_either(&self->p, &rst_ack, &rst));
			listed_is(ST_NONE);
			silence(300);
		}
	}
}

/* Text of the peer that nobody read: no FIN may claim that it was (RFC 2525, 2.17). */
TEST_F_TIMEOUT(all_states, close_with_unread_text, 60)
{
	static const enum tcp_state_number of[] = {
		ST_ESTABLISHED, ST_FIN_WAIT_1, ST_FIN_WAIT_2, ST_CLOSE_WAIT
	};
	const struct want rst_ack = { .flags = RST | ACK, .within = NOW };
	const struct want rst = { .flags = RST };
	unsigned int i, before;

	ROW("CLS-23");
	for (i = 0; i < 4; i++) {
		printf("# state %d\n", of[i]);
		before = of[i] == ST_CLOSE_WAIT;
		enter(i, before ? ST_ESTABLISHED : of[i]);
		send_seg(.flags = ACK | PSH | (before ? FIN : 0), .len = 2,
			 .ack = of[i] == ST_FIN_WAIT_1 ? -1 : 0);
		expect(.flags = ACK);
		listed_is(of[i]);
		ASSERT_TRUE(peer_read(&self->p, self->fd, 1));
		abort_by(UNREAD, self->fd);
		must(peer_expect_either(&self->p, &rst_ack, &rst));
		listed_is(ST_NONE);
		silence(300);
	}
}

/* CLOSE_WAIT reports EPIPE as Linux does; after both FINs there is nothing to report. */
static bool is_right_error(enum tcp_state_number state, int err)
{
	switch (state) {
	case ST_CLOSE_WAIT:
		return err == EPIPE;
	case ST_CLOSING:
	case ST_LAST_ACK:
		return !err || err == ECONNRESET;
	default:
		return err == ECONNRESET;
	}
}

/* A RST with exactly RCV.NXT ends it, silently, and wakes who waits. */
TEST_F_TIMEOUT(all_states, exact_rst, 60)
{
	unsigned int i;
	int err;

	ROW("SEC-01");
	ROW("CLS-33");
	for (i = 0; i < NR_STATES; i++) {
		printf("# state %d\n", states[i]);
		enter(i, states[i]);
		send_seg(.flags = RST);
		ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLHUP, 0));
		listed_is(ST_NONE);
		ASSERT_EQ(ST_CLOSED, peer_state(self->fd));
		err = peer_so_error(self->fd);
		ASSERT_TRUE(is_right_error(states[i], err));
		ASSERT_EQ(0, peer_so_error(self->fd));
		silence(300);
		send_seg(.flags = ACK);
		expect(.flags = RST, .seq = 0, .within = NOW);
	}
}

/* One number beside it: a question comes back, and nothing changes (RFC 5961, 3.2). */
TEST_F_TIMEOUT(all_states, inexact_rst, 60)
{
	struct got seen;
	unsigned int i;

	ROW("SEC-01");
	for (i = 0; i < NR_STATES; i++) {
		printf("# state %d\n", states[i]);
		enter(i, states[i]);
		peer_drain(&self->p, QUIET_MS);
		/* D19: Linux takes one that does not know of the peer's own FIN. */
		if (!xt_is_control() || !is_over(states[i])) {
			send_seg(.flags = RST, .seq = -1);
			must(!first_news(&self->p, &seen, 100));
		}
		send_seg(.flags = RST, .seq = 1);
		ASSERT_TRUE(first_news(&self->p, &seen, 100));
		ASSERT_EQ(ACK, seen.flags);
		ASSERT_EQ(self->p.rcv_nxt, seen.seq);
		ASSERT_EQ(self->p.snd_nxt, seen.ack);
		state_is(states[i]);
	}
}

/* Whatever its number, a SYN draws a challenge ACK (RFC 5961, 4.2). */
TEST_F_TIMEOUT(all_states, syn, 60)
{
	static const int64_t offset[] = { 0, 1, -100000 };
	struct got seen;
	unsigned int i, j;

	ROW("SEC-02");
	for (i = 0; i < NR_STATES; i++) {
		enter(i, states[i]);
		for (j = 0; j < 3; j++) {
			printf("# state %d, offset %d\n", states[i], (int)offset[j]);
			peer_drain(&self->p, QUIET_MS);
			/* Counted from where the peer is now. */
			send_seg(.flags = SYN, .abs_seq = true,
				 .seq = (uint32_t)(self->p.snd_nxt + offset[j]));
			ASSERT_TRUE(first_news(&self->p, &seen, 100));
			ASSERT_EQ(ACK, seen.flags);
			ASSERT_EQ(self->p.rcv_nxt, seen.seq);
			ASSERT_EQ(self->p.snd_nxt, seen.ack);
			state_is(states[i]);
		}
	}
}

/* Once the peer's FIN has its number, copies of it are acknowledged and nothing else. */
TEST_F_TIMEOUT(all_states, repeated_fin, 60)
{
	struct got seen;
	unsigned int i;

	ROW("CLS-12");
	for (i = 0; i < NR_STATES; i++) {
		if (!is_over(states[i]))
			continue;
		printf("# state %d\n", states[i]);
		enter(i, states[i]);
		peer_drain(&self->p, QUIET_MS);
		send_seg(.flags = FIN | ACK, .seq = -1,
			 .ack = states[i] == ST_CLOSE_WAIT ? 0 : -1);
		ASSERT_TRUE(first_news(&self->p, &seen, 100));
		ASSERT_EQ(ACK, seen.flags);
		ASSERT_EQ(self->p.snd_nxt, seen.ack);
		state_is(states[i]);
		ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	}
}

/* A child that has the only descriptor of @fd when it wakes up; @go wakes it. */
static pid_t leave_to_child(int fd, int *go)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends))
		return -1;
	pid = fork();
	if (!pid) {
		close(ends[1]);
		if (read(ends[0], &byte, 1))
			_exit(1);
		return 0;
	}
	close(ends[0]);
	close(fd);
	*go = ends[1];
	return pid;
}

/* How long a close() with SO_LINGER took [ms] when the peer answers after @delay_ms; -1. */
static int linger_for(struct peer *p, int fd, int seconds, int delay_ms, bool nonblock)
{
	struct linger linger = { .l_onoff = 1, .l_linger = seconds };
	int result[2], go, took = -1;
	uint64_t start;
	pid_t pid;

	if (pipe(result) || setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ||
	    fcntl(fd, F_SETFL, nonblock ? O_NONBLOCK : 0))
		return -1;
	pid = leave_to_child(fd, &go);
	if (!pid) {
		start = peer_now_us();
		close(fd);
		took = (peer_now_us() - start) / 1000;
		_exit(write(result[1], &took, sizeof(took)) != sizeof(took));
	}
	close(go);
	peer_pump(p, delay_ms);
	if (!peer_expect(p, &(struct want){ .flags = FIN | ACK }))
		return -1;
	peer_send(p, &(struct seg){ .flags = ACK });
	waitpid(pid, NULL, 0);
	if (read(result[0], &took, sizeof(took)) != sizeof(took))
		took = -1;
	close(result[0]);
	close(result[1]);
	return took;
}

/* SO_LINGER with a time: until the FIN is acknowledged, or so long, blocking or not. */
TEST_F_TIMEOUT(all_states, linger, 60)
{
	int took, n;

	ROW("CLS-25");
	for (n = 0; n < 2; n++) {
		enter(n, ST_ESTABLISHED);
		took = linger_for(&self->p, self->fd, 10, 150, n);
		ASSERT_LE(140, took);
		ASSERT_GE(400, took);
		listed_is(ST_FIN_WAIT_2);
	}
	for (n = 2; n < 4; n++) {
		enter(n, ST_CLOSE_WAIT);
		took = linger_for(&self->p, self->fd, 10, 150, n == 2);
		ASSERT_LE(140, took);
		ASSERT_GE(400, took);
		listed_is(ST_NONE);
	}
}

/* Nobody acknowledges: close() returns when the time is over, the FIN is repeated on. */
TEST_F_TIMEOUT(all_states, linger_in_vain, 60)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 3 };
	uint64_t start;

	ROW("CLS-25");
	enter(0, ST_ESTABLISHED);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	start = peer_now_us();
	ASSERT_EQ(0, close(self->fd));
	ASSERT_LE(2990000, peer_now_us() - start);
	ASSERT_GE(3500000, peer_now_us() - start);
	listed_is(ST_FIN_WAIT_1);
	/* At least the first copies went out meanwhile. */
	ASSERT_LE(3, peer_drain(&self->p, 0));
	expect(.flags = FIN | ACK, .within = 8000);
	send_seg(.flags = ACK);
	listed_is(ST_FIN_WAIT_2);
}

static void on_alarm(int sig)
{
}

/* A signal ends the wait, and only that. */
TEST_F_TIMEOUT(all_states, linger_until_a_signal, 60)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 10 };
	struct sigaction action = { .sa_handler = on_alarm };
	uint64_t start;

	ROW("CLS-25");
	enter(0, ST_ESTABLISHED);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	start = peer_now_us();
	alarm(1);
	ASSERT_EQ(0, close(self->fd));
	ASSERT_LE(990000, peer_now_us() - start);
	ASSERT_GE(1500000, peer_now_us() - start);
	listed_is(ST_FIN_WAIT_1);
	expect(.flags = FIN | ACK, .within = 3000);
	send_seg(.flags = ACK);
	listed_is(ST_FIN_WAIT_2);
}

/* A process that ends, by itself or by SIGKILL, waits for nobody; its data and FIN do leave. */
TEST_F_TIMEOUT(all_states, linger_at_exit, 60)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 20 };
	int how, status, go;
	uint64_t start;
	pid_t pid;

	ROW("CLS-25");
	ROW("CLS-26");
	for (how = 0; how < 2; how++) {
		enter(how, ST_ESTABLISHED);
		ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger,
					sizeof(linger)));
		must(peer_write(&self->p, self->fd, 100));
		pid = leave_to_child(self->fd, &go);
		if (!pid) {
			if (how)
				raise(SIGKILL);
			_exit(0);
		}
		start = peer_now_us();
		close(go);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(how, WIFSIGNALED(status));
		ASSERT_GE(150000, peer_now_us() - start);
		expect(.flags = ACK | PSH, .len = 100);
		expect(.flags = FIN | ACK);
		listed_is(ST_FIN_WAIT_1);
		send_seg(.flags = ACK);
		listed_is(ST_FIN_WAIT_2);
	}
}

TEST_HARNESS_MAIN
