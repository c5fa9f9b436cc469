// SPDX-License-Identifier: GPL-2.0-only
/* bind(): addresses, ports, conflicts, SO_REUSEADDR, SO_REUSEPORT and their errno. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(bind)

/* A socket bound to @addr with the given reuse options, or -1. */
static int bound(const struct xt_addr *addr, int reuseaddr, int reuseport)
{
	int fd = xt_socket(addr->sa.sa_family);
	int saved;

	if (fd < 0)
		return -1;
	xt_set_int(fd, SOL_SOCKET, SO_REUSEADDR, reuseaddr);
	xt_set_int(fd, SOL_SOCKET, SO_REUSEPORT, reuseport);
	if (!xt_bind(fd, addr))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

TEST_F(bind, wrong_family)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int fd = ASSERT_FD(xt_socket(variant->family));

	ROW("API-02");
	addr.sa.sa_family = AF_UNIX;
	EXPECT_ERR(EAFNOSUPPORT, xt_bind(fd, &addr));
	addr.sa.sa_family = variant->family == AF_INET ? AF_INET6 : AF_INET;
	addr.len = sizeof(addr.in6);
	EXPECT_ERR(EAFNOSUPPORT, xt_bind(fd, &addr));
	addr = xt_loopback(variant->family, 0);
	addr.sa.sa_family = AF_UNSPEC;
	EXPECT_ERR(EAFNOSUPPORT, xt_bind(fd, &addr));
	close(fd);
}

/* For programs that forget sin_family: AF_UNSPEC counts as AF_INET with the any address. */
TEST_F(bind, unspec_any)
{
	struct xt_addr addr = xt_any(variant->family, 0);
	int fd = ASSERT_FD(xt_socket(variant->family));

	ROW("API-02");
	addr.sa.sa_family = AF_UNSPEC;
	if (variant->family == AF_INET)
		EXPECT_RET(0, xt_bind(fd, &addr));
	else
		EXPECT_ERR(EAFNOSUPPORT, xt_bind(fd, &addr));
	close(fd);
}

TEST_F(bind, short_length)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	/* An IPv6 address may lack the scope of RFC 2553. */
	int shortest = variant->family == AF_INET6 ? 24 : sizeof(addr.in);
	int fd = ASSERT_FD(xt_socket(variant->family));

	ROW("API-02");
	EXPECT_ERR(EINVAL, bind(fd, &addr.sa, 0));
	EXPECT_ERR(EINVAL, bind(fd, &addr.sa, 2));
	EXPECT_ERR(EINVAL, bind(fd, &addr.sa, shortest - 1));
	EXPECT_ERR(EINVAL, bind(fd, &addr.sa, -1));
	EXPECT_ERR(EINVAL, bind(fd, &addr.sa, sizeof(addr.ss) + 1));
	EXPECT_RET(0, bind(fd, &addr.sa, shortest));
	close(fd);
}

TEST_F(bind, foreign_address)
{
	struct xt_addr addr = xt_addr_parse(variant->family == AF_INET6 ?
					    "2001:db8:9::1" : "198.51.100.1", 0);
	int fd = ASSERT_FD(xt_socket(variant->family));

	ROW("API-02");
	EXPECT_ERR(EADDRNOTAVAIL, xt_bind(fd, &addr));
	/* Still unbound, so it can be bound now. */
	addr = xt_loopback(variant->family, 0);
	EXPECT_RET(0, xt_bind(fd, &addr));
	close(fd);
}

TEST_F(bind, freebind)
{
	struct xt_addr addr = xt_addr_parse(variant->family == AF_INET6 ?
					    "2001:db8:9::1" : "198.51.100.1", 0);
	int fd = ASSERT_FD(xt_socket(variant->family));

	ROW("API-02");
	ASSERT_RET(0, xt_set_int(fd, SOL_IP, IP_FREEBIND, 1));
	EXPECT_RET(0, xt_bind(fd, &addr));
	close(fd);
}

TEST_F(bind, busy_port)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int first = ASSERT_FD(bound(&addr, 0, 0));

	ROW("API-02");
	ASSERT_RET(0, xt_sockname(first, &addr));
	EXPECT_ERR(EADDRINUSE, bound(&addr, 0, 0));
	EXPECT_ERR(EADDRINUSE, bound(&addr, 1, 0));
	close(first);
	first = ASSERT_FD(bound(&addr, 0, 0));
	close(first);
}

