// SPDX-License-Identifier: GPL-2.0-only
/* Devices, scopes, marks, priorities, processors: what ties a socket to a part of the machine. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(device)

/* A second device beside loopback, with addresses of its own. */
static bool add_dummy(void)
{
	return xt_run("ip link add dummy0 type dummy && "
		      "ip addr add 10.77.0.1/24 dev dummy0 && "
		      "ip addr add fd77::1/64 dev dummy0 nodad && "
		      "ip addr add fe80::77/64 dev dummy0 nodad && "
		      "ip link set dummy0 up");
}

static int set_device(int fd, const char *name)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name));
}

/* A connection leaves by its device only, and a listener hears its device only. */
TEST_F(device, bound_to)
{
	struct xt_addr any = xt_any(variant->family, 0), to;
	int lfd, other, fd;

	ROW("SEC-30");
	ASSERT_TRUE(add_dummy());
	lfd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, set_device(lfd, "dummy0"));
	ASSERT_RET(0, xt_bind(lfd, &any));
	ASSERT_RET(0, listen(lfd, 4));
	ASSERT_RET(0, xt_sockname(lfd, &any));
	/* Loopback traffic comes by lo, where this listener is deaf. */
	to = xt_loopback(variant->family, xt_port(&any));
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &to));
	close(fd);
	/* Beside it one of lo may have the same port, and gets what comes there. */
	other = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, set_device(other, "lo"));
	ASSERT_RET(0, xt_bind(other, &any));
	ASSERT_RET(0, listen(other, 4));
	fd = ASSERT_FD(xt_dial(variant->family, &to));
	close(ASSERT_FD(accept(other, NULL, NULL)));
	close(fd);
	/* By a device that has no such route. */
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, set_device(fd, "dummy0"));
	ASSERT_RET(0, xt_set_int(fd, SOL_TCP, TCP_SYNCNT, 1));
	ASSERT_RET(0, xt_set_timeout(fd, SO_SNDTIMEO, 200));
	EXPECT_EQ(-1, xt_connect(fd, &to));
	close(fd);
	close(other);
	close(lfd);
}

/* The device chosen later counts as well: what comes by another is for no connection. */
TEST_F(device, bound_when_connected)
{
	int client, server;
	char byte;

	ROW("SEC-30");
	ASSERT_TRUE(add_dummy());
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, set_device(client, "lo"));
	EXPECT_RET(1, send(server, "a", 1, 0));
	EXPECT_RET(1, recv(client, &byte, 1, 0));
	EXPECT_RET(1, send(client, "b", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	ASSERT_RET(0, set_device(client, "dummy0"));
	EXPECT_RET(1, send(server, "c", 1, 0));
	EXPECT_TRUE(XT_WAIT(xt_so_error(server) == ECONNRESET));
	EXPECT_ERR(EAGAIN, recv(client, &byte, 1, MSG_DONTWAIT));
	close(client);
	close(server);
}

/* A VRF is a world of its own: a port bound outside is free inside. */
TEST_F(device, bound_to_vrf)
{
	struct xt_addr any = xt_any(variant->family, 0);
	int outside, inside, slave, dummy;

	ROW("API-02");
	if (!xt_run("ip link add vrf0 type vrf table 7 && ip link set vrf0 up"))
		SKIP(return, "this kernel has no VRF devices");
	ASSERT_TRUE(add_dummy());
	ASSERT_TRUE(xt_run("ip link add dummy1 type dummy && ip link set dummy1 master vrf0"));
	outside = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_bind(outside, &any));
	ASSERT_RET(0, xt_sockname(outside, &any));
	inside = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, set_device(inside, "vrf0"));
	EXPECT_RET(0, xt_bind(inside, &any));
	EXPECT_RET(0, listen(inside, 1));
	EXPECT_RET(0, listen(outside, 1));
	/* Within one world it goes by the device. */
	dummy = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, set_device(dummy, "dummy0"));
	EXPECT_ERR(EADDRINUSE, xt_bind(dummy, &any));
	slave = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, set_device(slave, "dummy1"));
	EXPECT_RET(0, xt_bind(slave, &any));
	close(outside);
	close(inside);
	close(slave);
	close(dummy);
}

