// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control groups: their BPF programs decide about these sockets as about TCP's, and their
 * memory controller is charged for what the sockets hold.
 *
 * The programs are a few instructions each, loaded with the system call itself.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

#define ROOT	"/sys/fs/cgroup"

/* How long something that must not happen is waited for. */
#define QUIET_MS	250

/* ---- programs ---------------------------------------------------------------------- */

static const struct bpf_insn exit_insn = { .code = BPF_JMP | BPF_EXIT };

static struct bpf_insn move(int reg, int value)
{
	return (struct bpf_insn){
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = reg, .imm = value,
	};
}

static int load(int type, int attach_type, const struct bpf_insn *insns, int count)
{
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = attach_type,
		.insns = (uintptr_t)insns,
		.insn_cnt = count,
		.license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* "Yes" to everything, or "no". */
static int load_verdict(int type, int attach_type, int verdict)
{
	struct bpf_insn insns[] = { move(BPF_REG_0, verdict), exit_insn };

	return load(type, attach_type, insns, 2);
}

/* "Yes, but with this port". */
static int load_other_port(int attach_type, uint16_t port)
{
	struct bpf_insn insns[] = {
		move(BPF_REG_2, htons(port)),
		{
			.code = BPF_STX | BPF_MEM | BPF_W,
			.dst_reg = BPF_REG_1,
			.src_reg = BPF_REG_2,
			.off = offsetof(struct bpf_sock_addr, user_port),
		},
		move(BPF_REG_0, 1),
		exit_insn,
	};

	return load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach_type, insns, 4);
}

static int attach(int cgroup, int prog, int type, int cmd)
{
	union bpf_attr attr = {
		.target_fd = cgroup, .attach_bpf_fd = prog, .attach_type = type,
	};

	return syscall(SYS_bpf, cmd, &attr, sizeof(attr));
}

/* ---- the group ----------------------------------------------------------------------- */

FIXTURE(cgroup)
{
	char path[64];
	int fd;
};

FIXTURE_VARIANT(cgroup)
{
	int family;
};

FIXTURE_VARIANT_ADD(cgroup, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(cgroup, ipv6) { .family = AF_INET6 };

static bool write_to(const char *dir, const char *file, const char *text)
{
	char path[128];
	bool written;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY);
	written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return written;
}

/* Sockets belong to the group their maker is in. */
static bool enter(const char *dir)
{
	return write_to(dir, "cgroup.procs", "0");
}

FIXTURE_SETUP(cgroup)
{
	ASSERT_EQ(0, xt_netns());
	snprintf(self->path, sizeof(self->path), ROOT "/xt-%d", getpid());
	ASSERT_RET(0, mkdir(self->path, 0755));
	self->fd = ASSERT_FD(open(self->path, O_RDONLY | O_DIRECTORY));
}

FIXTURE_TEARDOWN(cgroup)
{
	EXPECT_TRUE(enter(ROOT));
	close(self->fd);
	/* Closed sockets may hold it a moment longer. */
	EXPECT_TRUE(XT_WAIT(!rmdir(self->path)));
}

/* A listener in the group, a client outside. */
#define IN_GROUP(expr)							\
	({								\
		__typeof__(expr) xt_value;				\
									\
		ASSERT_TRUE(enter(self->path));				\
		xt_value = (expr);					\
		ASSERT_TRUE(enter(ROOT));				\
		xt_value;						\
	})

#define ATTACH(prog, type) ASSERT_RET(0, attach(self->fd, prog, type, BPF_PROG_ATTACH))
#define DETACH(prog, type) ASSERT_RET(0, attach(self->fd, prog, type, BPF_PROG_DETACH))

/* ---- segments -------------------------------------------------------------------------- */

static int skb_dropper(int type)
{
	return load_verdict(BPF_PROG_TYPE_CGROUP_SKB, type, 0);
}

