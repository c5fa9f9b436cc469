// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several processes that open, use and end connections on loopback as fast as they can,
 * over both IP versions, each in a manner drawn by chance: what years of use do to the
 * transport's books, in a minute.
 *
 *   helper_crowd COUNT PROCESSES
 *
 * What the peer gets is compared with what was sent wherever the manner of ending lets
 * it arrive. Prints how often each manner was drawn; the status is 0 if all went well.
 */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sock.h"

#define FLOCK	16	/* connections that one process leaves behind at once */

static char junk[65536];

struct worker {
	uint64_t state;		/* of the random numbers */
	struct xt_addr addr[2];
	int lfd[2];
	unsigned long *drawn;	/* by manner, of all workers */
};

static uint32_t draw(struct worker *w, uint32_t limit)
{
	w->state = w->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->state >> 33) % limit;
}

struct ends {
	int client, server;
	uint64_t seed;
};

/* Some text one way, and that it arrives. */
static bool carry(int from, int to, uint64_t seed, size_t len)
{
	return xt_send_stream(from, seed, len) && xt_recv_stream(to, seed, len);
}

static bool at_end(int fd)
{
	return recv(fd, junk, sizeof(junk), 0) == 0;
}

/* Both directions end after the other, the client's first. */
static bool client_first(struct worker *w, struct ends *e)
{
	bool right;

	close(e->client);
	right = at_end(e->server);
	close(e->server);
	return right;
}

static bool server_first(struct worker *w, struct ends *e)
{
	bool right;

	close(e->server);
	right = at_end(e->client);
	close(e->client);
	return right;
}

static bool at_once(struct worker *w, struct ends *e)
{
	close(e->client);
	close(e->server);
	return true;
}

static bool reset(struct worker *w, struct ends *e)
{
	xt_reset(draw(w, 2) ? e->client : e->server);
	/* One of the two is closed already. */
	close(e->server);
	close(e->client);
	return true;
}

