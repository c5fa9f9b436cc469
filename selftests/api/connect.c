// SPDX-License-Identifier: GPL-2.0-only
/* connect(): every errno, the non-blocking sequence, dissolving, connecting to oneself. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(connect)

#define POLL_FAILED (XT_POLL_READ | XT_POLL_WRITE | POLLERR | POLLHUP | POLLRDHUP)

static struct xt_addr closed_addr(int family)
{
	return xt_loopback(family, xt_closed_port(family));
}

TEST_F(connect, established)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("HS-03");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, xt_connect(fd, &addr));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(fd));
	EXPECT_ERR(EISCONN, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

TEST_F(connect, refused)
{
	struct xt_addr addr = closed_addr(variant->family);
	int fd;

	ROW("API-09");
	ROW("HS-14");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	EXPECT_EQ(0, xt_so_error(fd));
	/* Again, the same; the socket is not spoilt. */
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	close(fd);
}

TEST_F(connect, after_failure)
{
	struct xt_addr addr = closed_addr(variant->family);
	int fd, lfd;
	char byte = 'x';
	int server;

	ROW("API-10");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	EXPECT_RET(0, xt_connect(fd, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_RET(1, send(fd, &byte, 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(fd);
	close(server);
	close(lfd);
}

TEST_F(connect, wrong_arguments)
{
	struct xt_addr addr, bad;
	int lfd, fd;

	ROW("API-09");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	fd = ASSERT_FD(xt_socket(variant->family));
	bad = addr;
	bad.sa.sa_family = AF_UNIX;
	EXPECT_ERR(EAFNOSUPPORT, xt_connect(fd, &bad));
	EXPECT_ERR(EINVAL, connect(fd, &addr.sa, 0));
	EXPECT_ERR(EINVAL, connect(fd, &addr.sa, 1));
	EXPECT_ERR(EINVAL, connect(fd, &addr.sa, 8));
	EXPECT_ERR(EINVAL, connect(fd, &addr.sa, variant->family == AF_INET6 ? 23 : 15));
	EXPECT_ERR(EINVAL, connect(fd, &addr.sa, sizeof(addr.ss) + 1));
	EXPECT_ERR(EFAULT, connect(fd, (struct sockaddr *)1, addr.len));
	/* After all that it still connects. */
	EXPECT_RET(0, xt_connect(fd, &addr));
	EXPECT_ERR(EISCONN, xt_connect(lfd, &addr));
	close(fd);
	close(lfd);
}

TEST_F(connect, no_route)
{
	struct xt_addr addr = xt_addr_parse(variant->family == AF_INET6 ?
					    "2001:db8:9::1" : "198.51.100.1", 7);
	int fd;

	ROW("API-09");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ENETUNREACH, xt_connect(fd, &addr));
	ASSERT_TRUE(xt_run("ip route add unreachable 198.51.100.0/24 && "
			   "ip -6 route add unreachable 2001:db8:9::/64"));
	EXPECT_ERR(EHOSTUNREACH, xt_connect(fd, &addr));
	ASSERT_TRUE(xt_run("ip route replace prohibit 198.51.100.0/24 && "
			   "ip -6 route replace prohibit 2001:db8:9::/64"));
	EXPECT_ERR(EACCES, xt_connect(fd, &addr));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	close(fd);
}

/* All ports that lead to this destination are taken. */
TEST_F(connect, ports_exhausted)
{
	struct xt_addr addr, other;
	int lfd, lfd2, fd, more;

	ROW("API-09");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	lfd2 = ASSERT_FD(xt_listen(variant->family, 1, &other));
	ASSERT_TRUE(xt_sysctl("net/ipv4/ip_local_port_range", "31000 31000"));
	fd = ASSERT_FD(xt_dial(variant->family, &addr));
	more = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EADDRNOTAVAIL, xt_connect(more, &addr));
	EXPECT_EQ(TCP_CLOSE, xt_state(more));
	/* To another destination the same port serves again. */
	EXPECT_RET(0, xt_connect(more, &other));
	close(fd);
	close(more);
	close(lfd);
	close(lfd2);
}

/* Two ports, three connections to one server; a reserved port is nobody's. */
TEST_F(connect, port_range)
{
	struct xt_addr addr, name;
	int lfd, a, b, more;

	ROW("ISN-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	ASSERT_TRUE(xt_sysctl("net/ipv4/ip_local_port_range", "31000 31001"));
	a = ASSERT_FD(xt_dial(variant->family, &addr));
	b = ASSERT_FD(xt_dial(variant->family, &addr));
	more = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EADDRNOTAVAIL, xt_connect(more, &addr));
	close(a);
	close(b);
	close(more);
	ASSERT_TRUE(xt_sysctl("net/ipv4/ip_local_port_range", "32000 32002"));
	ASSERT_TRUE(xt_sysctl("net/ipv4/ip_local_reserved_ports", "32000,32002"));
	a = ASSERT_FD(xt_dial(variant->family, &addr));
	ASSERT_RET(0, xt_sockname(a, &name));
	EXPECT_EQ(32001, xt_port(&name));
	b = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EADDRNOTAVAIL, xt_connect(b, &addr));
	close(a);
	close(b);
	close(lfd);
}

/* The four-tuple exists already. */
TEST_F(connect, tuple_taken)
{
	struct xt_addr addr, mine = xt_loopback(variant->family, 0);
	int lfd, a, b;

	ROW("API-09");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	a = ASSERT_FD(xt_socket(variant->family));
	b = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(a, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_RET(0, xt_set_int(b, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_RET(0, xt_bind(a, &mine));
	ASSERT_RET(0, xt_sockname(a, &mine));
	ASSERT_RET(0, xt_bind(b, &mine));
	EXPECT_RET(0, xt_connect(a, &addr));
	EXPECT_ERR(EADDRNOTAVAIL, xt_connect(b, &addr));
	close(a);
	close(b);
	close(lfd);
}

TEST_F(connect, bound_source)
{
	struct xt_addr addr, name, mine = xt_loopback(variant->family, 0);
	int lfd, fd;

	ROW("HS-29");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_bind(fd, &mine));
	ASSERT_RET(0, xt_sockname(fd, &mine));
	EXPECT_RET(0, xt_connect(fd, &addr));
	ASSERT_RET(0, xt_sockname(fd, &name));
	EXPECT_TRUE(xt_addr_equal(&mine, &name));
	close(fd);
	close(lfd);
}

/* Bound to any address, the route decides which one it becomes. */
TEST_F(connect, source_by_route)
{
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	struct xt_addr any = xt_any(variant->family, 0);
	struct xt_addr want = xt_addr_parse(variant->family == AF_INET6 ?
					    "2001:db8::1" : "192.0.2.1", 0);
	int tun, fd;

	ROW("HS-29");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	ASSERT_RET(0, xt_bind(fd, &any));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	ASSERT_RET(0, xt_sockname(fd, &any));
	xt_set_port(&want, xt_port(&any));
	EXPECT_TRUE(xt_addr_equal(&want, &any));
	close(fd);
	close(tun);
}

/* The any address as destination means this host. */
TEST_F(connect, to_any)
{
	struct xt_addr addr, name;
	int lfd, fd;

	ROW("API-09");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	addr = xt_any(variant->family, xt_port(&addr));
	fd = ASSERT_FD(xt_dial(variant->family, &addr));
	ASSERT_RET(0, xt_peername(fd, &name));
	addr = xt_loopback(variant->family, xt_port(&addr));
	EXPECT_TRUE(xt_addr_equal(&addr, &name));
	close(fd);
	close(lfd);
}

TEST_F(connect, multicast)
{
	static const char * const v4[] = { "224.0.0.1", "255.255.255.255", "192.0.2.255" };
	static const char * const v6[] = { "ff02::1", "ff0e::1" };
	const char * const *list = variant->family == AF_INET6 ? v6 : v4;
	int count = variant->family == AF_INET6 ? 2 : 3;
	int tun, i;

	ROW("HS-28");
	tun = ASSERT_FD(xt_hole());
	ASSERT_TRUE(xt_run("ip route add default dev hole && ip -6 route add default dev hole"));
	xt_hole_count(tun, 0);
	for (i = 0; i < count; i++) {
		struct xt_addr addr = xt_addr_parse(list[i], 7);
		int fd = ASSERT_FD(xt_socket(variant->family));

		if (variant->family == AF_INET6)
			addr.in6.sin6_scope_id = if_nametoindex("hole");
		EXPECT_ERR(ENETUNREACH, xt_connect(fd, &addr));
		EXPECT_EQ(TCP_CLOSE, xt_state(fd));
		close(fd);
	}
	EXPECT_EQ(0, xt_hole_count(tun, 0));
	close(tun);
}

TEST_F(connect, link_local_without_scope)
{
	struct xt_addr addr = xt_addr_parse("fe80::1", 7);
	int fd;

	ROW("API-09");
	if (variant->family != AF_INET6)
		return;
	fd = ASSERT_FD(xt_socket(AF_INET6));
	EXPECT_ERR(EINVAL, xt_connect(fd, &addr));
	close(fd);
}

TEST_F(connect, timed_out)
{
	struct xt_addr addr = xt_hole_addr(variant->family, 7);
	int64_t start, took;
	int tun, fd;

	ROW("HS-13");
	ROW("API-09");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(fd, SOL_TCP, TCP_SYNCNT, 1));
	start = xt_now_ms();
	EXPECT_ERR(ETIMEDOUT, xt_connect(fd, &addr));
	took = xt_now_ms() - start;
	/* One repetition after 1 s, given up 2 s later. */
	EXPECT_LE(2900, took);
	EXPECT_GE(XT_DEADLINE_MS, took);
	EXPECT_EQ(2, xt_hole_count(tun, 2));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	close(fd);
	close(tun);
}

TEST_F(connect, nonblocking_success)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("HS-31");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_TRUE(xt_wait_revents(fd, XT_POLL_WRITE));
	EXPECT_EQ(0, xt_so_error(fd));
	EXPECT_RET(0, xt_connect(fd, &addr));
	EXPECT_ERR(EISCONN, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

TEST_F(connect, nonblocking_refused)
{
	struct xt_addr addr = closed_addr(variant->family);
	int fd;

	ROW("HS-31");
	ROW("API-23");
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_TRUE(xt_wait_revents(fd, POLL_FAILED));
	EXPECT_EQ(ECONNREFUSED, xt_so_error(fd));
	EXPECT_EQ(0, xt_so_error(fd));
	/* The failed attempt is reported once more, then a new one starts. */
	EXPECT_ERR(ECONNABORTED, xt_connect(fd, &addr));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_TRUE(xt_wait_revents(fd, POLL_FAILED));
	/* Not read by SO_ERROR, the error comes from connect(). */
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	close(fd);
}

TEST_F(connect, nonblocking_silent)
{
	struct xt_addr addr = xt_hole_addr(variant->family, 7);
	int tun, fd;

	ROW("HS-31");
	ROW("API-23");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	ASSERT_RET(0, xt_set_int(fd, SOL_TCP, TCP_SYNCNT, 1));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_ERR(EALREADY, xt_connect(fd, &addr));
	EXPECT_EQ(TCP_SYN_SENT, xt_state(fd));
	EXPECT_EQ(0, xt_revents(fd, XT_POLL_ALL));
	EXPECT_TRUE(xt_wait_revents(fd, POLL_FAILED));
	EXPECT_EQ(ETIMEDOUT, xt_so_error(fd));
	close(fd);
	close(tun);
}

TEST_F(connect, nonblocking_slow)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("HS-31");
	ASSERT_TRUE(xt_lo_delay(150));
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_EQ(0, xt_revents(fd, XT_POLL_ALL));
	EXPECT_ERR(EALREADY, xt_connect(fd, &addr));
	EXPECT_TRUE(xt_wait_revents(fd, XT_POLL_WRITE));
	EXPECT_RET(0, xt_connect(fd, &addr));
	EXPECT_ERR(EISCONN, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	alarms++;
}

static void alarm_in_ms(int milliseconds, int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval timer = { .it_value = { .tv_usec = milliseconds * 1000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Interrupted, it goes on by itself, as if started without blocking. */
TEST_F(connect, interrupted)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("HS-31");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	ASSERT_TRUE(xt_lo_delay(300));
	fd = ASSERT_FD(xt_socket(variant->family));
	alarm_in_ms(100, 0);
	EXPECT_ERR(EINTR, xt_connect(fd, &addr));
	EXPECT_EQ(1, alarms);
	xt_nonblock(fd);
	EXPECT_ERR(EALREADY, xt_connect(fd, &addr));
	EXPECT_TRUE(xt_wait_revents(fd, XT_POLL_WRITE));
	EXPECT_EQ(0, xt_so_error(fd));
	EXPECT_RET(0, xt_connect(fd, &addr));
	EXPECT_ERR(EISCONN, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

TEST_F(connect, restarted)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("API-36");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	ASSERT_TRUE(xt_lo_delay(300));
	fd = ASSERT_FD(xt_socket(variant->family));
	alarm_in_ms(100, SA_RESTART);
	EXPECT_RET(0, xt_connect(fd, &addr));
	EXPECT_EQ(1, alarms);
	close(fd);
	close(lfd);
}

TEST_F(connect, dissolved)
{
	struct xt_addr unspec = { .len = sizeof(struct sockaddr) };
	struct xt_addr addr;
	int lfd, fd, server;
	char byte;

	ROW("API-10");
	lfd = ASSERT_FD(xt_listen(variant->family, 2, &addr));
	fd = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	unspec.sa.sa_family = AF_UNSPEC;
	EXPECT_RET(0, xt_connect(fd, &unspec));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	EXPECT_ERR(ECONNRESET, recv(server, &byte, 1, 0));
	/* The abort is also the pending error of the socket that asked for it. */
	EXPECT_EQ(ECONNRESET, xt_so_error(fd));
	EXPECT_ERR(ENOTCONN, recv(fd, &byte, 1, 0));
	close(server);

	EXPECT_RET(0, xt_connect(fd, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_RET(1, send(fd, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(server);
	close(fd);
	close(lfd);
}

/* A socket that accept() returned may connect, too, wherever it was in the tables before. */
TEST_F(connect, accepted_and_dissolved)
{
	struct xt_addr unspec = { .len = sizeof(struct sockaddr) };
	int lfd, other, fd, accepted, server, round;
	struct xt_addr addr, to;
	char byte;

	ROW("API-10");
	unspec.sa.sa_family = AF_UNSPEC;
	lfd = ASSERT_FD(xt_listen(variant->family, 2, &addr));
	other = ASSERT_FD(xt_listen(variant->family, 2, &to));
	fd = ASSERT_FD(xt_dial(variant->family, &addr));
	accepted = ASSERT_FD(accept(lfd, NULL, NULL));
	ASSERT_EQ(0, fcntl(accepted, F_SETFL, O_NONBLOCK));
	for (round = 0; round < 3; round++) {
		EXPECT_RET(0, xt_connect(accepted, &unspec));
		EXPECT_ERR(EINPROGRESS, xt_connect(accepted, &to));
		ASSERT_TRUE(xt_wait_revents(accepted, XT_POLL_WRITE));
		server = ASSERT_FD(accept(other, NULL, NULL));
		EXPECT_RET(1, send(accepted, "x", 1, 0));
		EXPECT_RET(1, recv(server, &byte, 1, 0));
		close(server);
	}
	close(accepted);
	close(fd);
	close(other);
	close(lfd);
}

/* A new connection measures the round trip of what it receives from its own beginning. */
TEST_F(connect, dissolved_measures_anew)
{
	struct xt_addr unspec = { .len = sizeof(struct sockaddr) }, addr;
	uint64_t len = 1 << 18;
	struct tcp_info info;
	int lfd, fd, server, round;
	socklen_t size;

	ROW("API-10");
	unspec.sa.sa_family = AF_UNSPEC;
	lfd = ASSERT_FD(xt_listen(variant->family, 2, &addr));
	fd = ASSERT_FD(xt_dial(variant->family, &addr));
	/* A measurement takes a window: let it stay small. */
	ASSERT_RET(0, xt_set_int(fd, SOL_SOCKET, SO_RCVBUF, 32768));
	for (round = 0; round < 8; round++) {
		server = ASSERT_FD(accept(lfd, NULL, NULL));
		ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_SNDBUFFORCE, 2 * len));
		EXPECT_TRUE(xt_send_stream(server, 1, len));
		EXPECT_TRUE(xt_recv_stream(fd, 1, len));
		size = sizeof(info);
		EXPECT_RET(0, getsockopt(fd, SOL_TCP, TCP_INFO, &info, &size));
		EXPECT_NE(0, info.tcpi_rcv_rtt) TH_LOG("connection %d", round);
		ASSERT_RET(0, xt_connect(fd, &unspec));
		ASSERT_RET(0, xt_connect(fd, &addr));
		close(server);
	}
	close(fd);
	close(lfd);
}

TEST_F(connect, dissolved_idle)
{
	struct xt_addr unspec = { .len = sizeof(struct sockaddr) };
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	struct xt_addr addr;
	int tun, fd, lfd;

	ROW("API-10");
	unspec.sa.sa_family = AF_UNSPEC;
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_RET(0, xt_connect(fd, &unspec));
	/* An attempt under way is given up. */
	tun = ASSERT_FD(xt_hole());
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	EXPECT_RET(0, xt_connect(fd, &unspec));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	lfd = ASSERT_FD(xt_listen(variant->family, 2, &addr));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_TRUE(xt_wait_revents(fd, XT_POLL_WRITE));
	close(fd);
	close(lfd);
	close(tun);
}

/* A bound port stays bound, one chosen by connect() is given back. */
TEST_F(connect, dissolved_port)
{
	struct xt_addr unspec = { .len = sizeof(struct sockaddr) };
	struct xt_addr addr, mine = xt_loopback(variant->family, 0), name;
	int fd, lfd;

	ROW("API-10");
	unspec.sa.sa_family = AF_UNSPEC;
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_bind(fd, &mine));
	ASSERT_RET(0, xt_sockname(fd, &mine));
	ASSERT_RET(0, xt_connect(fd, &addr));
	ASSERT_RET(0, xt_connect(fd, &unspec));
	ASSERT_RET(0, xt_sockname(fd, &name));
	EXPECT_TRUE(xt_addr_equal(&mine, &name));
	close(fd);
	fd = ASSERT_FD(xt_dial(variant->family, &addr));
	ASSERT_RET(0, xt_connect(fd, &unspec));
	/* bind() works only on a socket without a port. */
	xt_set_port(&mine, 0);
	EXPECT_RET(0, xt_bind(fd, &mine));
	close(fd);
	close(lfd);
}

TEST_F(connect, to_itself)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	char out[100], in[100];
	int fd;

	ROW("HS-11");
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_bind(fd, &addr));
	ASSERT_RET(0, xt_sockname(fd, &addr));
	EXPECT_RET(0, xt_connect(fd, &addr));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(fd));
	xt_fill(out, sizeof(out), 1, 0);
	EXPECT_RET(100, send(fd, out, sizeof(out), 0));
	EXPECT_RET(100, recv(fd, in, sizeof(in), MSG_WAITALL));
	EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
	close(fd);
	/* Nothing but TIME_WAIT may be left of it. */
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, xt_port(&addr), 0) ==
			    xt_proc_count(variant->family, xt_port(&addr), TCP_TIME_WAIT)));
}

/* Both ends call at the same time: one connection, no listener. */
TEST_F(connect, simultaneous)
{
	struct xt_addr a = xt_loopback(variant->family, 0);
	struct xt_addr b = a;
	int fda, fdb;
	char byte = 0;

	ROW("HS-08");
	fda = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	fdb = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	ASSERT_RET(0, xt_bind(fda, &a));
	ASSERT_RET(0, xt_bind(fdb, &b));
	ASSERT_RET(0, xt_sockname(fda, &a));
	ASSERT_RET(0, xt_sockname(fdb, &b));
	ASSERT_TRUE(xt_lo_delay(200));
	EXPECT_ERR(EINPROGRESS, xt_connect(fda, &b));
	EXPECT_ERR(EINPROGRESS, xt_connect(fdb, &a));
	EXPECT_TRUE(xt_wait_revents(fda, XT_POLL_WRITE));
	EXPECT_TRUE(xt_wait_revents(fdb, XT_POLL_WRITE));
	EXPECT_EQ(0, xt_so_error(fda));
	EXPECT_EQ(0, xt_so_error(fdb));
	EXPECT_RET(1, send(fda, "a", 1, 0));
	EXPECT_RET(1, send(fdb, "b", 1, 0));
	EXPECT_TRUE(xt_wait_unread(fda, 1));
	EXPECT_TRUE(xt_wait_unread(fdb, 1));
	EXPECT_RET(1, recv(fda, &byte, 1, 0));
	EXPECT_EQ('b', byte);
	EXPECT_RET(1, recv(fdb, &byte, 1, 0));
	EXPECT_EQ('a', byte);
	close(fda);
	close(fdb);
}

/* Given up before an answer: no segment leaves, no entry stays. */
TEST_F(connect, closed_while_opening)
{
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	int tun, fd;

	ROW("CLS-28");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	EXPECT_EQ(1, xt_hole_count(tun, 1));
	EXPECT_EQ(1, xt_proc_count(variant->family, 7, TCP_SYN_SENT));
	close(fd);
	EXPECT_EQ(0, xt_proc_count(variant->family, 7, 0));
	EXPECT_EQ(0, xt_hole_count(tun, 0));
	close(tun);
}

/* What is left of the handshake arrives when the caller is gone. */
TEST_F(connect, closed_before_answer)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("CLS-28");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	ASSERT_RET(0, xt_nonblock(lfd));
	ASSERT_TRUE(xt_lo_delay(100));
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	close(fd);
	/* The half-open entry appears with the SYN and goes with the RST that the SYN-ACK draws. */
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, xt_port(&addr), TCP_SYN_RECV) == 1));
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, xt_port(&addr), TCP_SYN_RECV) == 0));
	EXPECT_ERR(EAGAIN, accept(lfd, NULL, NULL));
	close(lfd);
}

