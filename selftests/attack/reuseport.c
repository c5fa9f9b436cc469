// SPDX-License-Identifier: GPL-2.0-only
/*
 * SO_REUSEPORT listeners: each has half-open entries and a bound of its own, and a BPF program
 * may choose among them, for the SYN and for the ACK that brings a cookie back alike.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"
#include "flood.h"
#include "peer.h"

#define PORT		8080
#define LISTENERS	4
#define BACKLOG		16

FIXTURE(reuseport)
{
	struct flood f;
	struct xt_addr addr;
	int lfd[LISTENERS];
};

FIXTURE_VARIANT(reuseport)
{
	int family;
	const char *mode;
};

FIXTURE_VARIANT_ADD(reuseport, v4_entries) { AF_INET, "0" };
FIXTURE_VARIANT_ADD(reuseport, v4_cookies) { AF_INET, "2" };
FIXTURE_VARIANT_ADD(reuseport, v6_entries) { AF_INET6, "0" };
FIXTURE_VARIANT_ADD(reuseport, v6_cookies) { AF_INET6, "2" };

FIXTURE_SETUP(reuseport)
{
	struct xt_addr any = xt_any(variant->family, PORT);
	int i;

	ASSERT_EQ(0, xt_netns());
	ASSERT_TRUE(flood_open(&self->f, variant->family, PORT));
	ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", variant->mode));
	self->addr = xt_loopback(variant->family, PORT);
	for (i = 0; i < LISTENERS; i++) {
		self->lfd[i] = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
		ASSERT_EQ(0, xt_set_int(self->lfd[i], SOL_SOCKET, SO_REUSEPORT, 1));
		ASSERT_RET(0, xt_bind(self->lfd[i], &any));
		ASSERT_RET(0, listen(self->lfd[i], BACKLOG));
	}
}

FIXTURE_TEARDOWN(reuseport)
{
	int i;

	for (i = 0; i < LISTENERS; i++)
		close(self->lfd[i]);
	flood_close(&self->f);
}

TEST_F(reuseport, each_has_its_own_bound)
{
	int i;

	ROW("LSN-01");
	ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", "0"));
	for (i = 0; i < 5 * LISTENERS * BACKLOG; i++)
		flood_packet(&self->f);
	ASSERT_EQ(LISTENERS * (BACKLOG + 1), xt_proc_count(variant->family, PORT, 3));
	ASSERT_EQ(0, flood_unaccounted());
	/* One of them and its entries go, and the others stay. */
	close(self->lfd[1]);
	ASSERT_EQ((LISTENERS - 1) * (BACKLOG + 1), xt_proc_count(variant->family, PORT, 3));
	self->lfd[1] = -1;
}

/* Who accepts a client that connects from @port (0: any); -1: nobody. */
static int acceptor(const int *lfd, int family, const struct xt_addr *addr, uint16_t port)
{
	struct xt_addr from = xt_loopback(family, port);
	int client = xt_socket(family), found = -1, fd, i;
	struct pollfd waiting[LISTENERS];

	if (client < 0 || xt_bind(client, &from) || xt_connect(client, addr)) {
		printf("# from port %d: %s\n", port, strerror(errno));
		return -1;
	}
	/* The client is connected before the server is: its ACK may still be on the way. */
	for (i = 0; i < LISTENERS; i++)
		waiting[i] = (struct pollfd){ .fd = lfd[i], .events = POLLIN };
	if (poll(waiting, LISTENERS, XT_DEADLINE_MS) < 1)
		printf("# from port %d: no listener has it\n", port);
	for (i = 0; i < LISTENERS; i++) {
		fd = accept(lfd[i], NULL, NULL);
		if (fd < 0)
			continue;
		found = i;
		close(fd);
	}
	xt_reset(client);
	return found;
}

/* By the client's port, modulo the number of listeners: a program that reads the segment. */
TEST_F(reuseport, classic_bpf_chooses)
{
	int port = SKF_NET_OFF + (variant->family == AF_INET6 ? 40 : 20), i;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, port),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, LISTENERS),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = { .len = 3, .filter = code };

	ROW("API-31");
	ROW("LSN-13");
	ASSERT_RET(0, setsockopt(self->lfd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
				 sizeof(program)));
	for (i = 0; i < 4 * LISTENERS; i++)
		ASSERT_EQ(i % LISTENERS,
			  acceptor(self->lfd, variant->family, &self->addr, 20000 + i));
	if (!strcmp(variant->mode, "2"))
		ASSERT_EQ(4 * LISTENERS, peer_counter("SyncookiesRecv"));
	ASSERT_EQ(0, flood_unaccounted());
}

/* What follows the header is the segment's text: a SYN, whatever its options, has none. */
TEST_F(reuseport, classic_bpf_sees_text_only)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = { .len = 2, .filter = code };
	int i;

	ROW("API-31");
	ASSERT_RET(0, setsockopt(self->lfd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
				 sizeof(program)));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, acceptor(self->lfd, variant->family, &self->addr, 0));
}

/* A socket filter in extended BPF that returns a constant; its descriptor. */
static int load_program(int result)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = result },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)code,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

TEST_F(reuseport, extended_bpf_chooses)
{
	int program, i, n;

	ROW("API-31");
	for (n = 0; n < LISTENERS; n++) {
		program = ASSERT_FD(load_program(n));
		ASSERT_RET(0, setsockopt(self->lfd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF,
					 &program, sizeof(program)));
		close(program);
		for (i = 0; i < 4; i++)
			ASSERT_EQ(n, acceptor(self->lfd, variant->family, &self->addr, 0));
	}
	/* A flood all goes to the one chosen last, and ends at its bound. */
	ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", "0"));
	for (i = 0; i < 20 * BACKLOG; i++)
		flood_packet(&self->f);
	ASSERT_EQ(BACKLOG + 1, xt_proc_count(variant->family, PORT, 3));
	ASSERT_EQ(0, flood_unaccounted());
}

TEST_HARNESS_MAIN