TEST_F(bind, any_conflicts_with_specific)
{
	struct xt_addr specific = xt_loopback(variant->family, 0);
	struct xt_addr any;
	int fd = ASSERT_FD(bound(&specific, 0, 0));

	ROW("API-02");
	ASSERT_RET(0, xt_sockname(fd, &specific));
	any = xt_any(variant->family, xt_port(&specific));
	EXPECT_ERR(EADDRINUSE, bound(&any, 0, 0));
	close(fd);
	fd = ASSERT_FD(bound(&any, 0, 0));
	EXPECT_ERR(EADDRINUSE, bound(&specific, 0, 0));
	close(fd);
}

TEST_F(bind, same_port_other_address)
{
	struct xt_addr one = xt_loopback(variant->family, 0);
	struct xt_addr other = xt_addr_parse(variant->family == AF_INET6 ?
					     "2001:db8:1::1" : "127.0.0.2", 0);
	int a, b;

	ROW("API-02");
	if (variant->family == AF_INET6) {
		ASSERT_TRUE(xt_run("ip addr add 2001:db8:1::1/128 dev lo nodad"));
	}
	a = ASSERT_FD(bound(&one, 0, 0));
	ASSERT_RET(0, xt_sockname(a, &one));
	xt_set_port(&other, xt_port(&one));
	b = ASSERT_FD(bound(&other, 0, 0));
	EXPECT_RET(0, listen(a, 1));
	EXPECT_RET(0, listen(b, 1));
	close(a);
	close(b);
}

TEST_F(bind, second_bind)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int fd = ASSERT_FD(bound(&addr, 0, 0));

	ROW("API-02");
	EXPECT_ERR(EINVAL, xt_bind(fd, &addr));
	close(fd);
}

TEST_F(bind, connected)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int client, server;

	ROW("API-02");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_ERR(EINVAL, xt_bind(client, &addr));
	EXPECT_ERR(EINVAL, xt_bind(server, &addr));
	close(client);
	close(server);
}

TEST_F(bind, bad_pointer)
{
	int fd = ASSERT_FD(xt_socket(variant->family));

	ROW("API-02");
	EXPECT_ERR(EFAULT, bind(fd, (struct sockaddr *)1, sizeof(struct sockaddr_in6)));
	close(fd);
}

TEST_F(bind, port_zero_distinct)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	struct rlimit limit = { 4096, 4096 };
	static uint8_t seen[65536];
	int fds[1000];
	int i;

	ROW("API-02");
	ASSERT_RET(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < 1000; i++) {
		struct xt_addr got;

		fds[i] = ASSERT_FD(bound(&addr, 0, 0));
		ASSERT_RET(0, xt_sockname(fds[i], &got));
		ASSERT_NE(0, xt_port(&got));
		ASSERT_EQ(0, seen[xt_port(&got)]++);
		EXPECT_LE(32768, xt_port(&got));
		EXPECT_GE(60999, xt_port(&got));
	}
	for (i = 0; i < 1000; i++)
		close(fds[i]);
}

TEST_F(bind, ports_exhausted)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int a, b;

	ROW("API-02");
	ROW("ISN-06");
	ASSERT_TRUE(xt_sysctl("net/ipv4/ip_local_port_range", "40000 40001"));
	a = ASSERT_FD(bound(&addr, 0, 0));
	b = ASSERT_FD(bound(&addr, 0, 0));
	EXPECT_ERR(EADDRINUSE, bound(&addr, 0, 0));
	close(b);
	b = ASSERT_FD(bound(&addr, 0, 0));
	close(a);
	close(b);
}

TEST_F(bind, privileged_port)
{
	struct xt_addr addr = xt_loopback(variant->family, 1023);
	int fd;

	ROW("API-02");
	ROW("SEC-22");
	fd = ASSERT_FD(bound(&addr, 0, 0));
	close(fd);
	ASSERT_RET(0, seteuid(65534));
	EXPECT_ERR(EACCES, bound(&addr, 0, 0));
	xt_set_port(&addr, 1024);
	fd = bound(&addr, 0, 0);
	EXPECT_LE(0, fd);
	close(fd);
	ASSERT_RET(0, seteuid(0));
	/* Where privilege begins is the namespace's affair. */
	ASSERT_TRUE(xt_sysctl("net/ipv4/ip_unprivileged_port_start", "80"));
	ASSERT_RET(0, seteuid(65534));
	xt_set_port(&addr, 79);
	EXPECT_ERR(EACCES, bound(&addr, 0, 0));
	xt_set_port(&addr, 80);
	fd = bound(&addr, 0, 0);
	EXPECT_LE(0, fd);
	close(fd);
	ASSERT_RET(0, seteuid(0));
}