TEST_F_TIMEOUT(cgroup, ingress_drops_data, 120)
{
	int lfd, client, server, prog;
	struct xt_addr addr;
	char byte;

	ROW("SEC-30");
	prog = ASSERT_FD(skb_dropper(BPF_CGROUP_INET_INGRESS));
	lfd = IN_GROUP(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	ATTACH(prog, BPF_CGROUP_INET_INGRESS);
	ASSERT_RET(1, send(client, "x", 1, 0));
	EXPECT_EQ(0, xt_poll(server, POLLIN, QUIET_MS));
	EXPECT_EQ(1, xt_unacked(client));
	/* What is dropped is sent again. */
	DETACH(prog, BPF_CGROUP_INET_INGRESS);
	EXPECT_EQ(POLLIN, xt_poll(server, POLLIN, XT_DEADLINE_MS));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
}

TEST_F_TIMEOUT(cgroup, egress_drops_data, 120)
{
	int lfd, client, server, prog;
	struct xt_addr addr;

	ROW("SEC-30");
	prog = ASSERT_FD(skb_dropper(BPF_CGROUP_INET_EGRESS));
	lfd = IN_GROUP(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	ATTACH(prog, BPF_CGROUP_INET_EGRESS);
	ASSERT_RET(1, send(server, "x", 1, 0));
	EXPECT_EQ(0, xt_poll(client, POLLIN, QUIET_MS));
	DETACH(prog, BPF_CGROUP_INET_EGRESS);
	EXPECT_EQ(POLLIN, xt_poll(client, POLLIN, XT_DEADLINE_MS));
}

/*
 * Neither the SYN, on its way in, nor the SYN-ACK, on its way out, gets past a program; nor
 * does one with a cookie, which TCP's does.
 */
TEST_F_TIMEOUT(cgroup, handshake_dropped, 120)
{
	static const int types[] = {
		BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_EGRESS,
	};
	int lfd, client, prog, i;
	struct xt_addr addr;

	ROW("SEC-30");
	lfd = IN_GROUP(xt_listen(variant->family, 4, &addr));
	for (i = 0; i < (xt_is_control() ? 2 : 3); i++) {
		if (i == 2)
			ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", "2"));
		prog = ASSERT_FD(skb_dropper(types[i]));
		ATTACH(prog, types[i]);
		client = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
		EXPECT_ERR(EINPROGRESS, xt_connect(client, &addr));
		EXPECT_EQ(0, xt_poll(client, POLLOUT, QUIET_MS));
		EXPECT_EQ(TCP_SYN_SENT, xt_state(client));
		DETACH(prog, types[i]);
		EXPECT_EQ(POLLOUT, xt_poll(client, POLLOUT, XT_DEADLINE_MS));
		EXPECT_EQ(0, xt_so_error(client));
		close(client);
		close(prog);
	}
	close(lfd);
}

/* A client's own group has its say from the SYN on. */
TEST_F_TIMEOUT(cgroup, egress_drops_syn, 120)
{
	struct xt_addr addr;
	int client, prog;

	ROW("SEC-30");
	ASSERT_FD(xt_listen(variant->family, 4, &addr));
	prog = ASSERT_FD(skb_dropper(BPF_CGROUP_INET_EGRESS));
	ATTACH(prog, BPF_CGROUP_INET_EGRESS);
	client = IN_GROUP(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(client, &addr));
	EXPECT_EQ(0, xt_poll(client, POLLOUT, QUIET_MS));
	DETACH(prog, BPF_CGROUP_INET_EGRESS);
	EXPECT_EQ(POLLOUT, xt_poll(client, POLLOUT, XT_DEADLINE_MS));
	EXPECT_EQ(0, xt_so_error(client));
}

/* ---- calls ------------------------------------------------------------------------------ */

TEST_F_TIMEOUT(cgroup, socket_refused, 120)
{
	int prog;

	ROW("SEC-30");
	prog = ASSERT_FD(load_verdict(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 0));
	ATTACH(prog, BPF_CGROUP_INET_SOCK_CREATE);
	ASSERT_TRUE(enter(self->path));
	/* Both doors. */
	EXPECT_ERR(EPERM, xt_socket(variant->family));
	EXPECT_ERR(EPERM, xt_socket_inet(variant->family));
	ASSERT_TRUE(enter(ROOT));
	ASSERT_FD(xt_socket(variant->family));
}

TEST_F_TIMEOUT(cgroup, bind_refused_or_redirected, 120)
{
	int type = variant->family == AF_INET ? BPF_CGROUP_INET4_BIND : BPF_CGROUP_INET6_BIND;
	struct xt_addr addr = xt_loopback(variant->family, 7001);
	int fd, prog;

	ROW("SEC-30");
	prog = ASSERT_FD(load_verdict(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, type, 0));
	ATTACH(prog, type);
	ASSERT_TRUE(enter(self->path));
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EPERM, xt_bind(fd, &addr));
	DETACH(prog, type);

	prog = ASSERT_FD(load_other_port(type, 7002));
	ATTACH(prog, type);
	EXPECT_RET(0, xt_bind(fd, &addr));
	ASSERT_RET(0, xt_sockname(fd, &addr));
	EXPECT_EQ(7002, xt_port(&addr));
	DETACH(prog, type);
	ASSERT_TRUE(enter(ROOT));
}

/* Refused after the port was taken: it is free again. */
TEST_F_TIMEOUT(cgroup, post_bind_refused, 120)
{
	int type = variant->family == AF_INET ? BPF_CGROUP_INET4_POST_BIND :
						BPF_CGROUP_INET6_POST_BIND;
	struct xt_addr addr = xt_loopback(variant->family, 7003);
	int fd, other, prog;

	ROW("SEC-30");
	prog = ASSERT_FD(load_verdict(BPF_PROG_TYPE_CGROUP_SOCK, type, 0));
	ATTACH(prog, type);
	fd = IN_GROUP(xt_socket(variant->family));
	EXPECT_ERR(EPERM, xt_bind(fd, &addr));
	other = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, xt_bind(other, &addr));
	close(other);
	DETACH(prog, type);
	EXPECT_RET(0, xt_bind(fd, &addr));
}

