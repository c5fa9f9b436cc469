// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN floods from sources that do not exist, and honest clients beside them.
 *
 * The attacker writes packets with random sources into a TUN device, in numbers that are
 * bounded; the honest clients use the loopback device of the same namespace. Counters must
 * add up to the last SYN.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/klog.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"
#include "flood.h"
#include "peer.h"

#define PORT		8080
#define BACKLOG		32
#define FLOOD_RATE	(10 * BACKLOG)	/* the least that is called a flood [SYNs/s] */
#define HONEST		1000
#define HONEST_DEBUG	100		/* the debug kernel takes ten times as long for each, */
#define RATE_DEBUG	(FLOOD_RATE / 10)	/* and for each SYN */

FIXTURE(flood)
{
	struct flood f;
	struct xt_addr addr;
	int lfd;
};

FIXTURE_VARIANT(flood)
{
	int family;
	const char *mode;
	bool timestamps;
};

FIXTURE_VARIANT_ADD(flood, v4_mode_1) { AF_INET, "1", true };
FIXTURE_VARIANT_ADD(flood, v4_mode_1_bare) { AF_INET, "1", false };
FIXTURE_VARIANT_ADD(flood, v4_mode_2) { AF_INET, "2", true };
FIXTURE_VARIANT_ADD(flood, v6_mode_1) { AF_INET6, "1", true };
FIXTURE_VARIANT_ADD(flood, v6_mode_2) { AF_INET6, "2", true };

FIXTURE_SETUP(flood)
{
	self->lfd = flood_victim(&self->f, variant->family, PORT, variant->mode, BACKLOG);
	ASSERT_LE(0, self->lfd);
	self->addr = xt_loopback(variant->family, PORT);
	self->f.timestamps = variant->timestamps;
}

FIXTURE_TEARDOWN(flood)
{
	close(self->lfd);
	flood_close(&self->f);
}

/* A whole conversation with one honest client. */
static bool converse(struct flood *f, int lfd, const struct xt_addr *addr)
{
	int client = xt_dial(f->family, addr), server = -1;
	char byte;
	bool done;

	if (client < 0) {
		printf("# connect: %s\n", strerror(errno));
		return false;
	}
	done = XT_WAIT((server = accept(lfd, NULL, NULL)) >= 0) &&
	       send(client, "x", 1, 0) == 1 && recv(server, &byte, 1, 0) == 1 &&
	       send(server, "y", 1, 0) == 1 && recv(client, &byte, 1, 0) == 1;
	if (!done)
		printf("# no conversation: %s\n", strerror(errno));
	xt_reset(client);
	if (server >= 0)
		close(server);
	return done;
}

/* Entries in the listing, which takes a while, less those that may be a gone one's successors. */
static int halfopen_less_new(int family)
{
	long before = peer_counter("HalfopenAdded");
	int count = xt_proc_count(family, PORT, 3);

	return count - (peer_counter("HalfopenAdded") - before);
}

/* Ten times the backlog a second and far more, while honest clients connect and talk. */
TEST_F_TIMEOUT(flood, honest_clients_connect, 600)
{
	int rate = xt_is_debug_kernel() ? RATE_DEBUG : FLOOD_RATE;
	int honest = xt_is_debug_kernel() && !getenv("XTCP_TEST_FULL") ? HONEST_DEBUG : HONEST;
	int64_t start, took, worst = 0, begin;
	int i, good = 0, late = 0;

	ROW("LSN-18");
	ROW("LSN-27");
	ROW("LSN-19");
	/* First the bound is reached. */
	for (i = 0; i < 10 * BACKLOG; i++)
		flood_packet(&self->f);
	ASSERT_TRUE(flood_start(&self->f));
	begin = xt_now_ms();
	for (i = 0; i < honest; i++) {
		start = xt_now_ms();
		good += converse(&self->f, self->lfd, &self->addr);
		took = xt_now_ms() - start;
		worst = took > worst ? took : worst;
		late += took > 3000;
		/* The bound holds at every moment. */
		if (i % 10 == 0) {
			ASSERT_GE(BACKLOG + 1, halfopen_less_new(variant->family));
		}
	}
	begin = xt_now_ms() - begin;
	ASSERT_TRUE(flood_stop(&self->f));
	TH_LOG("%d forged SYNs, %d of %d honest in %d ms, %d late, worst %d ms", self->f.sent,
	       good, honest, (int)begin, late, (int)worst);
	ASSERT_GE(honest / 1000, honest - good);
	ASSERT_GE(honest / 100, late);
	ASSERT_LE(rate * begin / 1000, self->f.sent);
	ASSERT_EQ(good, peer_counter("PassiveOpens"));
	/* To the last SYN. */
	ASSERT_TRUE(XT_WAIT(!flood_unaccounted()));
	ASSERT_LE(self->f.sent + good, peer_counter("SynRcvd"));
	if (!strcmp(variant->mode, "2")) {
		ASSERT_EQ(0, peer_counter("HalfopenAdded"));
		ASSERT_EQ(peer_counter("SynRcvd"), peer_counter("SyncookiesSent"));
	}
}

