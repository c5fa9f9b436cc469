// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket filters: SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_DETACH_FILTER, SO_LOCK_FILTER. What a
 * filter sees begins with the transport header, and what it drops or cuts is as if lost.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

#ifndef SO_DETACH_BPF
#define SO_DETACH_BPF	SO_DETACH_FILTER
#endif

/* How long something that must not happen is waited for. */
#define QUIET_MS	250

/* Where a segment's text begins: header and timestamps. */
#define TEXT		32

XT_FIXTURE(filter)

static int attach(int fd, struct sock_filter *insns, int count)
{
	struct sock_fprog prog = { .len = count, .filter = insns };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* Keeps at most so many bytes of each segment; 0: nothing. */
static int attach_limit(int fd, unsigned int bytes)
{
	struct sock_filter insns[] = { BPF_STMT(BPF_RET | BPF_K, bytes) };

	return attach(fd, insns, 1);
}

/* Drops text that begins with @first, and keeps the rest. */
static int attach_first(int fd, uint8_t first)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, TEXT, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TEXT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, insns, 6);
}

/* An extended program with one verdict. */
static int load_limit(int bytes)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = bytes },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)insns,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static bool stays_silent(int fd)
{
	return !xt_poll(fd, POLLIN, QUIET_MS);
}

/* What is dropped is retransmitted until the filter is gone. */
TEST_F(filter, drops_text)
{
	char text[4] = "";
	int client, server;

	ROW("SEC-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, attach_first(server, 'x'));
	ASSERT_RET(1, send(client, "a", 1, 0));
	ASSERT_RET(1, recv(server, text, sizeof(text), 0));
	EXPECT_EQ('a', text[0]);
	ASSERT_RET(3, send(client, "xyz", 3, 0));
	EXPECT_TRUE(stays_silent(server));
	EXPECT_EQ(3, xt_unacked(client));
	ASSERT_RET(0, setsockopt(server, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int)));
	EXPECT_RET(3, xt_recv_all(server, text, 3));
	EXPECT_EQ(0, memcmp(text, "xyz", 3));
	EXPECT_ERR(ENOENT, setsockopt(server, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 },
				      sizeof(int)));
	close(client);
	close(server);
}

/* What is cut off was not received: it is not acknowledged, and comes again. */
TEST_F(filter, truncates_text)
{
	char text[40];
	int client, server;

	ROW("SEC-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, attach_limit(server, TEXT + 10));
	xt_fill(text, 25, 1, 0);
	ASSERT_RET(25, send(client, text, 25, 0));
	memset(text, 0, sizeof(text));
	ASSERT_TRUE(xt_wait_unread(server, 10));
	EXPECT_RET(10, recv(server, text, sizeof(text), MSG_DONTWAIT));
	/* The rest, ten at most with each retransmission. */
	EXPECT_RET(15, xt_recv_all(server, text + 10, 15));
	EXPECT_EQ(-1, xt_mismatch(text, 25, 1, 0));
	EXPECT_TRUE(XT_WAIT(!xt_unacked(client)));
	close(client);
	close(server);
}

/* No verdict of a filter reaches into the header: the connection goes on. */
TEST_F(filter, spares_the_header)
{
	int client, server;
	char byte;

	ROW("SEC-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, attach_limit(client, 1));
	ASSERT_RET(1, send(client, "a", 1, 0));
	ASSERT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_TRUE(XT_WAIT(!xt_unacked(client)));
	ASSERT_RET(0, shutdown(server, SHUT_WR));
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	close(client);
	close(server);
}

/*
 * A classic program may be an unprivileged user's, and its verdict shows: it learns nothing that
 * would let it forge segments (CVE-2026-53236). TCP refuses it to who is not privileged.
 */
TEST_F(filter, hides_the_numbers)
{
	const struct {
		uint32_t offset, size;
	} hidden[] = {
		{ 4, BPF_W }, { 8, BPF_W },	/* sequence, acknowledgment */
		{ 16, BPF_H },			/* checksum */
		{ 24, BPF_W }, { 28, BPF_W },	/* TSval, TSecr */
		{ SKF_NET_OFF + (variant->family == AF_INET6 ? 40 : 20) + 4, BPF_W },
	};
	int client, server;
	unsigned int i;
	char byte;

	ROW("SEC-30");
	if (xt_is_control())
		SKIP(return, "the kernel hides them by permission");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	for (i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
		struct sock_filter insns[] = {
			BPF_STMT(BPF_LD | hidden[i].size | BPF_ABS, hidden[i].offset),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
			BPF_STMT(BPF_RET | BPF_K, 0),
		};

		ASSERT_RET(0, attach(server, insns, 4));
		ASSERT_RET(1, send(client, "a", 1, 0));
		ASSERT_TRUE(xt_poll(server, POLLIN, XT_DEADLINE_MS) & POLLIN);
		ASSERT_RET(1, recv(server, &byte, 1, 0));
	}
	close(client);
	close(server);
}

/* A listener's filter sees handshakes, and its children have it as well. */
TEST_F(filter, of_a_listener)
{
	int lfd, fd, server;
	struct xt_addr addr;
	char byte;

	ROW("SEC-30");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	ASSERT_RET(0, attach_limit(lfd, 0));
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_EQ(0, xt_poll(fd, POLLOUT, QUIET_MS));
	EXPECT_TRUE(stays_silent(lfd));
	ASSERT_RET(0, attach_first(lfd, 'x'));
	EXPECT_EQ(POLLOUT, xt_poll(fd, POLLOUT, XT_DEADLINE_MS));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	ASSERT_RET(1, send(fd, "x", 1, 0));
	EXPECT_TRUE(stays_silent(server));
	ASSERT_RET(0, setsockopt(server, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int)));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(fd);
	close(server);
	close(lfd);
}

TEST_F(filter, extended_program)
{
	int client, server, drop, pass;
	char byte;

	ROW("SEC-30");
	drop = ASSERT_FD(load_limit(0));
	pass = ASSERT_FD(load_limit(-1));
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_ERR(EBADF, setsockopt(server, SOL_SOCKET, SO_ATTACH_BPF, &(int){ -1 },
				     sizeof(int)));
	ASSERT_RET(0, setsockopt(server, SOL_SOCKET, SO_ATTACH_BPF, &drop, sizeof(drop)));
	ASSERT_RET(1, send(client, "a", 1, 0));
	EXPECT_TRUE(stays_silent(server));
	ASSERT_RET(0, setsockopt(server, SOL_SOCKET, SO_ATTACH_BPF, &pass, sizeof(pass)));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_RET(0, setsockopt(server, SOL_SOCKET, SO_DETACH_BPF, &(int){ 0 }, sizeof(int)));
	close(client);
	close(server);
	close(drop);
	close(pass);
}

/* Locked it stays, for root as well. */
TEST_F(filter, locked)
{
	int client, server;

	ROW("SEC-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_EQ(0, xt_get_int(server, SOL_SOCKET, SO_LOCK_FILTER));
	ASSERT_RET(0, attach_first(server, 'x'));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_LOCK_FILTER, 1));
	EXPECT_EQ(1, xt_get_int(server, SOL_SOCKET, SO_LOCK_FILTER));
	EXPECT_ERR(EPERM, attach_limit(server, 100));
	EXPECT_ERR(EPERM, setsockopt(server, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 },
				     sizeof(int)));
	EXPECT_ERR(EPERM, xt_set_int(server, SOL_SOCKET, SO_LOCK_FILTER, 0));
	ASSERT_RET(1, send(client, "x", 1, 0));
	EXPECT_TRUE(stays_silent(server));
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