TEST_F_TIMEOUT(cgroup, connect_refused_or_redirected, 120)
{
	int type = variant->family == AF_INET ? BPF_CGROUP_INET4_CONNECT :
						BPF_CGROUP_INET6_CONNECT;
	struct xt_addr addr, wrong;
	int client, prog;

	ROW("SEC-30");
	ASSERT_FD(xt_listen(variant->family, 4, &addr));
	prog = ASSERT_FD(load_verdict(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, type, 0));
	ATTACH(prog, type);
	client = IN_GROUP(xt_socket(variant->family));
	EXPECT_ERR(EPERM, xt_connect(client, &addr));
	DETACH(prog, type);

	prog = ASSERT_FD(load_other_port(type, xt_port(&addr)));
	ATTACH(prog, type);
	wrong = xt_loopback(variant->family, xt_closed_port(variant->family));
	EXPECT_RET(0, xt_connect(client, &wrong));
	ASSERT_RET(0, xt_peername(client, &wrong));
	EXPECT_EQ(xt_port(&addr), xt_port(&wrong));
	DETACH(prog, type);
}

/* ---- memory ----------------------------------------------------------------------------- */

/* "sock" of the group's memory.stat [bytes]; the kernel adds it up every two seconds. */
static long charged(const char *dir)
{
	char path[128], line[128];
	long bytes = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (bytes < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "sock %ld", &bytes) != 1)
			bytes = -1;
	fclose(file);
	return bytes;
}

#define UNREAD	(256 << 10)