/* Without cookies a flood keeps others out, but no entry is pushed out and none too many. */
TEST_F(flood, mode_0_drops_at_the_bound)
{
	int i;

	ROW("LSN-01");
	ROW("LSN-07");
	ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", "0"));
	for (i = 0; i < 10 * BACKLOG; i++) {
		flood_packet(&self->f);
		if (i % BACKLOG == 0) {
			ASSERT_GE(BACKLOG + 1, xt_proc_count(variant->family, PORT, 3));
		}
	}
	ASSERT_EQ(BACKLOG + 1, xt_proc_count(variant->family, PORT, 3));
	ASSERT_EQ(BACKLOG + 1, peer_counter("HalfopenAdded"));
	ASSERT_EQ(self->f.sent - BACKLOG - 1, peer_counter("DropHalfopenFull"));
	ASSERT_EQ(0, peer_counter("SyncookiesSent"));
	ASSERT_EQ(0, flood_unaccounted());
}

/* Lines of the kernel's log about a flood on @port; -1: cannot be read. */
static int log_lines(int port)
{
	static char log[1 << 20];
	int count = 0, len = klogctl(3, log, sizeof(log) - 1);
	const char *at = log;
	char line[64];

	if (len < 0)
		return -1;
	log[len] = '\0';
	snprintf(line, sizeof(line), "xtcp: possible SYN flood on port %d,", port);
	while ((at = strstr(at, line))) {
		at++;
		count++;
	}
	return count;
}

/* A flood that goes on has its line; whoever floods before it may have used up the limit. */
static bool is_logged(struct flood *f, int before)
{
	flood_overflow(f, BACKLOG);
	return log_lines(f->port) > before;
}

TEST_F(flood, one_line_in_the_log)
{
	int before = log_lines(PORT), i;

	ROW("LSN-27");
	ASSERT_LE(0, before);
	ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", "1"));
	for (i = 0; i < BACKLOG; i++)
		flood_packet(&self->f);
	ASSERT_EQ(before, log_lines(PORT));
	ASSERT_TRUE(XT_WAIT(is_logged(&self->f, before)));
	for (i = 0; i < 10; i++)
		flood_overflow(&self->f, BACKLOG);
	ASSERT_EQ(before + 1, log_lines(PORT));
	/* Another listener has a line of its own. */
	close(self->lfd);
	self->lfd = flood_listen(variant->family, PORT, BACKLOG);
	ASSERT_LE(0, self->lfd);
	ASSERT_TRUE(XT_WAIT(is_logged(&self->f, before + 1)));
	ASSERT_EQ(before + 2, log_lines(PORT));
}

/* What one entry takes, by the allocator's own account [bytes]; -1: it does not say. */
static int entry_bytes(const char *cache)
{
	char path[100];
	int size = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/object_size", cache);
	file = fopen(path, "r");
	if (file && fscanf(file, "%d", &size) != 1)
		size = -1;
	if (file)
		fclose(file);
	return size;
}

TEST_F(flood, entry_is_small)
{
	bool v6 = variant->family == AF_INET6;
	int size = entry_bytes(v6 ? "xtcp_halfopen6" : "xtcp_halfopen");

	ROW("LSN-06");
	if (size < 0)
		SKIP(return, "no /sys/kernel/slab");
	TH_LOG("%d bytes", size);
	ASSERT_GE(v6 ? 160 : 128, size);
}

