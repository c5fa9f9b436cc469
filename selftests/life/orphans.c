// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections whose program is gone while their peers shut the window for ever: they are
 * limited in number, and none outlives its probes. And the memory of all sockets: at its
 * limit new data are refused, no more.
 */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"
#include "peer.h"

XT_FIXTURE(orphans)

static const char *sysctl_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), xt_is_control() ? "net/ipv4/tcp_%s" :
						       "net/xtcp/%s", name);
	return path;
}

static void raise_fd_limit(void)
{
	struct rlimit limit = { 4096, 4096 };

	setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * @count connections whose peers do not read: the window of each is shut, and its sender
 * has more. The descriptors of the senders are in @fd, of the peers in @peer; all peers have
 * the same port.
 */
static uint16_t port;

static bool shut_windows(int family, int count, int *fd, int *peer)
{
	static char text[65536];
	struct xt_addr addr;
	int lfd = xt_listen(family, 16, &addr), i;

	if (lfd < 0 || xt_set_int(lfd, SOL_SOCKET, SO_RCVBUF, 4096))
		return false;
	port = xt_port(&addr);
	for (i = 0; i < count; i++) {
		fd[i] = xt_dial(family, &addr);
		peer[i] = fd[i] < 0 ? -1 : accept(lfd, NULL, NULL);
		if (peer[i] < 0)
			return false;
		while (send(fd[i], text, sizeof(text), MSG_DONTWAIT) > 0)
			;
	}
	close(lfd);
	return true;
}

/* Senders that are in FIN_WAIT_1: their FIN waits behind text that nobody reads. */
static int waiting(int family)
{
	return xt_proc_count(family, port, TCP_FIN_WAIT1);
}

#define CROWD	100
#define LIMIT	20

/* Above the limit an orphan is reset at once, and its peer told. */
TEST_F_TIMEOUT(orphans, limited_in_number, 240)
{
	int fd[CROWD], peer[CROWD], i, told = 0;
	char limit[16];
	long resets;

	ROW("SEC-19");
	raise_fd_limit();
	snprintf(limit, sizeof(limit), "%d", LIMIT);
	ASSERT_TRUE(xt_sysctl(sysctl_path("max_orphans"), limit));
	ASSERT_TRUE(shut_windows(variant->family, CROWD, fd, peer));
	resets = peer_counter("AbortOnMemory");
	for (i = 0; i < CROWD; i++)
		close(fd[i]);
	EXPECT_EQ(LIMIT, waiting(variant->family));
	EXPECT_EQ(CROWD - LIMIT, peer_counter("AbortOnMemory") - resets);
	for (i = 0; i < CROWD; i++)
		told += !!(xt_revents(peer[i], POLLERR) & POLLERR);
	EXPECT_EQ(CROWD - LIMIT, told);
	for (i = 0; i < CROWD; i++)
		close(peer[i]);
}

/* Anybody may have a namespace, and root's rights there: the first one's limit is for all. */
static bool limit_machine(int limit)
{
	return xt_run("nsenter --net=/proc/1/ns/net sh -c 'echo %d >/proc/sys/net/%s'", limit,
		      xt_is_control() ? "ipv4/tcp_max_orphans" : "xtcp/max_orphans");
}

TEST_F_TIMEOUT(orphans, limited_in_all_namespaces, 240)
{
	int fd[CROWD], peer[CROWD], i, before;

	ROW("SEC-19");
	raise_fd_limit();
	if (!xt_is_control())
		ASSERT_TRUE(xt_sysctl(sysctl_path("max_orphans"), "1000000"));
	ASSERT_TRUE(shut_windows(variant->family, CROWD, fd, peer));
	ASSERT_TRUE(limit_machine(LIMIT));
	for (i = 0; i < CROWD; i++)
		close(fd[i]);
	before = waiting(variant->family);
	EXPECT_TRUE(limit_machine(16384));
	/* Some of other tests may count as well. */
	EXPECT_GE(LIMIT, before);
	EXPECT_LT(0, before);
	for (i = 0; i < CROWD; i++)
		close(peer[i]);
}

/* Those within the limit are gone after their probes, although the peer answers each. */
TEST_F_TIMEOUT(orphans, window_shut_for_ever, 240)
{
	int fd[LIMIT], peer[LIMIT], i;

	ROW("SEC-19");
	/* 200 + 400 + 800 ms. */
	ASSERT_TRUE(xt_sysctl(sysctl_path("orphan_retries"), "2"));
	ASSERT_TRUE(shut_windows(variant->family, LIMIT, fd, peer));
	for (i = 0; i < LIMIT; i++)
		close(fd[i]);
	EXPECT_LT(0, waiting(variant->family));
	/* The gaps had grown before, on a slow machine. */
	EXPECT_TRUE(XT_WAIT(waiting(variant->family) == 0) ||
		    XT_WAIT(waiting(variant->family) == 0))
		TH_LOG("%d left", waiting(variant->family));
	for (i = 0; i < LIMIT; i++)
		close(peer[i]);
}

/* A limit that is lowered later is met at the next probe of those that wait. */
TEST_F_TIMEOUT(orphans, limit_lowered, 240)
{
	int fd[LIMIT], peer[LIMIT], i;

	ROW("SEC-19");
	ASSERT_TRUE(shut_windows(variant->family, LIMIT, fd, peer));
	for (i = 0; i < LIMIT; i++)
		close(fd[i]);
	EXPECT_EQ(LIMIT, waiting(variant->family));
	ASSERT_TRUE(xt_sysctl(sysctl_path("max_orphans"), "5"));
	EXPECT_TRUE(XT_WAIT(waiting(variant->family) <= 5) ||
		    XT_WAIT(waiting(variant->family) <= 5))
		TH_LOG("%d left", waiting(variant->family));
	/* No more than necessary, but for what two CPUs do at the same moment. */
	EXPECT_LE(5 - sysconf(_SC_NPROCESSORS_ONLN), waiting(variant->family));
	for (i = 0; i < LIMIT; i++)
		close(peer[i]);
}

/* ---- memory --------------------------------------------------------------------------- */

/* Pages on the account of all sockets, by /proc/net/protocols. */
static long pages_in_use(void)
{
	const char *name = xt_is_control() ? "TCP" : "XTCP";
	char line[256], proto[32];
	long pages = -1, memory;
	int size, count;
	FILE *file = fopen("/proc/net/protocols", "r");

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%31s %d %d %ld", proto, &size, &count, &memory) == 4 &&
		    !strcmp(proto, name))
			pages = memory;
	fclose(file);
	return pages;
}

