// SPDX-License-Identifier: GPL-2.0-only
/* IPv4 peers of IPv6 sockets: mapped addresses, IPV6_V6ONLY, bind conflicts of the families. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

FIXTURE(dual)
{
	int unused;
};

FIXTURE_SETUP(dual)
{
	ASSERT_EQ(0, xt_netns());
}

FIXTURE_TEARDOWN(dual)
{
}

static int listen_any6(int v6only, uint16_t *port)
{
	struct xt_addr addr = xt_any(AF_INET6, 0);
	int fd = xt_socket(AF_INET6);

	if (fd < 0)
		return -1;
	if (xt_set_int(fd, SOL_IPV6, IPV6_V6ONLY, v6only) || xt_bind(fd, &addr) ||
	    listen(fd, 4) || xt_sockname(fd, &addr)) {
		close(fd);
		return -1;
	}
	*port = xt_port(&addr);
	return fd;
}

TEST_F(dual, any_takes_both)
{
	struct xt_addr addr, name, want;
	uint16_t port;
	int lfd, client, server;
	char buf[8];

	ROW("API-40");
	lfd = ASSERT_FD(listen_any6(0, &port));
	addr = xt_loopback(AF_INET6, port);
	client = ASSERT_FD(xt_dial(AF_INET6, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	close(client);
	close(server);

	addr = xt_loopback(AF_INET, port);
	client = ASSERT_FD(xt_dial(AF_INET, &addr));
	name.len = sizeof(name.ss);
	memset(&name.ss, 0xff, sizeof(name.ss));
	server = ASSERT_FD(accept(lfd, &name.sa, &name.len));
	ASSERT_RET(0, xt_sockname(client, &addr));
	want = xt_addr_parse("::ffff:127.0.0.1", xt_port(&addr));
	EXPECT_TRUE(xt_addr_equal(&want, &name));
	EXPECT_RET(0, xt_sockname(server, &name));
	want = xt_addr_parse("::ffff:127.0.0.1", port);
	EXPECT_TRUE(xt_addr_equal(&want, &name));
	EXPECT_EQ(AF_INET6, xt_get_int(server, SOL_SOCKET, SO_DOMAIN));
	EXPECT_RET(5, send(client, "hello", 5, 0));
	EXPECT_RET(5, recv(server, buf, sizeof(buf), 0));
	EXPECT_RET(5, send(server, "world", 5, 0));
	EXPECT_RET(5, recv(client, buf, sizeof(buf), 0));
	/* It goes on as any other: half-close and the rest. */
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_RET(0, recv(server, buf, sizeof(buf), 0));
	close(server);
	EXPECT_RET(0, recv(client, buf, sizeof(buf), 0));
	close(client);
	close(lfd);
}

TEST_F(dual, v6only_refuses_ipv4)
{
	struct xt_addr addr;
	uint16_t port;
	int lfd, fd;

	ROW("API-40");
	lfd = ASSERT_FD(listen_any6(1, &port));
	addr = xt_loopback(AF_INET, port);
	fd = ASSERT_FD(xt_socket(AF_INET));
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	close(fd);
	addr = xt_loopback(AF_INET6, port);
	fd = ASSERT_FD(xt_dial(AF_INET6, &addr));
	close(fd);
	close(lfd);
}

/* Listeners of one port that share it, from the least to the most special. */
static const struct {
	const char *addr, *dev;
} sharers[] = {
	{ "::" }, { "0.0.0.0" }, { "0.0.0.0", "lo" }, { "127.0.0.1" }, { "::ffff:127.0.0.2" },
	{ "::1" },
};

#define SHARERS	((int)ARRAY_SIZE(sharers))

static int listen_at(int which, uint16_t port)
{
	struct xt_addr addr = xt_addr_parse(sharers[which].addr, port);
	const char *dev = sharers[which].dev;
	int fd = xt_socket(addr.sa.sa_family);

	if (fd < 0)
		return -1;
	if (!xt_set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
	    (!dev || !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev))) &&
	    !xt_bind(fd, &addr) && !listen(fd, 4))
		return fd;
	close(fd);
	return -1;
}

/* Which of them gets a connection to @text, or -1. */
static int taken_by(const int *lfd, const char *text, uint16_t port)
{
	struct xt_addr addr = xt_addr_parse(text, port);
	int client = xt_dial(addr.sa.sa_family, &addr);
	struct pollfd ready[SHARERS];
	int which = -1, i;

	if (client < 0)
		return -1;
	for (i = 0; i < SHARERS; i++)
		ready[i] = (struct pollfd){ .fd = lfd[i], .events = POLLIN };
	if (poll(ready, SHARERS, 5000) == 1) {
		for (which = 0; !ready[which].revents; which++)
			;
		close(accept(lfd[which], NULL, NULL));
	}
	close(client);
	return which;
}