/* Listeners come and go in the middle of it. */
TEST_F_TIMEOUT(flood, listener_closes, 300)
{
	int i;

	ROW("LSN-24");
	ASSERT_TRUE(flood_start(&self->f));
	for (i = 0; i < 30; i++) {
		long before = peer_counter("SynRcvd");

		ASSERT_TRUE(XT_WAIT(peer_counter("SynRcvd") > before + BACKLOG));
		close(self->lfd);
		ASSERT_TRUE(XT_WAIT(!xt_proc_count(variant->family, PORT, 3)));
		self->lfd = flood_listen(variant->family, PORT, BACKLOG);
		ASSERT_LE(0, self->lfd);
	}
	ASSERT_TRUE(flood_stop(&self->f));
	ASSERT_TRUE(XT_WAIT(!flood_unaccounted()));
}

/* ---- the whole module --------------------------------------------------------------- */

#define BYTES_PARAMETER	"/sys/module/xtcp/parameters/halfopen_bytes"
#define BYTES_DEFAULT	(64 << 20)
#define FEW_BYTES	30000

static bool set_bytes(int bytes)
{
	return xt_run("echo %d >" BYTES_PARAMETER, bytes);
}

FIXTURE(module)
{
	int unused;
};

FIXTURE_SETUP(module)
{
	FILE *file = fopen(BYTES_PARAMETER, "r");
	int bytes = 0;

	ASSERT_NE(NULL, file);
	ASSERT_EQ(1, fscanf(file, "%d", &bytes));
	fclose(file);
	ASSERT_EQ(BYTES_DEFAULT, bytes);
	ASSERT_TRUE(set_bytes(FEW_BYTES));
}

FIXTURE_TEARDOWN(module)
{
	set_bytes(BYTES_DEFAULT);
}

/* A namespace with a device and a listener that takes far more than there may be. */
static bool open_namespace(struct flood *f, int *lfd)
{
	*lfd = flood_victim(f, AF_INET6, PORT, "0", 4096);
	return *lfd >= 0;
}

/* Neither listener nor namespace is full: the bound of the whole module ends it, in all of them. */
TEST_F(module, bytes_are_bounded)
{
	int size = entry_bytes("xtcp_halfopen6"), most, lfd[2], i, n;
	struct flood f[2];
	long added[2];

	ROW("LSN-19");
	if (size < 0)
		SKIP(return, "no /sys/kernel/slab");
	most = (FEW_BYTES - 1) / size;
	for (n = 0; n < 2; n++) {
		ASSERT_TRUE(open_namespace(&f[n], &lfd[n]));
		for (i = 0; i < most / 2 + n * most; i++)
			flood_packet(&f[n]);
		added[n] = peer_counter("HalfopenAdded");
	}
	ASSERT_EQ(most / 2, added[0]);
	ASSERT_EQ(most, added[0] + added[1]);
	ASSERT_EQ(f[1].sent - added[1], peer_counter("DropHalfopenFull"));
	ASSERT_EQ(0, flood_unaccounted());
	/* What goes in one place makes room in the other. */
	close(lfd[0]);
	ASSERT_TRUE(XT_WAIT(flood_packet(&f[1]) &&
			    xt_proc_count(AF_INET6, PORT, 3) == most));
	close(lfd[1]);
	flood_close(&f[0]);
	flood_close(&f[1]);
}

/*
 * Root of a user namespace of its own, as anybody may be, though not in a chroot, which the test
 * VM has: leave it and come back.
 */
static bool become_guest(void)
{
	int root = open("/", O_PATH | O_DIRECTORY), fd;
	bool done;

	if (setns(open("/proc/self/ns/mnt", O_RDONLY), CLONE_NEWNS) || unshare(CLONE_NEWUSER) ||
	    fchdir(root) || chroot("."))
		return false;
	fd = open("/proc/self/uid_map", O_WRONLY);
	done = fd >= 0 && write(fd, "0 0 1", 5) == 5;
	close(fd);
	return done;
}