static bool unread(struct worker *w, struct ends *e)
{
	send(e->client, junk, 1 + draw(w, sizeof(junk)), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(e->server);
	close(e->client);
	return true;
}

/* Much is sent, all of it read, after the other direction has ended. */
static bool half_close(struct worker *w, struct ends *e)
{
	size_t len = draw(w, 30000);
	bool right;

	shutdown(e->client, SHUT_WR);
	right = at_end(e->server) && carry(e->server, e->client, e->seed, len);
	close(e->server);
	right = right && at_end(e->client);
	close(e->client);
	return right;
}

static bool both_shut(struct worker *w, struct ends *e)
{
	bool right;

	shutdown(e->client, SHUT_WR);
	shutdown(e->server, SHUT_WR);
	right = at_end(e->client) && at_end(e->server);
	close(e->client);
	close(e->server);
	return right;
}

static bool shut_down(struct worker *w, struct ends *e)
{
	shutdown(e->client, draw(w, 2) ? SHUT_RD : SHUT_RDWR);
	send(e->server, junk, draw(w, 3000), MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(e->server, SHUT_RDWR);
	close(e->server);
	close(e->client);
	return true;
}

static bool lingering(struct worker *w, struct ends *e)
{
	size_t len = 1 + draw(w, 5000);
	bool right;

	xt_set_linger(e->client, 1, 5);
	right = xt_send_stream(e->client, e->seed, len);
	close(e->client);
	right = right && xt_recv_stream(e->server, e->seed, len) && at_end(e->server);
	close(e->server);
	return right;
}

/* The descriptor goes on to another connection. */
static bool dissolved(struct worker *w, struct ends *e)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	bool right = true;
	int which;

	send(e->server, junk, draw(w, 2) ? 100 : 0, MSG_NOSIGNAL | MSG_DONTWAIT);
	connect(e->client, &none, sizeof(none));
	close(e->server);
	/* Bound to its family for life; v4-mapped addresses are not needed here. */
	which = xt_get_int(e->client, SOL_SOCKET, SO_DOMAIN) == AF_INET6;
	if (!connect(e->client, &w->addr[which].sa, w->addr[which].len)) {
		e->server = accept(w->lfd[which], NULL, NULL);
		right = e->server >= 0 && carry(e->client, e->server, e->seed, 1000);
		close(e->server);
	}
	close(e->client);
	return right;
}

/* More than fits is under way when both ends go. */
static bool in_flight(struct worker *w, struct ends *e)
{
	int i;

	for (i = 0; i < 8; i++) {
		send(e->client, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT);
		send(e->server, junk, draw(w, sizeof(junk)), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	recv(e->server, junk, draw(w, sizeof(junk)), MSG_DONTWAIT);
	close(e->client);
	close(e->server);
	return true;
}

static const struct manner {
	const char *name;
	bool (*end)(struct worker *w, struct ends *e);
} manners[] = {
	{ "client-first", client_first }, { "server-first", server_first },
	{ "at-once", at_once }, { "reset", reset }, { "unread", unread },
	{ "half-close", half_close }, { "both-shut", both_shut }, { "shut-down", shut_down },
	{ "lingering", lingering }, { "dissolved", dissolved }, { "in-flight", in_flight },
};

#define NR_MANNERS	(sizeof(manners) / sizeof(manners[0]))
enum { EXITED = NR_MANNERS, KILLED, NR_COUNTS };

static bool one(struct worker *w)
{
	int which = draw(w, 2), manner = draw(w, NR_MANNERS);
	struct ends e = { .seed = w->state };

	e.client = xt_dial(which ? AF_INET6 : AF_INET, &w->addr[which]);
	e.server = e.client < 0 ? -1 : accept(w->lfd[which], NULL, NULL);
	if (e.server < 0) {
		printf("open: %s\n", strerror(errno));
		return false;
	}
	if (!carry(e.client, e.server, e.seed, draw(w, 4) ? draw(w, 3000) : 0) ||
	    !carry(e.server, e.client, e.seed + 1, draw(w, 4) ? 0 : draw(w, 20000))) {
		printf("data differ: %s\n", strerror(errno));
		return false;
	}
	__atomic_fetch_add(&w->drawn[manner], 1, __ATOMIC_RELAXED);
	if (manners[manner].end(w, &e))
		return true;
	printf("%s: wrong end: %s\n", manners[manner].name, strerror(errno));
	return false;
}

/* Connections in all sorts of states, and whoever has them ends without closing any. */
static void leave_flock(struct worker *w)
{
	int i;

	for (i = 0; i < FLOCK; i++) {
		int which = draw(w, 2);
		int client = xt_dial(which ? AF_INET6 : AF_INET, &w->addr[which]);
		int server = -1;

		if (client < 0)
			continue;
		if (draw(w, 8))		/* or nobody ever accepts it */
			server = accept(w->lfd[which], NULL, NULL);
		switch (draw(w, 5)) {
		case 0:
			send(client, junk, draw(w, sizeof(junk)), MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		case 1:
			shutdown(client, SHUT_WR);
			break;
		case 2:
			shutdown(server, SHUT_WR);
			send(client, junk, 100, MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		case 3:
			xt_set_int(client, SOL_TCP, TCP_CORK, 1);
			send(client, junk, 100, MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		}
	}
}

static bool flock_of_connections(struct worker *w)
{
	bool killed = draw(w, 2);
	pid_t pid = fork();
	int fd, i;

	if (!pid) {
		/* Listeners of its own: what nobody accepts ends with them. */
		for (i = 0; i < 2; i++)
			w->lfd[i] = xt_listen(i ? AF_INET6 : AF_INET, FLOCK, &w->addr[i]);
		leave_flock(w);
		if (killed)
			kill(getpid(), SIGKILL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
		perror("fork");
		return false;
	}
	draw(w, 2);		/* not the child's numbers again */
	for (fd = 0; fd < FLOCK; fd++)
		w->state ^= w->state << 7;
	__atomic_fetch_add(&w->drawn[killed ? KILLED : EXITED], FLOCK, __ATOMIC_RELAXED);
	return true;
}

static int work(struct worker *w, long count)
{
	int i;

	for (i = 0; i < 2; i++) {
		w->lfd[i] = xt_listen(i ? AF_INET6 : AF_INET, 16, &w->addr[i]);
		if (w->lfd[i] < 0) {
			perror("listen");
			return 1;
		}
	}
	while (count > 0) {
		bool flock = count >= FLOCK && !draw(w, 64);

		if (!(flock ? flock_of_connections(w) : one(w)))
			return 1;
		count -= flock ? FLOCK : 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1000;
	int processes = argc > 2 ? atoi(argv[2]) : 4;
	unsigned long *drawn = mmap(NULL, NR_COUNTS * sizeof(*drawn), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct worker w = { .drawn = drawn };
	unsigned long total = 0;
	int i, status, bad = 0;
	uint64_t seed = xt_seed();

	if (drawn == MAP_FAILED || processes < 1)
		return 2;
	fflush(stdout);
	for (i = 0; i < processes; i++) {
		if (fork())
			continue;
		w.state = (seed + i) * 0x9e3779b97f4a7c15ULL;
		status = work(&w, count / processes);
		fflush(stdout);
		_exit(status);
	}
	while (wait(&status) > 0)
		bad |= status;
	for (i = 0; i < NR_COUNTS; i++) {
		printf("%s %lu, ", i == EXITED ? "exited" : i == KILLED ? "killed" :
		       manners[i].name, drawn[i]);
		total += drawn[i];
	}
	printf("%lu in all\n", total);
	return bad ? 1 : 0;
}
