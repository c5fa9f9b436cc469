// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends a stream and receives another on one connection, both at once, in pieces of
 * random sizes, ends its direction by shutdown(), and checks what arrives byte by byte.
 *
 *   helper_xfer [-l] [-s SEED] [-n BYTES] [-t SECONDS] ADDRESS PORT
 *
 * -l listens and serves one connection. Both ends get the same seed; each direction's
 * stream follows from it. Prints "sent N digest D", "received N digest D" and exits 0
 * when everything arrived. A transfer that is not over in time tells how far it came.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "sock.h"

#define PIECE_MAX (128 * 1024)

struct side {
	int fd;
	uint64_t seed;
	uint64_t len;
	volatile uint64_t done;
	uint64_t digest;
	bool right;
};

static struct side out, in;

/* One of a skewed range: some tiny, some of a segment's size, most large. */
static size_t piece_size(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	switch (x & 15) {
	case 0:
		return 1 + (x >> 8) % 16;
	case 1:
		return 1 + (x >> 8) % 3000;
	default:
		return 1 + (x >> 8) % PIECE_MAX;
	}
}

/*
 * Order-sensitive and independent of how the stream was cut: whole words of the
 * stream are mixed in, so a piece waits in @tail until its word is complete.
 */
struct digest {
	uint64_t value;
	uint64_t count;
	uint8_t tail[8];
};

static void mix(struct digest *digest, uint64_t word)
{
	digest->value = (digest->value ^ word) * 0x9e3779b97f4a7c15ULL;
	digest->value ^= digest->value >> 29;
}

static void digest_add(struct digest *digest, const uint8_t *buf, size_t len)
{
	uint64_t word;

	while (len && digest->count % 8) {
		digest->tail[digest->count++ % 8] = *buf++;
		len--;
		if (digest->count % 8 == 0) {
			memcpy(&word, digest->tail, 8);
			mix(digest, word);
		}
	}
	for (; len >= 8; len -= 8, buf += 8, digest->count += 8) {
		memcpy(&word, buf, 8);
		mix(digest, word);
	}
	for (; len; len--)
		digest->tail[digest->count++ % 8] = *buf++;
}

static uint64_t digest_end(struct digest *digest)
{
	uint64_t word = 0;

	memcpy(&word, digest->tail, digest->count % 8);
	mix(digest, word);
	mix(digest, digest->count);
	return digest->value;
}

static void *send_side(void *arg)
{
	static uint8_t buf[PIECE_MAX];
	struct digest digest = { 0 };
	struct side *side = arg;
	uint64_t state = side->seed * 31 + 17;

	while (side->done < side->len) {
		size_t piece = piece_size(&state);

		if (piece > side->len - side->done)
			piece = side->len - side->done;
		xt_fill(buf, piece, side->seed, side->done);
		if (xt_send_all(side->fd, buf, piece) != (ssize_t)piece) {
			printf("send at %" PRIu64 ": %s\n", side->done, strerror(errno));
			return NULL;
		}
		digest_add(&digest, buf, piece);
		side->done += piece;
	}
	side->digest = digest_end(&digest);
	if (shutdown(side->fd, SHUT_WR)) {
		printf("shutdown: %s\n", strerror(errno));
		return NULL;
	}
	side->right = true;
	return NULL;
}

static void *recv_side(void *arg)
{
	static uint8_t buf[PIECE_MAX];
	struct digest digest = { 0 };
	struct side *side = arg;
	uint64_t state = side->seed * 37 + 11;

	for (;;) {
		ssize_t n = recv(side->fd, buf, piece_size(&state), 0);
		ssize_t bad;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			printf("receive at %" PRIu64 ": %s\n", side->done, strerror(errno));
			return NULL;
		}
		if (n == 0)
			break;
		bad = xt_mismatch(buf, n, side->seed, side->done);
		if (bad >= 0) {
			printf("byte %" PRIu64 " is 0x%02x, expected 0x%02x\n", side->done + bad,
			       buf[bad], xt_byte(side->seed, side->done + bad));
			return NULL;
		}
		digest_add(&digest, buf, n);
		side->done += n;
	}
	side->digest = digest_end(&digest);
	if (side->done != side->len) {
		printf("end of file at %" PRIu64 " of %" PRIu64 "\n", side->done, side->len);
		return NULL;
	}
	side->right = true;
	return NULL;
}

static void too_late(int sig)
{
	char text[200];
	int len;

	len = snprintf(text, sizeof(text),
		       "not done in time: sent %llu of %llu, received %llu of %llu, state %d, unacknowledged %d\n",
		       (unsigned long long)out.done, (unsigned long long)out.len,
		       (unsigned long long)in.done, (unsigned long long)in.len,
		       xt_state(out.fd), xt_unacked(out.fd));
	if (write(STDOUT_FILENO, text, len) < 0)
		_exit(2);
	_exit(3);
}

static int serve(const struct xt_addr *addr)
{
	int one = 1;
	int lfd = xt_socket(addr->sa.sa_family);
	int fd;

	if (lfd < 0 || setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    xt_bind(lfd, addr) || listen(lfd, 1)) {
		perror("listen");
		return -1;
	}
	printf("listening\n");
	fd = accept(lfd, NULL, NULL);
	if (fd < 0)
		perror("accept");
	close(lfd);
	return fd;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, bytes = 1 << 20;
	unsigned int seconds = 60;
	struct xt_addr addr;
	bool listening = false;
	pthread_t thread;
	int64_t start;
	int opt, fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	while ((opt = getopt(argc, argv, "ls:n:t:")) != -1) {
		switch (opt) {
		case 'l':
			listening = true;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			bytes = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: %s [-l] [-s SEED] [-n BYTES] [-t SECONDS] ADDRESS PORT\n",
			argv[0]);
		return 2;
	}
	addr = xt_addr_parse(argv[optind], atoi(argv[optind + 1]));
	signal(SIGALRM, too_late);
	alarm(seconds);
	fd = listening ? serve(&addr) : xt_dial(addr.sa.sa_family, &addr);
	if (fd < 0) {
		if (!listening)
			perror("connect");
		return 1;
	}
	start = xt_now_ms();
	out = (struct side){ .fd = fd, .seed = seed * 2 + listening, .len = bytes };
	in = (struct side){ .fd = fd, .seed = seed * 2 + !listening, .len = bytes };
	if (pthread_create(&thread, NULL, send_side, &out))
		return 1;
	recv_side(&in);
	if (!in.right) {
		/* The other direction has no chance any more. */
		xt_reset(fd);
		return 1;
	}
	pthread_join(thread, NULL);
	printf("sent %" PRIu64 " digest %016" PRIx64 "\n", out.done, out.digest);
	printf("received %" PRIu64 " digest %016" PRIx64 "\n", in.done, in.digest);
	printf("took %" PRId64 " ms\n", xt_now_ms() - start);
	close(fd);
	return out.right && in.right ? 0 : 1;
}