/* Flood two namespaces of a guest, tell how many entries both have, and stay. */
static void flood_guests(int result, int packets)
{
	int added = 0, lfd, i, n;
	struct flood f;

	for (n = 0; n < 2 && added >= 0; n++) {
		if ((n || become_guest()) && open_namespace(&f, &lfd)) {
			for (i = 0; i < packets; i++)
				flood_packet(&f);
			added += peer_counter("HalfopenAdded");
		} else {
			perror("# guest");
			added = -1;
		}
	}
	if (write(result, &added, sizeof(added)) == sizeof(added))
		pause();
	_exit(0);
}

/* Whoever makes namespaces of his own takes half of it, and the other half is there for others. */
TEST_F(module, guests_have_half)
{
	int size = entry_bytes("xtcp_halfopen6"), most, half, added = -1, result[2], lfd, i;
	struct flood f;
	pid_t guest;

	ROW("LSN-19");
	if (size < 0)
		SKIP(return, "no /sys/kernel/slab");
	most = (FEW_BYTES - 1) / size;
	half = (FEW_BYTES / 2 - 1) / size;
	ASSERT_TRUE(open_namespace(&f, &lfd));
	ASSERT_EQ(0, pipe(result));
	guest = fork();
	ASSERT_LE(0, guest);
	if (!guest)
		flood_guests(result[1], half - 10);
	EXPECT_EQ(sizeof(added), read(result[0], &added, sizeof(added)));
	EXPECT_EQ(half, added);
	for (i = 0; i < most; i++)
		flood_packet(&f);
	EXPECT_EQ(most - half, peer_counter("HalfopenAdded"));
	EXPECT_EQ(half, peer_counter("DropHalfopenFull"));
	EXPECT_EQ(0, flood_unaccounted());
	/* What goes with the guest makes room for others. */
	EXPECT_EQ(0, kill(guest, SIGKILL));
	EXPECT_EQ(guest, waitpid(guest, NULL, 0));
	EXPECT_TRUE(XT_WAIT(flood_packet(&f) && xt_proc_count(AF_INET6, PORT, 3) == most));
	close(lfd);
	flood_close(&f);
}

#define VICTIMS		25
#define LOG_BURST	10		/* lines in LOG_PERIOD_MS, of the whole machine */
#define LOG_PERIOD_MS	5000

/* More listeners under attack than the log takes lines at once: each gets its own in the end. */
TEST(log__each_listener_has_its_line)
{
	int before[VICTIMS], lfd[VICTIMS], logged, most = 0, i;
	int64_t start, end;
	struct flood f;

	ROW("LSN-27");
	ASSERT_EQ(0, xt_netns());
	ASSERT_TRUE(flood_open(&f, AF_INET, 0));
	for (i = 0; i < VICTIMS; i++) {
		lfd[i] = flood_listen(AF_INET, 9000 + i, BACKLOG);
		ASSERT_LE(0, lfd[i]);
		before[i] = log_lines(9000 + i);
		ASSERT_LE(0, before[i]);
	}
	start = xt_now_ms();
	end = start + VICTIMS / LOG_BURST * LOG_PERIOD_MS + XT_DEADLINE_MS;
	do {
		for (i = 0; i < VICTIMS; i++) {
			f.port = 9000 + i;
			flood_overflow(&f, BACKLOG);
		}
		for (i = 0, logged = 0; i < VICTIMS; i++) {
			int lines = log_lines(9000 + i) - before[i];

			ASSERT_LE(0, lines);
			ASSERT_GE(1, lines);
			logged += lines;
		}
		if (xt_now_ms() < start + LOG_PERIOD_MS)
			most = logged;
	} while (logged < VICTIMS && xt_now_ms() < end);
	TH_LOG("%d lines at once, %d after %d ms", most, logged, (int)(xt_now_ms() - start));
	ASSERT_EQ(VICTIMS, logged);
	/* A period may end and another begin within this one. */
	ASSERT_GE(2 * LOG_BURST, most);
	for (i = 0; i < VICTIMS; i++)
		close(lfd[i]);
	flood_close(&f);
}

TEST_HARNESS_MAIN