/* A connection, not accepted yet, with so much text in its receive queue. */
static int fill_unaccepted(int family, int *client)
{
	struct xt_addr addr;
	int lfd = xt_listen(family, 4, &addr);
	int unread = 0;

	xt_set_int(lfd, SOL_SOCKET, SO_RCVBUFFORCE, 4 * UNREAD);
	*client = xt_dial(family, &addr);
	if (*client < 0 || xt_set_int(*client, SOL_SOCKET, SO_SNDBUFFORCE, 4 * UNREAD) ||
	    !xt_send_stream(*client, 1, UNREAD) || !XT_WAIT(!(unread = xt_unacked(*client))))
		return -1;
	return lfd;
}

/* The group of who accepts pays for what has come already and what comes later. */
TEST_F_TIMEOUT(cgroup, memory_of_accepted, 120)
{
	int lfd, client, server;

	ROW("SEC-30");
	ASSERT_TRUE(write_to(ROOT, "cgroup.subtree_control", "+memory"));
	lfd = ASSERT_FD(fill_unaccepted(variant->family, &client));
	EXPECT_EQ(0, charged(self->path));
	server = IN_GROUP(accept(lfd, NULL, NULL));
	ASSERT_LE(0, server);
	EXPECT_TRUE(XT_WAIT(charged(self->path) >= UNREAD))
		TH_LOG("%ld bytes charged", charged(self->path));
	EXPECT_TRUE(xt_send_stream(client, 2, UNREAD));
	EXPECT_TRUE(XT_WAIT(charged(self->path) >= 2 * UNREAD))
		TH_LOG("%ld bytes charged", charged(self->path));
	EXPECT_TRUE(xt_recv_stream(server, 1, UNREAD));
	EXPECT_TRUE(xt_recv_stream(server, 2, UNREAD));
	close(server);
	close(client);
	EXPECT_TRUE(XT_WAIT(charged(self->path) == 0))
		TH_LOG("%ld bytes charged after the end", charged(self->path));
}

/* And that of who connects. */
TEST_F_TIMEOUT(cgroup, memory_of_connected, 120)
{
	int lfd, client, server;
	struct xt_addr addr;

	ROW("SEC-30");
	ASSERT_TRUE(write_to(ROOT, "cgroup.subtree_control", "+memory"));
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = IN_GROUP(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_RCVBUFFORCE, 4 * UNREAD));
	ASSERT_RET(0, xt_connect(client, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_TRUE(xt_send_stream(server, 1, UNREAD));
	EXPECT_TRUE(XT_WAIT(charged(self->path) >= UNREAD))
		TH_LOG("%ld bytes charged", charged(self->path));
	close(client);
	close(server);
	EXPECT_TRUE(XT_WAIT(charged(self->path) == 0))
		TH_LOG("%ld bytes charged after the end", charged(self->path));
}

/*
 * A connection whose memory the group cannot pay for stays in the queue; no byte is lost.
 * Linux TCP charges it beyond the limit instead, and the kernel looks for someone to kill.
 */
TEST_F_TIMEOUT(cgroup, accept_beyond_limit, 120)
{
	int lfd, client, server;

	ROW("API-44");
	if (xt_is_control())
		SKIP(return, "TCP charges a cgroup beyond its limit");
	ASSERT_TRUE(write_to(ROOT, "cgroup.subtree_control", "+memory"));
	/* There is nobody to kill for it. */
	ASSERT_TRUE(write_to("/proc/self", "oom_score_adj", "-1000"));
	lfd = ASSERT_FD(fill_unaccepted(variant->family, &client));
	ASSERT_TRUE(write_to(self->path, "memory.max", "65536"));
	ASSERT_TRUE(enter(self->path));
	EXPECT_ERR(ENOBUFS, accept(lfd, NULL, NULL));
	ASSERT_TRUE(enter(ROOT));
	ASSERT_TRUE(write_to(self->path, "memory.max", "max"));
	server = IN_GROUP(accept(lfd, NULL, NULL));
	ASSERT_LE(0, server);
	EXPECT_TRUE(xt_recv_stream(server, 1, UNREAD));
	close(server);
	close(client);
}

TEST_HARNESS_MAIN