static void leave(int *fd)
{
	close(*fd);
	*fd = -1;
}

static void leave_all(int *lfd)
{
	int i;

	for (i = 0; i < SHARERS; i++)
		leave(&lfd[i]);
}

/* All of them, in either order. */
static bool listen_all(int *lfd, uint16_t port, bool backwards)
{
	int i, which;

	for (i = 0; i < SHARERS; i++) {
		which = backwards ? SHARERS - 1 - i : i;
		lfd[which] = listen_at(which, port);
		if (lfd[which] < 0)
			return false;
	}
	return true;
}

/* Who has the address goes before who listens on all, whoever came first. */
TEST_F(dual, listener_of_the_address)
{
	const uint16_t port = 7777;
	int lfd[SHARERS], round;

	ROW("API-40");
	ROW("API-04");
	for (round = 0; round < 2; round++) {
		ASSERT_TRUE(listen_all(lfd, port, round));
		EXPECT_EQ(3, taken_by(lfd, "127.0.0.1", port));
		EXPECT_EQ(4, taken_by(lfd, "127.0.0.2", port));
		EXPECT_EQ(5, taken_by(lfd, "::1", port));
		leave(&lfd[1]);
		leave(&lfd[2]);
		EXPECT_EQ(3, taken_by(lfd, "127.0.0.1", port));
		leave(&lfd[3]);
		EXPECT_EQ(0, taken_by(lfd, "127.0.0.1", port));
		leave(&lfd[5]);
		EXPECT_EQ(0, taken_by(lfd, "::1", port));
		leave_all(lfd);
	}
}

/* Among those on all addresses the device counts, then the family. */
TEST_F(dual, listener_of_the_device)
{
	const uint16_t port = 7777;
	int lfd[SHARERS], round;

	ROW("API-40");
	ROW("API-04");
	for (round = 0; round < 2; round++) {
		ASSERT_TRUE(listen_all(lfd, port, round));
		EXPECT_EQ(2, taken_by(lfd, "127.0.0.3", port));
		leave(&lfd[2]);
		EXPECT_EQ(1, taken_by(lfd, "127.0.0.3", port));
		leave(&lfd[1]);
		EXPECT_EQ(0, taken_by(lfd, "127.0.0.3", port));
		leave_all(lfd);
	}
}