/* A link-local address means nothing without its link (RFC 4007). */
TEST_F(device, link_local_scope)
{
	struct xt_addr addr, name;
	unsigned int index;
	int lfd, fd, server;
	char byte;

	ROW("API-27");
	if (variant->family == AF_INET)
		return;		/* IPv4 addresses have no scope id */
	ASSERT_TRUE(add_dummy());
	index = if_nametoindex("dummy0");
	addr = xt_addr_parse("fe80::77", 0);
	lfd = ASSERT_FD(xt_socket(AF_INET6));
	EXPECT_ERR(EINVAL, xt_bind(lfd, &addr));
	addr.in6.sin6_scope_id = if_nametoindex("lo");
	EXPECT_ERR(EADDRNOTAVAIL, xt_bind(lfd, &addr));
	close(lfd);
	lfd = ASSERT_FD(xt_socket(AF_INET6));
	addr.in6.sin6_scope_id = index;
	ASSERT_RET(0, xt_bind(lfd, &addr));
	ASSERT_RET(0, listen(lfd, 4));
	ASSERT_RET(0, xt_sockname(lfd, &addr));
	EXPECT_EQ(index, addr.in6.sin6_scope_id);

	fd = ASSERT_FD(xt_dial(AF_INET6, &addr));
	name.len = sizeof(name.ss);
	server = ASSERT_FD(accept(lfd, &name.sa, &name.len));
	EXPECT_EQ(index, name.in6.sin6_scope_id);
	EXPECT_RET(0, xt_peername(server, &name));
	EXPECT_EQ(index, name.in6.sin6_scope_id);
	EXPECT_RET(0, xt_sockname(server, &name));
	EXPECT_EQ(index, name.in6.sin6_scope_id);
	EXPECT_RET(0, xt_peername(fd, &name));
	EXPECT_EQ(index, name.in6.sin6_scope_id);
	EXPECT_TRUE(xt_addr_equal(&name, &addr));
	EXPECT_RET(1, send(fd, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(fd);
	close(server);
	/* Of another link than the one it is bound to. */
	fd = ASSERT_FD(xt_socket(AF_INET6));
	ASSERT_RET(0, set_device(fd, "lo"));
	EXPECT_ERR(EINVAL, xt_connect(fd, &addr));
	close(fd);
	/* Addresses that need no scope have none to show. */
	addr = xt_loopback(AF_INET6, 0);
	fd = ASSERT_FD(xt_listen(AF_INET6, 1, &addr));
	EXPECT_EQ(0, addr.in6.sin6_scope_id);
	close(fd);
	close(lfd);
}

/* SO_MARK chooses among routes, before and while connected. */
TEST_F(device, mark_routes)
{
	struct xt_addr addr;
	int lfd, fd, v = variant->family == AF_INET6 ? 6 : 4;

	ROW("SEC-30");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	if (!xt_run("ip -%d rule add pref 1 fwmark 7 unreachable", v))
		SKIP(return, "this kernel has no routing rules for the family");
	/* The local table comes first: let it come second. */
	ASSERT_TRUE(xt_run("ip -%d rule add pref 2 lookup local && "
			   "ip -%d rule del pref 0 lookup local", v, v));
	fd = ASSERT_FD(xt_dial(variant->family, &addr));
	close(fd);
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(fd, SOL_SOCKET, SO_MARK, 7));
	EXPECT_ERR(ENETUNREACH, xt_connect(fd, &addr));
	ASSERT_RET(0, xt_set_int(fd, SOL_SOCKET, SO_MARK, 8));
	EXPECT_RET(0, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

/* Packets that class @minor of lo's queue has seen. */
static long class_packets(int minor)
{
	char line[256];
	long packets = -1;
	bool mine = false;
	FILE *pipe = popen("tc -s class show dev lo", "r");
	int number;

	while (pipe && fgets(line, sizeof(line), pipe)) {
		if (sscanf(line, "class prio 1:%x", &number) == 1)
			mine = number == minor;
		if (mine && sscanf(line, " Sent %*d bytes %ld", &packets) == 1)
			break;
	}
	if (pipe)
		pclose(pipe);
	return packets;
}

/* SO_PRIORITY, and the priority that IP_TOS implies, reach the queueing discipline. */
TEST_F(device, priority)
{
	int client, server;
	long before;
	char buf[8];

	ROW("SEC-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_TRUE(xt_run("tc qdisc add dev lo root handle 1: prio bands 3 "
			   "priomap 1 1 1 1 1 1 0 1 1 1 1 1 1 1 1 1"));
	EXPECT_RET(1, send(client, "a", 1, 0));
	EXPECT_RET(1, recv(server, buf, 1, 0));
	before = class_packets(1);
	EXPECT_EQ(0, before);
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_PRIORITY, 6));
	EXPECT_RET(1, send(client, "b", 1, 0));
	EXPECT_RET(1, recv(server, buf, 1, 0));
	EXPECT_TRUE(XT_WAIT(class_packets(1) > before));
	close(client);
	close(server);
}

