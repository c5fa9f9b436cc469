// SPDX-License-Identifier: GPL-2.0-only
/* epoll in its modes, and select(): each transition is seen, none is lost. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(epoll)

static int watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)) {
		close(ep);
		return -1;
	}
	return ep;
}

/* Events reported within @timeout_ms, 0 if none. */
static uint32_t next(int ep, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(ep, &event, 1, timeout_ms) == 1 ? event.events : 0;
}

TEST_F(epoll, level)
{
	int client, server, ep;
	char byte;

	ROW("API-26");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ep = ASSERT_FD(watch(server, EPOLLIN | EPOLLRDHUP));
	EXPECT_EQ(0, next(ep, 0));
	EXPECT_RET(2, send(client, "ab", 2, 0));
	EXPECT_EQ(EPOLLIN, next(ep, XT_DEADLINE_MS));
	EXPECT_EQ(EPOLLIN, next(ep, 0));
	ASSERT_TRUE(xt_wait_unread(server, 2));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_EQ(EPOLLIN, next(ep, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_EQ(0, next(ep, 0));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, next(ep, XT_DEADLINE_MS));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, next(ep, 0));
	close(ep);
	close(client);
	close(server);
}

TEST_F(epoll, edge)
{
	int client, server, ep;

	ROW("API-26");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ep = ASSERT_FD(watch(server, EPOLLIN | EPOLLRDHUP | EPOLLET));
	EXPECT_EQ(0, next(ep, 0));
	EXPECT_RET(1, send(client, "a", 1, 0));
	EXPECT_EQ(EPOLLIN, next(ep, XT_DEADLINE_MS));
	/* Unread data alone are no new edge; more data are. */
	EXPECT_EQ(0, next(ep, 50));
	EXPECT_RET(1, send(client, "b", 1, 0));
	EXPECT_EQ(EPOLLIN, next(ep, XT_DEADLINE_MS));
	EXPECT_EQ(0, next(ep, 50));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, next(ep, XT_DEADLINE_MS));
	EXPECT_EQ(0, next(ep, 50));
	close(ep);
	close(client);
	close(server);
}

TEST_F(epoll, one_shot)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };
	int client, server, ep;

	ROW("API-26");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ep = ASSERT_FD(watch(server, EPOLLIN | EPOLLONESHOT));
	EXPECT_RET(1, send(client, "a", 1, 0));
	EXPECT_EQ(EPOLLIN, next(ep, XT_DEADLINE_MS));
	EXPECT_RET(1, send(client, "b", 1, 0));
	EXPECT_EQ(0, next(ep, 50));
	ASSERT_RET(0, epoll_ctl(ep, EPOLL_CTL_MOD, server, &event));
	EXPECT_EQ(EPOLLIN, next(ep, XT_DEADLINE_MS));
	close(ep);
	close(client);
	close(server);
}