/*
 * There is never a cookie: what asks for Fast Open opens as usual, and what depends on it is
 * refused, as by TCP with Fast Open switched off.
 */
TEST_F(connect, fastopen_without_cookie)
{
	int lfd, fd, server, i;
	struct xt_addr addr;
	char byte;

	ROW("TFO-11");
	if (xt_is_control())
		ASSERT_TRUE(xt_sysctl("net/ipv4/tcp_fastopen", "0"));
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	for (i = 0; i < 2; i++) {
		fd = ASSERT_FD(xt_socket_flags(variant->family, i ? SOCK_NONBLOCK : 0));
		if (!xt_is_control()) {
			ASSERT_RET(0, xt_set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 1));
			EXPECT_EQ(1, xt_get_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT));
		}
		/* Nothing is sent, and nothing is left of the attempt. */
		EXPECT_ERR(EOPNOTSUPP, sendto(fd, "a", 1, MSG_FASTOPEN, &addr.sa, addr.len));
		if (i) {
			EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
			EXPECT_EQ(POLLOUT, xt_poll(fd, POLLOUT, XT_DEADLINE_MS));
		} else {
			EXPECT_RET(0, xt_connect(fd, &addr));
		}
		server = ASSERT_FD(accept(lfd, NULL, NULL));
		EXPECT_EQ(0, xt_poll(server, POLLIN, 100));
		EXPECT_RET(1, send(fd, "b", 1, 0));
		EXPECT_RET(1, recv(server, &byte, 1, 0));
		EXPECT_EQ('b', byte);
		/* Too late now. */
		EXPECT_ERR(EINVAL, xt_set_int(fd, SOL_TCP, TCP_FASTOPEN, 5));
		if (!xt_is_control())
			EXPECT_ERR(EINVAL, xt_set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 1));
		close(fd);
		close(server);
	}
	close(lfd);
}

TEST_HARNESS_MAIN