/* The processor that handled the last segment. */
TEST_F(device, incoming_cpu)
{
	int client, server, cpu, round;
	cpu_set_t set;
	char byte;

	ROW("API-28");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	for (round = 0; round < 4; round++) {
		cpu = round % 2 ? 0 : sysconf(_SC_NPROCESSORS_ONLN) - 1;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		ASSERT_RET(0, sched_setaffinity(0, sizeof(set), &set));
		/* Loopback delivers where the sender runs. */
		EXPECT_RET(1, send(client, "x", 1, 0));
		EXPECT_RET(1, recv(server, &byte, 1, 0));
		EXPECT_EQ(cpu, xt_get_int(server, SOL_SOCKET, SO_INCOMING_CPU));
	}
	close(client);
	close(server);
}

/* SO_MEMINFO: the accounts are those of the socket. */
TEST_F(device, memory)
{
	uint32_t info[9] = {};
	socklen_t len = sizeof(info);
	int client, server;

	ROW("API-29");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(5, send(client, "hello", 5, 0));
	ASSERT_TRUE(xt_wait_unread(server, 5));
	EXPECT_RET(0, getsockopt(server, SOL_SOCKET, SO_MEMINFO, info, &len));
	EXPECT_EQ(sizeof(info), len);
	EXPECT_LT(5, info[0]);		/* receive queue */
	EXPECT_EQ(info[1], xt_get_int(server, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(info[3], xt_get_int(server, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(0, info[5]);		/* nothing queued to be sent */
	close(client);
	close(server);
}

/* A host beside this one: v1 there, v0 here. Its network namespace is the result. */
static int add_neighbour(void)
{
	char name[40];
	int there;

	snprintf(name, sizeof(name), "xt-device-%d", getpid());
	if (!xt_run("ip netns add %s && ip link add v0 type veth peer name v1 netns %s && "
		    "ip addr add 10.78.0.1/24 dev v0 && ip addr add fd78::1/64 dev v0 nodad && "
		    "ip addr add fe80::1/64 dev v0 nodad && ip link set v0 up", name, name) ||
	    !xt_run("ip -n %s addr add 10.78.0.2/24 dev v1 && "
		    "ip -n %s addr add fd78::2/64 dev v1 nodad && "
		    "ip -n %s addr add fe80::2/64 dev v1 nodad && "
		    "ip netns exec %s ethtool -K v1 tso off && "
		    "ip -n %s link set v1 up", name, name, name, name, name))
		return -1;
	snprintf(name, sizeof(name), "/run/netns/xt-device-%d", getpid());
	there = open(name, O_RDONLY | O_CLOEXEC);
	xt_run("ip netns del %s", name + strlen("/run/netns/"));
	return there;
}

/* A socket of that host; *@index: of its device. */
static int socket_there(int there, int family, unsigned int *index)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;

	if (!setns(there, CLONE_NEWNET)) {
		fd = xt_socket(family);
		*index = if_nametoindex("v1");
		setns(here, CLONE_NEWNET);
	}
	close(here);
	return fd;
}

/* The queue of the card that a connection arrives by is known from the start. */
TEST_F(device, incoming_napi_id)
{
	const char *address = variant->family == AF_INET6 ? "fd78::1" : "10.78.0.1";
	struct xt_addr addr = xt_addr_parse(address, 0);
	int there, lfd, client, fd;
	unsigned int index;

	ROW("API-28");
	there = ASSERT_FD(add_neighbour());
	/* With GRO the packets of a veth device pass a NAPI queue, as of a card. */
	ASSERT_TRUE(xt_run("ethtool -K v0 gro on"));
	client = ASSERT_FD(socket_there(there, variant->family, &index));
	lfd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_bind(lfd, &addr));
	ASSERT_RET(0, listen(lfd, 1));
	ASSERT_RET(0, xt_sockname(lfd, &addr));
	ASSERT_RET(0, xt_connect(client, &addr));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_LT(0, xt_get_int(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID));
	close(fd);
	close(client);
	close(lfd);
	close(there);
}

/* Who is heard in a VRF is answered there, by whatever answers. */
TEST_F(device, vrf)
{
	static const char *const address[] = { "10.78.0.1", "fd78::1", "fe80::1" };
	bool v6 = variant->family == AF_INET6;
	struct xt_addr any = xt_any(variant->family, 0), to;
	int there, lfd, fd, server, i;
	unsigned int index;
	char byte;

	ROW("SEC-30");
	there = ASSERT_FD(add_neighbour());
	if (!xt_run("ip link add vrf0 type vrf table 10"))
		SKIP(return, "this kernel has no VRF");
	ASSERT_TRUE(xt_run("ip link set vrf0 up && ip link set v0 master vrf0 && "
			   "ip addr replace fd78::1/64 dev v0 nodad && "
			   "ip addr replace fe80::1/64 dev v0 nodad"));
	lfd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, set_device(lfd, "vrf0"));
	ASSERT_RET(0, xt_bind(lfd, &any));
	ASSERT_RET(0, listen(lfd, 4));
	ASSERT_RET(0, xt_sockname(lfd, &any));
	for (i = v6; i < (v6 ? 3 : 1); i++) {
		printf("# %s\n", address[i]);
		to = xt_addr_parse(address[i], 1);
		fd = ASSERT_FD(socket_there(there, variant->family, &index));
		if (i == 2)
			to.in6.sin6_scope_id = index;
		ASSERT_RET(0, xt_set_timeout(fd, SO_SNDTIMEO, 3000));
		EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &to));
		xt_set_port(&to, xt_port(&any));
		ASSERT_RET(0, xt_connect(fd, &to));
		server = ASSERT_FD(accept(lfd, NULL, NULL));
		EXPECT_RET(1, send(fd, "x", 1, 0));
		EXPECT_RET(1, recv(server, &byte, 1, 0));
		close(fd);
		close(server);
	}
	close(lfd);
	close(there);
}