/* Can the running process bind to @addr? 0 or an errno. */
static int bind_error(const struct xt_addr *addr)
{
	int fd = bound(addr, 0, 0), err = errno;

	if (fd < 0)
		return err;
	close(fd);
	return 0;
}

/*
 * The privilege is one over the namespace's own user namespace: having it in another, or
 * over another, is not enough, and to own a network namespace is.
 */
TEST_F(bind, privileged_port_of_user_namespace)
{
	struct xt_addr addr = xt_any(variant->family, 80);
	int status;
	pid_t child;

	ROW("SEC-22");
	ASSERT_EQ(0, bind_error(&addr));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/* In a chroot, as the test VM has one, users may not make namespaces: leave it. */
		if (setns(open("/proc/self/ns/mnt", O_RDONLY), CLONE_NEWNS) ||
		    setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		if (bind_error(&addr) != EACCES)
			_exit(2);
		/* All capabilities, but not over this network namespace. */
		if (unshare(CLONE_NEWUSER))
			_exit(errno == EPERM ? 3 : 4);
		if (bind_error(&addr) != EACCES)
			_exit(5);
		if (unshare(CLONE_NEWNET))
			_exit(6);
		_exit(bind_error(&addr) ? 7 : 0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == 3)
		SKIP(return, "users may not make namespaces here");
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(bind, multicast)
{
	struct xt_addr addr = xt_addr_parse("ff02::1", 0);
	int fd;

	ROW("API-02");
	if (variant->family != AF_INET6)
		return;
	fd = ASSERT_FD(xt_socket(variant->family));
	addr.in6.sin6_scope_id = 1;
	EXPECT_ERR(EINVAL, xt_bind(fd, &addr));
	/* A link-local address needs its scope. */
	addr = xt_addr_parse("fe80::1", 0);
	EXPECT_ERR(EINVAL, xt_bind(fd, &addr));
	close(fd);
}

TEST_F(bind, v6only_mapped)
{
	struct xt_addr addr = xt_addr_parse("::ffff:127.0.0.1", 0);
	int fd;

	ROW("API-40");
	if (variant->family != AF_INET6)
		return;
	fd = ASSERT_FD(xt_socket(AF_INET6));
	ASSERT_RET(0, xt_set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
	EXPECT_ERR(EINVAL, xt_bind(fd, &addr));
	ASSERT_RET(0, xt_set_int(fd, SOL_IPV6, IPV6_V6ONLY, 0));
	EXPECT_RET(0, xt_bind(fd, &addr));
	close(fd);
}

/* The port is taken only when the destination is known. */
TEST_F(bind, address_no_port)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	struct xt_addr to, got;
	int lfd, fd;

	ROW("API-02");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &to));
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1));
	ASSERT_RET(0, xt_bind(fd, &addr));
	ASSERT_RET(0, xt_sockname(fd, &got));
	EXPECT_EQ(0, xt_port(&got));
	EXPECT_RET(0, xt_connect(fd, &to));
	ASSERT_RET(0, xt_sockname(fd, &got));
	EXPECT_NE(0, xt_port(&got));
	close(fd);
	close(lfd);
}

TEST_F(bind, two_listeners)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int a, b;

	ROW("API-03");
	a = ASSERT_FD(bound(&addr, 1, 0));
	ASSERT_RET(0, xt_sockname(a, &addr));
	b = ASSERT_FD(bound(&addr, 1, 0));
	EXPECT_RET(0, listen(a, 1));
	EXPECT_ERR(EADDRINUSE, listen(b, 1));
	EXPECT_ERR(EADDRINUSE, bound(&addr, 1, 0));
	/* The listener gone, the other may listen. */
	close(a);
	EXPECT_RET(0, listen(b, 1));
	close(b);
}