#define FLOWS		200
#define MEM_HIGH	3000	/* pages: 12 MB; 200 flows would like 200 * 4 MB and more */
#define READS		1000
#define PER_CPU		256	/* pages each CPU may hold beside the account */

/* The limits are the machine's and stand in the first namespace. */
static bool set_memory_limits(const char *value)
{
	return xt_run("nsenter --net=/proc/1/ns/net sh -c 'echo %s >/proc/sys/net/%s'", value,
		      xt_is_control() ? "ipv4/tcp_mem" : "xtcp/mem");
}

static bool get_memory_limits(char *value, int size)
{
	FILE *file = popen(xt_is_control() ?
			   "nsenter --net=/proc/1/ns/net cat /proc/sys/net/ipv4/tcp_mem" :
			   "nsenter --net=/proc/1/ns/net cat /proc/sys/net/xtcp/mem", "r");
	bool got = file && fgets(value, size, file);

	if (file)
		pclose(file);
	value[strcspn(value, "\n")] = 0;
	return got;
}

static long drained(int fd)
{
	static char text[65536];
	long total = 0, n;

	while ((n = recv(fd, text, sizeof(text), 0)) > 0)
		total += n;
	return total;
}

/*
 * Flows that nobody reads fill the memory there is, and no more; senders block, nothing is
 * lost, and once the limit is raised everything arrives. A connection that holds nothing is
 * not starved by them, and one that is read in small portions is not acknowledged for each.
 */