TEST_F(dual, connect_mapped)
{
	struct xt_addr addr, name;
	int lfd, fd, server;
	char byte;

	ROW("API-40");
	lfd = ASSERT_FD(xt_listen(AF_INET, 4, &addr));
	addr = xt_addr_parse("::ffff:127.0.0.1", xt_port(&addr));
	fd = ASSERT_FD(xt_dial(AF_INET6, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_RET(0, xt_peername(fd, &name));
	EXPECT_TRUE(xt_addr_equal(&addr, &name));
	EXPECT_RET(0, xt_sockname(fd, &name));
	addr = xt_addr_parse("::ffff:127.0.0.1", xt_port(&name));
	EXPECT_TRUE(xt_addr_equal(&addr, &name));
	EXPECT_RET(1, send(fd, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_RET(1, send(server, "y", 1, 0));
	EXPECT_RET(1, recv(fd, &byte, 1, 0));
	close(fd);
	close(server);
	close(lfd);
}

TEST_F(dual, connect_mapped_v6only)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("API-40");
	lfd = ASSERT_FD(xt_listen(AF_INET, 4, &addr));
	addr = xt_addr_parse("::ffff:127.0.0.1", xt_port(&addr));
	fd = ASSERT_FD(xt_socket(AF_INET6));
	ASSERT_RET(0, xt_set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
	EXPECT_ERR(ENETUNREACH, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

TEST_F(dual, bind_conflicts)
{
	struct xt_addr addr4;
	uint16_t port;
	int lfd, fd;

	ROW("API-40");
	lfd = ASSERT_FD(listen_any6(0, &port));
	addr4 = xt_any(AF_INET, port);
	fd = ASSERT_FD(xt_socket(AF_INET));
	EXPECT_ERR(EADDRINUSE, xt_bind(fd, &addr4));
	addr4 = xt_loopback(AF_INET, port);
	EXPECT_ERR(EADDRINUSE, xt_bind(fd, &addr4));
	close(lfd);
	close(fd);
	lfd = ASSERT_FD(listen_any6(1, &port));
	addr4 = xt_any(AF_INET, port);
	fd = ASSERT_FD(xt_socket(AF_INET));
	EXPECT_RET(0, xt_bind(fd, &addr4));
	EXPECT_RET(0, listen(fd, 1));
	close(fd);
	close(lfd);
}

TEST_F(dual, bind_mapped)
{
	struct xt_addr addr = xt_addr_parse("::ffff:127.0.0.1", 0);
	int lfd, fd;

	ROW("API-40");
	lfd = ASSERT_FD(xt_socket(AF_INET6));
	ASSERT_RET(0, xt_bind(lfd, &addr));
	ASSERT_RET(0, listen(lfd, 1));
	ASSERT_RET(0, xt_sockname(lfd, &addr));
	addr = xt_loopback(AF_INET, xt_port(&addr));
	fd = ASSERT_FD(xt_dial(AF_INET, &addr));
	close(fd);
	addr = xt_loopback(AF_INET6, xt_port(&addr));
	fd = ASSERT_FD(xt_socket(AF_INET6));
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

/* --- every conflict, with TCP as the judge ----------------------------------- */

static const struct {
	const char *name, *addr;
	int family, v6only;
} places[] = {
	{ "0.0.0.0", "0.0.0.0", AF_INET, 0 },
	{ "127.0.0.1", "127.0.0.1", AF_INET, 0 },
	{ "127.0.0.2", "127.0.0.2", AF_INET, 0 },
	{ "::", "::", AF_INET6, 0 },
	{ ":: v6only", "::", AF_INET6, 1 },
	{ "::1", "::1", AF_INET6, 0 },
	{ "::1 v6only", "::1", AF_INET6, 1 },
	{ "::ffff:0.0.0.0", "::ffff:0.0.0.0", AF_INET6, 0 },
	{ "::ffff:127.0.0.1", "::ffff:127.0.0.1", AF_INET6, 0 },
};

static const char *const devices[] = { NULL, "lo", "dummy0" };
static const char *const manners[] = { "bound", "listening", "connected" };

#define NR_PLACES	((int)(sizeof(places) / sizeof(places[0])))
#define MAPPED_ANY	7
#define MAPPED_LOOPBACK	8

#define BOUND		0
#define LISTENING	1
#define CONNECTED	2
#define NR_MANNERS	3

/* One socket that wants the port. */
struct claim {
	int place;
	int reuse, reuseport;
	int device;		/* into devices[] */
	bool other_user;
};

static int open_stream(bool tcp, int family)
{
	return tcp ? socket(family, SOCK_STREAM, 0) : xt_socket(family);
}

/* A socket bound as @claim says; -errno of what failed. */
static int claim_port(bool tcp, const struct claim *claim, uint16_t port)
{
	struct xt_addr addr = xt_addr_parse(places[claim->place].addr, port);
	const char *device = devices[claim->device];
	int fd, err = 0;

	if (claim->other_user && seteuid(65534))
		return -errno;
	fd = open_stream(tcp, places[claim->place].family);
	if (seteuid(0) || fd < 0)
		return -errno;
	xt_set_int(fd, SOL_SOCKET, SO_REUSEADDR, claim->reuse);
	xt_set_int(fd, SOL_SOCKET, SO_REUSEPORT, claim->reuseport);
	if (places[claim->place].family == AF_INET6)
		xt_set_int(fd, SOL_IPV6, IPV6_V6ONLY, places[claim->place].v6only);
	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)))
		err = -errno;
	else if (xt_bind(fd, &addr))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Turns listener @fd into the connection it accepts. */
static int become_connected(bool tcp, const struct claim *claim, int fd, int *client)
{
	const char *addr = places[claim->place].addr;
	bool v4 = places[claim->place].family == AF_INET || strchr(addr, '.');
	struct xt_addr to = xt_loopback(v4 ? AF_INET : AF_INET6, 0);
	struct xt_addr name;
	int child;

	if (!strcmp(addr, "127.0.0.2"))
		to = xt_addr_parse(addr, 0);
	xt_sockname(fd, &name);
	xt_set_port(&to, xt_port(&name));
	*client = open_stream(tcp, to.sa.sa_family);
	if (xt_connect(*client, &to))
		return -errno;
	child = accept(fd, NULL, NULL);
	if (child < 0)
		return -errno;
	close(fd);
	return child;
}

/* What comes of @second when @first was there; bind()'s errno, or 1000 plus listen()'s. */
static int verdict(bool tcp, int manner, const struct claim *first, const struct claim *second,
		   uint16_t port)
{
	int a, b, client = -1, result;

	a = claim_port(tcp, first, port);
	if (a < 0)
		return 2000 - a;
	if (manner != BOUND && listen(a, 4)) {
		close(a);
		return 3000 + errno;
	}
	if (manner == CONNECTED) {
		int child = become_connected(tcp, first, a, &client);

		if (child < 0) {
			close(a);
			close(client);
			return 4000 - child;
		}
		a = child;
	}
	b = claim_port(tcp, second, port);
	if (b < 0)
		result = -b;
	else
		result = listen(b, 4) ? 1000 + errno : 0;
	if (b >= 0)
		close(b);
	/* No TIME_WAIT: the port is as new for the next two. */
	if (client >= 0) {
		xt_set_linger(client, 1, 0);
		close(client);
		xt_set_linger(a, 1, 0);
	}
	close(a);
	return result;
}

static const char *describe(const struct claim *claim)
{
	static char text[2][100];
	static int turn;

	turn ^= 1;
	snprintf(text[turn], sizeof(text[turn]), "%s%s%s%s%s%s", places[claim->place].name,
		 claim->reuse ? " reuseaddr" : "", claim->reuseport ? " reuseport" : "",
		 devices[claim->device] ? " dev " : "", devices[claim->device] ?: "",
		 claim->other_user ? " other user" : "");
	return text[turn];
}

/*
 * True if xtcp decides as TCP does; says so if not. Linux 6.1 overlooks a mapped
 * any-address when another mapped address follows (later kernels do not): there the
 * verdict for IPv4's own any-address counts.
 */
static bool agree(int manner, const struct claim *first, const struct claim *second)
{
	static uint16_t port = 20000;
	struct claim judged = *first;
	int want, got;

	if (first->place == MAPPED_ANY && second->place == MAPPED_LOOPBACK)
		judged.place = 0;
	port = port < 30000 ? port + 1 : 20000;
	want = verdict(true, manner, &judged, second, port);
	got = verdict(false, manner, first, second, port);
	if (want == got)
		return true;
	printf("# %s %s, then %s: %d, TCP %d\n", manners[manner], describe(first),
	       describe(second), got, want);
	fflush(stdout);
	return false;
}

/* All addresses with all addresses, all flags with all flags. */
TEST_F_TIMEOUT(dual, every_bind_conflict, 600)
{
	struct claim first = {}, second = {};
	int manner, flags, wrong = 0, cases = 0;

	ROW("API-40");
	ROW("API-03");
	ROW("API-04");
	if (xt_is_control())
		SKIP(return, "it compares with TCP");
	for (manner = 0; manner < NR_MANNERS; manner++) {
		for (first.place = 0; first.place < NR_PLACES; first.place++) {
			for (second.place = 0; second.place < NR_PLACES; second.place++) {
				for (flags = 0; flags < 16; flags++) {
					first.reuse = flags & 1;
					first.reuseport = !!(flags & 2);
					second.reuse = !!(flags & 4);
					second.reuseport = !!(flags & 8);
					cases++;
					wrong += !agree(manner, &first, &second);
				}
			}
		}
	}
	printf("# %d combinations, %d differ\n", cases, wrong);
	fflush(stdout);
	EXPECT_EQ(0, wrong);
}

/* Sockets of one device or another, or of all; of one user or another. */
TEST_F_TIMEOUT(dual, every_bind_conflict_of_devices_and_users, 300)
{
	static const int some[] = { 0, 1, 3, 4, 5, 8 };
	struct claim first = {}, second = {};
	int manner, flags, i, j, wrong = 0, cases = 0;

	ROW("API-40");
	ROW("API-04");
	if (xt_is_control())
		SKIP(return, "it compares with TCP");
	ASSERT_TRUE(xt_run("ip link add dummy0 type dummy && ip link set dummy0 up"));
	for (manner = 0; manner < CONNECTED; manner++) {
		for (i = 0; i < 36; i++) {
			for (j = 0; j < 9; j++) {
				for (flags = 0; flags < 8; flags++) {
					first.place = some[i / 6];
					second.place = some[i % 6];
					first.device = j / 3;
					second.device = j % 3;
					first.reuse = second.reuse = flags & 1;
					first.reuseport = second.reuseport = !!(flags & 2);
					second.other_user = flags & 4;
					cases++;
					wrong += !agree(manner, &first, &second);
				}
			}
		}
	}
	printf("# %d combinations, %d differ\n", cases, wrong);
	fflush(stdout);
	EXPECT_EQ(0, wrong);
}

TEST_HARNESS_MAIN