/* A server that closed first leaves TIME_WAIT; its successor needs SO_REUSEADDR. */
TEST_F(bind, reuseaddr_time_wait)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int lfd, client, server;
	char byte;

	ROW("API-03");
	lfd = ASSERT_FD(bound(&addr, 1, 0));
	ASSERT_RET(0, listen(lfd, 1));
	ASSERT_RET(0, xt_sockname(lfd, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	close(server);
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	close(client);
	close(lfd);
	ASSERT_TRUE(XT_WAIT(xt_proc_count(variant->family, xt_port(&addr), TCP_TIME_WAIT) == 1));
	EXPECT_ERR(EADDRINUSE, bound(&addr, 0, 0));
	lfd = ASSERT_FD(bound(&addr, 1, 0));
	EXPECT_RET(0, listen(lfd, 1));
	client = xt_dial(variant->family, &addr);
	EXPECT_LE(0, client);
	close(client);
	close(lfd);
}

/* With an established connection on the port the same rule holds. */
TEST_F(bind, reuseaddr_established)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int lfd, client, server, again;

	ROW("API-03");
	lfd = ASSERT_FD(bound(&addr, 1, 0));
	ASSERT_RET(0, listen(lfd, 1));
	ASSERT_RET(0, xt_sockname(lfd, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	close(lfd);
	EXPECT_ERR(EADDRINUSE, bound(&addr, 0, 0));
	again = ASSERT_FD(bound(&addr, 1, 0));
	EXPECT_RET(0, listen(again, 1));
	close(again);
	close(client);
	close(server);
}

/* Accept what waits at any of four listeners (-1: none), count it, reset it. */
static void serve_any(const int lfd[4], int share[4])
{
	struct pollfd wait[4];
	int i, fd;

	for (i = 0; i < 4; i++)
		wait[i] = (struct pollfd){ .fd = lfd[i], .events = POLLIN };
	poll(wait, 4, 5000);
	for (i = 0; i < 4; i++) {
		if (!wait[i].revents)
			continue;
		fd = accept(lfd[i], NULL, NULL);
		if (fd >= 0) {
			share[i]++;
			xt_reset(fd);
		}
	}
}

TEST_F(bind, reuseport_spreads)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int share[4] = { 0 };
	int lfd[4];
	int i, k, fd;

	ROW("API-04");
	for (i = 0; i < 4; i++) {
		lfd[i] = ASSERT_FD(bound(&addr, 0, 1));
		ASSERT_RET(0, xt_sockname(lfd[i], &addr));
		ASSERT_RET(0, listen(lfd[i], 256));
		ASSERT_RET(0, xt_nonblock(lfd[i]));
	}
	for (k = 0; k < 200; k++) {
		fd = ASSERT_FD(xt_dial(variant->family, &addr));
		serve_any(lfd, share);
		close(fd);
	}
	for (i = 0; i < 4; i++)
		EXPECT_LT(10, share[i]);
	EXPECT_EQ(200, share[0] + share[1] + share[2] + share[3]);

	/* A member that closes stops receiving, and no connection is lost for it. */
	close(lfd[2]);
	lfd[2] = -1;
	for (k = 0; k < 50; k++) {
		fd = ASSERT_FD(xt_dial(variant->family, &addr));
		serve_any(lfd, share);
		close(fd);
	}
	EXPECT_EQ(250, share[0] + share[1] + share[2] + share[3]);
	for (i = 0; i < 4; i++)
		if (i != 2)
			close(lfd[i]);
}

TEST_F(bind, reuseport_needs_all)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int fd;

	ROW("API-04");
	fd = ASSERT_FD(bound(&addr, 0, 1));
	ASSERT_RET(0, xt_sockname(fd, &addr));
	EXPECT_ERR(EADDRINUSE, bound(&addr, 0, 0));
	close(fd);
	fd = ASSERT_FD(bound(&addr, 0, 0));
	EXPECT_ERR(EADDRINUSE, bound(&addr, 0, 1));
	close(fd);
}

TEST_F(bind, reuseport_other_user)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int fd;

	ROW("API-04");
	fd = ASSERT_FD(bound(&addr, 0, 1));
	ASSERT_RET(0, xt_sockname(fd, &addr));
	ASSERT_RET(0, listen(fd, 1));
	ASSERT_RET(0, seteuid(65534));
	EXPECT_ERR(EADDRINUSE, bound(&addr, 0, 1));
	ASSERT_RET(0, seteuid(0));
	close(fd);
}

/* The port numbers of this transport are a space of its own. */
TEST_F(bind, port_space_apart)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int other = socket(variant->family, SOCK_DGRAM, 0);
	int fd;

	ROW("API-02");
	ASSERT_LE(0, other);
	ASSERT_RET(0, xt_bind(other, &addr));
	ASSERT_RET(0, xt_sockname(other, &addr));
	fd = ASSERT_FD(bound(&addr, 0, 0));
	close(fd);
	if (!xt_is_control()) {
		close(other);
		other = ASSERT_FD(socket(variant->family, SOCK_STREAM, IPPROTO_TCP));
		ASSERT_RET(0, xt_bind(other, &addr));
		ASSERT_RET(0, listen(other, 1));
		fd = ASSERT_FD(bound(&addr, 0, 0));
		EXPECT_RET(0, listen(fd, 1));
		close(fd);
	}
	close(other);
}

TEST_HARNESS_MAIN
