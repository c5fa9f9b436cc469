// SPDX-License-Identifier: GPL-2.0-only
/* Many threads on one socket: contiguous writes, and nothing breaks when one of them closes it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(storm)

#define WRITERS 4
#define RECORD 512
#define RECORDS 300

struct writer {
	pthread_t thread;
	int fd;
	uint8_t mark;
	bool right;
};

static void *write_records(void *arg)
{
	struct writer *writer = arg;
	uint8_t record[RECORD];
	int i;

	memset(record, writer->mark, sizeof(record));
	writer->right = true;
	for (i = 0; i < RECORDS; i++)
		if (send(writer->fd, record, sizeof(record), MSG_NOSIGNAL) != sizeof(record))
			writer->right = false;
	return NULL;
}

/* The bytes of a call that does not block in the middle stay together. */
TEST_F(storm, writes_contiguous)
{
	struct writer writers[WRITERS];
	uint8_t record[RECORD];
	int counts[WRITERS] = { 0 };
	int client, server, i, k;

	ROW("API-39");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	/* Room for everything, so that no call has to wait. */
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20));
	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .fd = client, .mark = i };
		ASSERT_EQ(0, pthread_create(&writers[i].thread, NULL, write_records, &writers[i]));
	}
	for (k = 0; k < WRITERS * RECORDS; k++) {
		ASSERT_RET(RECORD, recv(server, record, RECORD, MSG_WAITALL));
		for (i = 1; i < RECORD; i++)
			ASSERT_EQ(record[0], record[i]);
		counts[record[0]]++;
	}
	for (i = 0; i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		EXPECT_TRUE(writers[i].right);
		EXPECT_EQ(RECORDS, counts[i]);
	}
	close(client);
	close(server);
}

struct stormer {
	pthread_t thread;
	volatile int *fd;
	volatile bool *stop;
	uint64_t seed;
};

static uint64_t step(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

/* Anything at all that a thread may do to a socket. */
static void *do_anything(void *arg)
{
	struct stormer *stormer = arg;
	uint64_t state = stormer->seed;
	char buf[4096];
	int value;

	while (!*stormer->stop) {
		int fd = *stormer->fd;

		switch (step(&state) % 10) {
		case 0:
		case 1:
		case 2:
			send(fd, buf, step(&state) % sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
			break;
		case 3:
		case 4:
		case 5:
			recv(fd, buf, step(&state) % sizeof(buf), MSG_DONTWAIT);
			break;
		case 6:
			xt_poll(fd, POLLIN | POLLOUT, 1);
			break;
		case 7:
			ioctl(fd, SIOCOUTQ, &value);
			xt_state(fd);
			break;
		case 8:
			xt_set_int(fd, SOL_TCP, TCP_NODELAY, step(&state) & 1);
			xt_set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 1 + step(&state) % 100);
			break;
		default:
			xt_set_int(fd, SOL_TCP, TCP_CORK, step(&state) & 1);
			break;
		}
	}
	return NULL;
}

/*
 * Threads at both ends, connections that are replaced under them by every way of
 * ending one. Proven is that the machine survives, the kernel log stays clean and a
 * connection still works afterwards.
 */
TEST_F(storm, closed_under_threads)
{
	volatile int fds[2] = { -1, -1 };
	volatile bool stop = false;
	struct stormer stormers[4];
	uint64_t seed = xt_seed();
	int client, server, round, i;
	char byte;

	ROW("API-39");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	fds[0] = client;
	fds[1] = server;
	for (i = 0; i < 4; i++) {
		stormers[i] = (struct stormer){
			.fd = &fds[i & 1], .stop = &stop, .seed = seed + i,
		};
		ASSERT_EQ(0, pthread_create(&stormers[i].thread, NULL, do_anything, &stormers[i]));
	}
	for (round = 0; round < 60; round++) {
		int ends[2];

		xt_pause_ms(5);
		ASSERT_RET(0, xt_pair(variant->family, &ends[0], &ends[1]));
		switch (step(&seed) % 5) {
		case 0:
			xt_set_linger(fds[0], 1, 0);
			break;
		case 1:
			shutdown(fds[1], SHUT_RDWR);
			break;
		case 2:
			shutdown(fds[0], SHUT_WR);
			break;
		case 3:
			connect(fds[1], &(struct sockaddr){ .sa_family = AF_UNSPEC },
				sizeof(struct sockaddr));
			break;
		}
		/* In one step each, with threads inside the old connection. */
		ASSERT_LE(0, dup2(ends[0], fds[0]));
		ASSERT_LE(0, dup2(ends[1], fds[1]));
		close(ends[0]);
		close(ends[1]);
	}
	stop = true;
	for (i = 0; i < 4; i++)
		pthread_join(stormers[i].thread, NULL);
	close(fds[0]);
	close(fds[1]);
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