TEST_F(epoll, connect_edge)
{
	struct xt_addr addr;
	int lfd, fd, ep;

	ROW("API-26");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	ep = ASSERT_FD(watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
	/* A fresh socket hangs; that is an edge of its own. */
	EXPECT_EQ(EPOLLOUT | EPOLLHUP, next(ep, 0));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_EQ(EPOLLOUT, next(ep, XT_DEADLINE_MS));
	EXPECT_EQ(0, next(ep, 20));
	close(ep);
	close(fd);
	close(lfd);
}

TEST_F(epoll, refused_edge)
{
	struct xt_addr addr = xt_loopback(variant->family, xt_closed_port(variant->family));
	int fd, ep;

	ROW("API-26");
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	ep = ASSERT_FD(watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
	EXPECT_EQ(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLERR | EPOLLHUP,
		  next(ep, XT_DEADLINE_MS));
	close(ep);
	close(fd);
}

TEST_F(epoll, listener_edge)
{
	struct xt_addr addr;
	int lfd, ep, a, b, fd;

	ROW("API-26");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	ep = ASSERT_FD(watch(lfd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, next(ep, 0));
	a = ASSERT_FD(xt_dial(variant->family, &addr));
	EXPECT_EQ(EPOLLIN, next(ep, XT_DEADLINE_MS));
	EXPECT_EQ(0, next(ep, 20));
	b = ASSERT_FD(xt_dial(variant->family, &addr));
	EXPECT_EQ(EPOLLIN, next(ep, XT_DEADLINE_MS));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	close(fd);
	close(a);
	close(b);
	close(ep);
	close(lfd);
}

/* Write space coming back is an edge, once the buffer was seen full. */
TEST_F(epoll, write_edge)
{
	static uint8_t buf[65536];
	int client, server, ep, refused = 0;
	uint64_t sent = 0, got = 0;
	ssize_t n;

	ROW("API-26");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_nonblock(client));
	while (refused < 50) {
		n = send(client, buf, sizeof(buf), 0);
		if (n > 0) {
			sent += n;
			refused = 0;
		} else {
			refused++;
			xt_pause_ms(5);
		}
	}
	ep = ASSERT_FD(watch(client, EPOLLOUT | EPOLLET));
	EXPECT_EQ(0, next(ep, 20));
	while (got < sent) {
		n = recv(server, buf, sizeof(buf), 0);
		ASSERT_LT(0, n);
		got += n;
	}
	EXPECT_EQ(EPOLLOUT, next(ep, XT_DEADLINE_MS));
	close(ep);
	close(client);
	close(server);
}

/* Acknowledgments make room that nobody has missed: no edge for him who waits for text. */
TEST_F(epoll, acknowledgment_is_no_edge)
{
	int client, server, ep, i;

	ROW("API-26");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ep = ASSERT_FD(watch(client, EPOLLIN | EPOLLOUT | EPOLLET));
	EXPECT_EQ(EPOLLOUT, next(ep, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_RET(1, send(client, "a", 1, 0));
		ASSERT_TRUE(XT_WAIT(xt_unacked(client) == 0));
		EXPECT_EQ(0, next(ep, 0));
	}
	close(ep);
	close(client);
	close(server);
}

/* A higher mark for unsent text is room, too. */
TEST_F(epoll, unsent_low_water_edge)
{
	static char buf[65536];
	int client, server, ep;

	ROW("API-26");
	ROW("API-33");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 4 << 20));
	ASSERT_RET(0, xt_set_int(client, SOL_TCP, TCP_NOTSENT_LOWAT, 1));
	ASSERT_TRUE(xt_lo_delay(2000));
	while (send(client, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	ep = ASSERT_FD(watch(client, EPOLLOUT | EPOLLET));
	EXPECT_EQ(0, next(ep, 20));
	ASSERT_RET(0, xt_set_int(client, SOL_TCP, TCP_NOTSENT_LOWAT, 1 << 20));
	EXPECT_EQ(EPOLLOUT, next(ep, 1000));
	close(ep);
	close(client);
	close(server);
}

TEST_F(epoll, select)
{
	struct timeval now = { 0 }, later = { XT_DEADLINE_MS / 1000, 0 };
	fd_set rd, wr, ex;
	int client, server;
	char byte;

	ROW("API-26");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	FD_ZERO(&rd);
	FD_ZERO(&wr);
	FD_ZERO(&ex);
	FD_SET(server, &rd);
	FD_SET(server, &wr);
	FD_SET(server, &ex);
	EXPECT_EQ(1, select(server + 1, &rd, &wr, &ex, &now));
	EXPECT_TRUE(FD_ISSET(server, &wr));
	EXPECT_RET(1, send(client, "x", 1, 0));
	FD_SET(server, &rd);
	EXPECT_EQ(1, select(server + 1, &rd, NULL, NULL, &later));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_RET(1, send(client, "U", 1, MSG_OOB));
	FD_SET(server, &ex);
	later.tv_sec = XT_DEADLINE_MS / 1000;
	EXPECT_EQ(1, select(server + 1, NULL, NULL, &ex, &later));
	EXPECT_TRUE(FD_ISSET(server, &ex));
	close(client);
	close(server);
}

/* Ping-pong over one connection, each side waiting by another means; a lost wakeup stalls it. */
struct player {
	pthread_t thread;
	int fd;
	int mode;
	bool first;
	int rounds;
	int done;
};

enum { LEVEL, EDGE, ONE_SHOT, SELECT, POLL, MODES };

static bool await_input(struct player *player, int ep)
{
	struct epoll_event rearm = { .events = EPOLLIN | EPOLLONESHOT };
	struct timeval tv = { XT_DEADLINE_MS / 1000, 0 };
	fd_set rd;

	switch (player->mode) {
	case ONE_SHOT:
		epoll_ctl(ep, EPOLL_CTL_MOD, player->fd, &rearm);
		return next(ep, XT_DEADLINE_MS) != 0;
	case SELECT:
		FD_ZERO(&rd);
		FD_SET(player->fd, &rd);
		return select(player->fd + 1, &rd, NULL, NULL, &tv) == 1;
	case POLL:
		return xt_poll(player->fd, POLLIN, XT_DEADLINE_MS) != 0;
	default:
		return next(ep, XT_DEADLINE_MS) != 0;
	}
}

static void *play(void *arg)
{
	static const uint32_t events[MODES] = {
		[LEVEL] = EPOLLIN,
		[EDGE] = EPOLLIN | EPOLLET,
		[ONE_SHOT] = EPOLLIN | EPOLLONESHOT,
		[SELECT] = EPOLLIN,
		[POLL] = EPOLLIN,
	};
	struct player *player = arg;
	int ep = watch(player->fd, events[player->mode]);
	char byte = 0;

	if (player->first && send(player->fd, &byte, 1, 0) != 1)
		return NULL;
	for (player->done = 0; player->done < player->rounds; player->done++) {
		ssize_t n;

		/* Read first: with edges, the event of a byte already read may still be queued. */
		while ((n = recv(player->fd, &byte, 1, MSG_DONTWAIT)) < 0)
			if (errno != EAGAIN || !await_input(player, ep))
				goto out;
		if (n == 0)
			break;
		byte++;
		if (send(player->fd, &byte, 1, MSG_NOSIGNAL) != 1)
			break;
	}
out:
	close(ep);
	return NULL;
}

TEST_F_TIMEOUT(epoll, no_wakeup_lost, 300)
{
	const char *longer = getenv("XTCP_TEST_LONG");
	int rounds = longer && longer[0] == '1' ? 20000 : 500;
	struct player a, b;
	int mode;

	ROW("API-26");
	for (mode = 0; mode < MODES; mode++) {
		a = (struct player){ .mode = mode, .rounds = rounds, .first = true };
		b = (struct player){ .mode = (mode + 1) % MODES, .rounds = rounds };
		ASSERT_RET(0, xt_pair(variant->family, &a.fd, &b.fd));
		ASSERT_EQ(0, pthread_create(&a.thread, NULL, play, &a));
		ASSERT_EQ(0, pthread_create(&b.thread, NULL, play, &b));
		pthread_join(a.thread, NULL);
		pthread_join(b.thread, NULL);
		EXPECT_EQ(rounds, a.done) TH_LOG("mode %d stalled", mode);
		EXPECT_EQ(rounds, b.done) TH_LOG("mode %d stalled", b.mode);
		close(a.fd);
		close(b.fd);
	}
}

TEST_HARNESS_MAIN
