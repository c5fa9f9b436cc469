// SPDX-License-Identifier: GPL-2.0-only
/* sendfile() and splice(): from a file, through pipes, in both directions. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(splice)

#define FILE_BYTES (2 << 20)

/* A file in memory with the stream of @seed. */
static int stream_file(uint64_t seed)
{
	static uint8_t buf[FILE_BYTES];
	int fd = memfd_create("stream", MFD_CLOEXEC);

	xt_fill(buf, sizeof(buf), seed, 0);
	if (fd >= 0 && write(fd, buf, sizeof(buf)) != sizeof(buf)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A child that receives the stream and the end of file after it. */
static pid_t receiver(int fd, int other, uint64_t seed)
{
	pid_t pid = fork();
	char byte;

	if (pid)
		return pid;
	close(other);
	_exit(!xt_recv_stream(fd, seed, FILE_BYTES) || recv(fd, &byte, 1, 0) != 0);
}

TEST_F(splice, sendfile)
{
	uint64_t seed = xt_seed();
	int client, server, file, status;
	off_t offset = 0;
	pid_t pid;

	ROW("API-38");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	file = ASSERT_FD(stream_file(seed));
	pid = receiver(server, client, seed);
	ASSERT_LT(0, pid);
	while (offset < FILE_BYTES)
		ASSERT_LT(0, sendfile(client, file, &offset, FILE_BYTES - offset));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(client);
	close(server);
	close(file);
}

/* Without waiting it takes what it can; nothing is lost at the seams. */
TEST_F(splice, sendfile_nonblocking)
{
	uint64_t seed = xt_seed();
	int client, server, file, status;
	off_t offset = 0;
	int waits = 0;
	pid_t pid = 0;

	ROW("API-38");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 30000));
	ASSERT_RET(0, xt_nonblock(client));
	file = ASSERT_FD(stream_file(seed));
	while (offset < FILE_BYTES) {
		ssize_t n = sendfile(client, file, &offset, FILE_BYTES - offset);

		if (n < 0) {
			ASSERT_EQ(EAGAIN, errno);
			/* Nobody reads until the buffers are full. */
			if (!waits++)
				pid = receiver(server, client, seed);
			ASSERT_LT(0, pid);
			ASSERT_NE(0, xt_poll(client, POLLOUT, XT_DEADLINE_MS));
		}
	}
	ASSERT_LT(0, waits);
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(client);
	close(server);
	close(file);
}

/* File to pipe to socket on one side, socket to pipe on the other. */
TEST_F(splice, both_directions)
{
	static uint8_t buf[65536];
	uint64_t seed = xt_seed(), got = 0;
	int client, server, file, status;
	int out[2], in[2];
	pid_t pid;

	ROW("API-38");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	file = ASSERT_FD(stream_file(seed));
	ASSERT_RET(0, pipe(out));
	ASSERT_RET(0, pipe(in));
	ASSERT_RET(0, lseek(file, 0, SEEK_SET));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(server);
		for (;;) {
			ssize_t n = splice(file, NULL, out[1], NULL, 40000, 0);

			if (n <= 0)
				_exit(n < 0 || shutdown(client, SHUT_WR));
			while (n > 0) {
				ssize_t m = splice(out[0], NULL, client, NULL, n, SPLICE_F_MORE);

				if (m <= 0)
					_exit(1);
				n -= m;
			}
		}
	}
	close(client);
	for (;;) {
		ssize_t n = splice(server, NULL, in[1], NULL, 50000, 0);

		ASSERT_LE(0, n) TH_LOG("%s", strerror(errno));
		if (n == 0)
			break;
		while (n > 0) {
			ssize_t m = read(in[0], buf, n);

			ASSERT_LT(0, m);
			ASSERT_EQ(-1, xt_mismatch(buf, m, seed, got));
			got += m;
			n -= m;
		}
	}
	EXPECT_EQ(FILE_BYTES, got);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(server);
	close(file);
}

TEST_F(splice, empty_socket)
{
	int client, server;
	int in[2];
	char byte;

	ROW("API-38");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, pipe(in));
	ASSERT_RET(0, xt_nonblock(server));
	EXPECT_ERR(EAGAIN, splice(server, NULL, in[1], NULL, 10, SPLICE_F_NONBLOCK));
	EXPECT_RET(3, send(client, "abc", 3, 0));
	ASSERT_TRUE(xt_wait_unread(server, 3));
	/* A part of what is queued; the rest stays. */
	EXPECT_RET(2, splice(server, NULL, in[1], NULL, 2, SPLICE_F_NONBLOCK));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_EQ('c', byte);
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_TRUE(xt_poll(server, POLLIN, XT_DEADLINE_MS) & POLLIN);
	EXPECT_RET(0, splice(server, NULL, in[1], NULL, 10, SPLICE_F_NONBLOCK));
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