TEST_F_TIMEOUT(orphans, memory_limit, 240)
{
	static char text[65536];
	int fd[FLOWS], peer[FLOWS], quiet[2], i;
	long sent[FLOWS] = { 0 }, most = 0, total = 0, segments;
	char limits[64], before[64] = "";
	struct xt_addr addr;
	bool moved = true;
	int lfd;

	ROW("SEC-18");
	raise_fd_limit();
	lfd = ASSERT_FD(xt_listen(variant->family, 16, &addr));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_RCVBUFFORCE, 2 << 20));
	for (i = 0; i < FLOWS; i++) {
		fd[i] = ASSERT_FD(xt_dial(variant->family, &addr));
		peer[i] = ASSERT_FD(accept(lfd, NULL, NULL));
		ASSERT_RET(0, xt_set_int(fd[i], SOL_SOCKET, SO_SNDBUFFORCE, 2 << 20));
		ASSERT_RET(0, xt_nonblock(fd[i]));
	}
	ASSERT_RET(0, xt_pair(variant->family, &quiet[0], &quiet[1]));
	snprintf(limits, sizeof(limits), "%d %d %d", MEM_HIGH / 2, MEM_HIGH * 3 / 4, MEM_HIGH);
	ASSERT_TRUE(get_memory_limits(before, sizeof(before)));
	ASSERT_TRUE(set_memory_limits(limits));

	/* Until no flow gets anything in. */
	while (moved && total < 64L << 20) {
		moved = false;
		for (i = 0; i < FLOWS; i++) {
			ssize_t n;

			xt_fill(text, sizeof(text), i, sent[i]);
			n = send(fd[i], text, sizeof(text), MSG_NOSIGNAL);
			if (n <= 0)
				continue;
			sent[i] += n;
			total += n;
			moved = true;
			if (pages_in_use() > most)
				most = pages_in_use();
		}
	}
	printf("# %ld bytes in %d flows, at most %ld pages\n", total, FLOWS, most);
	EXPECT_GE(MEM_HIGH + PER_CPU * sysconf(_SC_NPROCESSORS_ONLN), most);
	EXPECT_LT(MEM_HIGH / 2, most);
	for (i = 0; i < 10; i++) {
		EXPECT_RET(10, send(quiet[0], text, 10, MSG_DONTWAIT));
		EXPECT_RET(0, xt_set_timeout(quiet[1], SO_RCVTIMEO, XT_DEADLINE_MS));
		EXPECT_RET(10, recv(quiet[1], text, sizeof(text), 0));
		/* The acknowledgment has come. */
		EXPECT_TRUE(XT_WAIT(xt_unacked(quiet[0]) == 0));
	}
	segments = peer_counter("OutSegs");
	for (i = 0; i < READS; i++)
		EXPECT_RET(1, recv(peer[0], text, 1, 0));
	EXPECT_GT(READS / 4, peer_counter("OutSegs") - segments);
	/* Every flow goes on when there is memory again. */
	EXPECT_TRUE(set_memory_limits(before));
	for (i = 0; i < FLOWS; i++) {
		EXPECT_RET(0, shutdown(fd[i], SHUT_WR));
		EXPECT_RET(0, xt_set_timeout(peer[i], SO_RCVTIMEO, 4 * XT_DEADLINE_MS));
		EXPECT_TRUE(i ? xt_recv_stream(peer[i], i, sent[i]) :
				drained(peer[0]) == sent[0] - READS);
		EXPECT_RET(0, recv(peer[i], text, 1, 0));
		close(fd[i]);
		close(peer[i]);
	}
}

TEST_HARNESS_MAIN