/* Seconds since the neighbour was last known to be there; -1: it is not known. */
static int neighbour_age(const char *address)
{
	char line[256];
	int age = -1;
	FILE *pipe;

	snprintf(line, sizeof(line), "ip -s neigh show to %s dev v0", address);
	pipe = popen(line, "r");
	if (pipe && fgets(line, sizeof(line), pipe) && strstr(line, "used "))
		sscanf(strstr(line, "used "), "used %*d/%d/", &age);
	if (pipe)
		pclose(pipe);
	return age;
}

/* What is acknowledged has arrived: no need to ask who is there (RFC 4861, 7.3.1). */
TEST_F(device, confirms_neighbour)
{
	const char *address = variant->family == AF_INET6 ? "fd78::2" : "10.78.0.2";
	struct xt_addr to = xt_any(variant->family, 4000);
	int there, lfd, fd, server, i;
	unsigned int index;
	char byte;

	ROW("SEC-30");
	there = ASSERT_FD(add_neighbour());
	lfd = ASSERT_FD(socket_there(there, variant->family, &index));
	ASSERT_RET(0, xt_bind(lfd, &to));
	ASSERT_RET(0, listen(lfd, 4));
	to = xt_addr_parse(address, 4000);
	fd = ASSERT_FD(xt_dial(variant->family, &to));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	ASSERT_TRUE(XT_WAIT(neighbour_age(address) >= 3));
	for (i = 0; i < 2; i++) {
		EXPECT_RET(1, send(fd, "x", 1, 0));
		EXPECT_RET(1, recv(server, &byte, 1, 0));
		EXPECT_RET(1, send(server, "x", 1, 0));
		EXPECT_RET(1, recv(fd, &byte, 1, 0));
	}
	EXPECT_GT(3, neighbour_age(address));
	close(fd);
	close(server);
	close(lfd);
	close(there);
}

TEST_HARNESS_MAIN
